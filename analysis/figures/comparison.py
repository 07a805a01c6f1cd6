"""Figures of a comparison: cosines, forest plot, movement, neighbour overlap, differences by group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from suture.analysis.compare import MetricChange, Movement, Slice, VerdictWord
from suture.analysis.compare.cells import row_title
from suture.analysis.figures.colours import BAD, COLOUR_A, COLOUR_B, EXPECTED, GOOD, NEUTRAL, OTHER, SHADE
from suture.analysis.figures.cosines import EDGES, FULL_RANGE
from suture.analysis.figures.theme import (
    MARK_OFFSET,
    ORNAMENT,
    escaped,
    histogram_outline,
    styled,
    vertical_line,
    with_row_names,
)

VERDICT_MARKS: dict[VerdictWord, tuple[str, str]] = {
    "closed": (GOOD, "circle"),
    "narrowed": (GOOD, "circle"),
    "better": (GOOD, "circle"),
    "worse": (BAD, "x"),
    "changed": (OTHER, "diamond"),
    "unchanged": (NEUTRAL, "square"),
    "not decidable at this N": (NEUTRAL, "circle-open"),
    "no interval": (NEUTRAL, "line-ns-open"),
    "undefined": (NEUTRAL, "line-ns-open"),
}
TICKS = (-1000, -300, -100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100, 300, 1000)
BINS = 40


def pair_cosines(a: np.ndarray, b: np.ndarray, labels: Sequence[str]) -> go.Figure:
    """Overlaid histograms of the cosines of true pairs (n,) of A and of B."""
    figure = go.Figure()
    for cosines, label, colour in zip((a, b), labels, (COLOUR_A, COLOUR_B), strict=True):
        middle = float(np.median(cosines))
        counts = np.histogram(cosines, EDGES)[0]
        drawn = histogram_outline(
            EDGES, counts, colour, ("cosine", "studies"), name=f"{escaped(label)} · median {middle:.3f}"
        )
        hover = "cosine %{customdata[0]:.2f}: %{customdata[1]:,} studies<extra>%{fullData.name}</extra>"
        figure.add_trace(go.Scatter(**drawn, hovertemplate=hover))
        vertical_line(figure, middle, colour)
    figure.update_xaxes(title_text="cosine of the true pair (1 = same direction)", range=FULL_RANGE)
    figure.update_yaxes(title_text="studies", rangemode="tozero")
    return styled(figure, 300)


def forest_plot(rows: Sequence[MetricChange]) -> go.Figure:
    """Forest plot of the paired differences B - A with intervals, in units of the smallest relevant change.

    The axis is an inverse hyperbolic sine, so that small changes stay visible beside large ones; the band
    marks changes that are not relevant. Rows without a margin or a difference are left out.
    """
    shown = [r for r in rows if r.margin > 0 and r.difference is not None]
    figure = go.Figure()
    for place, row in enumerate(shown):
        colour, symbol = VERDICT_MARKS[row.verdict]
        ends = [row.difference if v is None else v for v in (row.low, row.high)]
        middle, low, high = (float(np.arcsinh((v or 0.0) / row.margin)) for v in (row.difference, *ends))
        line = {"x": [low, high], "y": [place + MARK_OFFSET] * 2, "mode": "lines", "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(**line, line={"color": colour, "width": 2}, meta=ORNAMENT))
        hover = f"{escaped(row_title(row))}: {row.difference:+.3f}"
        if row.low is not None and row.high is not None:
            hover += f" ({row.low:+.3f} to {row.high:+.3f})"
        hover = f"{hover}<br>smallest relevant change {row.margin:.3f}<br>{row.verdict}"
        point = {
            "x": [middle],
            "y": [place + MARK_OFFSET],
            "mode": "markers",
            "hovertemplate": f"{hover}<extra></extra>",
            "customdata": [(row_title(row), row.difference, row.low, row.high, row.margin, row.verdict)],
            "meta": {"columns": ["number", "B - A", "low", "high", "margin", "verdict"]},
        }
        figure.add_trace(go.Scatter(**point, marker={"color": colour, "symbol": symbol, "size": 10}))
    figure.add_vrect(x0=-np.arcsinh(1), x1=np.arcsinh(1), fillcolor=SHADE, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(
        title_text="B − A, in units of the smallest relevant change",
        tickvals=np.arcsinh(TICKS),
        ticktext=[f"{t:+,}" if t else "0" for t in TICKS],
        zeroline=False,
    )
    return styled(with_row_names(figure, [f"{row_title(r)} · {r.verdict}" for r in shown]), legend=False)


def movement_histogram(movement: Movement) -> go.Figure:
    """Histogram of how far each study moved, moved studies marked, with the expectation under the null."""
    edges = np.linspace(0, float(movement.change.max()) * 1.02, BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    figure = go.Figure()
    for of, name, colour in ((~movement.moved, "stayed", NEUTRAL), (movement.moved, "moved", OTHER)):
        counts = np.histogram(movement.change[of], edges)[0]
        bars = {"x": middles, "y": counts, "name": f"{name} ({int(of.sum()):,})", "width": edges[1]}
        hover = "change %{x:.2f}: %{y:,} studies<extra>%{fullData.name}</extra>"
        figure.add_trace(go.Bar(**bars, marker={"color": colour, "line": {"width": 0}}, hovertemplate=hover))
    line = {"color": EXPECTED, "width": 2, "shape": "hvh"}
    expected = {"x": middles, "y": expected_by_chance(movement, edges), "mode": "lines", "line": line}
    figure.add_trace(go.Scatter(**expected, name="expected if none moved", hoverinfo="skip"))
    if movement.moved.any():
        threshold = float(movement.change[movement.moved].min())
        vertical_line(figure, threshold, OTHER, text=f"threshold {threshold:.2f}")
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_xaxes(title_text="change between A and B (√2 = unrelated)")
    figure.update_yaxes(title_text="studies")
    return styled(figure, 320)


def expected_by_chance(movement: Movement, edges: np.ndarray) -> np.ndarray:
    """(bins,) expected studies between the edges (bins + 1,) under the null, interpolated from p."""
    order = np.argsort(movement.change)
    beyond = np.interp(edges, movement.change[order], movement.p[order])
    return len(movement.change) * (beyond[:-1] - beyond[1:])


def neighbour_overlap(overlap: np.ndarray, k: int, by_chance: float) -> go.Figure:
    """Histogram of how many of its k neighbours each study keeps, with the chance level.

    overlap  (m,) share of neighbours kept; by_chance  expected share for unrelated spaces
    """
    places = np.arange(k + 1)
    counts = np.bincount(np.rint(overlap * k).astype(int), minlength=k + 1)
    hover = "%{x} kept: %{y:,} studies<extra></extra>"
    figure = go.Figure(go.Bar(x=places, y=counts, marker={"color": OTHER}, hovertemplate=hover))
    vertical_line(figure, k * by_chance, text=f"by chance {k * by_chance:.2g}")
    figure.update_xaxes(title_text=f"neighbours kept of the {k} nearest in A", dtick=1)
    figure.update_yaxes(title_text="studies")
    return styled(figure, 260, legend=False, top=28)


def slice_differences(slices: Sequence[Slice], axis: str) -> go.Figure:
    """The paired difference in every slice with its interval and verdict."""
    figure = go.Figure()
    for place, one in enumerate(slices):
        colour, symbol = VERDICT_MARKS[one.verdict]
        spread = None
        if one.low is not None and one.high is not None:
            ends = {"array": [one.high - one.difference], "arrayminus": [one.difference - one.low]}
            spread = {"type": "data", "symmetric": False, "color": colour, **ends}
        figure.add_trace(
            go.Scatter(
                x=[one.difference],
                y=[place + MARK_OFFSET],
                error_x=spread,
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 10},
                customdata=[(one.name, one.n, one.a, one.b, one.difference, one.low, one.high, one.verdict)],
                meta={"columns": ["value", "studies", "A", "B", "B - A", "low", "high", "verdict"]},
                hovertemplate=f"{escaped(one.name)}: %{{x:+.3f}}, {one.verdict}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(title_text=axis, zeroline=False)
    names = [f"{one.name} ({one.n:,}) · {one.verdict}" for one in slices]
    return styled(with_row_names(figure, names), legend=False)
