"""Zero-shot classification of an embedding set by text prompts.

Prompts are embedded with the checkpoint that made the set. For vectors that came without one, those that came
along are used: `suture.data.vectors.prompts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from suture.analysis.evaluate import LABEL_VALUES
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap
from suture.analysis.structure.zero_shot import ZeroShot, class_vector, finding_auroc, zero_shot
from suture.data.collection import GROUP
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import NotFound, Refused
from suture.data.scoring_rules import refuse_features, refuse_scoring_on_fit
from suture.data.vectors import prompts
from suture.data.vectors.prompts import LABELS, TEXTS, VECTORS, Prompts
from suture.data.workspace import SET, Record, Workspace, embedding_sets
from suture.models.checkpoints import registry
from suture.models.checkpoints.encoders import encode_texts
from suture.workflows.adapters import adapt_query

SLOT = "{}"
TEMPLATES = (SLOT, "radiograph showing {}", "there is {}")


@dataclass(frozen=True)
class Scores:
    """Zero-shot scores of a split against a label column.

    n                number of studies with this modality and a label
    scores           the values as classes: each study gets the value of its nearest class vector
    templates        the sentences; of a set that came with prompts, the texts of those that were used
    against_absence  value -> AUROC, its prompt against the prompt of its absence, where there is one
    against_rest     value -> AUROC, its prompt against the mean of the other values' class vectors
    absent           value -> the words of its absence
    """

    set: str
    split: str
    label: str
    modality: str
    templates: tuple[str, ...]
    n: int
    scores: ZeroShot
    against_absence: dict[str, Estimate]
    against_rest: dict[str, Estimate]
    absent: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Everything but the replicates; undefined numbers are None."""
        head = {k: getattr(self, k) for k in ("set", "split", "label", "modality", "n", "absent")}
        return {
            **head,
            "templates": list(self.templates),
            "zero_shot_accuracy": _json(self.scores.zero_shot_accuracy),
            "zero_shot_balanced_accuracy": _json(self.scores.zero_shot_balanced_accuracy),
            "recall": {name: _json(e) for name, e in self.scores.recall.items()},
            "zero_shot_auroc": {name: _json(e) for name, e in self.against_absence.items()},
            "zero_shot_rest_auroc": {name: _json(e) for name, e in self.against_rest.items()},
        }


def classify(
    workspace: Workspace,
    name: str,
    *,
    label: str,
    split: str = "",
    modality: str = "",
    templates: Sequence[str] = TEMPLATES,
    resamples: int = 1000,
    seed: int = 0,
    device: str = "auto",
) -> Scores:
    """Score a split of an embedding set against a label column with 2 to 30 values.

    label      column whose values are the classes; each value also gets its own AUROC
    modality   the vectors to classify; default the first modality, usually the images
    templates  sentences with {} in place of the value; a class vector is the mean over them

    Prompts are embedded like a typed query: by the checkpoint's text encoder, then by the set's adapter if it
    has one. Without a checkpoint the prompts that came with the vectors are taken: those labelled with the
    value, or, without a label, those that are the value or one of the sentences.

    `NotFound` for an unknown set, split, modality or label. `Refused` for a label with fewer or more values,
    vectors with neither a checkpoint nor prompts for each value, the split that an adapter was fitted on, and
    templates without {}.
    """
    record = workspace.record(SET, name)
    whole = embedding_sets.load(workspace, name)
    split = whole.find_split(split)
    own = None if record.meta.checkpoint else prompts.load(record)
    _refuse_unusable(record, whole, split, own)
    part, modality = whole.split(split), modality or whole.modalities[0]
    values = _labels(part, label, modality)
    present = np.unique(values[values != ""]).tolist()
    absent = {value: absence(value) for value in present}
    words = [*dict.fromkeys([*present, *absent.values()])]
    if own is None:
        vectors = _class_vectors(workspace, record, whole, words, _checked(templates), device)
    else:
        vectors, templates = _vectors_of(own, present, words, _checked(templates))
    chosen = np.flatnonzero(values != "")
    images, values = np.asarray(part.vectors[modality])[chosen], values[chosen]
    bootstrap = GroupBootstrap(part.rows[GROUP].to_numpy()[chosen], resamples=resamples, seed=seed)
    classes = {value: vectors[value] for value in present}

    def auroc(value: str, other: np.ndarray) -> Estimate:
        return finding_auroc(images, classes[value], other, values == value, bootstrap=bootstrap)

    return Scores(
        name,
        split,
        label,
        modality,
        tuple(templates),
        len(chosen),
        zero_shot(images, classes, values, bootstrap=bootstrap),
        {value: auroc(value, vectors[absent[value]]) for value in present if absent[value] in vectors},
        {value: auroc(value, _mean([v for k, v in classes.items() if k != value])) for value in present},
        absent,
    )


