"""Differences between the selected studies and the rest, one panel per metric, for A and B."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from suture.analysis.figures.colours import COLOUR_A, COLOUR_B, NEUTRAL
from suture.analysis.figures.theme import escaped, styled
from suture.analysis.subgroup import SubgroupDifference

COLOURS = {"A": COLOUR_A, "B": COLOUR_B}
PANEL, AROUND = 112, 40  # pixels
COLUMNS = ["number", "set", "selected", "rest", "selected - rest", "low", "high", "verdict"]


def subgroup_differences(by_metric: Mapping[str, Mapping[str, SubgroupDifference]]) -> go.Figure:
    """One panel per metric, each with its own axis: selected - rest with its interval, for A, B and B - A.

    by_metric  title of the metric -> "A", "B", "B − A" -> difference
    """
    from plotly.subplots import make_subplots

    titles = [escaped(title) for title in by_metric]
    figure = make_subplots(len(by_metric), 1, subplot_titles=titles, vertical_spacing=0.5 / len(by_metric))
    for panel, (title, sets) in enumerate(by_metric.items(), start=1):
        for letter, one in sets.items():
            figure.add_trace(_mark(title, letter, one), row=panel, col=1)
        figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1}, row=panel, col=1)
        figure.update_yaxes(range=[len(sets) - 0.5, -0.5], row=panel, col=1)
    figure.update_annotations(x=0, xanchor="left", font={"size": 12})
    styled(figure, AROUND + PANEL * len(by_metric), legend=False, top=28)
    figure.update_yaxes(showgrid=False, fixedrange=True)
    return figure.update_xaxes(zeroline=False, fixedrange=True)


def _mark(title: str, letter: str, one: SubgroupDifference) -> go.Scatter:
    colour, spread, interval = COLOURS.get(letter, NEUTRAL), None, ""
    if one.low is not None and one.high is not None:
        ends = {"array": [one.high - one.difference], "arrayminus": [one.difference - one.low]}
        spread = {"type": "data", "symmetric": False, "color": colour, **ends}
        interval = f" ({one.low:+.3f} to {one.high:+.3f})"
    values = (title, letter, one.inside, one.outside, one.difference, one.low, one.high, one.verdict)
    return go.Scatter(
        x=[one.difference],
        y=[letter],
        error_x=spread,
        mode="markers",
        marker={"color": colour, "size": 10},
        customdata=[values],
        meta={"columns": COLUMNS},
        hovertemplate=f"{escaped(title)}, {letter}: %{{x:+.3f}}{interval}, {one.verdict}<extra></extra>",
    )
