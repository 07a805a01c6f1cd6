"""Closing the gap without training: maps fitted on calibration studies and applied to others."""

from analysis.posthoc.adapter import Adapter
from analysis.posthoc.fitting import RIDGES, fit
from analysis.posthoc.methods import METHODS, Method

__all__ = ["METHODS", "RIDGES", "Adapter", "Method", "fit"]
