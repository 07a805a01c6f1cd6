"""How the comparison was computed: studies, intervals, provenance."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.pages.components.cards import cards
from suture.pages.components.compare.paired_views import PairedViews


def notes(paired: PairedViews) -> None:
    """Which studies were compared, what the intervals cover, and where the sets come from."""
    evaluation = paired.compared.evaluations[0]
    n, n_groups = len(paired.ids), len(np.unique(paired.compared.groups))
    x, y = map(cards.escape, paired.pair)
    studies = paired.compared.sampling or (
        f"{n:,} of {len(paired.a.ids):,} studies of the split {cards.escape(paired.a.split)} have {x} and "
        f"{y}, in {n_groups:,} groups (patients or cases)."
    )
    st.markdown(
        f"- {studies}\n"
        f"- Intervals: {cards.escape(evaluation.interval)}, {evaluation.resamples:,} resamples, seed "
        f"{evaluation.seed}. A and B share the resamples, so variation common to both cancels out of the "
        "difference.\n"
        "- The intervals cover which studies were drawn. They do not cover another training seed, another "
        "split or another hospital."
    )
    _provenance(paired)


@st.fragment
def _provenance(paired: PairedViews) -> None:
    with st.expander("Provenance", key="compare_provenance", on_change="rerun") as opened:
        for shown in paired.views if opened.open else ():
            st.json(
                {"set": shown.name, "fingerprint": shown.record.fingerprint, **shown.set.provenance.to_json()}
            )
