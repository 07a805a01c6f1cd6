"""The numbers of A and B side by side: rows for people, CSV, JSON and LaTeX to take away."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from analysis import compare_figures
from analysis.catalogue import CATALOGUE, PROTOCOL_MEANING
from analysis.compare import HEADLINE, Row
from analysis.evaluate import Metric
from pages.components import cards
from pages.components.compare_data import LINK, Both

WORD_COLOURS = {
    "closed": "green",
    "narrowed": "green",
    "better": "green",
    "worse": "red",
    "changed": "violet",
}
LATEX = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}"}
LATEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "−": "$-$"}
LATEX |= {"→": r"$\rightarrow$", "·": r"$\cdot$"}


def verdict(both: Both) -> None:
    """The sentence to read first, then why."""
    found = both.compared.verdict
    st.markdown(f"#### {cards.plain(found.headline)}")
    st.markdown("\n".join(f"- {cards.plain(reason)}" for reason in found.reasons))
    sides = zip("AB", cards.WORDS, both.views, strict=True)
    st.markdown(" ".join(f":{word}-badge[{letter}] {cards.plain(v.name)}" for letter, word, v in sides))


def section(both: Both) -> None:
    """The headline numbers; all of them in an expander; downloads of all."""
    protocols = {p.replace("_", "-"): p for p in PROTOCOL_MEANING}
    chosen = st.segmented_control(
        "What counts as a right answer",
        [*protocols],
        default="multi-positive",
        required=True,
        key="compare_protocol",
        help=" ".join(f"{p}: {PROTOCOL_MEANING[of]}." for p, of in protocols.items()),
        **LINK,
    )
    rows = of_headline(both, protocols[chosen or "multi-positive"])
    if not rows:
        st.info("None of the headline numbers is there for both sets.")
        return
    st.table([_marked(row) for row in rows], hide_index=True, border="horizontal")
    st.caption(
        "B − A is paired: both sets hold the same studies, so its interval is the one to read, not whether "
        "those of A and B overlap. The verdict follows from that interval alone; p is stricter, "
        "two-sided and after Holm over all headline numbers (repeated texts counting as right)."
    )
    st.plotly_chart(compare_figures.forest(rows), key="compare_forest", config={"displaylogo": False})
    st.caption(
        "Every difference with its interval, measured in the smallest change worth naming of its number: "
        "inside the grey band nothing changed that matters."
    )
    with st.expander(f"All {len(both.compared.table.rows):,} numbers"):
        st.dataframe([plain_row(r) for r in both.compared.table.rows], hide_index=True, width="stretch")
    downloads(both, rows)


def of_headline(both: Both, protocol: str) -> list[Row]:
    """The short list for the chosen modalities and protocol, in its own order."""
    rows = [
        r
        for r in both.compared.table.rows
        if r.name in HEADLINE and r.protocol in (None, protocol) and set(r.modalities) <= set(both.pair)
    ]
    return sorted(rows, key=lambda r: HEADLINE.index(r.name))


def _marked(row: Row) -> dict[str, str]:
    """A row whose verdict is a coloured word; what strangers wrote stays plain."""
    cells = {title: cards.plain(cell) for title, cell in cells_of(row).items()}
    colour = WORD_COLOURS.get(row.verdict, "gray")
    name = (
        f"{cells['number']} :gray[{CATALOGUE[row.name].reading}]"
        if row.name in CATALOGUE
        else cells["number"]
    )
    return {**cells, "number": name, "verdict": f":{colour}-badge[{row.verdict}]"}


def cells_of(row: Row) -> dict[str, str]:
    """A row in words, as people read it."""
    return {
        "number": compare_figures.row_name(row),
        "verdict": row.verdict,
        "A": _value(row.a),
        "B": _value(row.b),
        "B − A": _with_interval(row, row.difference, row.low, row.high, sign="+"),
        "p": "" if row.p_holm is None else f"{row.p_holm:.3f}" if row.p_holm >= 0.001 else "< 0.001",
    }


def _value(metric: Metric) -> str:
    return _with_interval(metric, metric.value, metric.low, metric.high)


def _with_interval(
    of: Metric | Row, value: float | None, low: float | None, high: float | None, *, sign: str = ""
) -> str:
    if value is None:
        return "undefined"
    form = ".1%" if of.name.startswith("recall_at_") else ".3f" if abs(value) < 100 else ",.1f"
    if low is None or high is None:
        return f"{value:{sign}{form}}"
    return f"{value:{sign}{form}} ({low:{sign}{form}} to {high:{sign}{form}})"


def plain_row(row: Row) -> dict[str, object]:
    """A row as numbers, for tables that sort and for CSV."""
    sides = {
        f"{letter} {end}": getattr(metric, field)
        for letter, metric in (("A", row.a), ("B", row.b))
        for end, field in (("value", "value"), ("low", "low"), ("high", "high"))
    }
    return {
        "metric": row.title,
        "of": row.direction or " · ".join(row.modalities),
        "label": row.label or "",
        "protocol": row.protocol or "",
        **sides,
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
        "name": row.name,
    }


def downloads(both: Both, rows: Sequence[Row]) -> None:
    """Every number as CSV and JSON, the table above as LaTeX."""
    name = f"{both.a.name} against {both.b.name}-{both.a.split}"
    files = (
        ("CSV", "csv", "text/csv", lambda: cards.to_csv([plain_row(r) for r in both.compared.table.rows])),
        ("JSON", "json", "application/json", lambda: json.dumps(both.compared.to_json(), indent=1)),
        ("LaTeX", "tex", "text/x-tex", lambda: to_latex([cells_of(r) for r in rows])),
    )
    place = st.container(horizontal=True)
    for label, ending, kind, content in files:
        key = f"compare-{ending}"
        place.download_button(label, content, f"{name}.{ending}", kind, key=key, on_click="ignore")


def to_latex(cells: Sequence[dict[str, str]]) -> str:
    """A table with the rules of the booktabs package."""
    titles = [*cells[0]]
    lines = [" & ".join(map(_latex, line)) + r" \\" for line in ([*titles], *(c.values() for c in cells))]
    ruled = [r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    body = "\n".join(ruled)
    return f"\\begin{{tabular}}{{{'l' * len(titles)}}}\n{body}\n\\end{{tabular}}\n"


def _latex(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in text)
