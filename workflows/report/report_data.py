"""Gather the data of a report on one embedding set, or on A against B, and write the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from suture.analysis import gap
from suture.analysis.evaluate import LABEL_VALUES, Evaluation
from suture.analysis.math.arrays import pair_cosines
from suture.analysis.report import ReportData, ReportMap, ReportSet, html, record_json
from suture.analysis.report.comparison import listed_studies
from suture.data.collection import GROUP, STUDY_ID
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.workspace import Workspace, embedding_sets, write_atomically
from suture.workflows import layouts
from suture.workflows.evaluate import evaluation, maker, trained_on
from suture.workflows.layout_record import Layout
from suture.workflows.paired_sets import ordered_pair
from suture.workflows.report.excerpts import behind
from suture.workflows.report.provenance import provenance, versions

WORST = 10
Progress = Callable[[float, str], None]


def gather(
    workspace: Workspace,
    a: str,
    b: str | None = None,
    *,
    split: str = "",
    pair: tuple[str, str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    extended: bool = True,
    texts: bool = True,
    pictures: bool = False,
    made: str = "",
    progress: Progress | None = None,
) -> ReportData:
    """Run the missing evaluations and gather the data of a report.

    pair      the two modalities of all pair metrics; default: the first two of A
    extended  every metric, not only the default ones
    texts     include excerpts of the texts of single studies; pictures  include their thumbnails
    made      ISO date of the report; default: now

    `NotFound` for unknown sets or splits; `Refused` for a pair that A lacks, for sets over different studies,
    and for a set or split that may not be evaluated.
    """
    report = progress or (lambda share, what: None)
    names = [a] if b is None else [a, b]
    split = embedding_sets.load(workspace, a).find_split(split)
    options: dict[str, Any] = {"split": split, "resamples": resamples, "seed": seed, "extended": extended}
    evaluations = []
    for number, name in enumerate(names):

        def measuring(share: float, what: str, number: int = number, name: str = name) -> None:
            report(0.7 * (number + share) / len(names), f"Measuring {what} of {name}")

        evaluations.append(evaluation(workspace, name, progress=measuring, **options))
    pair = ordered_pair(a, evaluations[0].modalities, pair)
    report(0.7, "Looking at pairs, maps and labels")
    sides = tuple(_side(workspace, one, pair, resamples) for one in evaluations)
    paired = None
    if b is not None:
        from suture.workflows.compare import compared

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
        shown |= {paired.study_ids[row] for row in listed_studies(paired)}
    part = embedding_sets.load(workspace, a).split(split)
    source = behind(workspace, part)
    return ReportData(
        sides,
        split,
        pair,
        paired,
        source.studies(sorted(shown), texts=texts, pictures=pictures) if source else {},
        len(part) - len(part.rows_with(*pair)),
        bool(part.provenance.synthetic or (source and source.collection.synthetic)),
        made or time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        versions(),
    )


def write(evidence: ReportData, path: Path, *, force: bool = False) -> tuple[Path, Path]:
    """Write a report and, next to it, its JSON; returns both paths. `Refused` as in `refuse_target`."""
    beside = refuse_target(path, force=force)
    content, record = html(evidence), record_json(evidence)
    write_atomically(beside, record.encode())
    write_atomically(path, content.encode())
    return path, beside


def refuse_target(path: Path, *, force: bool = False) -> Path:
    """The path of a report's JSON, given that of the report.

    `Refused` for a name that does not end in .html, a missing folder and, without `force`, existing files.
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


def _side(workspace: Workspace, measured: Evaluation, pair: tuple[str, str], resamples: int) -> ReportSet:
    whole = embedding_sets.load(workspace, measured.set)
    part = whole.split(measured.split)
    rows = part.rows_with(*pair)
    x, y = (part.vectors[m] for m in pair)
    cosines = pair_cosines(x, y, rows)[rows]
    enough = len(rows) >= 2
    made_by = maker(workspace, part.provenance)
    return ReportSet(
        measured,
        gap.cosine_samples(x, y, rows=rows) if enough else None,
        tuple(_maps(workspace, whole, measured.split)),
        _by_label(cosines, part, part.rows.iloc[rows], resamples) if enough else {},
        _worst(cosines, part.rows[STUDY_ID].to_numpy()[rows]),
        " ".join(made_by.meta.notes or ()) if made_by else "",
        trained_on(workspace, measured.set, measured.split),
        provenance(workspace, whole),
    )


def _maps(workspace: Workspace, whole: EmbeddingSet, split: str) -> Iterable[ReportMap]:
    """PCA of the split, and the UMAP layout of the set if it has been computed."""
    part = whole.split(split)
    if len(layouts.stacked(part)[0]) > 2:
        pca = layouts.pca_layout(workspace, part)
        note = (
            "The two directions of largest variance of all modalities together; a gap can hide in the others."
        )
        yield ReportMap("PCA", pca.maps, pca.explained, note)
    laid = layouts.stored_umap_layout(workspace, whole.name)
    if laid is not None:
        rows = np.arange(len(whole)) if split == "all" else np.flatnonzero(whole.rows["split"] == split)
        method = "aligned UMAP" if laid.method == "aligned" else "UMAP"
        yield ReportMap(method, laid.subset(rows).maps, (), _believed(laid, len(whole)))


def _believed(laid: Layout, studies: int) -> str:
    trust, placing = laid.trust, laid.placing
    summary = (
        f"Laid out for all {studies:,} studies of the set; trustworthiness {trust.trustworthiness:.2f}, "
        f"continuity {trust.continuity:.2f} (1 = no neighbour is false, none is lost)."
    )
    if placing is None:
        return summary
    return (
        f"{summary} That is of a sample of {placing.laid_out:,} points which UMAP laid out; the other "
        f"{placing.placed:,} were placed by it: {placing.trust.trustworthiness:.2f} and "
        f"{placing.trust.continuity:.2f}."
    )


def _by_label(
    cosines: np.ndarray, part: EmbeddingSet, of: pd.DataFrame, resamples: int
) -> Mapping[str, tuple[gap.LabelMean, ...]]:
    groups = of[GROUP].to_numpy(str)
    known = [label for label in part.labels if of[label].nunique() in LABEL_VALUES]
    by_label = {
        c: gap.mean_by_label(cosines, of[c].to_numpy(str), groups, resamples=resamples) for c in known
    }
    return {label: tuple(means) for label, means in by_label.items() if means}


def _worst(cosines: np.ndarray, ids: np.ndarray) -> tuple[tuple[str, float], ...]:
    return tuple((str(ids[i]), float(cosines[i])) for i in np.argsort(cosines, kind="stable")[:WORST])
