"""Single studies: the true text beside the captions of A and B, with findings marked."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from suture.analysis.captions import finding_changes, findings_of, mentions
from suture.pages.components.captions.scored_captions import ScoredCaptions
from suture.pages.components.cards import cards
from suture.pages.components.shell import navigation, views
from suture.pages.components.shell.shared_choice import Choice, link_to_study
from suture.pages.components.shell.views import View
from suture.pages.components.shell.widget_state import KEEP_IN_LINK
from suture.workflows.captions.caption_table import CROSSED, ROWS, CaptionTable

PAGE = 4
WIDTH = 170  # pixels of the image
BEST, WORST, BETTER, WORSE = "Best", "Worst", "Better in B", "Worse in B"


@st.fragment
def section(choice: Choice, scored: ScoredCaptions) -> None:
    """Best, worst, and what changed most between A and B."""
    rows = [row for row in ROWS if all(row in one.readings for one in scored.sets)]
    left, right = st.columns([1, 2])
    row = left.selectbox(
        "Captions by",
        rows,
        index=rows.index(CROSSED) if CROSSED in rows else 0,
        key="captions_of",
        **KEEP_IN_LINK,
    )
    orders = [BETTER, WORSE, BEST, WORST] if scored.change else [BEST, WORST]
    order = right.segmented_control(
        "Studies", orders, default=orders[0], required=True, key="captions_order", **KEEP_IN_LINK
    )
    ordered = _order(scored, row, order or orders[0])
    if not len(ordered):
        st.info(f"By CIDEr, no study is captioned {str(order).lower()}.")
        return
    _legend()
    pages = math.ceil(len(ordered) / PAGE)
    page = st.pagination(pages, key=f"captions_page-{row}-{order}") if pages > 1 else 1
    place = {study: i for i, study in enumerate(choice.a.ids)}
    for i in ordered[(page - 1) * PAGE : page * PAGE]:
        _study(choice, scored, row, int(i), place.get(scored.sets[0].study_ids[i]))


def _order(scored: ScoredCaptions, row: str, order: str) -> np.ndarray:
    """Studies by CIDEr: the best or worst of the last set, or by what changed from A to B."""
    scores = [one.readings[row].scores.per_study["cider"] for one in scored.sets]
    last = np.nan_to_num(scores[-1], nan=-1)
    if order in (BEST, WORST):
        return np.argsort(-last if order == BEST else last, kind="stable")
    change = np.nan_to_num(scores[1] - scores[0])
    signed = change if order == BETTER else -change
    return np.argsort(-signed, kind="stable")[: int((signed > 0).sum())]


def _legend() -> None:
    st.markdown(  # a caption is too pale on these grounds
        "Findings: :green-background[stated in all texts], :orange-background[missed by a caption], "
        ":red-background[not in the true text], :gray-background[denied or uncertain]."
    )
    st.caption("Sorted by CIDEr: how much of what is specific to the true text the caption contains.")


def _study(choice: Choice, scored: ScoredCaptions, row: str, i: int, where: int | None) -> None:
    study, truth = scored.sets[0].study_ids[i], scored.sets[0].truths[i]
    written = [one.readings[row].captions[i] for one in scored.sets]
    with st.container(border=True):
        left, *columns = st.columns([1, 1.6, *[1.6] * len(written)])
        with left:
            _image(choice.a, scored.sets[0].image, study, where)
            navigation.page_link(
                "retrieval", "Retrieval", ":material/search:", query=link_to_study(choice, study)
            )
        with columns[0]:
            st.markdown(f"**True text**  \n{marked(truth, written, own=False)}")
        for column, letter, word, one, caption in zip(
            columns[1:], "AB", cards.COLOUR_NAMES, scored.sets, written, strict=False
        ):
            with column:
                text = marked(caption, [truth], own=True) or ":gray[empty]"
                changed = finding_changes(caption, truth)
                st.markdown(f":{word}-badge[{letter}] {_score(one, row, i)}  \n{text}")
                for word, names in (("missed:", changed.missed), ("invented:", changed.invented)):
                    if names:
                        st.caption(f"{word} {', '.join(sorted(names))}")


def _image(shown: View, modality: str, study: str, where: int | None) -> None:
    known = shown.study(where) if where is not None else None
    image = views.image_bytes(shown, known, modality) if known is not None else None
    if image is not None:
        st.image(image, width=WIDTH, alt=f"Image of {study}")
    st.text(study)


def _score(one: CaptionTable, row: str, i: int) -> str:
    per_study = one.readings[row].scores.per_study
    score = f"CIDEr {per_study['cider'][i]:.2f}"
    f1 = per_study["finding_f1"][i]
    return score + (f" · findings F1 {f1:.2f}" if np.isfinite(f1) else "")


def marked(text: str, others: Sequence[str], *, own: bool) -> str:
    """A text in Markdown, its findings coloured by whether all of the others state them too.

    own  whether `text` is a caption: what it alone states is invented, else it was missed
    """
    stated = set.intersection(*(_stated(other) for other in others))
    parts, last = [], 0
    for mention in mentions(text):
        colour = "gray"
        if mention.state == "present":
            colour = "green" if mention.finding in stated else "red" if own else "orange"
        parts.append(cards.escape(text[last : mention.start]))
        parts.append(f":{colour}-background[{cards.escape(text[mention.start : mention.end])}]")
        last = mention.end
    return "".join([*parts, cards.escape(text[last:])])


def _stated(text: str) -> set[str]:
    return {name for name, state in findings_of(text).items() if state == "present"}
