"""A figure that changes no more. Apart from the others, as defining it loads Plotly, which takes a second."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go


class StaticFigure(go.Figure):
    """A copy of a figure that is told as a dictionary once, however often it is shown.

    Plotly copies every value of a figure each time, which takes longer than to send it.
    """

    def __init__(self, figure: go.Figure) -> None:
        super().__init__(figure)
        self._told: dict[str, Any] = figure.to_dict()  # of the figure itself: a copy gains a template

    def to_dict(self) -> dict[str, Any]:
        """As `go.Figure.to_dict`, but the same object each time: nobody may change it."""
        return self._told
