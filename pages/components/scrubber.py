"""The probe studies on a map, epoch by epoch: points move, the plane stays."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import streamlit as st

from analysis.figures import MODALITY_COLOURS
from analysis.projection import pca_common
from data.collection import STUDY_ID
from data.workspace import COLLECTION
from models.training.record import Run
from pages.components import cards, training_form, views
from pages.components.linked_map import Colouring, Panel, linked_map
from pages.components.linked_map.payload import SHAPES

TICK = 0.6  # seconds an epoch while it plays; the points take 0.4 of them to move
NUMBERS = {
    "centroid_gap": ("gap", "{:.3f}"),
    "cos_true_pairs": ("cosine of true pairs", "{:.3f}"),
    "recall_at_10": ("R@10", "{:.1%}"),
}


def show(runs: Sequence[Run]) -> None:
    """Slider over the epochs, the map of that epoch, its numbers."""
    runs = together([run for run in runs if run.snapshots])
    if not runs:
        st.info(
            "The map appears after the first look at the validation studies.", icon=":material/hourglass:"
        )
        return
    epochs = sorted({epoch for run in runs for epoch in run.snapshots})
    epoch = choose_epoch(epochs)
    left, right = st.columns(2)
    colour = left.selectbox("Colour", ["modality", *runs[0].rows], key="train_colour")
    lines = (
        right.segmented_control("Pair lines", ["none", "all"], default="none", key="train_lines") or "none"
    )
    for letter, word, run in zip("AB", cards.WORDS, runs, strict=False):
        st.markdown(f":{word}-badge[{letter}] {numbers(run, epoch)}")
    studies, rows = common(runs)
    panels = [
        panel(f"{letter}: {run.name}", accent, run, epoch, rows[i])
        for i, (letter, accent, run) in enumerate(zip("AB", cards.COLOURS, runs, strict=False))
    ]
    linked_map(
        panels,
        studies=studies,
        captions=captions(runs[0], studies),
        colours=colours(runs[0], colour, rows[0]),
        lines=lines,
        key="train_map",
    )
    st.caption(
        f"{len(studies):,} validation studies. One plane for all epochs of a run (PCA of them together), so "
        "that points move and the plane stays. Each run has its own plane: look at shapes, not at places."
    )


def choose_epoch(epochs: list[int]) -> int:
    """The epoch on the slider; while it plays, the next one at every tick."""
    state = st.session_state
    step(epochs)
    if len(epochs) < 2:
        return epochs[0]
    left, right = st.columns([1, 6], vertical_alignment="bottom")
    playing = state.get("train_playing", False)
    label, icon = ("Pause", ":material/pause:") if playing else ("Play", ":material/play_arrow:")
    left.button(label, icon=icon, key="train_play", on_click=toggle, args=(epochs,), width="stretch")
    return right.select_slider("Epoch", epochs, key="train_epoch")


def step(epochs: list[int]) -> None:
    """Move the slider on: to the next epoch while it plays, to a new last one if it stood at the last."""
    state = st.session_state
    at, last = state.get("train_epoch"), state.get("train_last")
    state["train_last"] = epochs[-1]
    if at not in epochs or at == last:
        at = epochs[-1]
    if state.get("train_playing") and time.monotonic() - state["train_tick"] > TICK / 2:
        state["train_tick"] = time.monotonic()
        at = next((e for e in epochs if e > at), at)
        state["train_playing"] = at < epochs[-1]
    state["train_epoch"] = at


def toggle(epochs: list[int]) -> None:
    """Begin or end to play; from the start if it stands at the end."""
    state = st.session_state
    state["train_playing"] = not state.get("train_playing", False)
    state["train_tick"] = time.monotonic()
    if state["train_playing"] and state.get("train_epoch") == epochs[-1]:
        state["train_epoch"] = epochs[0]


def numbers(run: Run, epoch: int) -> str:
    """The numbers of an epoch and, beside them, those before training."""
    rows = {row["epoch"]: row for row in run.history.epochs}
    at = nearest_epoch([*run.snapshots], epoch)
    parts = [
        f"{label} **{form.format(rows[at][name])}**"
        + (f" :gray[({form.format(rows[0][name])} before)]" if at and name in rows[0] else "")
        for name, (label, form) in NUMBERS.items()
        if name in rows[at]
    ]
    return f"epoch {at} · " + " · ".join(parts)


def nearest_epoch(known: Sequence[int], epoch: int) -> int:
    """The last epoch not after this one, of which there is a snapshot."""
    return max([e for e in known if e <= epoch], default=min(known))


def together(runs: Sequence[Run]) -> list[Run]:
    """Both runs if they were watched on the same studies, else the first one."""
    if len(runs) == 2 and len({*runs[0].studies} & {*runs[1].studies}) < 2:
        st.caption("The two runs were watched on different studies, so only A is on the map.")
        return [runs[0]]
    return list(runs)


def common(runs: Sequence[Run]) -> tuple[list[str], list[list[int]]]:
    """Studies that all runs watched, and where each run has them."""
    places = [{study: i for i, study in enumerate(run.studies)} for run in runs]
    studies = [s for s in runs[0].studies if all(s in place for place in places)]
    return studies, [[place[s] for s in studies] for place in places]


def panel(title: str, accent: str, run: Run, epoch: int, rows: list[int]) -> Panel:
    xy, frame = projected(run.name, run.manifest["config_key"], len(run.snapshots), run)
    moment = sorted(run.snapshots).index(nearest_epoch([*run.snapshots], epoch))
    n = len(run.studies)
    points = [xy[moment, k * n : (k + 1) * n][rows] for k in range(len(run.modalities))]
    return Panel(title, accent, run.modalities, SHAPES[: len(points)], points, frame)


@st.cache_data(show_spinner="Laying out all epochs…", max_entries=16)
def projected(
    name: str, key: str, moments: int, _run: Run
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """(n_moments, n_modalities * n_probe, 2), modality after modality, and the frame of all of it."""
    stacks = [np.concatenate([*shot.values()]) for _, shot in sorted(_run.snapshots.items())]
    xy = pca_common(stacks).xy
    low, high = np.nanmin(xy, axis=(0, 1)), np.nanmax(xy, axis=(0, 1))
    return xy, (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def captions(run: Run, studies: list[str]) -> list[str]:
    """The first text of each study, if the collection is still there."""
    chosen = next(
        (c for c in views.workspace().records(COLLECTION) if c.name == run.manifest["collection"]), None
    )
    if chosen is None:
        return []
    collection = training_form.opened(chosen.id, chosen.name)
    texts = [m.columns[0] for m in collection.modalities if m.kind == "text"]
    if not texts:
        return []
    known = dict(zip(collection.table[STUDY_ID], collection.table[texts[0]], strict=True))
    return [str(known.get(study, ""))[:300] for study in studies]


def colours(run: Run, colour: str, rows: list[int]) -> Colouring:
    """By modality, or by a label of the studies that are shown."""
    if colour not in run.rows:
        return Colouring.by_modality(palette=MODALITY_COLOURS)
    return Colouring.by_label([run.rows[colour][row] for row in rows], name=colour)
