"""Three kinds of query: typed text, a study, an uploaded image. A change reruns only its own part."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from suture.pages.components.cards import cards
from suture.pages.components.retrieval import query_encoding
from suture.pages.components.retrieval.answers import MEANING, answers, has, map_link, side_by_side
from suture.pages.components.retrieval.query_encoding import Kind
from suture.pages.components.retrieval.study_picker import pick
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View
from suture.pages.components.shell.widget_state import KEEP_IN_LINK

WIDTH = 240  # pixels of the uploaded image
MAX_CHARACTERS = 2_000  # of typed text; encoders read far fewer


@st.fragment
def by_text(choice: Choice) -> None:
    """Typed text through the text encoder of each checkpoint."""
    left, middle, right = st.columns([3, 1, 1])
    typed = left.text_input(
        "Text",
        placeholder="for example: large right pleural effusion",
        key="q",
        max_chars=MAX_CHARACTERS,
        icon=":material/search:",
        **KEEP_IN_LINK,
    ).strip()
    with middle:
        searched = target_modality(choice, "text")
    with right:
        k = how_many()
    if searched is None:
        return
    if not typed:
        st.info(
            "Type a finding the way a report would phrase it. The text encoder of each checkpoint embeds it.",
            icon=":material/keyboard:",
        )
        return
    side_by_side(choice, partial(_embedded, choice, "text", typed), searched, k)


@st.fragment
def by_image(choice: Choice) -> None:
    """An image from outside the collection through the image encoder of each checkpoint."""
    left, middle, right = st.columns([3, 1, 1])
    uploaded = left.file_uploader(
        "An image (PNG, JPEG, TIFF or DICOM)",
        key="picture",
        max_upload_size=query_encoding.MAX_UPLOAD,
        help="It is prepared like the images of a collection: upright, DICOM through its window, 8 bits, the "
        "longer side at most 1,024 pixels.",
    )
    with middle:
        searched = target_modality(choice, "image")
    with right:
        k = how_many()
    if uploaded is None or searched is None:
        st.caption(
            "The image is embedded in memory and not stored. The link of this page does not contain it."
        )
        return
    content = uploaded.getvalue()
    prepared = query_encoding.prepared_image(content, uploaded.name)
    if prepared is None:
        return
    card, rest = st.columns([1, 3])
    with card:
        st.image(prepared, caption="query", alt="The uploaded image", width=WIDTH)
    with rest:
        side_by_side(choice, partial(_embedded, choice, "image", content), searched, k)


@st.fragment
def by_study(choice: Choice) -> None:
    """A study's vector of one modality searches the other modality."""
    row = pick(choice.a)
    left, right, _ = st.columns([2, 1, 2])
    ways = {f"{x} → {y}": (x, y) for x, y in (choice.pair, choice.pair[::-1])}
    x, y = ways[left.selectbox("Direction", [*ways], key="direction", **KEEP_IN_LINK)]
    with right:
        k = how_many()
    card, *columns = st.columns([1, *[1.5] * len(choice.views)])
    with card:
        cards.study_card(choice.a, row, caption="query")
        map_link(choice, choice.a.ids[row])
    for column, label, word, shown in zip(
        columns, choice.labels, cards.COLOUR_NAMES, choice.views, strict=False
    ):
        with column:
            st.markdown(f":{word}-badge[{cards.escape(label)}]")
            vector = own_vector(shown, x, row)
            if vector is None:
                st.info(f"This study has no {cards.escape(x)} to search with.")
            else:
                answers(choice, shown, vector, y, k, own=row)
    st.caption(MEANING)


def own_vector(shown: View, modality: str, row: int) -> np.ndarray | None:
    """(1, dim) float32 of one study, None where it lacks the modality."""
    vector = np.asarray(shown.set.vectors[modality][row : row + 1], np.float32)
    return vector if vector.any() else None


def target_modality(choice: Choice, kind: Kind) -> str | None:
    """The modality to search, by default of another kind than the query; None with the reason on the page."""
    searchable = [m for m in choice.a.set.modalities if all(has(v, m) for v in choice.views)]
    if not searchable:
        st.info("No modality has items in this split.")
        return None
    same = query_encoding.of_kind(choice.a, kind)
    return st.selectbox(
        "Search in", sorted(searchable, key=same.__contains__), key=f"in_{kind}", **KEEP_IN_LINK
    )


def how_many() -> int:
    """How many answers each set shows."""
    return int(st.slider("Answers per set", 3, 24, 6, key="k", **KEEP_IN_LINK))


def _embedded(choice: Choice, kind: Kind, content: str | bytes, shown: View) -> np.ndarray | None:
    return query_encoding.encoded(shown, kind, content, pair=choice.pair)
