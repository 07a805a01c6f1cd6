"""All cosines of a set, within and across modalities, as one heat map."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis import figures, gap
from suture.pages.components.cards import cards, downloads
from suture.pages.components.gap import group_columns
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.widget_state import KEEP_IN_LINK

AS_STORED = "as stored"


@st.fragment
def blocks(choice: Choice) -> None:
    """Drawn on request: it is the largest figure of the page."""
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    draw = left.toggle("Draw the heat map", key="gap_table", **KEEP_IN_LINK)
    sort = right.selectbox(
        "Studies sorted by", [AS_STORED, *group_columns.columns(choice)], key="gap_sort", **KEEP_IN_LINK
    )
    if not draw:
        st.caption("Every study against every other: image with image, image with text, text with text.")
        return
    _, rows = group_columns.complete_pairs(choice)
    if len(rows) < 2:
        st.info("Fewer than two studies have both modalities.")
        return
    values = np.full(len(rows), "") if sort == AS_STORED else group_columns.values(choice.a, sort, rows)
    order = gap.study_order(values.tolist())
    tables = [
        gap.cosine_blocks(*(np.asarray(v.set.vectors[m][rows[order.rows]]) for m in choice.pair))
        for v in choice.views
    ]
    reach = max(table.reach() for table in tables)
    ids = [choice.a.ids[row] for row in rows[order.rows]]
    for number, (column, table) in enumerate(zip(st.columns(len(tables)), tables, strict=True)):
        letter, word = "AB"[number], cards.COLOUR_NAMES[number]
        with column:
            st.markdown(f":{word}-badge[{letter}] {cards.escape(choice.views[number].name)}")
            figure = figures.cosine_heatmap(table, order, choice.pair, reach, ids=ids)
            alt = f"Cosines within and across modalities, {letter}"
            downloads.show_figure(figure, f"table-{letter}", f"cosines {letter}-{choice.a.split}", alt=alt)
    sample = (
        f"A seeded sample of {len(order.rows):,} of {order.of:,} studies."
        if order.of > len(order.rows)
        else ""
    )
    st.caption(
        f"One colour scale for both, from −{reach:.2f} to {reach:.2f}; 0 is white. A gap shows as two warm "
        "blocks on the main diagonal and two pale ones beside them. True pairs are the diagonals of the pale "
        f"blocks. A label that the space separates shows as squares along the diagonals. {sample}"
    )
