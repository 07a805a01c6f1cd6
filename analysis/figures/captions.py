"""Scores of generated captions: one row per method, A and B below each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from suture.analysis.figures.colours import COLOUR_A, COLOUR_B
from suture.analysis.figures.theme import escaped, styled, with_row_names
from suture.analysis.statistics.bootstrap import Estimate

ROW = 56  # pixels: a name, then A, then B
PLACES = (0.06, 0.3)  # below the name


def caption_scores(
    rows: Mapping[str, Sequence[Estimate | None]], labels: Sequence[str], axis: str
) -> go.Figure:
    """rows: name -> score of A (and of B), None = missing; labels: titles of A and B."""
    figure = go.Figure()
    sides = zip(labels, (COLOUR_A, COLOUR_B), ("circle", "square"), PLACES, strict=False)
    for number, (label, colour, symbol, below) in enumerate(sides):
        known = [(place, name, estimates[number]) for place, (name, estimates) in enumerate(rows.items())]
        points = [(place, name, e) for place, name, e in known if e is not None and np.isfinite(e.value)]
        ends = [[_reach(e.high - e.value), _reach(e.value - e.low)] for _, _, e in points]
        figure.add_trace(
            go.Scatter(
                x=[e.value for _, _, e in points],
                y=[place + below for place, _, _ in points],
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [high for high, _ in ends],
                    "arrayminus": [low for _, low in ends],
                    "color": colour,
                },
                mode="markers",
                name=escaped(label),
                marker={"color": colour, "symbol": symbol, "size": 9},
                customdata=[(name, e.value, _number(e.low), _number(e.high), e.n) for _, name, e in points],
                meta={"columns": ["captions", axis, "low", "high", "studies"]},
                hovertemplate="%{customdata[0]}: %{x:.3f}<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_xaxes(title_text=axis, rangemode="tozero", zeroline=False)
    return styled(with_row_names(figure, [*rows], row=ROW))


def _reach(length: float) -> float:
    return float(length) if np.isfinite(length) else 0.0


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
