"""The numbers of captions: the answer in a sentence, rows with intervals, findings, downloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import streamlit as st

from suture.analysis import figures
from suture.analysis.captions import CAPTION_METRICS, score_difference
from suture.analysis.statistics.bootstrap import Estimate
from suture.analysis.text_tables import csv_text
from suture.pages.components.captions.scored_captions import Tables
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import cached_figure, offer, show_figure
from suture.pages.components.shell.widget_state import KEEP_IN_LINK
from suture.workflows.captions.caption_table import (
    CEILING,
    CROSSED,
    FLOOR,
    ROWS,
    CaptionRow,
    CaptionTable,
    by_study,
)

FIRST = "cider"


def verdict(tables: Tables) -> None:
    """What the decoder that never saw an image makes of images."""
    if any(CROSSED not in one.readings for one in tables.judged):
        return
    lines = [
        _kept(letter, word, one)
        for letter, word, one in zip("AB", cards.COLOUR_NAMES, tables.judged, strict=False)
    ]
    if tables.beside is not None and CROSSED in tables.beside.rows:
        change = tables.beside.rows[CROSSED][FIRST]
        st.markdown(f"#### {_headline(change)}")
    st.markdown("\n".join(f"- {line}" for line in lines))
    first, n = tables.judged[0], len(tables.judged[0].study_ids)
    groups = len(np.unique(first.groups))
    fit = cards.escape(tables.config.fit_split)
    st.caption(
        f"{cards.escape(first.text)} from {cards.escape(first.image)}: {n:,} studies of {groups:,} patients "
        f"or cases, split {cards.escape(first.split)}; none of these stands in {fit} too."
    )


def _headline(change: Estimate) -> str:
    told = f"CIDEr {change.value:+.2f}"
    if not np.isfinite(change.low):
        return f"{told} from A to B, of too few patients or cases for an interval"
    told += f" ({change.low:+.2f} to {change.high:+.2f})"
    if change.low > 0:
        return f"Trained on texts alone, the decoder reads the images of B better than those of A: {told}"
    if change.high < 0:
        return f"Trained on texts alone, the decoder reads the images of A better than those of B: {told}"
    return f"Whether the decoder reads the images of A or of B better is not decidable here: {told}"


def _kept(letter: str, word: str, one: CaptionTable) -> str:
    """How far images come between the floor and the ceiling."""
    crossed, ceiling = (one.readings[name].scores.metrics[FIRST] for name in (CROSSED, CEILING))
    told = (
        f":{word}-badge[{letter}] CIDEr {crossed.value:.2f} from images, {ceiling.value:.2f} from the texts "
    )
    told += "themselves"
    if FLOOR not in one.readings:
        return f"{told}. One patient has more than half of the studies, so there is no floor."
    floor = one.readings[FLOOR].scores
    told += f", {floor.metrics[FIRST].value:.2f} from images of others"
    learned = score_difference(floor, one.readings[CEILING].scores)[FIRST]
    if not learned.low > 0:  # also of too few patients for an interval
        return f"{told}. It is not shown that it reads texts better than strangers' images: train it longer."
    room = ceiling.value - floor.metrics[FIRST].value
    way = (crossed.value - floor.metrics[FIRST].value) / room
    return f"{told}: **{way:.0%}** of the way from the floor to the ceiling."


@st.fragment
def section(tables: Tables) -> None:
    """One metric for every row, as a figure and a table; all of them as files."""
    name = st.selectbox(
        "Measure",
        [*CAPTION_METRICS],
        index=[*CAPTION_METRICS].index(FIRST),
        format_func=lambda key: CAPTION_METRICS[key].title,
        key="captions_metric",
        **KEEP_IN_LINK,
    )
    info = CAPTION_METRICS[name]
    st.caption(f"{info.meaning} {info.reading.capitalize()}. {info.pitfall}")
    found = {
        row: tuple(
            one.readings[row].scores.metrics[name] if row in one.readings else None for one in tables.judged
        )
        for row in ROWS
        if any(row in one.readings for one in tables.judged)
    }
    chart = cached_figure(figures.caption_scores, found, tables.labels, info.title)
    alt = f"{info.title} of each row for A and B, with intervals"
    show_figure(chart, "captions_rows", f"captions {name}-{tables.judged[0].split}", alt=alt)
    st.dataframe(_lines(tables, found, name), hide_index=True, width="stretch")
    st.caption(
        "Similarity: mean cosine to the embedding of the true text, by the set's own checkpoint, so not "
        "independent of it. Intervals: 95 %, bootstrap over patients or cases; B − A is paired. In them: "
        f"which studies were drawn. Not in them: another seed of the decoder ({tables.config.seed} here)."
    )
    downloads(tables)


def _lines(tables: Tables, found: dict[str, tuple[Estimate | None, ...]], name: str) -> list[dict[str, Any]]:
    lines = []
    for row, estimates in found.items():
        line: dict[str, Any] = {"captions": row}
        for letter, one, estimate in zip("AB", tables.judged, estimates, strict=False):
            line[letter] = "" if estimate is None else estimate.describe()
            reading = one.readings.get(row)
            similar = reading.similarity if reading else None
            line[f"similarity {letter}"] = "" if similar is None else similar.describe()
        if tables.beside is not None and row in tables.beside.rows:
            line["B − A"] = _signed(tables.beside.rows[row][name])
        lines.append({**line, "what it is": ROWS[row]})
    first = ["captions", "A", "B", "B − A", "similarity A", "similarity B", "what it is"]
    return [{key: line[key] for key in first if key in line} for line in lines]


def _signed(change: Estimate) -> str:
    if change.reason:
        return f"undefined: {change.reason}"
    told = f"{change.value:+.3f}"
    return told + (f" ({change.low:+.3f} to {change.high:+.3f})" if change.low == change.low else "")


@st.fragment
def findings(tables: Tables) -> None:
    """Precision and recall of what the captions state, by finding."""
    rows = [row for row in ROWS if all(row in one.readings for one in tables.judged)]
    row = st.selectbox(
        "Captions by",
        rows,
        index=rows.index(CROSSED) if CROSSED in rows else 0,
        key="captions_row",
        **KEEP_IN_LINK,
    )
    scores = [one.readings[row].scores.findings for one in tables.judged]
    names = sorted({*scores[0]}.union(*scores), key=lambda name: -_true(scores, name))
    lines = []
    for name in names:
        line: dict[str, Any] = {"finding": name, "true reports": _true(scores, name)}
        for letter, known in zip("AB", scores, strict=False):
            if name in known:
                parts = {
                    "precision": known[name].precision,
                    "recall": known[name].recall,
                    "F1": known[name].f1,
                }
                line |= {f"{part} {letter}": found.value for part, found in parts.items()}
                line[f"written {letter}"] = known[name].n_generated
        lines.append(line)
    form = {
        f"{part} {letter}": st.column_config.NumberColumn(format="%.2f")
        for part in ("precision", "recall", "F1")
        for letter in "AB"
    }
    st.dataframe(lines, column_config=form, hide_index=True, width="stretch")
    st.caption(
        "A finding counts where a text states it; what a text denies does not. Found by rules over a stated "
        "vocabulary, so words outside it are not seen. Intervals of these numbers are in the files above."
    )


def _true(scores: list[Any], name: str) -> int:
    return max(known[name].n_true for known in scores if name in known)


def downloads(tables: Tables) -> None:
    """Every number as JSON and CSV, every caption as CSV."""
    first = tables.judged[0]
    name = f"captions {' against '.join(one.set for one in tables.judged)}-{first.split}"
    files = (
        (
            "Numbers (JSON)",
            "json",
            "application/json",
            lambda: json.dumps(_json(tables)),
        ),
        ("Numbers (CSV)", "csv", "text/csv", lambda: csv_text(numbers(tables))),
        ("Captions (CSV)", "texts.csv", "text/csv", lambda: csv_text(by_study(tables.judged))),
    )
    place = st.container(horizontal=True)
    for label, ending, kind, content in files:
        file = f"{name}{' texts' if 'texts' in ending else ''}.{ending.rpartition('.')[2]}"
        offer(place, label, content, file, kind, key=f"captions-{ending}")


def _json(tables: Tables) -> dict[str, Any]:
    told: dict[str, Any] = {letter: one.to_json() for letter, one in zip("ab", tables.judged, strict=False)}
    if tables.beside is not None:
        told["b_minus_a"] = tables.beside.to_json()
    return told


def numbers(tables: Tables) -> list[dict[str, Any]]:
    """One line an estimate: metrics, similarity, and precision, recall and F1 of every finding."""
    return [
        {
            "set": one.set,
            "captions": row,
            "metric": name,
            "finding": finding,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "studies": found.n,
        }
        for one in tables.judged
        for row, reading in one.readings.items()
        for name, finding, found in _estimates(reading)
    ]


def _estimates(reading: CaptionRow) -> Iterator[tuple[str, str, Estimate]]:
    """(metric, finding or "", estimate) of one row."""
    yield from ((name, "", found) for name, found in reading.scores.metrics.items())
    if reading.similarity is not None:
        yield "similarity", "", reading.similarity
    for finding, known in reading.scores.findings.items():
        parts = {"precision": known.precision, "recall": known.recall, "f1": known.f1}
        yield from ((name, finding, found) for name, found in parts.items())
