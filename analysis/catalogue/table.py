"""The catalogue as Markdown; `python -m suture.analysis.catalogue.table` writes it to docs/metrics.md."""

from __future__ import annotations

import re
from pathlib import Path

from suture.analysis.catalogue import TOPICS, captions
from suture.analysis.catalogue.info import MetricInfo

BEGIN, END = "<!-- catalogue: written by suture.analysis.catalogue.table -->", "<!-- /catalogue -->"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def markdown() -> str:
    """One table per topic: name, function, formula, better, source, pitfalls."""
    return "\n".join(_section(topic.__doc__ or "", topic.METRICS) for topic in (*TOPICS, captions))


def with_catalogue(page: str) -> str:
    """The page with the catalogue between its markers. ValueError without the markers."""
    match = re.search(f"{re.escape(BEGIN)}.*{re.escape(END)}", page, flags=re.DOTALL)
    if match is None:
        raise ValueError(f"Expected the markers {BEGIN} and {END} in the page, found none.")
    return page[: match.start()] + f"{BEGIN}\n{markdown()}\n{END}" + page[match.end() :]


def _section(title: str, metrics: tuple[MetricInfo, ...]) -> str:
    columns = ("name", "function", "formula and convention", "better", "source", "pitfalls")
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
    return "\n".join([f"### {title.strip()}", "", head, *map(_row, metrics), ""])


def _row(m: MetricInfo) -> str:
    margin = f"{m.margin:g}" + (" of A" if m.relative else "")
    name = f"`{m.name}`" + (" (full)" if m.extended else "")
    cells = (name, f"`{m.function}`", m.convention, m.better, m.source, f"{m.pitfall} Margin {margin}.")
    return "| " + " | ".join(re.sub(r"\s+", " ", c.replace("|", r"\|")) for c in cells) + " |"


if __name__ == "__main__":
    DOCS.write_text(with_catalogue(DOCS.read_text()))
