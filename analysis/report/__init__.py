"""The evidence report: one set or two, measured, compared and traced, in one HTML file and its JSON."""

from __future__ import annotations

from suture.analysis.report.page import html, record_json, table_files
from suture.analysis.report.record import Evidence, Paired, Picture, Side, Study
from suture.analysis.text_tables import csv_text, latex

__all__ = [
    "Evidence",
    "Paired",
    "Picture",
    "Side",
    "Study",
    "csv_text",
    "html",
    "latex",
    "record_json",
    "table_files",
]
