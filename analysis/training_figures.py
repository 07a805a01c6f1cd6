"""Curves of a training: how its numbers go, one small figure a number, A and B over each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

BAND = 0.12  # opacity of an interval
Limits = tuple[float, float]
UNLIMITED = (-math.inf, math.inf)


@dataclass(frozen=True)
class Curve:
    """One number of one run. low, high: its interval, or empty. struck: places in x where a guard warned."""

    x: list[int]
    y: list[float]
    low: list[float]
    high: list[float]
    struck: list[int]


def curve_of(
    rows: Sequence[Mapping[str, Any]],
    name: str,
    *,
    over: str = "epoch",
    struck: Sequence[int] = (),
    limits: Limits = UNLIMITED,
) -> Curve:
    """The number `name` of the rows that have it, over their `epoch` or `step`.

    `name`_half, where the rows hold it, is the half-width of a 95 % interval. struck: values of `over` at
    which the guard of this number warned. limits: what the number cannot leave, nor its interval.
    """
    known = [r for r in rows if r.get(name) is not None]
    x, y = [int(r[over]) for r in known], [float(r[name]) for r in known]
    half = [float(r.get(f"{name}_half") or 0.0) for r in known]
    ends = ([v + sign * h for v, h in zip(y, half, strict=True)] for sign in (-1, 1))
    low, high = ([min(max(v, limits[0]), limits[1]) for v in end] for end in ends)
    banded = any(half)
    return Curve(
        x, y, low if banded else [], high if banded else [], [i for i, at in enumerate(x) if at in struck]
    )


def curves(
    series: Mapping[str, Curve], colours: Sequence[str], *, over: str, percent: bool = False
) -> go.Figure:
    """One number of one or two runs, with band and guards (crosses). The number's name stands above it."""
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
                name=name,
                mode="lines+markers" if few else "lines",
                line={"color": colour, "width": 2},
                marker={"size": 5},
                cliponaxis=False,  # epoch 0 stands on the axis
                hovertemplate=f"{over} %{{x}}: {value}<extra>{_safe(name)}</extra>",
            )
        )
        if curve.struck:
            _guards(figure, curve, colour)
    figure.update_xaxes(title=over, rangemode="tozero", tickformat="d", nticks=6)
    figure.update_yaxes(tickformat=".0%" if percent else None, nticks=5, automargin=True)
    figure.update_layout(
        margin={"l": 5, "r": 5, "t": 8, "b": 5}, height=210, showlegend=False, dragmode="pan", hovermode="x"
    )
    return figure


def _safe(name: str) -> str:
    """A stranger's words in a hover label, which Plotly reads as HTML."""
    return name.replace("&", "&amp;").replace("<", "&lt;")


def _band(figure: go.Figure, curve: Curve, colour: str) -> None:
    outline = {"x": [*curve.x, *curve.x[::-1]], "y": [*curve.high, *curve.low[::-1]], "mode": "lines"}
    shade = f"rgba{(*bytes.fromhex(colour.removeprefix('#')), BAND)}"
    figure.add_trace(
        go.Scatter(**outline, fill="toself", fillcolor=shade, line={"width": 0}, hoverinfo="skip")
    )


def _guards(figure: go.Figure, curve: Curve, colour: str) -> None:
    marker = {"symbol": "x", "size": 11, "color": colour, "line": {"color": "white", "width": 1}}
    x, y = ([values[i] for i in curve.struck] for values in (curve.x, curve.y))
    figure.add_trace(
        go.Scatter(x=x, y=y, mode="markers", marker=marker, hovertemplate="a guard warned<extra></extra>")
    )
