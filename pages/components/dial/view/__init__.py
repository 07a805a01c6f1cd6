"""The gap dial in the browser: slider, map, cosines, curves and numbers that follow the slider."""

from suture.pages.components.dial.view.component import dial_view
from suture.pages.components.dial.view.payload import Cloud, Curve, Density, DialContent, Row

__all__ = ["Cloud", "Curve", "Density", "DialContent", "Row", "dial_view"]
