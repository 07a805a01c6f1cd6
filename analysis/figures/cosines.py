"""Figures of cosines: histograms by kind of pair, means and ridgelines by label, and the heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from suture.analysis.figures.colours import COLOUR_A, COLOUR_B, DIVERGING, GOOD, MODALITY_COLOURS, NEUTRAL
from suture.analysis.figures.theme import (
    ORNAMENT,
    escaped,
    histogram_outline,
    styled,
    translucent,
    vertical_line,
    with_row_names,
)
from suture.analysis.gap import CosineBlocks, CosineSamples, LabelMean, Ridge, Ridges, StudyOrder

PAIR_KINDS = {
    "true_pairs": ("True pairs", GOOD),
    "random_pairs": ("Random pairs", NEUTRAL),
    "within_x": ("Within {x}", MODALITY_COLOURS[0]),
    "within_y": ("Within {y}", MODALITY_COLOURS[1]),
}
EDGES = np.round(np.arange(-1, 1.01, 0.02), 2)
FULL_RANGE = [-1.01, 1.01]  # keeps the outline of the last bin inside the plot
HOVER = "cosine %{customdata[0]:.2f}<br>density %{customdata[1]:.2f}<extra>%{fullData.name}</extra>"
TICK_SHARE = 30  # a value needs at least 1 / 30 of the studies for a tick
AXIS = "cosine (1 = same direction)"


def cosine_histograms(
    samples: Mapping[str, CosineSamples], x: str, y: str, *, height: int = 300
) -> go.Figure:
    """Histograms of true pairs, random pairs and pairs within each modality, one row per checkpoint."""
    from plotly.subplots import make_subplots

    figure = make_subplots(
        len(samples), 1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=[*map(escaped, samples)]
    )
    for row, (title, cosines) in enumerate(samples.items(), start=1):
        for field, (label, colour) in PAIR_KINDS.items():
            known = {"name": escaped(label.format(x=x, y=y)), "legendgroup": field, "showlegend": row == 1}
            hill = _density_trace(getattr(cosines, field), colour, **known)
            hill.meta = {"of": title, **hill.meta}
            figure.add_trace(hill, row=row, col=1)
    figure.update_xaxes(range=FULL_RANGE)
    figure.update_xaxes(title_text=AXIS, row=len(samples), col=1)
    figure.update_yaxes(title_text="density", rangemode="tozero")
    figure.update_annotations(x=0, xanchor="left")  # titles of the rows
    return styled(figure, height * len(samples) + 60, top=70)


def kind_histograms(samples: Mapping[str, np.ndarray], title: str, *, height: int = 300) -> go.Figure:
    """Overlaid histograms of one kind of cosines (n,) of A and of B, with their medians.

    title  the kind: "cosine of true pairs"
    """
    figure = go.Figure()
    for (name, cosines), colour in zip(samples.items(), (COLOUR_A, COLOUR_B), strict=False):
        middle = float(np.median(cosines))
        figure.add_trace(_density_trace(cosines, colour, name=f"{escaped(name)} · median {middle:.3f}"))
        vertical_line(figure, middle, colour)
    figure.update_xaxes(title_text=f"{escaped(title)} (1 = same direction)", range=FULL_RANGE)
    figure.update_yaxes(title_text="density", rangemode="tozero")
    return styled(figure, height)


def _density_trace(cosines: np.ndarray, colour: str, **more: Any) -> go.Scatter:
    """A density histogram, which integrates to 1."""
    counts = np.histogram(cosines, EDGES)[0]
    density = counts / max(counts.sum(), 1) / (EDGES[1] - EDGES[0])
    return go.Scatter(
        **histogram_outline(EDGES, density, colour, ("cosine", "density")), hovertemplate=HOVER, **more
    )


def means_by_label(means: Mapping[str, Sequence[LabelMean]], colours: Sequence[str], axis: str) -> go.Figure:
    """Mean and 95 % interval for each label, one series per checkpoint."""
    figure = go.Figure()
    for (name, groups), colour in zip(means.items(), colours, strict=False):
        spread = {
            "type": "data",
            "symmetric": False,
            "array": [g.mean.high - g.mean.value for g in groups],
            "arrayminus": [g.mean.value - g.mean.low for g in groups],
        }
        figure.add_trace(
            go.Scatter(
                x=[g.mean.value for g in groups],
                y=[f"{escaped(g.label)} ({g.mean.n:,})" for g in groups],
                mode="markers",
                name=escaped(name),
                marker={"color": colour, "size": 9},
                error_x=spread,
                hovertemplate="%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
            )
        )
    rows = max((len(g) for g in means.values()), default=1)
    figure.update_xaxes(title_text=axis)
    figure.update_yaxes(autorange="reversed")
    return styled(figure, 120 + 26 * rows)


def ridgeline(ridges: Ridges, names: Sequence[str]) -> go.Figure:
    """Ridgeline plot of the cosines of true pairs, one row per label value, A and B overlaid.

    names  titles of A and B. All densities have one scale, so that equal areas are equal shares.
    """
    figure = go.Figure()
    tallest = max((float(hill.max()) for row in ridges.rows for hill in row.densities), default=1.0)
    for place, row in enumerate(ridges.rows):
        sides = zip(row.densities, row.medians, names, (COLOUR_A, COLOUR_B), strict=False)
        for number, (hill, middle, name, colour) in enumerate(sides):
            base, height = place + 0.5, 0.85 / tallest  # lower edge of the row; height of density 1
            known = {"name": escaped(name), "legendgroup": str(number), "showlegend": place == 0}
            points = [(row.name, row.n, g, d) for g, d in zip(ridges.grid, hill, strict=True)]
            figure.add_trace(
                go.Scatter(
                    x=ridges.grid,
                    y=base - height * hill,
                    mode="lines",
                    line={"color": colour, "width": 1.5},
                    fill="toself",
                    fillcolor=translucent(colour, 0.25),
                    customdata=points,
                    meta={"columns": ["value", "studies", "cosine", "density"]},
                    hoveron="points",
                    hovertemplate=_told(row) + "<extra></extra>",
                    **known,
                )
            )
            top = base - height * float(np.interp(middle, ridges.grid, hill))
            stem = {"x": [middle] * 2, "y": [base, top], "mode": "lines", "hoverinfo": "skip"}
            line = {"color": colour, "width": 3}
            figure.add_trace(go.Scatter(**stem, line=line, showlegend=False, meta=ORNAMENT))
    figure.update_xaxes(title_text="cosine of true pairs (1 = same direction)")
    return styled(with_row_names(figure, [f"{r.name} ({r.n:,})" for r in ridges.rows], row=54))


def _told(row: Ridge) -> str:
    medians = ", ".join(f"{letter} {m:.3f}" for letter, m in zip("AB", row.medians, strict=False))
    text = f"{escaped(row.name)}: {row.n:,} studies in {row.n_groups:,} groups<br>median {medians}"
    return text if row.difference is None else f"{text}<br>mean of B − A {row.difference.describe()}"


def cosine_heatmap(
    table: CosineBlocks, order: StudyOrder, names: tuple[str, str], reach: float, *, ids: Sequence[str] = ()
) -> go.Figure:
    """Heat map of all cosines within and across two modalities, with studies in `order` on both axes.

    names  the modalities; reach: the colour scale is -reach to reach, centred on 0
    ids    study ids in this order, only for `data_of`
    """
    n = len(order.rows)
    lengths = np.diff(order.starts)
    middles = order.starts[:-1] + (lengths - 1) / 2
    wide = lengths >= n / TICK_SHARE
    ticks = [escaped(name) for name, there in zip(order.names, wide, strict=True) if there]
    colours = [[i / (len(DIVERGING) - 1), colour] for i, colour in enumerate(DIVERGING)]
    bar = {"orientation": "h", "thickness": 10, "y": -0.02, "yanchor": "top", "title": {"text": ""}}
    scale = {"colorscale": colours, "zmin": -reach, "zmax": reach, "colorbar": bar}
    hover = "row %{y}, column %{x}: cosine %{z:.2f}<extra></extra>"
    cells = {"rows": [f"{name}: {study}" for name in names for study in ids]}
    figure = go.Figure(go.Heatmap(z=table.cosines, **scale, hovertemplate=hover, meta=cells))
    for at in (figure.add_vline, figure.add_hline):
        at(n - 0.5, line={"color": "#1B1B1B", "width": 2})
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        label = {"text": escaped(f"{names[row]} · {names[column]}"), "font": {"color": "#1B1B1B", "size": 12}}
        place = {"x": column * n - 0.5, "y": row * n - 0.5, "xanchor": "left", "yanchor": "top"}
        figure.add_annotation(**label, **place, showarrow=False, bgcolor="rgba(255,255,255,0.75)")
    figure.update_xaxes(showticklabels=False, showgrid=False, ticks="", range=[-0.5, 2 * n - 0.5])
    figure.update_yaxes(
        tickvals=np.concatenate([middles[wide], middles[wide] + n]),
        ticktext=ticks * 2 if len(order.names) > 1 else [""] * 2,
        showgrid=False,
        ticks="",
        range=[2 * n - 0.5, -0.5],
    )
    return styled(figure, 440, legend=False)
