"""Generate the captions of a split with every available method, and cache them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from suture.analysis.retrieval.nearest import nearest
from suture.data.collection import STUDY_ID
from suture.data.errors import NotFound, Refused
from suture.data.scoring_rules import refuse_scoring_on_fit
from suture.data.splits import named_split
from suture.data.workspace import Workspace
from suture.models.captioner import coca, storage
from suture.models.captioner.config import Decoding
from suture.models.captioner.generation import generate
from suture.models.captioner.plan import StudyTexts
from suture.models.checkpoints import registry
from suture.models.checkpoints.encoders import Checkpoint, encode_texts
from suture.workflows.adapters import adapt_query
from suture.workflows.captions import caption_table
from suture.workflows.captions.caption_table import (
    BOTH,
    CEILING,
    CHANCE,
    CROSSED,
    FLOOR,
    IMAGES,
    OWN,
    RETRIEVED,
    ROWS,
    TWIN,
    CaptionTable,
)

Report = Callable[[float, str], None]


def evaluate_captions(
    workspace: Workspace,
    set_name: str,
    captioners: Sequence[str],
    *,
    split: str = "test",
    how: Decoding | None = None,
    resamples: int = 1000,
    seed: int = 0,
    device: str = "auto",
    report: Report | None = None,
) -> CaptionTable:
    """The caption table of a set; rows that need a captioner that is not named are left out.

    captioners  names: at most one for each source (text, image, both)

    Captions are cached: the same request is answered immediately the next time.
    """
    how, say = how or Decoding(), report or (lambda share, what: None)
    known = caption_table.by_source(workspace, captioners)
    texts, fit_split = (
        caption_table.texts_behind(workspace, set_name, known),
        caption_table.fit_split_of(workspace, known),
    )
    split = named_split(split, texts.set.splits())
    refuse_training_split(texts, split, fit_split)
    rows = caption_table.scored_rows(texts, split, fit_split)
    stored = caption_table.stored_captions(workspace, texts, known, split, how)
    if stored is None:
        stored = _everything(workspace, texts, known, rows, fit_split, how, device, say)
        caption_table.store_captions(
            caption_table.captions_path(workspace, texts, known, split, how), *stored
        )
    return caption_table.score_table(texts, split, rows, known, *stored, resamples, seed)


def _everything(
    workspace: Workspace,
    texts: StudyTexts,
    known: dict[str, str],
    rows: np.ndarray,
    fit_split: str,
    how: Decoding,
    device: str,
    say: Report,
) -> caption_table.Written:
    """The captions of every row, and the similarity of each to the true text by the set's own checkpoint."""
    checkpoint = _maker(workspace, texts, device)
    written = _written(workspace, texts, known, rows, fit_split, how, device, say)
    if checkpoint is not None and coca.has_decoder(checkpoint):
        written[OWN] = _own(workspace, texts, rows, checkpoint, say)
    written = {name: written[name] for name in ROWS if name in written}
    say(0.95, "Comparing with the true texts")
    similar = {} if checkpoint is None else _similar(workspace, texts, rows, written, checkpoint)
    return written, similar


def refuse_training_split(texts: StudyTexts, split: str, fit_split: str) -> None:
    refuse_scoring_on_fit(texts.record.meta, split)
    if split in ("all", fit_split):
        raise Refused(
            "split_is_fit",
            f"The captioners were trained on {fit_split!r}, so their captions of {split!r} say nothing. "
            f"Score another split: {', '.join(s for s in texts.set.splits() if s != fit_split)}.",
        )
    if split not in texts.set.splits():
        raise NotFound("split", split, texts.set.splits())
    if len(caption_table.scored_rows(texts, split, fit_split)) < 2:
        message = (
            f"Fewer than 2 studies of {split!r} have both {texts.image} and {texts.text} and are of patients "
            f"or cases that are not trained on."
        )
        raise Refused("too_few_studies", message)


