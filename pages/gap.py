"""How large is the gap, of what kind, and for whom?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from analysis import figures, gap
from analysis.evaluate import Evaluation
from data.collection import GROUP
from pages.components import cards, dial, downloads, shell, views
from pages.components.shell import Choice

PAIR_METRICS = tuple(gap.PairGap.__dataclass_fields__)
MAX_LABELS = 30


def main() -> None:
    shell.open_page("Gap", "How large is the gap, of what kind, and for whom?")
    choice = shell.choose()
    evaluations = [views.evaluation(v) for v in choice.views]
    st.subheader("Cosines")
    histograms(choice)
    st.subheader("Of what kind")
    kinds(evaluations, choice.pair)
    st.subheader("The numbers")
    numbers(evaluations, choice.pair)
    st.subheader("Each modality alone")
    alone(choice, evaluations)
    st.subheader("For whom")
    for_whom(choice)
    st.subheader("The gap dial")
    dial.section(choice)


@st.cache_data(show_spinner=False, max_entries=32)
def samples(fingerprint: str, name: str, split: str, pair: tuple[str, str]) -> gap.CosineSamples | None:
    shown = views.view(name, split)
    rows = shown.set.rows_with(*pair)
    if len(rows) < 2:
        return None
    return gap.cosine_samples(*(np.asarray(shown.set.vectors[m][rows]) for m in pair))


def histograms(choice: Choice) -> None:
    pair = choice.pair
    known = {}
    for label, shown in zip(choice.labels, choice.views, strict=True):
        found = samples(shown.record.fingerprint, shown.name, shown.split, pair)
        if found is not None:
            known[label] = found
    if not known:
        st.info(f"Fewer than two studies of this split have both {' and '.join(map(cards.plain, pair))}.")
        st.stop()
    figure = figures.cosine_histograms(known, *pair)
    st.plotly_chart(figure, key="histograms", config=downloads.FIGURE)
    st.caption(
        "Where a gap is, pairs across modalities (even true ones) have lower cosines than strangers within "
        "one modality. Alignment moves the green hill of true pairs away from the grey one of random pairs."
    )


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
    with st.container(horizontal=True):
        for name in PAIR_METRICS:
            cards.number([e.find(name, *pair) for e in evaluations])
    for result in evaluations:
        cards.downloads(result, f"{result.set}-{result.split}")


def alone(choice: Choice, evaluations: list[Evaluation]) -> None:
    for modality in choice.a.set.modalities:
        with st.container(horizontal=True):
            for name in ("angular_value", "uniformity_wi", "uniformity_w2"):
                cards.number([e.find(name, modality) for e in evaluations], subtitle=modality)


def for_whom(choice: Choice) -> None:
    common = [c for c in choice.a.set.labels if all(c in v.set.labels for v in choice.views)]
    labels = [c for c in common if 2 <= choice.a.set.rows[c].nunique() <= MAX_LABELS]
    if not labels:
        st.info("The studies carry no labels with 2 to 30 different values.")
        return
    label = st.selectbox("Label", labels, key="gap_label")
    means = {}
    for title, shown in zip(choice.labels, choice.views, strict=True):
        rows = shown.set.rows_with(*choice.pair)
        x, y = (np.asarray(shown.set.vectors[m][rows]) for m in choice.pair)
        of = shown.set.rows.iloc[rows]
        means[title] = gap.cosine_by_label(x, y, of[label].to_numpy(str), of[GROUP].to_numpy(str))
    figure = figures.by_group(means, cards.COLOURS, "mean cosine of true pairs, 95 % interval")
    st.plotly_chart(figure, key="by_label", config=downloads.FIGURE)


main()
