"""How often the right answer comes back: three protocols with intervals and chance, and the rank curve."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import streamlit as st

from suture.analysis import figures
from suture.analysis.catalogue import PROTOCOL_MEANING
from suture.analysis.evaluate import Evaluation, Metric, query_sample, right_answers
from suture.analysis.math.arrays import UnitRows
from suture.analysis.retrieval import PROTOCOLS, RankCurve, Ranks, rank_best, rank_curve
from suture.analysis.retrieval.protocols import RetrievalTask, retrieval_task
from suture.analysis.text_tables import csv_text, latex
from suture.data.collection import GROUP
from suture.pages.components.cards import cards, downloads
from suture.pages.components.cards.downloads import offer
from suture.pages.components.compare.paired_views import LINK
from suture.pages.components.jobs import measuring
from suture.pages.components.shell import views
from suture.pages.components.shell.shell import Choice

NAMES = {"recall_at_1": "R@1", "recall_at_5": "R@5", "recall_at_10": "R@10", "median_rank": "median rank"}
PLACES = {"recall_at_1": 1, "recall_at_5": 5, "recall_at_10": 10}
Row = dict[str, object]
Chance = dict[str, dict[str, float]]  # protocol -> metric -> value


@st.fragment
def section(choice: Choice) -> None:
    """Both directions under all protocols; downloads; the whole curve."""
    if not worth_it(choice, "Measure retrieval"):
        return
    evaluations = [measuring.evaluation(v) for v in choice.views]
    ways = {f"{x} → {y}": (x, y) for x, y in (choice.pair, choice.pair[::-1])}
    x, y = ways[st.selectbox("Direction", [*ways], key="direction", width=320, **LINK)]
    if not any(e.find("recall_at_1", direction=f"{x}->{y}") for e in evaluations):
        st.info(f"Fewer than two studies of this split have both {cards.plain(x)} and {cards.plain(y)}.")
        return
    guessed = chance(choice, x, y)
    table = [*cells(evaluations, f"{x}->{y}", guessed)]
    st.dataframe(table, hide_index=True, width="stretch")
    st.caption(
        "R@k: share of queries with a right answer among the first k; higher is better. Chance: the same in "
        "a random order of the gallery. Ties count by their expected hit. In brackets the 95 % bootstrap "
        f"interval over groups of queries, gallery fixed. {_protocols()} {evaluations[0].sampling}"
    )
    files(choice, evaluations, guessed, table, f"{x}->{y}")
    st.subheader("Recall at every k")
    curve = {label: _curve(*_of(v), x, y) for label, v in zip(choice.labels, choice.views, strict=True)}
    figure = downloads.drawn(figures.rank_curves, curve, f"{x} → {y}")
    alt = f"R@k against k, {x} to {y}, with intervals and chance"
    downloads.figure(figure, "rank_curves", f"recall {x} to {y}-{choice.a.split}", alt=alt)
    st.caption(
        "Multi-positive: every partner with the same text or duplicate group counts as right. The bands are "
        "intervals at each k by itself; for the difference of A and B read Compare, where it is paired."
    )


def worth_it(choice: Choice, label: str) -> bool:
    """Whether to rank all against all: at once where it takes seconds, on a click where it takes minutes."""
    n = len(choice.a.set)
    if n <= views.MANY:
        return True
    key = "asked-" + "-".join([label, *(part for v in choice.views for part in _of(v))])
    if not st.session_state.get(key):
        some = query_sample(n)
        who = f"All {n:,} studies" if some is None else f"{len(some):,} of the {n:,} studies"
        st.info(f"{who} are ranked against all, once; that takes minutes.", icon=":material/timer:")
        st.session_state[key] = st.button(label, key=f"{key}-go")
    return bool(st.session_state[key])


def _of(shown: views.View) -> tuple[str, str, str]:
    return shown.record.fingerprint, shown.name, shown.split


def _protocols() -> str:
    return " ".join(f"*{p.replace('_', '-')}*: {meaning}." for p, meaning in PROTOCOL_MEANING.items())


def cells(evaluations: list[Evaluation], direction: str, guessed: Chance) -> Iterator[Row]:
    """Rows for people: each protocol in A, in B and by chance."""
    for protocol in PROTOCOLS:
        where = {"direction": direction, "protocol": protocol}
        for letter, result in zip("AB", evaluations, strict=False):
            found = {name: result.find(name, **where) for name in NAMES}
            known = next((m for m in found.values() if m is not None), None)
            if known is not None:
                values = {title: _shown(found[name]) for name, title in NAMES.items()}
                sizes = {"queries": known.measured_on, "gallery": f"{known.n_gallery or 0:,}"}
                yield {"protocol": protocol.replace("_", "-"), "set": letter, **values, **sizes}
        by_chance = {title: _plain(name, guessed[protocol][name]) for name, title in NAMES.items()}
        yield {
            "protocol": protocol.replace("_", "-"),
            "set": "chance",
            **by_chance,
            "queries": "",
            "gallery": "",
        }


def _shown(metric: Metric | None) -> str:
    if metric is None or metric.value is None:
        return "undefined"
    value = _plain(metric.name, metric.value)
    if metric.low is None or metric.high is None:
        return value
    return f"{value} ({_plain(metric.name, metric.low)} to {_plain(metric.name, metric.high)})"


def _plain(name: str, value: float) -> str:
    return f"{value:,.1f}" if name == "median_rank" else f"{value:.1%}"


def chance(choice: Choice, x: str, y: str) -> Chance:
    """What a random order of the gallery would score, protocol by protocol."""
    return _chance(*_of(choice.a), x, y)


@st.cache_data(show_spinner=False, max_entries=32)
def _chance(fingerprint: str, name: str, split: str, x: str, y: str) -> Chance:
    part = views.view(name, split).set
    part = part.subset(np.isin(np.arange(len(part)), part.rows_with(x, y)))
    answers = right_answers(part, x, y)
    return {protocol: _guessed(retrieval_task(protocol, answers)) for protocol in PROTOCOLS}


def _guessed(one: RetrievalTask) -> dict[str, float]:
    """All items tied: then every number is its mean over random orders."""
    keys, counts = np.unique(one.gallery_keys, return_counts=True)
    right = counts[np.searchsorted(keys, one.query_keys)]
    tied = Ranks(np.zeros(len(right), int), np.full(len(right), len(one.offered)), right)
    hits = {name: float(tied.hit(k).mean()) for name, k in PLACES.items()}
    return {**hits, "median_rank": float(np.median(tied.expected_rank()))}


@st.cache_data(show_spinner="Ranking every query…", max_entries=16)
def _curve(fingerprint: str, name: str, split: str, x: str, y: str) -> RankCurve:
    part = views.view(name, split).set
    rows = part.rows_with(x, y)
    keys = right_answers(part, x, y).related[rows]
    some = query_sample(len(rows))
    some = np.arange(len(rows)) if some is None else some
    ranks = rank_best(
        UnitRows(part.vectors[x], rows=rows[some]), UnitRows(part.vectors[y], rows=rows), keys[some], keys
    )
    groups = part.rows[GROUP].to_numpy(str)[rows[some]]
    return rank_curve(ranks, groups, len(rows), right=np.bincount(keys)[keys[some]])


def numbers(evaluations: list[Evaluation], direction: str, guessed: Chance) -> Iterator[Row]:
    """Rows for machines: one number each, with interval, sizes and chance."""
    for result in evaluations:
        for m in result.metrics:
            if m.direction == direction and m.protocol in guessed:
                yield {
                    "set": result.set,
                    "split": result.split,
                    "direction": m.direction,
                    "protocol": m.protocol,
                    "metric": m.name,
                    "value": m.value,
                    "low": m.low,
                    "high": m.high,
                    "chance": guessed[m.protocol].get(m.name),
                    "n": m.n,
                    "sampled": m.measured_on if m.sampled else "",
                    "n_groups": m.n_groups,
                    "n_gallery": m.n_gallery,
                    "convention": m.convention,
                }


def files(
    choice: Choice, evaluations: list[Evaluation], guessed: Chance, table: list[Row], direction: str
) -> None:
    """Every number of this direction as CSV and JSON, the table above as LaTeX."""
    rows = [*numbers(evaluations, direction, guessed)]
    name = f"retrieval {direction.replace('->', ' to ')} {' and '.join(v.name for v in choice.views)}"
    kinds = (
        ("CSV", "csv", "text/csv", csv_text(rows)),
        ("JSON", "json", "application/json", json.dumps(rows, indent=1)),
        ("LaTeX", "tex", "text/x-tex", latex(table)),
    )
    place = st.container(horizontal=True)
    for label, ending, kind, content in kinds:
        file, key = f"{name}-{choice.a.split}.{ending}", f"retrieval-{ending}"
        offer(place, label, content, file, kind, key=key)
