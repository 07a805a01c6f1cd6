"""Rows of a comparison as table cells: text for display, numbers for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.compare.table import HEADLINE, MetricChange
from suture.analysis.evaluate import Metric

PROTOCOL = "multi_positive"  # repeated texts count as right


def headline_rows(
    rows: Sequence[MetricChange], pair: tuple[str, str], *, protocol: str = PROTOCOL
) -> list[MetricChange]:
    """The headline metrics of two modalities under one protocol, in the order of `HEADLINE`."""
    kept = [
        r
        for r in rows
        if r.name in HEADLINE and r.protocol in (None, protocol) and set(r.modalities) <= set(pair)
    ]
    return sorted(kept, key=lambda r: HEADLINE.index(r.name))


def text_cells(row: MetricChange) -> dict[str, str]:
    """A row as text for display."""
    first, second = (with_interval(row.name, m.value, m.low, m.high) for m in (row.a, row.b))
    change = with_interval(row.name, row.difference, row.low, row.high, sign="+")
    by = f" ({protocol_label(row.protocol)})" if row.protocol else ""
    return {
        "number": row_title(row) + by,
        "A": first,
        "B": second,
        "B − A": change,
        "p": p_label(row.p_holm),
        "verdict": row.verdict,
    }


def number_cells(row: MetricChange) -> dict[str, object]:
    """A row as numbers, for sortable tables and CSV."""
    ends: Iterator[tuple[str, object]] = (
        (f"{letter} {end}", getattr(metric, field))
        for letter, metric in (("A", row.a), ("B", row.b))
        for end, field in (("value", "value"), ("low", "low"), ("high", "high"))
    )
    return {
        "name": row.name,
        "title": row.title,
        "of": row.direction or " · ".join(row.modalities),
        "label": row.label or "",
        "protocol": row.protocol or "",
        **dict(ends),
        "B - A": row.difference,
        "low": row.low,
        "high": row.high,
        "p": row.p,
        "p (Holm)": row.p_holm,
        "margin": row.margin,
        "verdict": row.verdict,
        "better": row.better,
        "n": row.a.n,
        "groups": row.a.n_groups,
    }


def row_title(of: Metric | MetricChange) -> str:
    """Full title of a metric: "Recall@10 image → report", "V-measure image · report by region"."""
    return " ".join(
        part for part in (metric_title(of.name), _where(of), f"by {of.label}" if of.label else "") if part
    )


def with_interval(
    name: str, value: float | None, low: float | None, high: float | None, *, sign: str = ""
) -> str:
    """Format as 0.573 (0.551 to 0.595); recall in percent."""
    if value is None:
        return "undefined"
    form = ".1%" if name.startswith("recall_at_") else ".3f" if abs(value) < 10 else ",.1f"
    shown = f"{value:{sign}{form}}"
    return shown if low is None or high is None else f"{shown} ({low:{sign}{form}} to {high:{sign}{form}})"


def protocol_label(name: str | None) -> str:
    """The protocol for display, e.g. multi-positive."""
    return (name or "").replace("_", "-")


def p_label(p: float | None) -> str:
    """Format p as 0.013 or < 0.001; "" for None."""
    return "" if p is None else f"{p:.3f}" if p >= 0.001 else "< 0.001"


def metric_title(name: str) -> str:
    """Title from the catalogue; "_mean" and "_max" over pairs of modalities extend the title of one pair."""
    single, _, over = name.rpartition("_")
    if name in CATALOGUE:
        return CATALOGUE[name].title
    return f"{CATALOGUE[single].title}, {over} over pairs" if single in CATALOGUE else name.replace("_", " ")


def _where(of: Metric | MetricChange) -> str:
    return of.direction.replace("->", " → ") if of.direction else " · ".join(of.modalities)