def _written(
    workspace: Workspace,
    texts: StudyTexts,
    known: dict[str, str],
    rows: np.ndarray,
    fit_split: str,
    how: Decoding,
    device: str,
    say: Report,
) -> dict[str, list[str]]:
    """Row -> captions of the split's studies."""
    vectors = {m: np.asarray(texts.set.vectors[m][rows], np.float32) for m in (texts.text, texts.image)}
    requests = _asked(known, texts, vectors, texts.groups[rows])
    captions: dict[str, list[str]] = {}
    for number, (name, source, rows_read, modality) in enumerate(requests):
        captioner = storage.load(workspace, source, device=device)

        def progress(done: int, total: int, name: str = name, number: int = number) -> None:
            say((number + done / total) / (len(requests) + 1), f"{name}: {done:,} of {total:,}")

        captions[name] = generate(captioner, rows_read, modality, how, progress=progress)
    if _mixed(texts.groups[rows]):
        captions[CHANCE] = list(texts.texts[rows[other_patients(texts.groups[rows])]])
    return captions | _retrieved(texts, fit_split, vectors[texts.image])


def _asked(
    known: dict[str, str], texts: StudyTexts, vectors: dict[str, np.ndarray], groups: np.ndarray
) -> list[tuple[str, str, np.ndarray, str]]:
    """(row, captioner, vectors, modality) of every row that needs a decoder."""
    images, own = vectors[texts.image], vectors[texts.text]
    requests = []
    if "text" in known:
        name = known["text"]
        requests += [(CEILING, name, own, texts.text), (CROSSED, name, images, texts.image)]
        if _mixed(groups):
            requests += [(FLOOR, name, images[other_patients(groups)], texts.image)]
    for source, row in (("image", IMAGES), ("both", BOTH)):
        if source in known:
            requests.append((row, known[source], images, texts.image))
    return requests


def _maker(workspace: Workspace, texts: StudyTexts, device: str) -> Checkpoint | None:
    """The checkpoint that made the set; None for imported vectors, or if it is gone."""
    try:
        name = registry.name_of(workspace, texts.set.provenance)
    except Refused:
        return None
    return registry.load(workspace, name, device=device)


def _own(
    workspace: Workspace, texts: StudyTexts, rows: np.ndarray, checkpoint: Checkpoint, say: Report
) -> list[str]:
    studies = texts.set.rows[STUDY_ID].to_numpy(str)[rows]
    numbers = coca.image_numbers(workspace, texts.collection, texts.image, studies)

    def progress(done: int, total: int) -> None:
        say(0.9 + 0.05 * done / total, f"{OWN}: {done:,} of {total:,}")

    return coca.generate(workspace, checkpoint, texts.collection, numbers, progress=progress)


def _mixed(groups: np.ndarray) -> bool:
    """Whether every study can be matched with one of another patient."""
    return bool(np.unique(groups, return_counts=True)[1].max() <= len(groups) / 2)


def other_patients(groups: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """(n,) a permutation that maps each study to one of another group, if there is one.

    The groups are put in random order, and the studies shifted by the size of the largest group.
    """
    rng = np.random.default_rng(seed)
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(rng.permutation(len(sizes))[codes], kind="stable")
    others = np.empty(len(groups), dtype=int)
    others[order] = np.roll(order, -int(sizes.max()))
    return others


def _retrieved(texts: StudyTexts, fit_split: str, images: np.ndarray) -> dict[str, list[str]]:
    """Retrieved captions: the nearest training text, and the text of the nearest training image."""
    fit = texts.rows(fit_split, texts.text, texts.image)
    answers = {}
    for name, modality in ((RETRIEVED, texts.text), (TWIN, texts.image)):
        _, neighbours = nearest(images, np.asarray(texts.set.vectors[modality][fit], np.float32), k=1)
        answers[name] = list(texts.texts[fit[neighbours[:, 0]]])
    return answers


def _similar(
    workspace: Workspace,
    texts: StudyTexts,
    rows: np.ndarray,
    written: dict[str, list[str]],
    checkpoint: Checkpoint,
) -> dict[str, np.ndarray]:
    """Row -> (n,) cosine of each caption to the true text, both by the set's own checkpoint."""
    truth = np.asarray(texts.set.vectors[texts.text][rows], np.float32)
    similarities = {}
    for row, captions in written.items():
        distinct = [*dict.fromkeys(captions)]
        vectors = adapt_query(
            workspace, texts.record.name, texts.text, encode_texts(checkpoint.encoders["text"], distinct)
        )
        place = {caption: i for i, caption in enumerate(distinct)}
        own = vectors[[place[c] for c in captions]]
        cosine = np.einsum("nd,nd->n", own, truth)
        similarities[row] = np.where([bool(c) for c in captions], cosine, 0.0)
    return similarities
