"""Cosines of true pairs, strangers and neighbours: all kinds at once, and each kind of B over A."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis import figures, gap
from suture.analysis.compare import PairKind, kind_difference
from suture.analysis.evaluate import Evaluation
from suture.pages.components.cards import cards, downloads
from suture.pages.components.compare.paired_views import LINK
from suture.pages.components.shell import views
from suture.pages.components.shell.shell import Choice


@st.cache_data(show_spinner=False, max_entries=32)
def samples(fingerprint: str, name: str, split: str, pair: tuple[str, str]) -> gap.CosineSamples | None:
    """Of a split of a set; None for fewer than two studies with both modalities."""
    shown = views.view(name, split)
    rows = shown.set.rows_with(*pair)
    if len(rows) < 2:
        return None
    return gap.cosine_samples(*(shown.set.vectors[m] for m in pair), rows=rows)


def known(choice: Choice) -> dict[str, gap.CosineSamples]:
    """Title -> samples of A and B; stops the page where there are none."""
    found = {}
    for label, shown in zip(choice.labels, choice.views, strict=True):
        one = samples(shown.record.fingerprint, shown.name, shown.split, choice.pair)
        if one is not None:
            found[label] = one
    if not found:
        both = " and ".join(map(cards.plain, choice.pair))
        st.info(f"Fewer than two studies of this split have both {both}.")
        st.stop()
    return found


def histograms(choice: Choice) -> None:
    """All kinds of pairs, one row a set."""
    downloads.figure(
        downloads.drawn(figures.cosine_histograms, known(choice), *choice.pair, height=240),
        "histograms",
        f"cosines-{choice.a.split}",
        alt="Histograms of cosines of true pairs, random pairs, and pairs within each modality",
    )
    st.caption(
        "Where a gap is, pairs across modalities (even true ones) have lower cosines than strangers within "
        "one modality. Alignment moves the green hill of true pairs away from the grey one of random pairs."
    )


@st.fragment
def over(choice: Choice, evaluations: list[Evaluation]) -> None:
    """One kind of pairs, B over A, with the paired difference of the means."""
    x, y = choice.pair
    kinds: dict[str, PairKind] = {
        "true pairs": "true_pairs",
        "random pairs": "random_pairs",
        f"within {x}": "within_x",
        f"within {y}": "within_y",
    }
    chosen = st.segmented_control(
        "Cosines of",
        [*kinds],
        default="true pairs",
        required=True,
        format_func=cards.plain,
        key="gap_kind",
        help="Random pairs are an image and a text of different studies; within = two different studies of "
        "one modality.",
        **LINK,
    )
    title = chosen or "true pairs"
    kind = kinds[title]
    cosines = {name: getattr(one, kind) for name, one in known(choice).items()}
    figure = downloads.drawn(figures.kind_histograms, cosines, f"cosine, {title}")
    downloads.figure(figure, "over", f"{title}-{choice.a.split}", alt=f"Cosines of {title}, B over A")
    found = kind_difference(evaluations[0], evaluations[1], kind, choice.pair)
    words = title if kind.endswith("pairs") else f"pairs {title}"
    st.caption(told(words, found.value, found.low, found.high, found.n_groups) if found else "")


def told(title: str, change: float, low: float, high: float, groups: int) -> str:
    """The paired difference in a sentence."""
    words = (
        f"Dashed: medians. The mean cosine of {cards.plain(title)} changes by **{change:+.3f}** from A to B"
    )
    if not np.isfinite(low):
        return f"{words}; too few groups for an interval."
    return f"{words} (paired 95 % interval {low:+.3f} to {high:+.3f}, over {groups:,} groups; of all pairs)."
