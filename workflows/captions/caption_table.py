"""The caption table: scores of decoders on texts and on images, of chance, and of retrieved texts.

The table has one row per captioning method (`ROWS`). This module only reads the captions that
`suture.workflows.captions.evaluate` wrote, and scores them. (No torch here: pages read it.)
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from suture.analysis.captions import CaptionScores, score, score_difference
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap
from suture.data.collection import STUDY_ID
from suture.data.errors import Refused
from suture.data.splits import named_split
from suture.data.workspace import CAPTIONER, SET, Record, Workspace, read_derived, write_derived
from suture.models.captioner.config import CaptionerConfig, Decoding
from suture.models.captioner.plan import StudyTexts, load_texts

VERSION = 1  # of the captions: raise it when one changes, so that old ones are written again
CEILING, CROSSED, IMAGES, BOTH, OWN, FLOOR, CHANCE, RETRIEVED, TWIN = (
    "text-trained on texts",
    "text-trained on images",
    "image-trained on images",
    "trained on both, on images",
    "the checkpoint's own decoder",
    "shuffled images",
    "texts of others",
    "nearest training text",
    "text of nearest image",
)
ROWS = {
    CEILING: "the ceiling: the decoder reads the true texts' own embeddings",
    CROSSED: "the question: a decoder that never saw an image embedding reads images",
    IMAGES: "the same decoder trained on image embeddings",
    BOTH: "the same decoder trained on both",
    OWN: "the decoder that the checkpoint came with (CoCa), reading pictures",
    FLOOR: "the floor: the text-trained decoder reads images of other patients",
    CHANCE: "no decoder: the true texts of other patients, what the floor should be near",
    RETRIEVED: "no decoder: the training text whose embedding is nearest to the image's",
    TWIN: "no decoder: the text of the nearest training image",
}


Written = tuple[dict[str, list[str]], dict[str, np.ndarray]]  # row -> captions; row -> (n,) similarities


@dataclass(frozen=True)
class CaptionRow:
    """One row of the table. captions: one per study; similarity: mean cosine to the true text's embedding by
    the set's own checkpoint (so not independent of it), None if the checkpoint is unavailable.
    """

    row: str
    captions: tuple[str, ...]
    scores: CaptionScores
    similarity: Estimate | None


@dataclass(frozen=True)
class CaptionTable:
    """The table of one set. truths: the true texts, in the order of study_ids; captioners: source -> name."""

    set: str
    split: str
    text: str
    image: str
    study_ids: tuple[str, ...]
    groups: np.ndarray
    truths: tuple[str, ...]
    captioners: dict[str, str]
    readings: dict[str, CaptionRow]

    def to_json(self) -> dict[str, Any]:
        """Every number, without the texts."""
        rows = {
            name: {
                "meaning": ROWS[name],
                **reading.scores.to_json(),
                "similarity": None if reading.similarity is None else _plain(reading.similarity),
            }
            for name, reading in self.readings.items()
        }
        about = {"set": self.set, "split": self.split, "text": self.text, "image": self.image}
        return {**about, "n": len(self.study_ids), "captioners": self.captioners, "rows": rows}


@dataclass(frozen=True)
class CaptionComparison:
    """B against A. rows: row -> metric -> difference B - A, paired over the same studies."""

    a: CaptionTable
    b: CaptionTable
    rows: dict[str, dict[str, Estimate]]

    def to_json(self) -> dict[str, Any]:
        """Every difference, NaN as null."""
        return {
            row: {name: _plain(e) for name, e in differences.items()}
            for row, differences in self.rows.items()
        }


def compare_tables(a: CaptionTable, b: CaptionTable) -> CaptionComparison:
    """Compare two tables. `Refused` unless they cover the same texts of the same studies."""
    if (a.study_ids, a.truths, a.split) != (b.study_ids, b.truths, b.split):
        raise Refused(
            "other_studies",
            f"The captions of {a.set!r} and {b.set!r} are of other studies or texts, so they cannot be "
            f"compared. Embed one collection with both checkpoints and choose the same texts.",
        )
    shared = [row for row in a.readings if row in b.readings]
    return CaptionComparison(
        a, b, {row: score_difference(a.readings[row].scores, b.readings[row].scores) for row in shared}
    )


def by_study(tables: Sequence[CaptionTable]) -> list[dict[str, str]]:
    """One record per study of tables over the same studies: the true text and the caption of every row."""
    first = tables[0]
    return [
        {
            "study_id": study,
            "true": first.truths[i],
            **{f"{one.set}: {row}": r.captions[i] for one in tables for row, r in one.readings.items()},
        }
        for i, study in enumerate(first.study_ids)
    ]


def stored_table(
    workspace: Workspace,
    set_name: str,
    captioners: Sequence[str],
    *,
    split: str = "test",
    how: Decoding | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> CaptionTable | None:
    """The table of a set if its captions are cached, else None."""
    known = by_source(workspace, captioners)
    texts = texts_behind(workspace, set_name, known)
    split = named_split(split, texts.set.splits())
    stored = stored_captions(workspace, texts, known, split, how or Decoding())
    if stored is None:
        return None
    rows = scored_rows(texts, split, fit_split_of(workspace, known))
    return score_table(texts, split, rows, known, *stored, resamples, seed)


def stored_captions(
    workspace: Workspace, texts: StudyTexts, known: dict[str, str], split: str, how: Decoding
) -> Written | None:
    """The cached captions, or None."""
    stored = read_derived(captions_path(workspace, texts, known, split, how))
    return None if stored is None else _unpacked(stored)


def scored_rows(texts: StudyTexts, split: str, fit_split: str) -> np.ndarray:
    """Studies of a split with image and text, except patients or cases that are also in the fit split."""
    rows = texts.rows(split, texts.text, texts.image)
    fit = texts.rows(fit_split, texts.text, texts.image) if fit_split in texts.set.splits() else rows[:0]
    return rows[~np.isin(texts.groups[rows], texts.groups[fit])]


def captioners(workspace: Workspace, embedding_set: Record) -> list[Record]:
    """Captioners that were trained on the vectors of a set, newest first."""
    fingerprint = embedding_set.fingerprint
    return [r for r in workspace.records(CAPTIONER) if r.meta.set_fingerprint == fingerprint][::-1]


def shared_recipes(workspace: Workspace, sets: Sequence[str]) -> dict[str, list[list[str]]]:
    """Recipe -> the captioners of each set with that recipe, for recipes shared by all sets; newest first.

    A recipe is every setting but the set and the source.
    """
    by_set = [_recipes(workspace, name) for name in sets]
    shared = [key for key in by_set[0] if all(key in recipes for recipes in by_set[1:])]
    return {key: [[*recipes[key].values()] for recipes in by_set] for key in shared}


def by_recipe(workspace: Workspace, config: CaptionerConfig, sets: Sequence[str]) -> list[list[str]] | None:
    """The captioners of each set with the recipe of a config; with the newest recipe for a default config.

    None if no recipe was trained on all of the sets.
    """
    known = shared_recipes(workspace, sets)
    if not known:
        return None
    texts = load_texts(workspace, sets[0], text=config.text, image=config.image)
    recipe = replace(config, source="text", text=texts.text, image=texts.image).key()
    plain = not config.mark and not config.seed
    return known.get(recipe) or (next(iter(known.values())) if plain else None)


def _recipes(workspace: Workspace, set_name: str) -> dict[str, dict[str, str]]:
    recipes: dict[str, dict[str, str]] = {}
    for made in captioners(workspace, workspace.record(SET, set_name)):
        config = made.meta.config
        recipe = replace(CaptionerConfig(**config), source="text").key()
        recipes.setdefault(recipe, {}).setdefault(config["source"], made.name)
    return recipes


def texts_behind(workspace: Workspace, set_name: str, known: dict[str, str]) -> StudyTexts:
    """The texts of a set that its captioners were trained to write."""
    config = _config(workspace, known)
    return load_texts(workspace, set_name, text=config.text, image=config.image)


def fit_split_of(workspace: Workspace, known: dict[str, str]) -> str:
    """The split that the captioners were trained on."""
    return _config(workspace, known).fit_split


def _config(workspace: Workspace, known: dict[str, str]) -> CaptionerConfig:
    first = next(iter(known.values()), None)
    return CaptionerConfig(**workspace.record(CAPTIONER, first).meta.config) if first else CaptionerConfig()


def by_source(workspace: Workspace, names: Sequence[str]) -> dict[str, str]:
    """text, image or both -> captioner."""
    captioner_of: dict[str, str] = {}
    for name in names:
        source = workspace.record(CAPTIONER, name).meta.source
        if source in captioner_of:
            message = (
                f"{captioner_of[source]!r} and {name!r} are both trained on {source}. Name one of each kind."
            )
            raise Refused("captioners_alike", message)
        captioner_of[source] = name
    return captioner_of


def captions_path(
    workspace: Workspace, texts: StudyTexts, known: dict[str, str], split: str, how: Decoding
) -> Path:
    made = {source: workspace.record(CAPTIONER, name).fingerprint for source, name in known.items()}
    request = [texts.text, texts.image, split, made, how.key(), texts.collection.fingerprint]
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]
    return workspace.derived(texts.record, f"captions-v{VERSION}-{digest}.npz")


def store_captions(path: Path, written: dict[str, list[str]], similar: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {f"similar:{row}": values for row, values in similar.items()}
    np.savez_compressed(buffer, captions=np.array(json.dumps(written)), **arrays)
    write_derived(path, buffer.getvalue())


def _unpacked(stored: bytes) -> Written:
    with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
        written = json.loads(str(arrays["captions"]))
        similar = {k.removeprefix("similar:"): arrays[k] for k in arrays.files if k != "captions"}
    return written, similar


def score_table(
    texts: StudyTexts,
    split: str,
    rows: np.ndarray,
    known: dict[str, str],
    written: dict[str, list[str]],
    similar: dict[str, np.ndarray],
    resamples: int,
    seed: int,
) -> CaptionTable:
    truths, groups = list(texts.texts[rows]), texts.groups[rows]
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    readings = {}
    for name, captions in written.items():
        scores = score(captions, truths, groups=groups, resamples=resamples, seed=seed)
        cosine = similar.get(name)
        mean = None if cosine is None else _mean(cosine, bootstrap)
        readings[name] = CaptionRow(name, tuple(captions), scores, mean)
    return CaptionTable(
        texts.record.name,
        split,
        texts.text,
        texts.image,
        tuple(texts.set.rows[STUDY_ID].to_numpy(str)[rows]),
        groups,
        tuple(truths),
        known,
        readings,
    )


def _mean(values: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    mean = float(values.mean())
    return bootstrap.from_influence(np.array([mean]), (values - mean)[:, None], bounds=(-1, 1))[0]


def _plain(estimate: Estimate) -> dict[str, Any]:
    numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in numbers.items()}
