"""A small static map of all modalities, for the overview page and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from suture.analysis.figures.theme import SHAPES, escaped, styled


def small_map(
    maps: Mapping[str, np.ndarray], *, explained: Sequence[float] = (), colours: Sequence[str]
) -> go.Figure:
    """All modalities in one plane, (n, 2) each, without hover."""
    figure = go.Figure()
    for (name, xy), shape, colour in zip(maps.items(), SHAPES, colours, strict=False):
        marker = {"symbol": shape, "size": 6, "color": colour, "opacity": 0.55}
        points = {"x": xy[:, 0], "y": xy[:, 1], "mode": "markers", "hoverinfo": "skip"}
        figure.add_trace(go.Scattergl(**points, name=escaped(name), marker=marker))
    shares = [f" ({share:.0%} of variance)" for share in explained] or ["", ""]
    bare = {"showticklabels": False, "zeroline": False, "showgrid": False}
    figure.update_xaxes(title_text=f"1st direction{shares[0]}", **bare)
    figure.update_yaxes(title_text=f"2nd direction{shares[1]}", **bare, scaleanchor="x", scaleratio=1)
    return styled(figure, 380)
