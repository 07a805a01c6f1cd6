"""The gap dial in the browser: slider, map, cosines, curves and numbers that follow the hand."""

from suture.pages.components.dial.view.component import dial_view
from suture.pages.components.dial.view.payload import Cloud, Curve, Hill, Picture, Row

__all__ = ["Cloud", "Curve", "Hill", "Picture", "Row", "dial_view"]
