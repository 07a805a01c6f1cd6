"""Evidence for a report: everything that is known of one embedding set, or of A against B, and its file."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import gap, projection
from analysis.evaluate import Evaluation
from analysis.report import Evidence, Picture, Side, Study, html, record_json
from analysis.report.against import examples
from data import embeddings, store
from data.collection import GROUP, STUDY_ID, Collection
from data.embeddings import EmbeddingSet
from data.errors import Refused
from data.images import ImagePack, thumbnail
from data.workspace import SET, Record, Workspace, write_atomically
from models import layouts
from models.results import evaluation, maker, trained_on

WORST = 10
EXCERPT = 300  # characters of a text
PICTURE = 256  # pixels, longer side
LABEL_VALUES = range(2, 31)  # labels with fewer or more values are not drawn
PACKAGES = ("suture", "torch", "open_clip_torch", "numpy", "scipy", "scikit-learn", "faiss-cpu", "plotly")
Progress = Callable[[float, str], None]


def gather(
    workspace: Workspace,
    a: str,
    b: str | None = None,
    *,
    split: str = "test",
    pair: tuple[str, str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    extended: bool = True,
    texts: bool = True,
    pictures: bool = False,
    made: str = "",
    progress: Progress | None = None,
) -> Evidence:
    """Measure what is not measured yet, and put together what a report says.

    pair      two modalities for all that concerns pairs; default: the first two of A
    extended  every metric, not only the default numbers
    texts     excerpts of the texts of single studies; pictures  their pictures, small
    made      ISO date that the report bears; default: now

    `NotFound` for unknown sets or splits; `Refused` for a pair that A lacks, for sets over other studies,
    and for whatever may not be measured.
    """
    report = progress or (lambda share, what: None)
    names = [a] if b is None else [a, b]
    options: dict[str, Any] = {"split": split, "resamples": resamples, "seed": seed, "extended": extended}
    found = []
    for number, name in enumerate(names):

        def measuring(share: float, what: str, number: int = number, name: str = name) -> None:
            report(0.7 * (number + share) / len(names), f"Measuring {what} of {name}")

        found.append(evaluation(workspace, name, progress=measuring, **options))
    pair = _pair(found[0], pair)
    report(0.7, "Looking at pairs, maps and labels")
    sides = tuple(_side(workspace, one, pair, resamples) for one in found)
    paired = None
    if b is not None:
        from models.comparison import compared

        paired = compared(
            workspace,
            a,
            b,
            pair=pair,
            progress=lambda share, what: report(0.75 + 0.2 * share, what),
            **options,
        )
    report(0.95, "Putting it together")
    shown = {study for side in sides for study, _ in side.worst}
    if paired is not None:
        shown |= {paired.study_ids[row] for row in examples(paired)}
    part = embeddings.load(workspace, a).split(split)
    source = _source(workspace, a, part)
    return Evidence(
        sides,
        split,
        pair,
        paired,
        source.studies(sorted(shown), texts=texts, pictures=pictures) if source else {},
        len(part) - len(part.rows_with(*pair)),
        bool(part.provenance.get("synthetic") or (source and source.collection.synthetic)),
        made or time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        versions(),
    )


def write(evidence: Evidence, path: Path, *, force: bool = False) -> tuple[Path, Path]:
    """Write a report and, beside it, its JSON; returns both paths. `Refused` as `refuse_target` says."""
    beside = refuse_target(path, force=force)
    content, record = html(evidence), record_json(evidence)
    write_atomically(beside, record.encode())
    write_atomically(path, content.encode())
    return path, beside


def refuse_target(path: Path, *, force: bool = False) -> Path:
    """Where the JSON of a report goes that is written to this path.

    `Refused` for a name that does not end in .html, a folder that is not there, and, without `force`, files
    that are.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise Refused(
            "report_name", f"A report is an HTML file: expected a name ending in .html, got {path.name!r}."
        )
    if not path.parent.is_dir():
        raise Refused(
            "no_folder", f"There is no folder {str(path.parent)!r}. Make it first, or choose another."
        )
    beside = path.with_suffix(".json")
    taken = [file for file in (path, beside) if file.exists()]
    if taken and not force:
        have = " and ".join(repr(file.name) for file in taken)
        raise Refused("file_exists", f"{have} would be overwritten. Choose another name, or add --force.")
    return beside


