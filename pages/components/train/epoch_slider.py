"""The validation studies on a map, epoch by epoch, in one fixed plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from suture.analysis.figures import MODALITY_COLOURS
from suture.analysis.projection import pca_common
from suture.data.collection import STUDY_ID
from suture.data.workspace import COLLECTION
from suture.models.training.record import TrainingRun
from suture.pages.components import access
from suture.pages.components.cards import cards
from suture.pages.components.linked_map import SHAPES, Cards, Colouring, Moment, Panel, linked_map
from suture.pages.components.linked_map.payload import Lines
from suture.pages.components.shell import views
from suture.pages.components.train.form import opened

LINES: tuple[Lines, ...] = ("none", "all")
NUMBERS = {
    "centroid_gap": ("gap", "{:.3f}"),
    "cos_true_pairs": ("cosine of true pairs", "{:.3f}"),
    "recall_at_10": ("R@10", "{:.1%}"),
}


def show(runs: Sequence[TrainingRun]) -> None:
    """The map with a slider over the epochs, which runs entirely in the browser."""
    runs = together([run for run in runs if run.snapshots])
    if not runs:
        st.info(
            "The map appears after the first evaluation on the validation studies.",
            icon=":material/hourglass:",
        )
        return
    epochs = sorted({epoch for run in runs for epoch in run.snapshots})
    left, right = st.columns(2)
    colour = left.selectbox("Colour", ["modality", *runs[0].rows], key="train_colour")
    lines = right.segmented_control("Pair lines", LINES, default="none", key="train_lines")
    studies, rows = common(runs)
    panels = [
        panel(f"{letter}: {run.name}", accent, run, epochs, rows[i])
        for i, (letter, accent, run) in enumerate(zip("AB", cards.COLOURS, runs, strict=False))
    ]
    linked_map(
        panels,
        cards=Cards(studies=studies, captions=captions(runs[0], studies)),
        colours=colours(runs[0], colour, rows[0]),
        moments=[moment(runs, epoch) for epoch in epochs],
        start=len(epochs) - 1,
        lines=lines or "none",
        key="train_map",
    )
    st.caption(
        f"{len(studies):,} validation studies. All epochs of a run share one plane (PCA of all epochs). "
        "Each run has its own plane: compare shapes, not positions."
    )


def moment(runs: Sequence[TrainingRun], epoch: int) -> Moment:
    """An epoch with its metrics in each run, and those before training."""
    lettered = len(runs) > 1
    notes = [
        f"{letter}: {numbers(run, epoch)}" if lettered else numbers(run, epoch)
        for letter, run in zip("AB", runs, strict=False)
    ]
    return Moment(f"epoch {epoch}", "   ".join(notes))


def numbers(run: TrainingRun, epoch: int) -> str:
    """The metrics of an epoch and those before training, as plain text."""
    rows = {row["epoch"]: row for row in run.history.epochs}
    at = nearest_epoch([*run.snapshots], epoch)
    parts = [
        f"{label} {form.format(rows[at][name])}"
        + (f" ({form.format(rows[0][name])} before)" if at and name in rows.get(0, {}) else "")
        for name, (label, form) in NUMBERS.items()
        if name in rows.get(at, {})
    ]
    return " · ".join(parts)


def nearest_epoch(known: Sequence[int], epoch: int) -> int:
    """The last epoch up to this one that has a snapshot."""
    return max([e for e in known if e <= epoch], default=min(known))


def together(runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    """Both runs if their probe studies overlap, else the first one."""
    if len(runs) == 2 and len({*runs[0].studies} & {*runs[1].studies}) < 2:
        st.caption("The two runs were watched on different studies, so only A is on the map.")
        return [runs[0]]
    return list(runs)


def common(runs: Sequence[TrainingRun]) -> tuple[list[str], list[list[int]]]:
    """Probe studies that all runs share, and their rows in each run."""
    places = [{study: i for i, study in enumerate(run.studies)} for run in runs]
    studies = [s for s in runs[0].studies if all(s in place for place in places)]
    return studies, [[place[s] for s in studies] for place in places]


def panel(title: str, accent: str, run: TrainingRun, epochs: Sequence[int], rows: list[int]) -> Panel:
    """A run's studies at each epoch; an epoch without a snapshot shows the last one before it."""
    xy, extent = projected(access.who(), run.name, run.manifest["config_key"], len(run.snapshots), run)
    known, n = sorted(run.snapshots), len(run.studies)
    frames = []
    for epoch in epochs:
        moment = xy[known.index(nearest_epoch(known, epoch))]
        frames.append([moment[k * n : (k + 1) * n][rows] for k in range(len(run.modalities))])
    return Panel(title, accent, run.modalities, SHAPES[: len(run.modalities)], frames, extent)


@st.cache_data(show_spinner="Laying out all epochs…", max_entries=16)
def projected(
    owner: str, name: str, key: str, moments: int, _run: TrainingRun
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """(n_moments, n_modalities * n_probe, 2) coordinates, modality after modality, and their extent."""
    stacks = [np.concatenate([*shot.values()]) for _, shot in sorted(_run.snapshots.items())]
    xy = pca_common(stacks).xy
    low, high = np.nanmin(xy, axis=(0, 1)), np.nanmax(xy, axis=(0, 1))
    return xy, (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def captions(run: TrainingRun, studies: list[str]) -> list[str]:
    """The first text of each study, if the collection still exists."""
    chosen = next(
        (
            c
            for c in views.workspace().records(COLLECTION)
            if c.name == run.manifest["collection"] and c.intact
        ),
        None,
    )
    if chosen is None:
        return []
    collection = opened(chosen.id, chosen.name)
    texts = [m.columns[0] for m in collection.modalities if m.kind == "text"]
    if not texts:
        return []
    known = dict(zip(collection.table[STUDY_ID], collection.table[texts[0]], strict=True))
    return [str(known.get(study, ""))[:300] for study in studies]


def colours(run: TrainingRun, colour: str, rows: list[int]) -> Colouring:
    """By modality, or by a label of the studies that are shown."""
    if colour not in run.rows:
        return Colouring.by_modality(palette=MODALITY_COLOURS)
    return Colouring.by_label([run.rows[colour][row] for row in rows], name=colour)
