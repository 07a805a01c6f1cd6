"""The selected studies against all others of the split: do they fare otherwise, and what are they?"""

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
from suture.pages.components.cards.downloads import offer
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
MIND = (
    "Mind how the studies were selected: whatever was chosen by a number (the worst pairs, the nearest "
    "to an example, a corner of the map) differs in that number by construction."
)


@dataclass(frozen=True)
class Rest:
    """Title of a number -> "A", "B", "B − A" -> contrast; and the labels."""

    measures: dict[str, dict[str, SubgroupDifference]]
    labels: tuple[LabelEnrichment, ...]


@st.fragment
def against_rest(choice: Choice) -> None:
    """What sets the selected studies apart, in numbers and in labels; measured when asked for."""
    rows = state.current(choice)
    st.markdown("##### This selection against the rest")
    n = len(choice.a.set)
    if not 0 < len(rows) < n:
        st.caption(
            "Select some of the studies of this split, not all: then they can be compared with the rest."
        )
        return
    if n > MAX_EXACT_QUERIES:
        st.caption(
            f"A selection can be compared with the rest of up to {MAX_EXACT_QUERIES:,} studies, since each "
            f"is ranked against all; this split has {n:,}. Choose a smaller one in the sidebar."
        )
        return
    if not st.toggle("Compare with the rest", key="selection_rest", **KEEP_IN_LINK):
        st.caption(f"{len(rows):,} studies against the other {n - len(rows):,} of this split.")
        return
    both = _both(choice)
    inside = int(np.isin(both, rows).sum())
    if min(inside, len(both) - inside) < 2:
        x, y = map(cards.escape, choice.pair)
        st.info(f"Too few studies have both {x} and {y}: at least two of the selected and two others must.")
    elif ranking_allowed(choice, "Compare with the rest"):
        _show(choice, _found(choice, rows), len(rows))


def _show(choice: Choice, found: Rest, selected: int) -> None:
    for title, sets in found.measures.items():
        st.markdown(f"- {_sentence(title, sets)}")
    drawn = subgroup_differences(found.measures)
    alt = "Selected less rest for each number, with intervals; the table below says the same."
    downloads.show_figure(drawn, "selection_rest_figure", "selection against the rest", alt=alt)
    rows = [
        _row(title, letter, one) for title, sets in found.measures.items() for letter, one in sets.items()
    ]
    st.dataframe(rows, hide_index=True, width="stretch")
    x, y = map(cards.escape, choice.pair)
    st.caption(
        f"Selected less rest, means over studies that have {x} and {y}, 95 % intervals over groups (patients "
        f"or cases); {x} finds {y}, and repeated texts count as right. B − A: whether B changed the selected "
        f"studies more than the rest. A side of fewer than five groups gets no verdict. {MIND}"
    )
    _labels(found.labels)
    _take_away(found, rows)


def _sentence(title: str, sets: dict[str, SubgroupDifference]) -> str:
    """Cosine of true pairs: in A 0.41 against 0.52 of the rest, worse; in B ..."""
    parts = [
        f":{word}-badge[{letter}] {_number(title, sets[letter].inside)} against "
        f"{_number(title, sets[letter].outside)}, **{sets[letter].verdict}**"
        for letter, word in zip("AB", cards.COLOUR_NAMES, strict=True)
        if letter in sets
    ]
    return f"{title}: {'; '.join(parts)}"


def _labels(found: tuple[LabelEnrichment, ...]) -> None:
    st.markdown("**Labels of the selected studies**")
    if not found:
        st.caption("No label is held by five groups or more, so nothing can be said of labels.")
        return
    named = sum(one.verdict in ("more often", "less often") for one in found)
    st.dataframe([_label(one) for one in found], hide_index=True, width="stretch", height=290)
    st.caption(
        f"{named:,} of {len(found):,} labels are named, so that at most 5 % of those named are so by chance "
        "(Benjamini-Hochberg). p: whole patients or cases trade places at random, because studies of one "
        "patient resemble each other. Odds ratio above 1: more often among the selected. Numbers are cut "
        "into quarters; labels of fewer than five groups are left out."
    )