def absence(value: str) -> str:
    """The words of a finding's absence: "no edema" for "edema", and "finding" for "no finding"."""
    return value[3:] if value.lower().startswith("no ") else f"no {value}"


def _refuse_unusable(record: Record, whole: EmbeddingSet, split: str, own: Prompts | None) -> None:
    refuse_features(whole)
    refuse_scoring_on_fit(record.meta, split)
    if not record.meta.checkpoint and own is None:
        raise Refused(
            "no_checkpoint",
            f"{whole.name!r} came without a checkpoint, so words cannot be embedded. Embed a collection with "
            f"one (suture embed), or import the vectors with prompts: arrays {TEXTS} and {VECTORS}.",
        )


def _labels(part: EmbeddingSet, label: str, modality: str) -> np.ndarray:
    """(n_studies,) values of a usable label column; "" for studies that lack the modality."""
    if modality not in part.modalities:
        raise NotFound("modality", modality, part.modalities)
    if label not in part.labels:
        raise NotFound("label", label, part.labels)
    values = np.where(part.present(modality), part.rows[label].to_numpy(str), "")
    count = len(set(values) - {""})
    if count not in LABEL_VALUES:
        raise Refused(
            "label_values",
            f"A label of {LABEL_VALUES[0]} to {LABEL_VALUES[-1]} values is needed; {label!r} has {count:,} "
            f"among these studies. Choose another label or split.",
        )
    return values


def _checked(templates: Sequence[str]) -> Sequence[str]:
    wrong = [t for t in templates if SLOT not in t]
    if wrong or not templates:
        given = repr(wrong[0]) if wrong else "none"
        raise Refused("template", f"A template needs {SLOT} where the value goes, got {given}.")
    return templates


def _class_vectors(
    workspace: Workspace,
    record: Record,
    whole: EmbeddingSet,
    words: list[str],
    templates: Sequence[str],
    device: str,
) -> dict[str, np.ndarray]:
    """Class name -> class vector in the space of the set."""
    texts = [m for m in whole.modalities if f"key:{m}" in whole.rows]
    if record.meta.adapter is not None and not texts:
        raise Refused(
            "no_text_modality",
            f"{record.name!r} is adapted and has no text modality, so there is no map for words. Score the "
            f"set it was made from, {record.meta.adapter.source_set!r}.",
        )
    checkpoint = registry.load(workspace, registry.name_of(workspace, whole.provenance), device=device)
    sentences = [t.replace(SLOT, word) for word in words for t in templates]
    rows = encode_texts(checkpoint.encoders["text"], sentences)
    if texts:
        rows = adapt_query(workspace, record.name, texts[0], rows)
    return dict(zip(words, map(_mean, np.split(rows, len(words))), strict=True))


def _vectors_of(
    own: Prompts, values: Sequence[str], words: Sequence[str], templates: Sequence[str]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """(class vectors of the words that have prompts, texts of those prompts). Each value must have some."""
    vectors, used = {}, []
    for word in words:
        sentences = {_plain(t.replace(SLOT, word)) for t in (*templates, *TEMPLATES, SLOT)}
        rows = [
            i
            for i, (text, label) in enumerate(zip(own.texts, own.labels, strict=True))
            if (_plain(label) == _plain(word) if label else _plain(text) in sentences)
        ]
        if rows:
            vectors[word] = _mean(own.vectors[rows])
            used += [own.texts[i] for i in rows]
    lacking = [value for value in values if value not in vectors]
    if lacking:
        raise Refused(
            "prompt_missing",
            f"No prompt came along for {', '.join(map(repr, lacking[:5]))}. Import the vectors again with "
            f"{LABELS}: the value of the label that each prompt stands for.",
        )
    return vectors, used


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _mean(rows: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    try:
        return class_vector(np.asarray(rows))
    except ValueError as error:
        raise Refused("template", f"{error} Choose other templates.") from error


def _json(estimate: Estimate) -> dict[str, Any]:
    kept = {k: v for k, v in asdict(estimate).items() if k != "replicates"}
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in kept.items()}
