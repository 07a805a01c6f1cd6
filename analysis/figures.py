"""Figures from results. Shape is modality, colour is meaning; no arithmetic here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from analysis.gap import CosineSamples, GroupMean

MODALITY_COLOURS = ("#56B4E9", "#CC79A7", "#B8A800", "#7E6BB5")  # none of them is A's or B's
COLOUR_A, COLOUR_B = "#0072B2", "#D55E00"  # one each, on every page (Okabe-Ito)
SHAPES = ("triangle-up", "diamond", "circle", "square", "cross", "star")
KINDS = {
    "true_pairs": ("True pairs", "#009E73"),
    "random_pairs": ("Random pairs", "#8C8C8C"),
    "within_x": ("Within {x}", "#56B4E9"),
    "within_y": ("Within {y}", "#CC79A7"),
}
BINS = {"start": -1.0, "end": 1.0, "size": 0.02}


def cosine_histograms(
    samples: Mapping[str, CosineSamples], x: str, y: str, *, height: int = 300
) -> go.Figure:
    """One row a checkpoint, on one axis: where true pairs lie between strangers and neighbours."""
    from plotly.subplots import make_subplots

    figure = make_subplots(
        len(samples), 1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=[*samples]
    )
    for row, cosines in enumerate(samples.values(), start=1):
        for field, (label, colour) in KINDS.items():
            histogram = go.Histogram(
                x=getattr(cosines, field),
                name=label.format(x=x, y=y),
                legendgroup=field,
                showlegend=row == 1,
                histnorm="probability density",
                xbins=BINS,
                marker={"color": colour, "line": {"width": 0}},
                opacity=0.6,
                hovertemplate="cosine %{x}<br>density %{y:.2f}<extra>%{fullData.name}</extra>",
            )
            figure.add_trace(histogram, row=row, col=1)
    figure.update_layout(barmode="overlay", height=height * len(samples) + 60, bargap=0)
    figure.update_xaxes(range=[-1, 1])
    figure.update_xaxes(title="cosine (1 = same direction)", row=len(samples), col=1)
    figure.update_yaxes(title="density")
    return _styled(figure)


def small_map(
    maps: Mapping[str, np.ndarray], *, explained: Sequence[float] = (), colours: Sequence[str]
) -> go.Figure:
    """All modalities in one plane, (n, 2) each; for the overview, so without hover."""
    figure = go.Figure()
    for (name, xy), shape, colour in zip(maps.items(), SHAPES, colours, strict=False):
        marker = {"symbol": shape, "size": 6, "color": colour, "opacity": 0.55}
        points = {"x": xy[:, 0], "y": xy[:, 1], "mode": "markers", "hoverinfo": "skip"}
        figure.add_trace(go.Scattergl(**points, name=name, marker=marker))
    shares = [f" ({share:.0%} of variance)" for share in explained] or ["", ""]
    figure.update_xaxes(
        title=f"1st direction{shares[0]}", showticklabels=False, zeroline=False, showgrid=False
    )
    figure.update_yaxes(
        title=f"2nd direction{shares[1]}", showticklabels=False, zeroline=False, showgrid=False
    )
    figure.update_yaxes(scaleanchor="x", scaleratio=1)
    figure.update_layout(height=380)
    return _styled(figure)


def by_group(means: Mapping[str, Sequence[GroupMean]], colours: Sequence[str], axis: str) -> go.Figure:
    """Mean and 95 % interval for each label, one series a checkpoint."""
    figure = go.Figure()
    for (name, groups), colour in zip(means.items(), colours, strict=False):
        figure.add_trace(
            go.Scatter(
                x=[g.mean.value for g in groups],
                y=[f"{g.label} ({g.mean.n:,})" for g in groups],
                mode="markers",
                name=name,
                marker={"color": colour, "size": 9},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [g.mean.high - g.mean.value for g in groups],
                    "arrayminus": [g.mean.value - g.mean.low for g in groups],
                },
                hovertemplate="%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
            )
        )
    rows = max((len(g) for g in means.values()), default=1)
    figure.update_layout(height=120 + 26 * rows)
    figure.update_xaxes(title=axis)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return _styled(figure)


def _styled(figure: go.Figure) -> go.Figure:
    legend = {
        "orientation": "h",
        "yref": "container",
        "yanchor": "top",
        "y": 1,
        "x": 0,
        "itemsizing": "constant",
    }
    figure.update_layout(margin={"l": 10, "r": 10, "t": 70, "b": 10}, legend=legend, dragmode="pan")
    figure.update_annotations(x=0, xanchor="left")  # titles of subplots
    return figure
