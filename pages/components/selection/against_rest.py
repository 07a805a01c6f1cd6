"""The selected studies against all others of the split: differences in metrics and in labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b

import numpy as np
import pandas as pd
import streamlit as st

from suture.analysis import subgroup
from suture.analysis.catalogue import CATALOGUE
from suture.analysis.compare import by_value
from suture.analysis.evaluate import MAX_EXACT_QUERIES, right_answers
from suture.analysis.figures.subgroup import subgroup_differences
from suture.analysis.retrieval import Ranks, rank_best
from suture.analysis.subgroup import LabelEnrichment, SubgroupDifference
from suture.analysis.text_tables import csv_text
from suture.data.collection import GROUP, SPLIT
from suture.pages.components.cards import cards, downloads
from suture.pages.components.cards.downloads import offer_download
from suture.pages.components.retrieval.scores import ranking_allowed
from suture.pages.components.selection import state
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View
from suture.pages.components.shell.widget_state import KEEP_IN_LINK

K = 10
COSINE, RANK, HIT, GAP = "cos_true_pairs", "mean_rank", f"recall_at_{K}", "centroid_gap_debiased"
TITLES = {
    COSINE: "Cosine of true pairs",
    RANK: "Rank of the first right answer",
    HIT: f"Found among the first {K}",
    GAP: "Centroid gap, debiased",
}
SELECTION_BIAS = (
    "Consider how the studies were selected: studies chosen by a number (the worst pairs, the nearest to an "
    "example, a corner of the map) differ in that number by construction."
)


@dataclass(frozen=True)
class Differences:
    """By metric title and by "A", "B" or "B − A": selected less rest; and the enrichment of labels."""

    metrics: dict[str, dict[str, SubgroupDifference]]
    labels: tuple[LabelEnrichment, ...]


@st.fragment
def against_rest(choice: Choice) -> None:
    """How the selected studies differ, in metrics and in labels; computed on request."""
    rows = state.current(choice)
    st.markdown("##### Selection against the rest")
    n = len(choice.a.set)
    if not 0 < len(rows) < n:
        st.caption("Select some of the studies of this split, not all, to compare them with the rest.")
        return
    if n > MAX_EXACT_QUERIES:
        st.caption(
            f"This works for up to {MAX_EXACT_QUERIES:,} studies, because each is ranked against all; this "
            f"split has {n:,}. Choose a smaller one in the sidebar."
        )
        return
    if not st.toggle("Compare with the rest", key="selection_rest", **KEEP_IN_LINK):
        st.caption(f"{len(rows):,} studies against the other {n - len(rows):,} of this split.")
        return
    complete = _complete_rows(choice)
    inside = int(np.isin(complete, rows).sum())
    if min(inside, len(complete) - inside) < 2:
        x, y = map(cards.escape, choice.pair)
        st.info(f"Too few studies have both {x} and {y}: at least two selected and two others are needed.")
    elif ranking_allowed(choice, "Compare with the rest"):
        _show(choice, _differences(choice, rows))


def _show(choice: Choice, differences: Differences) -> None:
    for title, sets in differences.metrics.items():
        st.markdown(f"- {_sentence(title, sets)}")
    figure = subgroup_differences(differences.metrics)
    alt = "Selected less rest for each metric, with intervals; the table below holds the same numbers."
    downloads.show_figure(figure, "selection_rest_figure", "selection against the rest", alt=alt)
    rows = [
        _row(title, letter, one)
        for title, sets in differences.metrics.items()
        for letter, one in sets.items()
    ]
    st.dataframe(rows, hide_index=True, width="stretch")
    x, y = map(cards.escape, choice.pair)
    st.caption(
        f"Selected less rest, means over studies that have {x} and {y}, 95 % intervals over groups (patients "
        f"or cases); {x} finds {y}, and repeated texts count as right. B − A: whether B changed the selected "
        "studies more than the rest. No verdict where either part has fewer than five groups. "
        f"{SELECTION_BIAS}"
    )
    _show_labels(differences.labels)
    _downloads(differences, rows)


def _sentence(title: str, sets: dict[str, SubgroupDifference]) -> str:
    """Cosine of true pairs: in A 0.41 against 0.52 of the rest, worse; in B ..."""
    parts = [
        f":{word}-badge[{letter}] {_number(title, sets[letter].inside)} against "
        f"{_number(title, sets[letter].outside)}, **{sets[letter].verdict}**"
        for letter, word in zip("AB", cards.COLOUR_NAMES, strict=True)
        if letter in sets
    ]
    return f"{title}: {'; '.join(parts)}"


def _show_labels(enrichments: tuple[LabelEnrichment, ...]) -> None:
    st.markdown("**Labels of the selected studies**")
    if not enrichments:
        st.caption("No label is held by five groups or more, so labels cannot be compared.")
        return
    n_named = sum(one.verdict in ("more often", "less often") for one in enrichments)
    st.dataframe([_label(one) for one in enrichments], hide_index=True, width="stretch", height=290)
    st.caption(
        f"{n_named:,} of {len(enrichments):,} labels are marked as more or less often, at a false discovery "
        "rate of 5 % (Benjamini-Hochberg). p: permutation of whole patients or cases, because studies of one "
        "patient are alike. Odds ratio above 1: more often among the selected. Numbers are binned into "
        "quartiles; labels of fewer than five groups are left out."
    )


def _downloads(differences: Differences, rows: list[dict[str, object]]) -> None:
    metrics = [
        {"number": title, "set": letter, **asdict(one)}
        for title, sets in differences.metrics.items()
        for letter, one in sets.items()
    ]
    labels = [asdict(one) for one in differences.labels]
    record = json.dumps({"numbers": metrics, "labels": labels}, indent=1)
    files = (
        ("Numbers (CSV)", csv_text(metrics), "selection-numbers.csv", "text/csv"),
        ("Labels (CSV)", csv_text(labels), "selection-labels.csv", "text/csv"),
        ("Both (JSON)", record, "selection-rest.json", "application/json"),
    )
    row = st.container(horizontal=True)
    for label, content, name, kind in files:
        offer_download(row, label, content, name, kind, key=name)


def _row(title: str, letter: str, one: SubgroupDifference) -> dict[str, object]:
    """A difference in words."""
    change = _number(title, one.difference, "+")
    if one.low is not None and one.high is not None:
        change += f" ({_number(title, one.low, '+')} to {_number(title, one.high, '+')})"
    return {
        "number": title,
        "set": letter,
        "selected": _number(title, one.inside),
        "rest": _number(title, one.outside),
        "selected − rest": change,
        "verdict": one.verdict,
        "studies": f"{one.n_inside:,} / {one.n_outside:,}",
        "groups": f"{one.groups_inside:,} / {one.groups_outside:,}",
    }


def _number(title: str, value: float, sign: str = "") -> str:
    form = {TITLES[HIT]: ".1%", TITLES[RANK]: ".1f"}.get(title, ".3f")
    return f"{value:{sign}{form}}"


def _label(one: LabelEnrichment) -> dict[str, object]:
    return {
        "label": one.column,
        "value": one.value,
        "selected": f"{one.inside:.1%} ({one.count_inside:,})",
        "rest": f"{one.outside:.1%} ({one.count_outside:,})",
        "odds ratio": round(one.odds_ratio, 2),
        "p": one.p,
        "verdict": one.verdict,
    }


def _differences(choice: Choice, rows: np.ndarray) -> Differences:
    """Cached by the fingerprints of A and B, the pair, and the selected studies."""
    digest = hashlib.sha256(np.asarray(rows, np.int64).tobytes()).hexdigest()
    prints = tuple((shown.record.fingerprint, shown.name) for shown in choice.views)
    return _measured(prints, choice.a.split, choice.pair, digest, _choice=choice, _rows=rows)


@st.cache_data(show_spinner="Comparing with the rest…", max_entries=32)
def _measured(
    prints: tuple[tuple[str, str], ...],
    split: str,
    pair: tuple[str, str],
    digest: str,
    *,
    _choice: Choice,
    _rows: np.ndarray,
) -> Differences:
    shown = _choice.a
    mask, groups = np.zeros(len(shown.set), bool), shown.set.rows[GROUP].to_numpy(str)
    mask[_rows] = True
    complete = _complete_rows(_choice)
    numbers = _metrics(_choice, complete, mask[complete], groups[complete])
    labels = subgroup.enrichment(dict(_columns(shown)), mask, groups)
    return Differences(numbers, labels)


def _complete_rows(choice: Choice) -> np.ndarray:
    """Rows of the studies that have both modalities in every set."""
    a, b = (view.set.rows_with(*choice.pair) for view in (choice.a, choice.b or choice.a))
    return np.intersect1d(a, b)


def _metrics(
    choice: Choice, complete: np.ndarray, mask: np.ndarray, groups: np.ndarray
) -> dict[str, dict[str, SubgroupDifference]]:
    """All metrics of A, of B, and of the change, under one bootstrap of groups. ValueError for too few."""
    drawn = subgroup.subgroup_bootstraps(mask, groups)
    metrics: dict[str, dict[str, SubgroupDifference]] = {title: {} for title in TITLES.values()}
    of_sets = [dict(_per_study(shown, choice.pair, complete)) for shown in choice.views]
    if len(of_sets) == 2:
        of_sets.append({name: of_sets[1][name] - of_sets[0][name] for name in of_sets[0]})
    for letter, values in zip(("A", "B", "B − A"), of_sets, strict=False):
        for name, of_study in values.items():
            info = CATALOGUE[name]
            margin = info.margin_floor if info.relative else info.margin
            if info.relative and letter != "B − A":
                margin = max(margin, info.margin * float(of_study[~mask].mean()))
            one = subgroup.compare_with_rest(
                of_study, mask, groups, margin=margin, better=info.better, drawn=drawn
            )
            metrics[TITLES[name]][letter] = one
    for letter, shown in zip("AB", choice.views, strict=False):
        x, y = (np.asarray(shown.set.vectors[m])[complete] for m in choice.pair)
        margin = CATALOGUE[GAP].margin
        metrics[TITLES[GAP]][letter] = subgroup.compare_gaps(x, y, mask, groups, margin=margin, drawn=drawn)
    return metrics


def _per_study(shown: View, pair: tuple[str, str], complete: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """(name of a metric, its value for each study that has both modalities)."""
    yield COSINE, views.pair_cosines(shown, pair)[complete]
    which = blake2b(complete.tobytes(), digest_size=12).hexdigest()
    ranks = _ranks(shown.record.fingerprint, shown.name, shown.split, pair, which, complete)
    yield RANK, ranks.expected_rank()
    yield HIT, ranks.hit(K)


@st.cache_resource(show_spinner="Ranking the right answers…", max_entries=8)
def _ranks(
    fingerprint: str, name: str, split: str, pair: tuple[str, str], which: str, _complete: np.ndarray
) -> Ranks:
    """Every item with the same text or duplicate group is a right answer, as on the Compare page."""
    part, rows = views.view(name, split).set, _complete
    keys = right_answers(part, *pair).related[rows]
    x, y = (np.asarray(part.vectors[m])[rows] for m in pair)
    return rank_best(x, y, keys, keys)


def _columns(shown: View) -> Iterator[tuple[str, list[str]]]:
    """Labels, numbers with many values binned into quartiles; the split where there are several."""
    rows: pd.DataFrame = shown.set.rows
    for column in (SPLIT, *shown.set.labels):
        cells = rows[column].fillna("").astype(str).tolist()
        if len(set(cells)) < 2:  # the same for all studies
            continue
        try:
            yield column, by_value(cells).tolist()
        except ValueError:
            yield column, cells  # many values that are words
