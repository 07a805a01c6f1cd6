"""The gap dial in the browser: slider, map, cosines, curves and numbers that follow the hand."""

from pages.components.dial_view.component import dial_view
from pages.components.dial_view.payload import Cloud, Curve, Hill, Picture, Row

__all__ = ["Cloud", "Curve", "Hill", "Picture", "Row", "dial_view"]
