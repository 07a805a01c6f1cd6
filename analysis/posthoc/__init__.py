"""Closing the gap without training: maps fitted on calibration studies and applied to others."""

from suture.analysis.posthoc.adapter import Adapter
from suture.analysis.posthoc.fitting import RIDGES, fit
from suture.analysis.posthoc.methods import METHODS, Method

__all__ = ["METHODS", "RIDGES", "Adapter", "Method", "fit"]
