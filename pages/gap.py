"""The modality gap: its size, its offset and residual, and how it differs between groups."""

from __future__ import annotations

import streamlit as st

from suture.analysis import gap
from suture.analysis.evaluate import Evaluation
from suture.pages.components import selection
from suture.pages.components.cards import cards
from suture.pages.components.dial import dial
from suture.pages.components.gap import by_group, cosine_table, cosines
from suture.pages.components.jobs import measuring
from suture.pages.components.shell import navigation, shared_choice
from suture.pages.components.shell.shared_choice import Choice

PAIR_METRICS = tuple(gap.PairGap.__dataclass_fields__)
MODALITY_METRICS = ("angular_value", "uniformity_wi", "uniformity_w2")


def main() -> None:
    navigation.open_page("Gap", "How large is the gap, how much is an offset, and which groups have it?")
    choice = shared_choice.choose()
    selection.bar(choice)
    st.subheader("Cosines")
    cosines.histograms(choice)  # needs no evaluation, which may take a while
    evaluations = [measuring.evaluation(view) for view in choice.views]
    if choice.b is not None:
        st.subheader("A and B overlaid")
        cosines.overlaid(choice, evaluations)
    st.subheader("Offset and residual")
    offset_and_residual(evaluations, choice.pair)
    st.subheader("Gap metrics")
    pair_metrics(evaluations, choice.pair)
    st.subheader("Spread within each modality")
    modality_metrics(choice, evaluations)
    st.subheader("All cosines")
    cosine_table.blocks(choice)
    st.subheader("By group")
    by_group.ridges(choice)
    st.subheader("Gap dial")
    dial.section(choice)


def offset_and_residual(evaluations: list[Evaluation], pair: tuple[str, str]) -> None:
    """How the squared distance of pairs divides into the shift of the centroids and the rest."""
    for column, letter, colour, evaluation in zip(
        st.columns(2), "AB", cards.COLOUR_NAMES, evaluations, strict=False
    ):
        share = value(evaluation, "offset_share", pair)
        residual = value(evaluation, "paired_residual", pair)
        distance = value(evaluation, "alignment", pair)
        if share is None or residual is None or distance is None:
            continue
        with column:
            st.markdown(
                f":{colour}-badge[{letter}] Squared distance of pairs **{distance:.2f}** = offset "
                f"**{distance - residual:.2f}** ({share:.0%}) + residual **{residual:.2f}** ({1 - share:.0%})"
            )
            st.progress(min(1.0, share), text="share that shifting one modality removes")
    st.caption(
        "The offset is the distance between the two centroids: shifting one modality closes it. The residual "
        "is disagreement of single pairs: only better encoders or an adapter can close that."
    )


def value(evaluation: Evaluation, name: str, pair: tuple[str, str]) -> float | None:
    """The value of a metric of the pair; None where it is undefined."""
    metric = evaluation.find(name, *pair)
    return None if metric is None else metric.value


def pair_metrics(evaluations: list[Evaluation], pair: tuple[str, str]) -> None:
    with cards.metric_grid():
        for name in PAIR_METRICS:
            cards.metric_card([evaluation.find(name, *pair) for evaluation in evaluations])
    for evaluation in evaluations:
        cards.metric_downloads(evaluation, f"{evaluation.set}-{evaluation.split}")


def modality_metrics(choice: Choice, evaluations: list[Evaluation]) -> None:
    for modality in choice.a.set.modalities:
        with cards.metric_grid():
            for name in MODALITY_METRICS:
                metrics = [evaluation.find(name, modality) for evaluation in evaluations]
                cards.metric_card(metrics, subtitle=modality)


main()
