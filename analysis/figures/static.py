"""A figure that no longer changes. In its own module because the class definition loads Plotly (1 s)."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go


class StaticFigure(go.Figure):
    """A copy of a figure that is converted to a dictionary once, however often it is shown.

    Plotly copies every value of a figure at each conversion, which takes longer than sending it.
    """

    def __init__(self, figure: go.Figure) -> None:
        super().__init__(figure)
        self._dict: dict[str, Any] = figure.to_dict()  # of the original: the copy has a template

    def to_dict(self) -> dict[str, Any]:
        """As `go.Figure.to_dict`, but returns the same object each time; do not modify it."""
        return self._dict
