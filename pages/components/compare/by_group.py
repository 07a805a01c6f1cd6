"""For whom it changed, how alike the two spaces are, and what the numbers rest on."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis import figures
from suture.analysis.catalogue import CATALOGUE
from suture.analysis.compare import Slice
from suture.pages.components.cards import cards, downloads
from suture.pages.components.compare.paired_views import LINK, Both

MEASURES = {"Cosine of true pairs": "slices", "Found among the first 10": "hits"}


@st.fragment
def slices(both: Both) -> None:
    """The paired difference by label, length of text, or any other column."""
    left, right = st.columns(2)
    columns = [*both.compared.slices]
    if not columns:
        st.info(
            "These studies carry no column to slice by: one of at most twelve values, of numbers, or a text "
            "whose length is known."
        )
        return
    column = left.selectbox("By", columns, key="slices_by", **LINK)
    measure = right.segmented_control(
        "What", [*MEASURES], default=next(iter(MEASURES)), required=True, key="slices_of", **LINK
    )
    measure = measure or next(iter(MEASURES))
    found = getattr(both.compared, MEASURES[measure])[column]
    figure = downloads.drawn(figures.slice_differences, found, f"B − A, {measure.lower()}, 95 % interval")
    alt = f"Paired differences by {column}, with intervals"
    downloads.figure(figure, "slices_figure", f"{measure} by {column}-{both.a.split}", alt=alt)
    percent = MEASURES[measure] == "hits"
    st.dataframe([slice_row(one, percent) for one in found], hide_index=True, width="stretch")
    st.caption(
        "Paired differences with intervals over groups; p after Holm over the values of this column. "
        "A slice of fewer than five groups gets no verdict."
    )


def slice_row(one: Slice, percent: bool) -> dict[str, object]:
    """A slice as people read it."""
    form = ".1%" if percent else ".3f"
    change = f"{one.difference:+{form}}"
    if one.low is not None and one.high is not None:
        change += f" ({one.low:+{form}} to {one.high:+{form}})"
    return {
        "studies with": one.name,
        "A": f"{one.a:{form}}",
        "B": f"{one.b:{form}}",
        "B − A": change,
        "p": one.p_holm,
        "verdict": one.verdict,
        "studies": one.n,
        "groups": one.n_groups,
    }


def agreement(both: Both) -> None:
    """Whether A and B order the studies alike, modality by modality."""
    known = both.compared.agreement
    rows = []
    for name in vars(next(iter(known.values()))):
        info = CATALOGUE.get(name)
        values = {modality: getattr(found, name).describe() for modality, found in known.items()}
        said = dict.fromkeys(getattr(found, name).note.removeprefix("; ") for found in known.values())
        words = {"reading": info.reading if info else "", "note": "; ".join(filter(None, said))}
        rows.append({"A against B": info.title if info else name, **values, **words})
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        "Each modality of A against the same modality of B. High CKA and shared neighbours with a low "
        "Procrustes disparity mean that B is A moved as a whole: a shift, not another encoder."
    )


def notes(both: Both) -> None:
    """What the numbers rest on."""
    first = both.compared.evaluations[0]
    n, groups = len(both.ids), len(np.unique(both.compared.groups))
    x, y = map(cards.plain, both.pair)
    who = both.compared.sampling or (
        f"{n:,} of {len(both.a.ids):,} studies of the split {cards.plain(both.a.split)} have {x} and {y}, in "
        f"{groups:,} groups (patients or cases)."
    )
    st.markdown(
        f"- {who}\n"
        f"- Intervals: {cards.plain(first.interval)}, {first.resamples:,} resamples, seed {first.seed}. A "
        "and B see the same resamples, so what the studies share cancels from the difference.\n"
        "- In the interval: which studies were drawn. Not in it: another training seed, another split, "
        "another hospital."
    )
    _provenance(both)


@st.fragment
def _provenance(both: Both) -> None:
    with st.expander("Where these come from", key="compare_provenance", on_change="rerun") as opened:
        for shown in both.views if opened.open else ():
            st.json(
                {"set": shown.name, "fingerprint": shown.record.fingerprint, **shown.set.provenance.to_json()}
            )