def versions() -> dict[str, str]:
    """Of Python and of what measures."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _pair(first: Evaluation, pair: tuple[str, str] | None) -> tuple[str, str]:
    if len(first.modalities) < 2:
        raise Refused("too_few_modalities", f"A gap needs two modalities; {first.set!r} has one.")
    x, y = pair or first.modalities[:2]
    for modality in (x, y):
        if modality not in first.modalities:
            have = ", ".join(first.modalities)
            raise Refused(
                "unknown_modality", f"{first.set!r} has no modality {modality!r}. Expected: {have}."
            )
    return x, y


def _side(workspace: Workspace, measured: Evaluation, pair: tuple[str, str], resamples: int) -> Side:
    record = workspace.record(SET, measured.set)
    whole = embeddings.load(workspace, measured.set)
    part = whole.split(measured.split)
    rows = part.rows_with(*pair)
    x, y = (np.asarray(part.vectors[m][rows]) for m in pair)
    enough = len(rows) >= 2
    made_by = maker(workspace, part.provenance)
    return Side(
        measured,
        gap.cosine_samples(x, y) if enough else None,
        tuple(_maps(workspace, whole, measured.split)),
        _by_label(x, y, part, part.rows.iloc[rows], resamples) if enough else {},
        _worst(x, y, part.rows[STUDY_ID].to_numpy(str)[rows]),
        " ".join(made_by.meta.get("notes", [])) if made_by else "",
        trained_on(workspace, measured.set, measured.split),
        _provenance(workspace, record, whole, made_by),
    )


def _maps(workspace: Workspace, whole: EmbeddingSet, split: str) -> Iterable[Picture]:
    """PCA of the split, and the layout of the set where a worker has made one."""
    part = whole.split(split)
    vectors, where = layouts.stacked(part)
    if len(vectors) > 2:
        found = projection.pca(vectors)
        note = (
            "The two directions of largest variance of all modalities together; a gap can hide in the others."
        )
        yield Picture("PCA", layouts.unstack(found.xy, where, len(part)), found.explained, note)
    laid = layouts.read(workspace, whole.name)
    if laid is not None:
        rows = np.arange(len(whole)) if split == "all" else np.flatnonzero(whole.rows["split"] == split)
        trust = laid.trust
        note = (
            f"Laid out for all {len(whole):,} studies of the set; trustworthiness "
            f"{trust.trustworthiness:.2f}, continuity {trust.continuity:.2f} (1 = no neighbour is "
            "false, none is lost)."
        )
        yield Picture(
            "aligned UMAP" if laid.method == "aligned" else "UMAP", laid.subset(rows).maps, (), note
        )


def _by_label(
    x: np.ndarray, y: np.ndarray, part: EmbeddingSet, of: pd.DataFrame, resamples: int
) -> Mapping[str, tuple[gap.GroupMean, ...]]:
    groups = of[GROUP].to_numpy(str)
    known = [label for label in part.labels if of[label].nunique() in LABEL_VALUES]
    found = {c: gap.cosine_by_label(x, y, of[c].to_numpy(str), groups, resamples=resamples) for c in known}
    return {label: tuple(means) for label, means in found.items() if means}


def _worst(x: np.ndarray, y: np.ndarray, ids: np.ndarray) -> tuple[tuple[str, float], ...]:
    cosines = np.einsum("nd,nd->n", x.astype(np.float64), y.astype(np.float64))
    return tuple((str(ids[i]), float(cosines[i])) for i in np.argsort(cosines, kind="stable")[:WORST])


def _provenance(
    workspace: Workspace, record: Record, whole: EmbeddingSet, made_by: Record | None
) -> dict[str, Any]:
    """What a stranger needs to make the same set; no path of this machine, no name of a patient."""
    meta = record.meta
    source = store.origin(workspace, record)
    notes = source.meta.get("notes", {}) if source else {}
    training = made_by.meta.get("training", {}) if made_by else {}
    facts: dict[str, Any] = {
        "embedding set": record.name,
        "fingerprint of the set": record.fingerprint,
        "SHA-256 of the set": {name: sha for name, (_, sha) in sorted(record.files.items())},
        "studies": len(whole),
        "groups": int(whole.rows[GROUP].nunique()),
        "studies by split": {str(s): int((whole.rows["split"] == s).sum()) for s in whole.splits()},
        "how it was split": notes.get("split"),
        "seed of the collection": notes.get("seed"),
        "modalities and dimensions": {m: int(v.shape[1]) for m, v in whole.vectors.items()},
        "collection": meta.get("collection"),
        "fingerprint of the collection": meta.get("collection_hash"),
        "SHA-256 of the collection": _files(source),
        "checkpoint": meta.get("checkpoint"),
        "fingerprint of the checkpoint": meta.get("checkpoint_hash"),
        "SHA-256 of the checkpoint": _files(made_by),
        "checkpoint trained on": {
            k: training[k] for k in ("collection", "fit_splits", "seed") if k in training
        },
        "texts longer than the context, cut": meta.get("truncated"),
        "batch": meta.get("batch"),
        "embedded with": meta.get("versions"),
        "adapter": meta.get("adapter"),
    }
    return {name: value for name, value in facts.items() if value not in (None, "", {})}


def _files(record: Record | None) -> dict[str, str]:
    return {name: sha for name, (_, sha) in sorted(record.files.items())} if record else {}


@dataclass(frozen=True)
class _Source:
    """The collection behind a set, and its pictures."""

    collection: Collection
    pack: ImagePack | None

    def studies(self, ids: Iterable[str], *, texts: bool, pictures: bool) -> dict[str, Study]:
        """What may be shown of these studies."""
        place = {study: row for row, study in enumerate(self.collection.table[STUDY_ID].astype(str))}
        return {study: self._study(place[study], texts, pictures) for study in ids}

    def _study(self, row: int, texts: bool, pictures: bool) -> Study:
        values = self.collection.study(row).values
        of_kind = {
            kind: {
                m.name: values[m.name]
                for m in self.collection.modalities
                if m.kind == kind and m.name in values
            }
            for kind in ("text", "image")
        }
        shown = {name: _excerpt(text) for name, text in of_kind["text"].items()} if texts else {}
        if not pictures or self.pack is None:
            return Study(shown)
        packed = {name: thumbnail(self.pack.read(int(n)), PICTURE) for name, n in of_kind["image"].items()}
        return Study(shown, packed)


def _source(workspace: Workspace, name: str, part: EmbeddingSet) -> _Source | None:
    """The collection that a set came from; None if it is unknown, gone, or another of that name."""
    record = store.origin(workspace, workspace.record(SET, name))
    if record is None:
        return None
    collection = store.load(workspace, record.name)
    if not part.rows[STUDY_ID].isin(collection.table[STUDY_ID]).all():
        return None
    return _Source(collection, store.image_pack(workspace, record.name))


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
