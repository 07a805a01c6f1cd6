"""Render a report as one self-contained HTML file with figures, tables, images and the JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from suture.analysis.report.document import document
from suture.analysis.report.elements import Chart, Section, Table
from suture.analysis.report.report_data import ReportData
from suture.analysis.text_tables import csv_text, latex

# The page makes no request. Only scripts with a listed hash run, so injected text cannot run; styles are
# inline because Plotly writes its own rules.
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def html(report: ReportData) -> str:
    """The report as HTML; equal data give equal bytes."""
    sections = document(report)
    scripts = [plotly_source(), _resource("page.js")]
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            sections=sections,
            policy=POLICY.format(scripts=" ".join(map(_hash, scripts))),
            style=Markup(_resource("page.css")),  # our own file  # nosec B704
            scripts=[Markup(s) for s in scripts],  # our own files  # nosec B704
            record=script_json(report.to_json()),
            figures=script_json({p.key: _figure(p.figure) for p in _parts(sections) if isinstance(p, Chart)}),
            tables=script_json({p.key: _files(p) for p in _parts(sections) if isinstance(p, Table)}),
        )
    )


def record_json(report: ReportData) -> str:
    """The report as JSON, equal to the JSON in the HTML."""
    return json.dumps(report.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def table_files(report: ReportData) -> dict[str, str]:
    """File name -> content: every table as CSV and as LaTeX."""
    tables = [p for p in _parts(document(report)) if isinstance(p, Table)]
    return {f"{t.key}.{ending}": text for t in tables for ending, text in _files(t).items()}


def script_json(value: Any) -> Markup:
    """JSON that is safe inside a script element: it cannot contain a tag or a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # nosec B704


@cache
def plotly_source() -> str:
    """plotly.js, checked to be safe inside a script element."""
    from plotly.offline import get_plotlyjs

    source = get_plotlyjs()
    if re.search(r"</script|<!--|\r", source, flags=re.IGNORECASE):
        raise ValueError(
            "This plotly.js cannot be embedded in a page: it contains a tag or a carriage return."
        )
    return source


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("suture.analysis.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["picture"] = lambda jpeg: "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
    return environment


@cache
def _resource(name: str) -> str:
    return files("suture.analysis.report").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _parts(sections: tuple[Section, ...]) -> list[Any]:
    return [part for section in sections for part in section.parts]


def _files(table: Table) -> dict[str, str]:
    return {"csv": csv_text(table.data or table.records()), "tex": latex(table.records())}


def _figure(figure: go.Figure) -> dict[str, Any]:
    """The figure for print: light, without the template that Plotly repeats in every figure."""
    shown = go.Figure(figure)
    shown.layout.template = None
    shown.update_layout(paper_bgcolor="#ffffff", plot_bgcolor="#ffffff", font={"family": FONT, "size": 12})
    for axes in (shown.update_xaxes, shown.update_yaxes):
        axes(automargin=True, gridcolor="#e5e5e5", zerolinecolor="#c8c8c8")
    return json.loads(shown.to_json())
