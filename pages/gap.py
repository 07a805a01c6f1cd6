"""How large is the gap, of what kind, and for whom?"""

from __future__ import annotations

import streamlit as st

from suture.analysis import gap
from suture.analysis.evaluate import Evaluation
from suture.pages.components import selection
from suture.pages.components.cards import cards
from suture.pages.components.dial import dial
from suture.pages.components.gap import by_group, cosine_table, cosines
from suture.pages.components.jobs import measuring
from suture.pages.components.shell import shell
from suture.pages.components.shell.shell import Choice

PAIR_METRICS = tuple(gap.PairGap.__dataclass_fields__)


def main() -> None:
    shell.open_page("Gap", "How large is the gap, of what kind, and for whom?")
    choice = shell.choose()
    selection.bar(choice)
    st.subheader("Cosines")
    cosines.histograms(choice)  # needs no evaluation, which may take a while
    evaluations = [measuring.evaluation(v) for v in choice.views]
    if choice.b is not None:
        st.subheader("A over B")
        cosines.over(choice, evaluations)
    st.subheader("Of what kind")
    kinds(evaluations, choice.pair)
    st.subheader("The numbers")
    numbers(evaluations, choice.pair)
    st.subheader("Each modality alone")
    alone(choice, evaluations)
    st.subheader("The whole table of cosines")
    cosine_table.blocks(choice)
    st.subheader("For whom")
    by_group.ridges(choice)
    st.subheader("The gap dial")
    dial.section(choice)


def kinds(evaluations: list[Evaluation], pair: tuple[str, str]) -> None:
    for column, letter, word, result in zip(st.columns(2), "AB", cards.WORDS, evaluations, strict=False):
        share = result.find("offset_share", *pair)
        residual = result.find("paired_residual", *pair)
        distance = result.find("alignment", *pair)
        if share is None or residual is None or distance is None:
            continue
        with column:
            st.markdown(
                f":{word}-badge[{letter}] Squared distance of pairs **{distance.value:.2f}** = offset "
                f"**{distance.value - residual.value:.2f}** ({share.value:.0%}) + residual "
                f"**{residual.value:.2f}** ({1 - share.value:.0%})"
            )
            st.progress(min(1.0, share.value), text="part that a shift of one cloud removes")
    st.caption(
        "The offset is the distance between the two centres: moving one cloud closes it. The residual is "
        "disagreement of single pairs: only better encoders or an adapter can close that."
    )


def numbers(evaluations: list[Evaluation], pair: tuple[str, str]) -> None:
    with cards.wall():
        for name in PAIR_METRICS:
            cards.number([e.find(name, *pair) for e in evaluations])
    for result in evaluations:
        cards.downloads(result, f"{result.set}-{result.split}")


def alone(choice: Choice, evaluations: list[Evaluation]) -> None:
    for modality in choice.a.set.modalities:
        with cards.wall():
            for name in ("angular_value", "uniformity_wi", "uniformity_w2"):
                cards.number([e.find(name, modality) for e in evaluations], subtitle=modality)


main()
