"""Histograms of cosines: true pairs, random pairs and pairs within a modality, of A and of B."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis import figures, gap
from suture.analysis.compare import PairKind, kind_difference
from suture.analysis.evaluate import Evaluation
from suture.pages.components.cards import cards, downloads
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.widget_state import KEEP_IN_LINK


@st.cache_data(show_spinner=False, max_entries=32)
def samples(fingerprint: str, name: str, split: str, pair: tuple[str, str]) -> gap.CosineSamples | None:
    """Of a split of a set; None for fewer than two studies with both modalities."""
    shown = views.view(name, split)
    rows = shown.set.rows_with(*pair)
    if len(rows) < 2:
        return None
    return gap.cosine_samples(*(shown.set.vectors[m] for m in pair), rows=rows)


def samples_of_sets(choice: Choice) -> dict[str, gap.CosineSamples]:
    """Samples of A and B by title; stops the page where there are none."""
    by_title = {}
    for label, shown in zip(choice.labels, choice.views, strict=True):
        one = samples(shown.record.fingerprint, shown.name, shown.split, choice.pair)
        if one is not None:
            by_title[label] = one
    if not by_title:
        both = " and ".join(map(cards.escape, choice.pair))
        st.info(f"Fewer than two studies of this split have both {both}.")
        st.stop()
    return by_title


def histograms(choice: Choice) -> None:
    """All kinds of pairs, one row per set."""
    downloads.show_figure(
        downloads.cached_figure(figures.cosine_histograms, samples_of_sets(choice), *choice.pair, height=240),
        "histograms",
        f"cosines-{choice.a.split}",
        alt="Histograms of cosines of true pairs, random pairs, and pairs within each modality",
    )
    st.caption(
        "With a gap, pairs across modalities, even true ones, have lower cosines than different studies "
        "within one modality. Alignment separates the true pairs (green) from the random pairs (grey)."
    )


@st.fragment
def overlaid(choice: Choice, evaluations: list[Evaluation]) -> None:
    """One kind of pairs, B over A, with the paired difference of their means."""
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
        format_func=cards.escape,
        key="gap_kind",
        help="Random pairs are an image and a text of different studies; within = two different studies of "
        "one modality.",
        **KEEP_IN_LINK,
    )
    title = chosen or "true pairs"
    kind = kinds[title]
    cosines = {name: getattr(one, kind) for name, one in samples_of_sets(choice).items()}
    figure = downloads.cached_figure(figures.kind_histograms, cosines, f"cosine, {title}")
    downloads.show_figure(figure, "over", f"{title}-{choice.a.split}", alt=f"Cosines of {title}, B over A")
    change = kind_difference(evaluations[0], evaluations[1], kind, choice.pair)
    words = title if kind.endswith("pairs") else f"pairs {title}"
    st.caption(_difference(words, change.value, change.low, change.high, change.n_groups) if change else "")


def _difference(title: str, change: float, low: float, high: float, groups: int) -> str:
    """The paired difference in a sentence."""
    words = (
        f"Dashed: medians. The mean cosine of {cards.escape(title)} changes by **{change:+.3f}** from A to B"
    )
    if not np.isfinite(low):
        return f"{words}; too few groups for an interval."
    return f"{words} (paired 95 % interval {low:+.3f} to {high:+.3f}, over {groups:,} groups; of all pairs)."
