"""How similar the embedding spaces of A and B are."""

from __future__ import annotations

import streamlit as st

from suture.analysis.catalogue import CATALOGUE
from suture.pages.components.compare.paired_views import PairedViews


def table(paired: PairedViews) -> None:
    """CKA, shared neighbours and Procrustes disparity, modality by modality."""
    by_modality = paired.compared.agreement
    rows = []
    for name in vars(next(iter(by_modality.values()))):
        info = CATALOGUE.get(name)
        estimates = {modality: getattr(agreement, name) for modality, agreement in by_modality.items()}
        notes = dict.fromkeys(estimate.note.removeprefix("; ") for estimate in estimates.values())
        rows.append(
            {
                "A against B": info.title if info else name,
                **{modality: estimate.describe() for modality, estimate in estimates.items()},
                "reading": info.reading if info else "",
                "note": "; ".join(filter(None, notes)),
            }
        )
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        "Each modality of A against the same modality of B. High CKA and many shared neighbours with a low "
        "Procrustes disparity mean that B is A shifted or rotated as a whole, not another encoder."
    )
