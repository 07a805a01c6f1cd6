"""Training curves: one small figure per metric, with A and B overlaid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from suture.analysis.figures.theme import ORNAMENT, escaped, styled, translucent

BAND = 0.12  # opacity of an interval
Limits = tuple[float, float]
UNLIMITED = (-math.inf, math.inf)


@dataclass(frozen=True)
class Curve:
    """One metric of one run. low, high: its interval, or empty. warned: indices with a collapse warning."""

    x: list[int]
    y: list[float]
    low: list[float]
    high: list[float]
    warned: list[int]


def curve_of(
    rows: Sequence[Mapping[str, Any]],
    name: str,
    *,
    over: str = "epoch",
    warned: Sequence[int] = (),
    limits: Limits = UNLIMITED,
) -> Curve:
    """The metric `name` of the rows that have it, over their `epoch` or `step`.

    `name`_half, if present, is the half-width of a 95 % interval. warned: values of `over` with a collapse
    warning for this metric. limits: the valid range of the metric, to which its interval is clipped.
    """
    known = [r for r in rows if r.get(name) is not None]
    x, y = [int(r[over]) for r in known], [float(r[name]) for r in known]
    half = [float(r.get(f"{name}_half") or 0.0) for r in known]
    ends = ([v + sign * h for v, h in zip(y, half, strict=True)] for sign in (-1, 1))
    low, high = ([min(max(v, limits[0]), limits[1]) for v in end] for end in ends)
    banded = any(half)
    return Curve(
        x, y, low if banded else [], high if banded else [], [i for i, at in enumerate(x) if at in warned]
    )


def curves(
    series: Mapping[str, Curve], colours: Sequence[str], *, over: str, percent: bool = False
) -> go.Figure:
    """One metric of one or two runs, with interval band and warnings (crosses), without a title."""
    figure = go.Figure()
    for (name, curve), colour in zip(series.items(), colours, strict=False):
        if curve.low:
            _band(figure, curve, colour)
        few = len(curve.x) <= 60
        value = "%{y:.1%}" if percent else "%{y:.4g}"
        figure.add_trace(
            go.Scatter(
                x=curve.x,
                y=curve.y,
                name=escaped(name),
                mode="lines+markers" if few else "lines",
                line={"color": colour, "width": 2},
                marker={"size": 5},
                cliponaxis=False,  # epoch 0 is on the axis
                hovertemplate=f"{over} %{{x}}: {value}<extra>{escaped(name)}</extra>",
            )
        )
        if curve.warned:
            _guards(figure, curve, colour)
    figure.update_xaxes(title_text=over, rangemode="tozero", tickformat="d", nticks=6)
    figure.update_yaxes(tickformat=".0%" if percent else None, nticks=5)
    return styled(figure, 210, legend=False, top=8).update_layout(hovermode="x")


def common_epochs(x: Curve, y: Curve) -> tuple[list[int], list[float], list[float]]:
    """(epoch, x, y) where both curves have a value."""
    known = dict(zip(y.x, y.y, strict=True))
    rows = [(epoch, value, known[epoch]) for epoch, value in zip(x.x, x.y, strict=True) if epoch in known]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def epoch_means(rows: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """One row per epoch with the mean of the metric over the steps of that epoch."""
    by_epoch: dict[int, list[float]] = {}
    for row in rows:
        if row.get(name) is not None:
            by_epoch.setdefault(int(row["epoch"]), []).append(float(row[name]))
    return [{"epoch": epoch, name: sum(values) / len(values)} for epoch, values in sorted(by_epoch.items())]


def loss_against_gap(
    runs: Mapping[str, tuple[Curve, Curve]], colours: Sequence[str], *, cost: str, percent: bool = False
) -> go.Figure:
    """The cost of closing the gap: one path per run, from its first epoch to a ring at its last.

    runs  name -> (gap by epoch, cost by epoch); cost  title of the y axis
    """
    figure = go.Figure()
    for (name, (gaps, costs)), colour in zip(runs.items(), colours, strict=False):
        epochs, x, y = common_epochs(gaps, costs)
        value = "%{y:.1%}" if percent else "%{y:.4g}"
        hover = f"epoch %{{customdata[0]}}: gap %{{x:.3f}}, {value}<extra>{escaped(name)}</extra>"
        figure.add_trace(
            go.Scatter(
                x=x,
                y=y,
                name=escaped(name),
                mode="lines+markers",
                line={"color": colour, "width": 2},
                marker={
                    "size": [9] * (len(x) - 1) + [13],
                    "symbol": ["arrow"] * (len(x) - 1) + ["circle-open-dot"],
                    "angleref": "previous"
                    if len(x) > 1
                    else "up",  # the first point has none and is not drawn
                    "color": colour,
                    "line": {"width": 2, "color": colour},
                },
                customdata=list(zip(epochs, x, y, strict=True)),
                meta={"columns": ["epoch", "centroid gap", cost]},
                hovertemplate=hover,
            )
        )
    figure.update_xaxes(title_text="centroid gap (lower is closer)")
    figure.update_yaxes(title_text=escaped(cost), tickformat=".0%" if percent else None)
    return styled(figure, 320)


def _band(figure: go.Figure, curve: Curve, colour: str) -> None:
    outline = {"x": [*curve.x, *curve.x[::-1]], "y": [*curve.high, *curve.low[::-1]], "mode": "lines"}
    shade = {"fill": "toself", "fillcolor": translucent(colour, BAND), "line": {"width": 0}}
    figure.add_trace(go.Scatter(**outline, **shade, hoverinfo="skip", meta=ORNAMENT))


def _guards(figure: go.Figure, curve: Curve, colour: str) -> None:
    marker = {"symbol": "x", "size": 11, "color": colour, "line": {"color": "white", "width": 1}}
    x, y = ([values[i] for i in curve.warned] for values in (curve.x, curve.y))
    cross = {"x": x, "y": y, "mode": "markers", "marker": marker, "meta": ORNAMENT}
    figure.add_trace(go.Scatter(**cross, hovertemplate="collapse warning<extra></extra>"))
