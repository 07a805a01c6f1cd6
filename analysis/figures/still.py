"""A figure that changes no more."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import plotly.graph_objects as go


class Still(go.Figure):
    """A copy of a figure that is told as a dictionary once, however often it is shown.

    Plotly copies every value of a figure each time, which takes longer than to send it.
    """

    def to_dict(self) -> dict[str, Any]:
        """As `go.Figure.to_dict`, but the same object each time: nobody may change it."""
        return self._told

    @cached_property
    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = super().to_dict()
        return told