def _take_away(found: Rest, rows: list[dict[str, object]]) -> None:
    measures = [
        {"number": title, "set": letter, **asdict(one)}
        for title, sets in found.measures.items()
        for letter, one in sets.items()
    ]
    labels = [asdict(one) for one in found.labels]
    record = json.dumps({"numbers": measures, "labels": labels}, indent=1)
    files = (
        ("Numbers (CSV)", csv_text(measures), "selection-numbers.csv", "text/csv"),
        ("Labels (CSV)", csv_text(labels), "selection-labels.csv", "text/csv"),
        ("Both (JSON)", record, "selection-rest.json", "application/json"),
    )
    row = st.container(horizontal=True)
    for label, content, name, kind in files:
        offer(row, label, content, name, kind, key=name)


def _row(title: str, letter: str, one: SubgroupDifference) -> dict[str, object]:
    """A contrast as people read it."""
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


def _found(choice: Choice, rows: np.ndarray) -> Rest:
    """Kept by the fingerprints of A and B, the pair, and which studies are selected."""
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
) -> Rest:
    shown = _choice.a
    mask, groups = np.zeros(len(shown.set), bool), shown.set.rows[GROUP].to_numpy(str)
    mask[_rows] = True
    both = _both(_choice)
    numbers = _numbers(_choice, both, mask[both], groups[both])
    labels = subgroup.enrichment(dict(_columns(shown)), mask, groups)
    return Rest(numbers, labels)


def _both(choice: Choice) -> np.ndarray:
    """Rows of the studies that have both modalities in every set."""
    a, b = (view.set.rows_with(*choice.pair) for view in (choice.a, choice.b or choice.a))
    return np.intersect1d(a, b)


def _numbers(
    choice: Choice, both: np.ndarray, mask: np.ndarray, groups: np.ndarray
) -> dict[str, dict[str, SubgroupDifference]]:
    """Every number of A, of B, and of the change, under one draw of groups. ValueError for too few."""
    drawn = subgroup.subgroup_bootstraps(mask, groups)
    found: dict[str, dict[str, SubgroupDifference]] = {title: {} for title in TITLES.values()}
    of_sets = [dict(_per_study(shown, choice.pair, both)) for shown in choice.views]
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
            found[TITLES[name]][letter] = one
    for letter, shown in zip("AB", choice.views, strict=False):
        x, y = (np.asarray(shown.set.vectors[m])[both] for m in choice.pair)
        margin = CATALOGUE[GAP].margin
        found[TITLES[GAP]][letter] = subgroup.compare_gaps(x, y, mask, groups, margin=margin, drawn=drawn)
    return found


def _per_study(shown: View, pair: tuple[str, str], both: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Name of a number -> its value for each study that has both modalities."""
    yield COSINE, views.pair_cosines(shown, pair)[both]
    which = blake2b(both.tobytes(), digest_size=12).hexdigest()
    ranks = _ranks(shown.record.fingerprint, shown.name, shown.split, pair, which, both)
    yield RANK, ranks.expected_rank()
    yield HIT, ranks.hit(K)


@st.cache_resource(show_spinner="Ranking the right answers…", max_entries=8)
def _ranks(
    fingerprint: str, name: str, split: str, pair: tuple[str, str], which: str, _both: np.ndarray
) -> Ranks:
    """Every item with the same text or duplicate group is a right answer, as on the Compare page."""
    part, rows = views.view(name, split).set, _both
    keys = right_answers(part, *pair).related[rows]
    x, y = (np.asarray(part.vectors[m])[rows] for m in pair)
    return rank_best(x, y, keys, keys)


def _columns(shown: View) -> Iterator[tuple[str, list[str]]]:
    """Labels, numbers of many values cut into quarters; the split where there are several."""
    rows: pd.DataFrame = shown.set.rows
    for column in (SPLIT, *shown.set.labels):
        cells = rows[column].fillna("").astype(str).tolist()
        if len(set(cells)) < 2:  # all studies have it: nothing to tell apart
            continue
        try:
            yield column, by_value(cells).tolist()
        except ValueError:
            yield column, cells  # many values that are words
