"""Retrieval scores: three protocols with intervals and chance, and recall at every k."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import streamlit as st

from suture.analysis import figures
from suture.analysis.catalogue import PROTOCOL_MEANING
from suture.analysis.evaluate import Evaluation, Metric, query_sample, right_answers
from suture.analysis.evaluate.retrieval import pair_rank_curve
from suture.analysis.retrieval import PROTOCOLS, RankCurve, Ranks
from suture.analysis.retrieval.protocols import RetrievalTask, retrieval_task
from suture.analysis.text_tables import csv_text, latex
from suture.pages.components.cards import cards, downloads
from suture.pages.components.cards.downloads import offer_download
from suture.pages.components.jobs import measuring
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.widget_state import KEEP_IN_LINK

NAMES = {"recall_at_1": "R@1", "recall_at_5": "R@5", "recall_at_10": "R@10", "median_rank": "median rank"}
PLACES = {"recall_at_1": 1, "recall_at_5": 5, "recall_at_10": 10}
Row = dict[str, object]
Chance = dict[str, dict[str, float]]  # protocol -> metric -> value


@st.fragment
def section(choice: Choice) -> None:
    """Both directions under all protocols; downloads; the whole curve."""
    if not ranking_allowed(choice, "Compute retrieval scores"):
        return
    evaluations = [measuring.evaluation(v) for v in choice.views]
    ways = {f"{x} → {y}": (x, y) for x, y in (choice.pair, choice.pair[::-1])}
    x, y = ways[st.selectbox("Direction", [*ways], key="direction", width=320, **KEEP_IN_LINK)]
    if not any(e.find("recall_at_1", direction=f"{x}->{y}") for e in evaluations):
        st.info(f"Fewer than two studies of this split have both {cards.escape(x)} and {cards.escape(y)}.")
        return
    by_chance = chance(choice, x, y)
    table = [*cells(evaluations, f"{x}->{y}", by_chance)]
    st.dataframe(table, hide_index=True, width="stretch")
    st.caption(
        "R@k: share of queries with a right answer among the first k; higher is better. Chance: the same in "
        "a random order of the gallery. Ties count by their expected hit. In brackets: 95 % bootstrap "
        f"intervals over groups of queries, gallery fixed. {_protocols()} {evaluations[0].sampling}"
    )
    files(choice, evaluations, by_chance, table, f"{x}->{y}")
    st.subheader("Recall at every k")
    curve = {
        label: _curve(*_cache_key(v), x, y) for label, v in zip(choice.labels, choice.views, strict=True)
    }
    figure = downloads.cached_figure(figures.rank_curves, curve, f"{x} → {y}")
    alt = f"R@k against k, {x} to {y}, with intervals and chance"
    downloads.show_figure(figure, "rank_curves", f"recall {x} to {y}-{choice.a.split}", alt=alt)
    st.caption(
        "Multi-positive: every partner with the same text or duplicate group counts as right. The bands are "
        "pointwise intervals; for the paired difference of A and B see Compare."
    )


def ranking_allowed(choice: Choice, label: str) -> bool:
    """Whether to rank all against all: at once where it takes seconds, on a click where it takes minutes."""
    n = len(choice.a.set)
    if n <= views.SLOW_ABOVE:
        return True
    key = "asked-" + "-".join([label, *(part for v in choice.views for part in _cache_key(v))])
    if not st.session_state.get(key):
        sample = query_sample(n)
        queries = f"All {n:,} studies" if sample is None else f"{len(sample):,} of the {n:,} studies"
        st.info(f"{queries} are ranked against all, once; that takes minutes.", icon=":material/timer:")
        st.session_state[key] = st.button(label, key=f"{key}-go")
    return bool(st.session_state[key])


def _cache_key(shown: views.View) -> tuple[str, str, str]:
    return shown.record.fingerprint, shown.name, shown.split


def _protocols() -> str:
    return " ".join(f"*{p.replace('_', '-')}*: {meaning}." for p, meaning in PROTOCOL_MEANING.items())


def cells(evaluations: list[Evaluation], direction: str, by_chance: Chance) -> Iterator[Row]:
    """Rows for people: each protocol in A, in B and by chance."""
    for protocol in PROTOCOLS:
        where = {"direction": direction, "protocol": protocol}
        for letter, result in zip("AB", evaluations, strict=False):
            metrics = {name: result.find(name, **where) for name in NAMES}
            first = next((m for m in metrics.values() if m is not None), None)
            if first is not None:
                values = {title: _with_interval(metrics[name]) for name, title in NAMES.items()}
                sizes = {"queries": first.measured_on, "gallery": f"{first.n_gallery or 0:,}"}
                yield {"protocol": protocol.replace("_", "-"), "set": letter, **values, **sizes}
        guesses = {title: _number(name, by_chance[protocol][name]) for name, title in NAMES.items()}
        yield {
            "protocol": protocol.replace("_", "-"),
            "set": "chance",
            **guesses,
            "queries": "",
            "gallery": "",
        }


def _with_interval(metric: Metric | None) -> str:
    if metric is None or metric.value is None:
        return "undefined"
    value = _number(metric.name, metric.value)
    if metric.low is None or metric.high is None:
        return value
    return f"{value} ({_number(metric.name, metric.low)} to {_number(metric.name, metric.high)})"


def _number(name: str, value: float) -> str:
    return f"{value:,.1f}" if name == "median_rank" else f"{value:.1%}"


def chance(choice: Choice, x: str, y: str) -> Chance:
    """The scores of a random order of the gallery, by protocol."""
    return _chance(*_cache_key(choice.a), x, y)


@st.cache_data(show_spinner=False, max_entries=32)
def _chance(fingerprint: str, name: str, split: str, x: str, y: str) -> Chance:
    part = views.view(name, split).set
    part = part.subset(np.isin(np.arange(len(part)), part.rows_with(x, y)))
    answers = right_answers(part, x, y)
    return {protocol: _scores_by_chance(retrieval_task(protocol, answers)) for protocol in PROTOCOLS}


def _scores_by_chance(one: RetrievalTask) -> dict[str, float]:
    """All items tied: then every number is its mean over random orders."""
    keys, counts = np.unique(one.gallery_keys, return_counts=True)
    right = counts[np.searchsorted(keys, one.query_keys)]
    tied = Ranks(np.zeros(len(right), int), np.full(len(right), len(one.gallery_rows)), right)
    hits = {name: float(tied.hit(k).mean()) for name, k in PLACES.items()}
    return {**hits, "median_rank": float(np.median(tied.expected_rank()))}


@st.cache_data(show_spinner="Ranking every query…", max_entries=16)
def _curve(fingerprint: str, name: str, split: str, x: str, y: str) -> RankCurve:
    return pair_rank_curve(views.view(name, split).set, x, y)


def numbers(evaluations: list[Evaluation], direction: str, by_chance: Chance) -> Iterator[Row]:
    """Rows for machines: one number each, with interval, sizes and chance."""
    for result in evaluations:
        for m in result.metrics:
            if m.direction == direction and m.protocol in by_chance:
                yield {
                    "set": result.set,
                    "split": result.split,
                    "direction": m.direction,
                    "protocol": m.protocol,
                    "metric": m.name,
                    "value": m.value,
                    "low": m.low,
                    "high": m.high,
                    "chance": by_chance[m.protocol].get(m.name),
                    "n": m.n,
                    "sampled": m.measured_on if m.sampled else "",
                    "n_groups": m.n_groups,
                    "n_gallery": m.n_gallery,
                    "convention": m.convention,
                }


def files(
    choice: Choice, evaluations: list[Evaluation], by_chance: Chance, table: list[Row], direction: str
) -> None:
    """Every number of this direction as CSV and JSON, the table above as LaTeX."""
    rows = [*numbers(evaluations, direction, by_chance)]
    name = f"retrieval {direction.replace('->', ' to ')} {' and '.join(v.name for v in choice.views)}"
    kinds = (
        ("CSV", "csv", "text/csv", csv_text(rows)),
        ("JSON", "json", "application/json", json.dumps(rows, indent=1)),
        ("LaTeX", "tex", "text/x-tex", latex(table)),
    )
    place = st.container(horizontal=True)
    for label, ending, kind, content in kinds:
        file, key = f"{name}-{choice.a.split}.{ending}", f"retrieval-{ending}"
        offer_download(place, label, content, file, kind, key=key)
