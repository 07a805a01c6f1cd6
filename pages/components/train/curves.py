"""Curves of one or two training runs, during and after training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from suture.analysis.figures import UNLIMITED, Curve, curve_of, curves, epoch_means, loss_against_gap
from suture.analysis.gap import collapse_warnings
from suture.analysis.text_tables import csv_text
from suture.models.training.record import TrainingRun
from suture.pages.components.cards import cards, downloads
from suture.pages.components.cards.downloads import offer_download
from suture.pages.components.shell.widget_state import KEEP_IN_LINK

# metric on the validation studies -> (title, meaning, whether it is a share)
BY_EPOCH = {
    "centroid_gap": (
        "Centroid gap",
        "Distance between the centroids of the modalities. Lower is closer.",
        False,
    ),
    "centroid_gap_debiased": (
        "Centroid gap, debiased",
        "The gap without the bias of a small sample. Lower is closer.",
        False,
    ),
    "cos_true_pairs": (
        "Cosine of true pairs",
        "1 = a study's image and text coincide. Higher is closer.",
        False,
    ),
    "recall_at_10": (
        "R@10",
        "How often the right answer is among the first ten, mean of both directions, with the 95 % "
        "interval. Higher is better; the cost of closing the gap shows here first.",
        True,
    ),
    "effective_rank": (
        "Effective rank",
        "How many directions the space uses. A drop means collapse.",
        False,
    ),
    "uniformity_wi": (
        "Uniformity",
        "How evenly each modality spreads over the sphere. Lower is more spread.",
        False,
    ),
    "angular_value": (
        "Angular value",
        "Mean cosine within a modality: how narrow the cone is. Lower is more spread.",
        False,
    ),
    "hubness_skew": (
        "Hubness",
        "Whether a few items answer many queries (skewness). Lower is better.",
        False,
    ),
}
PARTS = {
    "loss": "Loss",
    "contrastive": "Contrastive term",
    "atp": "Align true pairs",
    "cu": "Centroid uniformity",
    "uniformity": "Uniformity of each modality",
    "cross_uniformity": "Uniformity across modalities",
    "intra_modality": "Separation within a modality",
}
SETTINGS = {"temperature": "Temperature", "learning_rate": "Learning rate"}
COSTS = {"recall_at_10": "R@10", "contrastive": "Contrastive term", "loss": "Loss"}
CONFIG = {"displaylogo": False, "displayModeBar": False}


def show(runs: Sequence[TrainingRun]) -> None:
    """Metrics by epoch, loss by step, and collapse warnings."""
    colours = {run.name: colour for run, colour in zip(runs, cards.COLOURS, strict=False)}
    legend(runs)
    warnings_of = {run.name: warnings_by_epoch(run) for run in runs}

    def by_epoch(name: str) -> dict[str, Curve]:
        return {
            run.name: curve_of(
                run.history.epochs,
                name,
                limits=(0, 1) if BY_EPOCH[name][2] else UNLIMITED,
                warned=[e for e, active in warnings_of[run.name].items() if name in [w.name for w in active]],
            )
            for run in runs
        }

    def by_step(name: str) -> dict[str, Curve]:
        return {run.name: curve_of(run.history.steps, name, over="step") for run in runs}

    epochs = {name: (title, meaning, share) for name, (title, meaning, share) in BY_EPOCH.items()}
    grid(epochs, by_epoch, colours, "epoch")
    st.caption(
        "Epoch 0 is before training. Measured after every epoch on the same validation studies: means over "
        "pairs of modalities. A cross marks a collapse warning."
    )
    list_warnings(runs, warnings_of)
    against_gap(runs, colours)
    with st.expander("Loss by step", icon=":material/show_chart:", expanded=True):
        grid({name: (title, "", False) for name, title in PARTS.items()}, by_step, colours, "step")
    with st.expander("Temperature and learning rate", icon=":material/thermostat:"):
        grid({name: (title, "", False) for name, title in SETTINGS.items()}, by_step, colours, "step")
    files(runs)


def against_gap(runs: Sequence[TrainingRun], colours: Mapping[str, str]) -> None:
    """The cost of closing the gap: one path per run, epoch by epoch."""
    st.markdown("**What closing the gap costs**")
    cost = st.segmented_control(
        "Cost against the gap",
        [*COSTS],
        default="recall_at_10",
        required=True,
        format_func=COSTS.__getitem__,
        key="train_cost",
        help="R@10 on validation studies; losses on training studies, mean over the steps of an epoch.",
        **KEEP_IN_LINK,
    )
    cost = cost or "recall_at_10"
    paths = {run.name: (curve_of(run.history.epochs, "centroid_gap"), _cost(run, cost)) for run in runs}
    paths = {name: path for name, path in paths.items() if {*path[0].x} & {*path[1].x}}
    if not paths:
        st.caption("No epoch has both yet.")
        return
    own = [colours[name] for name in paths]
    figure = downloads.cached_figure(
        loss_against_gap, paths, own, cost=COSTS[cost], percent=cost == "recall_at_10"
    )
    alt = f"{COSTS[cost]} against the centroid gap, one path a run"
    downloads.show_figure(figure, "train_against_gap", f"{COSTS[cost]} against gap", alt=alt)
    st.caption(
        "Arrows lead from epoch to epoch; a ring marks the last. Further left the gap is smaller: a path "
        "that goes left at constant height closes it at no cost. R@10 is comparable between runs; losses of "
        "different objectives or temperatures are not."
    )


def _cost(run: TrainingRun, name: str) -> Curve:
    rows = run.history.epochs if name == "recall_at_10" else epoch_means(run.history.steps, name)
    return curve_of(rows, name)


def files(runs: Sequence[TrainingRun]) -> None:
    """Downloads of the data behind all curves."""
    row = st.container(horizontal=True)
    for over in ("epochs", "steps"):
        rows = [{"run": run.name, **line} for run in runs for line in getattr(run.history, over)]
        name = f"{' and '.join(run.name for run in runs)} {over}.csv"
        table = partial(_csv, rows)
        offer_download(row, f"All {over} (CSV)", table, name, "text/csv", key=f"curves-{over}")


def _csv(rows: list[dict[str, Any]]) -> str:
    return csv_text(_flat(rows))


def _flat(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that all have the same columns, warnings joined to one text."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [
        {n: "; ".join(row[n]) if n == "guards" and n in row else row.get(n) for n in names} for row in rows
    ]


def legend(runs: Sequence[TrainingRun]) -> None:
    for letter, word, run in zip("AB", cards.COLOUR_NAMES, runs, strict=False):
        state = "" if run.done else f" · epoch {len(run.history.epochs) - 1} of {run.config['epochs']}"
        kept = f" · weights of epoch {run.history.best} kept" if run.done else ""
        st.markdown(
            f":{word}-badge[{letter}] **{cards.escape(run.name)}** :gray[{run.config['preset']}{state}{kept}]"
        )


def grid(
    wanted: Mapping[str, tuple[str, str, bool]],
    series_of: Callable[[str], dict[str, Curve]],
    colours: Mapping[str, str],
    over: str,
) -> None:
    """One small figure per metric that any run has, three or four in a row."""
    found: list[tuple[str, dict[str, Curve]]] = []
    for name in wanted:
        series = {run: curve for run, curve in series_of(name).items() if curve.x}
        if series:
            found.append((name, series))
    if not found:
        st.caption("No steps yet.")
    width = 4 if len(found) > 3 else 3
    for start in range(0, len(found), width):
        for column, (name, series) in zip(st.columns(width), found[start : start + width], strict=False):
            title, meaning, share = wanted[name]
            column.markdown(f"**{title}**", help=meaning or None)
            own = [colours[run] for run in series]
            figure = downloads.cached_figure(curves, series, own, over=over, percent=share)
            column.plotly_chart(figure, key=f"curve_{over}_{name}", config=CONFIG, alt=f"{title} by {over}")


def warnings_by_epoch(run: TrainingRun) -> dict[int, list[Any]]:
    """epoch -> collapse warnings at that epoch."""
    rows = run.history.epochs
    found = {
        int(row["epoch"]): collapse_warnings.detect(rows[: i + 1]) for i, row in enumerate(rows) if i > 1
    }
    return {epoch: warned for epoch, warned in found.items() if warned}


def list_warnings(runs: Sequence[TrainingRun], warned: Mapping[str, Mapping[int, list[Any]]]) -> None:
    """The latest warnings in plain words; all of them in an expander."""
    for letter, word, run in zip("AB", cards.COLOUR_NAMES, runs, strict=False):
        epochs = warned[run.name]
        if not epochs:
            continue
        last = max(epochs)
        lines = [f"- epoch {epoch}: {w.message}" for epoch in sorted(epochs) for w in epochs[epoch]]
        latest = " ".join(w.message for w in epochs[last])
        st.warning(
            f":{word}-badge[{letter}] Collapse warning at epoch {last}: {latest}", icon=":material/shield:"
        )
        if len(lines) > len(epochs[last]):
            with st.expander(f"All {len(lines)} warnings of {letter}"):
                st.markdown("\n".join(lines))
