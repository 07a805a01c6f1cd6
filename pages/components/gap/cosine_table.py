"""The whole table of cosines, within and across modalities, as one picture a set."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis import figures, gap
from suture.pages.components.cards import cards, downloads
from suture.pages.components.compare.paired_views import LINK
from suture.pages.components.gap import group_columns
from suture.pages.components.shell.shell import Choice

AS_STORED = "as stored"


@st.fragment
def blocks(choice: Choice) -> None:
    """Drawn when asked for: it is the heaviest picture of the page."""
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    wanted = left.toggle("Draw the table", key="gap_table", **LINK)
    sort = right.selectbox(
        "Studies sorted by", [AS_STORED, *group_columns.columns(choice)], key="gap_sort", **LINK
    )
    if not wanted:
        st.caption("Every study against every other, image with image, image with text, text with text.")
        return
    _, rows = group_columns.both(choice)
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
        letter, word = "AB"[number], cards.WORDS[number]
        with column:
            st.markdown(f":{word}-badge[{letter}] {cards.plain(choice.views[number].name)}")
            figure = figures.cosine_heatmap(table, order, choice.pair, reach, ids=ids)
            alt = f"Cosines within and across modalities, {letter}"
            downloads.figure(figure, f"table-{letter}", f"cosines {letter}-{choice.a.split}", alt=alt)
    sample = (
        f"{len(order.rows):,} of {order.of:,} studies, drawn by a seed." if order.of > len(order.rows) else ""
    )
    st.caption(
        f"One colour scale for both, from −{reach:.2f} to {reach:.2f}; 0 is white. A gap shows as two warm "
        "blocks on the main diagonal beside pale ones; true pairs are the diagonals of the pale blocks; a "
        f"label that the space knows shows as squares along the diagonals. {sample}"
    )
