"""Figures of the gap dial: ranges that stay while the hand moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from analysis import figures
from analysis.dial import BINS, Sweep
from analysis.dial_plane import Plane

CURVES = {  # the table has the other recalls
    "centroid_gap_debiased": ("#8C8C8C", "solid"),
    "cos_true_pairs": ("#009E73", "solid"),
    "recall_at_10:forward": ("#56B4E9", "solid"),
    "recall_at_10:back": ("#CC79A7", "dash"),
}
CLUSTERS = ("#B8A800", "dot")


def clouds(flat: Plane, strength: float, furthest: float) -> go.Figure:
    """Where the studies lie at this strength."""
    colours = figures.MODALITY_COLOURS
    figure = figures.small_map(flat.at(strength), explained=flat.explained, colours=colours)
    across, up = flat.reach(furthest)
    return figure.update_layout(_still(340, {"range": across}, {"range": up}))


def cosines(measured: Sweep, place: int, pair: tuple[str, str]) -> go.Figure:
    """Densities of the four kinds of cosines at this position; the axes are those of all positions."""
    middles = (BINS[:-1] + BINS[1:]) / 2
    lines = [
        {
            "x": middles,
            "y": measured.histograms[kind][place],
            "name": label.format(x=pair[0], y=pair[1]),
            "mode": "lines",
            "fill": "tozeroy",
            "line": {"color": colour, "width": 1.5, "shape": "hvh"},
            "hovertemplate": "cosine %{x:.2f}<br>density %{y:.2f}<extra>%{fullData.name}</extra>",
        }
        for kind, (label, colour) in figures.KINDS.items()
    ]
    # The highest of the usual peaks: one that a narrow cone makes would flatten all the others.
    top = float(np.quantile([max(row) for rows in measured.histograms.values() for row in rows], 0.9))
    across = {"title": {"text": "cosine (1 = same direction)"}, "range": [-1, 1]}
    up = {"title": {"text": "density"}, "range": [0, 1.08 * top]}
    return go.Figure(lines, _still(340, across, up))


def curves(
    measured: Sweep, titles: Mapping[str, str], strength: float, clusters: Sequence[float] | None, label: str
) -> go.Figure:
    """Numbers over strength, and a line where the hand is."""
    drawn = {titles[key]: (measured.numbers[key], style) for key, style in CURVES.items()}
    if clusters is not None:
        drawn[f"V-measure by {label}"] = (tuple(clusters), CLUSTERS)
    lines = [
        {
            "x": measured.strengths,
            "y": values,
            "name": name,
            "mode": "lines",
            "line": {"color": colour, "dash": dash},
            "hovertemplate": "at %{x:.2f}: %{y:.3f}<extra>%{fullData.name}</extra>",
        }
        for name, (values, (colour, dash)) in drawn.items()
    ]
    title = {"text": "strength (0 = as is, 1 = closed)"}
    across = {"title": title, "range": [0, measured.strengths[-1]]}
    layout = _still(400, across, {"title": {"text": "value"}, "rangemode": "tozero"})
    hand = {"x0": strength, "x1": strength, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": "#8C8C8C"}}
    return go.Figure(lines, {**layout, "shapes": [{"type": "line", **hand}]})


def _still(height: int, across: dict[str, Any], up: dict[str, Any]) -> dict[str, Any]:
    """One height and margin; zoom and hidden lines survive a move. Set at once: each update costs."""
    return {
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 60, "b": 10},
        "legend": {"orientation": "h", "yref": "container", "yanchor": "top", "y": 1, "x": 0},
        "dragmode": "pan",
        "uirevision": "dial",
        "xaxis": across,
        "yaxis": up,
    }
