"""Caption scores: the result in a sentence, rows with intervals, scores by finding, downloads."""

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
from suture.pages.components.captions.scored_captions import ScoredCaptions
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import cached_figure, offer_download, show_figure
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

HEADLINE_METRIC = "cider"


def verdict(scored: ScoredCaptions) -> None:
    """How well the decoder trained on text embeddings captions images."""
    if any(CROSSED not in one.readings for one in scored.sets):
        return
    lines = [
        _summary(letter, word, one)
        for letter, word, one in zip("AB", cards.COLOUR_NAMES, scored.sets, strict=False)
    ]
    if scored.change is not None and CROSSED in scored.change.rows:
        change = scored.change.rows[CROSSED][HEADLINE_METRIC]
        st.markdown(f"#### {_headline(change)}")
    st.markdown("\n".join(f"- {line}" for line in lines))
    first, n = scored.sets[0], len(scored.sets[0].study_ids)
    groups = len(np.unique(first.groups))
    fit = cards.escape(scored.config.fit_split)
    st.caption(
        f"{cards.escape(first.text)} from {cards.escape(first.image)}: {n:,} studies of {groups:,} patients "
        f"or cases, split {cards.escape(first.split)}; none of them is in {fit} too."
    )


def _headline(change: Estimate) -> str:
    difference = f"CIDEr {change.value:+.2f}"
    if not np.isfinite(change.low):
        return f"{difference} from A to B; too few patients or cases for an interval"
    difference += f" ({change.low:+.2f} to {change.high:+.2f})"
    if change.low > 0:
        return f"The text-trained decoder captions the images of B better than those of A: {difference}"
    if change.high < 0:
        return f"The text-trained decoder captions the images of A better than those of B: {difference}"
    return (
        f"It is not decidable here whether the decoder captions the images of A or of B better: {difference}"
    )


def _summary(letter: str, word: str, one: CaptionTable) -> str:
    """The score from images, between the floor and the ceiling."""
    crossed, ceiling = (one.readings[name].scores.metrics[HEADLINE_METRIC] for name in (CROSSED, CEILING))
    summary = (
        f":{word}-badge[{letter}] CIDEr {crossed.value:.2f} from images, {ceiling.value:.2f} from the texts "
        "themselves"
    )
    if FLOOR not in one.readings:
        return f"{summary}. One patient has more than half of the studies, so there is no floor."
    floor = one.readings[FLOOR].scores
    summary += f", {floor.metrics[HEADLINE_METRIC].value:.2f} from images of other patients"
    learned = score_difference(floor, one.readings[CEILING].scores)[HEADLINE_METRIC]
    if not learned.low > 0:  # also of too few patients for an interval
        return f"{summary}. It does not clearly read texts better than other patients' images: train longer."
    span = ceiling.value - floor.metrics[HEADLINE_METRIC].value
    share = (crossed.value - floor.metrics[HEADLINE_METRIC].value) / span
    return f"{summary}: **{share:.0%}** of the way from the floor to the ceiling."


@st.fragment
def section(scored: ScoredCaptions) -> None:
    """One metric for every row, as a figure and a table; all of them as files."""
    name = st.selectbox(
        "Metric",
        [*CAPTION_METRICS],
        index=[*CAPTION_METRICS].index(HEADLINE_METRIC),
        format_func=lambda key: CAPTION_METRICS[key].title,
        key="captions_metric",
        **KEEP_IN_LINK,
    )
    info = CAPTION_METRICS[name]
    st.caption(f"{info.meaning} {info.reading.capitalize()}. {info.pitfall}")
    found = {
        row: tuple(
            one.readings[row].scores.metrics[name] if row in one.readings else None for one in scored.sets
        )
        for row in ROWS
        if any(row in one.readings for one in scored.sets)
    }
    chart = cached_figure(figures.caption_scores, found, scored.labels, info.title)
    alt = f"{info.title} of each row for A and B, with intervals"
    show_figure(chart, "captions_rows", f"captions {name}-{scored.sets[0].split}", alt=alt)
    st.dataframe(_lines(scored, found, name), hide_index=True, width="stretch")
    st.caption(
        "Similarity: mean cosine to the embedding of the true text, by the set's own checkpoint, so not "
        "independent of it. Intervals: 95 %, bootstrap over patients or cases; B − A is paired. They cover "
        f"which studies were drawn, not another seed of the decoder ({scored.config.seed} here)."
    )
    downloads(scored)


def _lines(
    scored: ScoredCaptions, found: dict[str, tuple[Estimate | None, ...]], name: str
) -> list[dict[str, Any]]:
    lines = []
    for row, estimates in found.items():
        line: dict[str, Any] = {"captions": row}
        for letter, one, estimate in zip("AB", scored.sets, estimates, strict=False):
            line[letter] = "" if estimate is None else estimate.describe()
            reading = one.readings.get(row)
            similar = reading.similarity if reading else None
            line[f"similarity {letter}"] = "" if similar is None else similar.describe()
        if scored.change is not None and row in scored.change.rows:
            line["B − A"] = _signed(scored.change.rows[row][name])
        lines.append({**line, "what it is": ROWS[row]})
    first = ["captions", "A", "B", "B − A", "similarity A", "similarity B", "what it is"]
    return [{key: line[key] for key in first if key in line} for line in lines]


def _signed(change: Estimate) -> str:
    if change.reason:
        return f"undefined: {change.reason}"
    value = f"{change.value:+.3f}"
    return value + (f" ({change.low:+.3f} to {change.high:+.3f})" if change.low == change.low else "")


@st.fragment
def findings(scored: ScoredCaptions) -> None:
    """Precision and recall of the findings that the captions state."""
    rows = [row for row in ROWS if all(row in one.readings for one in scored.sets)]
    row = st.selectbox(
        "Captions by",
        rows,
        index=rows.index(CROSSED) if CROSSED in rows else 0,
        key="captions_row",
        **KEEP_IN_LINK,
    )
    scores = [one.readings[row].scores.findings for one in scored.sets]
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
        "A finding counts where a text states it, not where it denies it. Findings are extracted by rules "
        "over a fixed vocabulary; words outside it are missed. The files above hold intervals of these "
        "numbers."
    )


def _true(scores: list[Any], name: str) -> int:
    return max(known[name].n_true for known in scores if name in known)


def downloads(scored: ScoredCaptions) -> None:
    """All scores as JSON and CSV, all captions as CSV."""
    first = scored.sets[0]
    name = f"captions {' against '.join(one.set for one in scored.sets)}-{first.split}"
    files = (
        (
            "Scores (JSON)",
            "json",
            "application/json",
            lambda: json.dumps(_json(scored)),
        ),
        ("Scores (CSV)", "csv", "text/csv", lambda: csv_text(numbers(scored))),
        ("Captions (CSV)", "texts.csv", "text/csv", lambda: csv_text(by_study(scored.sets))),
    )
    place = st.container(horizontal=True)
    for label, ending, kind, content in files:
        file = f"{name}{' texts' if 'texts' in ending else ''}.{ending.rpartition('.')[2]}"
        offer_download(place, label, content, file, kind, key=f"captions-{ending}")


def _json(scored: ScoredCaptions) -> dict[str, Any]:
    content: dict[str, Any] = {letter: one.to_json() for letter, one in zip("ab", scored.sets, strict=False)}
    if scored.change is not None:
        content["b_minus_a"] = scored.change.to_json()
    return content


def numbers(scored: ScoredCaptions) -> list[dict[str, Any]]:
    """One line per estimate: metrics, similarity, and precision, recall and F1 of every finding."""
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
        for one in scored.sets
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
