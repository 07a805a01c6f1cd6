"""Recall against k, with intervals and the chance level."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from suture.analysis.figures.colours import COLOUR_A, COLOUR_B, NEUTRAL
from suture.analysis.figures.theme import ORNAMENT, escaped, styled, translucent
from suture.analysis.retrieval import RankCurve

BAND = 0.14  # opacity of an interval
COLUMNS = ["k", "recall", "low", "high", "chance"]


def rank_curves(curves: Mapping[str, RankCurve], direction: str, *, height: int = 340) -> go.Figure:
    """R@k of one or two sets in one direction, with intervals over groups and the chance level.

    curves: title -> curve, A first; direction: "image → report"
    """
    figure = go.Figure()
    for (name, curve), colour in zip(curves.items(), (COLOUR_A, COLOUR_B), strict=False):
        _band(figure, curve, colour)
        _line(figure, name, curve, colour)
    for curve in [*curves.values()][:1]:
        line = {"color": NEUTRAL, "width": 1.5, "dash": "dot"}
        chance = {"x": curve.k, "y": curve.chance, "mode": "lines", "line": line, "name": "chance"}
        figure.add_trace(go.Scatter(**chance, meta=ORNAMENT, hoverinfo="skip"))
    figure.update_xaxes(title_text=f"k, {escaped(direction)}", type="log", dtick=1, tickformat=",d")
    figure.update_yaxes(title_text="R@k", tickformat=".0%", range=[0, 1.02])
    return styled(figure, height)


def _line(figure: go.Figure, name: str, curve: RankCurve, colour: str) -> None:
    points = list(zip(*(getattr(curve, c) for c in COLUMNS), strict=True))
    hover = "R@%{x:,}: %{y:.1%} (%{customdata[2]:.1%} to %{customdata[3]:.1%}), chance %{customdata[4]:.1%}"
    figure.add_trace(
        go.Scatter(
            x=curve.k,
            y=curve.recall,
            name=escaped(name),
            mode="lines",
            line={"color": colour, "width": 2},
            customdata=points,
            meta={"columns": COLUMNS},
            hovertemplate=f"{hover}<extra>{escaped(name)}</extra>",
        )
    )


def _band(figure: go.Figure, curve: RankCurve, colour: str) -> None:
    outline = {"x": [*curve.k, *curve.k[::-1]], "y": [*curve.high, *curve.low[::-1]], "mode": "lines"}
    shade = {
        "fill": "toself",
        "fillcolor": translucent(colour, BAND),
        "line": {"width": 0},
        "showlegend": False,
    }
    figure.add_trace(go.Scatter(**outline, **shade, hoverinfo="skip", meta=ORNAMENT))
