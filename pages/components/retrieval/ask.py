"""Three ways to ask: typed words, a study, a picture from outside. A change runs its own part alone."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from suture.pages.components.cards import cards
from suture.pages.components.compare.paired_views import LINK
from suture.pages.components.retrieval import query_encoding
from suture.pages.components.retrieval.answers import MEANING, answers, has, on_the_map, side_by_side
from suture.pages.components.retrieval.find import pick
from suture.pages.components.retrieval.query_encoding import Kind
from suture.pages.components.shell.shell import Choice
from suture.pages.components.shell.views import View

QUERY = 240  # pixels of the uploaded picture
LONGEST = 2_000  # letters of typed words; encoders read far fewer


@st.fragment
def words(choice: Choice) -> None:
    """Typed words through the text encoder of each checkpoint."""
    left, middle, right = st.columns([3, 1, 1])
    typed = left.text_input(
        "Words",
        placeholder="for example: large right pleural effusion",
        key="q",
        max_chars=LONGEST,
        icon=":material/search:",
        **LINK,
    ).strip()
    with middle:
        found_in = target(choice, "text")
    with right:
        k = how_many()
    if found_in is None:
        return
    if not typed:
        st.info(
            "Type what you look for, as a report would say it. The words go through the text encoder of each "
            "checkpoint.",
            icon=":material/keyboard:",
        )
        return
    side_by_side(choice, partial(_asked, choice, "text", typed), found_in, k)


@st.fragment
def picture(choice: Choice) -> None:
    """A picture that is in no collection, through the image encoder of each checkpoint."""
    left, middle, right = st.columns([3, 1, 1])
    uploaded = left.file_uploader(
        "A picture (PNG, JPEG, TIFF or DICOM)",
        key="picture",
        max_upload_size=query_encoding.MAX_UPLOAD,
        help="It is prepared as a collection's pictures are: upright, DICOM by its window, 8 bits, the "
        "longer side at most 1,024 pixels.",
    )
    with middle:
        found_in = target(choice, "image")
    with right:
        k = how_many()
    if uploaded is None or found_in is None:
        st.caption(
            "The picture is embedded in memory. It is not kept, and the link of this page is without it."
        )
        return
    content = uploaded.getvalue()
    kept = query_encoding.picture(content, uploaded.name)
    if kept is None:
        return
    card, rest = st.columns([1, 3])
    with card:
        st.image(kept, caption="the query", alt="The picture that was uploaded", width=QUERY)
    with rest:
        side_by_side(choice, partial(_asked, choice, "image", content), found_in, k)


@st.fragment
def study(choice: Choice) -> None:
    """A study's own vector of one modality asks the other."""
    row = pick(choice.a)
    left, right, _ = st.columns([2, 1, 2])
    ways = {f"{x} → {y}": (x, y) for x, y in (choice.pair, choice.pair[::-1])}
    x, y = ways[left.selectbox("Direction", [*ways], key="direction", **LINK)]
    with right:
        k = how_many()
    card, *columns = st.columns([1, *[1.5] * len(choice.views)])
    with card:
        cards.study_card(choice.a, row, caption="the query")
        on_the_map(choice, choice.a.ids[row])
    for column, label, word, shown in zip(columns, choice.labels, cards.WORDS, choice.views, strict=False):
        with column:
            st.markdown(f":{word}-badge[{cards.plain(label)}]")
            vector = own_vector(shown, x, row)
            if vector is None:
                st.info(f"This study has no {cards.plain(x)} to ask with.")
            else:
                answers(choice, shown, vector, y, k, own=row)
    st.caption(MEANING)


def own_vector(shown: View, modality: str, row: int) -> np.ndarray | None:
    """(1, dim) float32 of one study, None where it lacks the modality."""
    vector = np.asarray(shown.set.vectors[modality][row : row + 1], np.float32)
    return vector if vector.any() else None


def target(choice: Choice, kind: Kind) -> str | None:
    """Which modality is searched; first one of another kind than the query, and None with the reason."""
    known = [m for m in choice.a.set.modalities if all(has(v, m) for v in choice.views)]
    if not known:
        st.info("No modality has items in this split.")
        return None
    same = query_encoding.of_kind(choice.a, kind)
    return st.selectbox("Search in", sorted(known, key=same.__contains__), key=f"in_{kind}", **LINK)


def how_many() -> int:
    """How many answers are shown for each set."""
    return int(st.slider("How many", 3, 24, 6, key="k", **LINK))


def _asked(choice: Choice, kind: Kind, content: str | bytes, shown: View) -> np.ndarray | None:
    return query_encoding.encoded(shown, kind, content, pair=choice.pair)
