"""The report on one embedding set or on A and B: metrics, comparison and provenance, as HTML and JSON."""

from __future__ import annotations

from suture.analysis.report.page import html, record_json, table_files
from suture.analysis.report.report_data import PairedResults, ReportData, ReportMap, ReportSet, StudyExcerpt
from suture.analysis.text_tables import csv_text, latex

__all__ = [
    "PairedResults",
    "ReportData",
    "ReportMap",
    "ReportSet",
    "StudyExcerpt",
    "csv_text",
    "html",
    "latex",
    "record_json",
    "table_files",
]
