"""The gap dial: move a set along a post-hoc method and watch what follows.

Runs as a fragment. The hand itself moves in the browser (`dial_view`); here is what it moves, and where it
came to rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.evaluate import has_few_values
from suture.analysis.posthoc import METHODS
from suture.analysis.posthoc.dial import Sweep, strengths
from suture.analysis.posthoc.dial_plane import Plane, Range, plane
from suture.data.errors import UserError
from suture.models.adapters import adapt
from suture.pages.components.cards import cards
from suture.pages.components.dial import figures, sentences
from suture.pages.components.dial.view import dial_view
from suture.pages.components.shell import shell, views
from suture.pages.components.shell.shell import Choice
from suture.pages.components.shell.views import View
from suture.workflows import dial
from suture.workflows.dial import Setting

AT_ONCE = 1_000  # with more pairs, measuring takes longer than a person waits unasked
FIRST = "lambda-shift"
NO_LABEL = "none"
LINK: dict[str, str] = {"bind": "query-params", "persist_state": "session"}
HAND = "dial_strength"  # where the hand rests, in the address


@st.fragment
def section(choice: Choice) -> None:
    """Settings, slider, pictures, numbers and the way to keep a position."""
    st.caption(
        "What closing the gap without training would do: a method learns from one split and moves the "
        "studies of the split shown, as far as the slider says."
    )
    if st.session_state.pop("dial_moved_on", False):
        st.rerun()
    said()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        letter = which(choice)
        shown = choice.views["AB".index(letter)]
        asked = setting(choice, shown)
        label = label_of(shown)
    if asked is None:
        return
    try:
        turned(asked, shown, label)
    except UserError as error:
        st.warning(cards.plain(error.message), icon=":material/block:")
        offer(shown, asked.split)


def which(choice: Choice) -> str:
    """A alone, or the one to turn."""
    if choice.b is None:
        return "A"
    if "dial_set" not in st.query_params:
        st.session_state.setdefault("dial_set", "A")
    return st.segmented_control("Turn", ["A", "B"], key="dial_set", width="content", **LINK) or "A"


def setting(choice: Choice, shown: View) -> Setting | None:
    """Method and split of the fit; None with the reason on the page if nothing can be fitted."""
    whole = views.view(shown.name, "all").set
    if len(whole.splits()) < 2:
        st.info(
            f"All studies of {shown.name!r} are in one split, {whole.splits()[0]!r}. The dial learns from "
            "one split and is scored on another: import the studies with a split column, or without one, and "
            "Suture splits by patient."
        )
        return None
    titles = {name: m.title for name, m in METHODS.items()}
    method = st.selectbox(
        "Method",
        [*METHODS],
        index=[*METHODS].index(FIRST),
        format_func=titles.__getitem__,
        key="dial_method",
        width=270,
        **LINK,
    )
    free = _free(shown.record.fingerprint, shown.name, shown.split)
    start = "train" if "train" in whole.splits() else next(iter(free), whole.splits()[0])
    fit_split = st.selectbox(
        "Learns from",
        whole.splits(),
        index=whole.splits().index(start),
        key="dial_fit",
        width=150,
        **LINK,
        help="The split that the method is fitted on. It must share no patient or case with the one shown.",
    )
    return Setting(shown.name, shown.split, fit_split, method, choice.pair)


def label_of(shown: View) -> str:
    """The label that clusters are held against."""
    fit = _labels(shown.record.fingerprint, shown.name, shown.split)
    meaning = CATALOGUE["v_measure"].meaning
    return st.selectbox("Clusters by", [*fit, NO_LABEL], key="dial_label", width=170, help=meaning, **LINK)


def offer(shown: View, split: str) -> None:
    """Which splits would work."""
    whole = views.view(shown.name, "all").set
    if split != "all":
        free = ", ".join(map(repr, dial.fit_splits(whole, split)))
        st.caption(f"With {split!r} shown, the method may learn from: {free or 'no split of this set'}.")
        return
    pairs = [f"{s!r}" for s in whole.splits() if dial.fit_splits(whole, s)]
    st.caption(f"Splits that can be shown (choose one in the sidebar): {', '.join(pairs) or 'none'}.")


def turned(asked: Setting, shown: View, label: str) -> None:
    """Slider and everything that follows it."""
    method = METHODS[asked.method]
    st.markdown(f"**{method.title}.** {method.meaning}", help=f"{method.formula}\n\nSource: {method.source}")
    ready = _ready(shown.record.fingerprint, asked)
    measured = numbers(asked, ready.n_pairs)
    if measured is None:
        return
    by = None if label == NO_LABEL else by_label(asked, label)
    picture = figures.picture(measured, ready.plane, ready.frame, shown.set.modalities, by, label)
    at = measured.strengths
    strength = at[dial_view(picture, key=f"dial_view_{at[-1]:g}", start=linked())]
    link(strength)
    st.caption(sentences.about(measured, asked, ready.n_fit, ready.n_pairs, by is not None))
    keep(asked, strength)


def linked() -> float:
    """The strength that the address asks for."""
    try:
        return float(st.query_params.get(HAND, 0))
    except ValueError:
        return 0.0


def link(strength: float) -> None:
    """Put the strength into the address; nothing at 0."""
    if strength == linked():
        return
    if strength:
        st.query_params[HAND] = f"{strength:g}"
    else:
        st.query_params.pop(HAND)


def numbers(asked: Setting, pairs: int) -> Sweep | None:
    """All numbers at all positions: known, measured at once, or on request where that takes a while."""
    if not dial.known(views.workspace(), asked) and pairs > AT_ONCE:
        count = len(strengths(asked.method))
        if not st.button(f"Measure {count} positions (about half a minute, once)", key="dial_measure"):
            return None
    place = st.empty()
    result = dial.measured(
        views.workspace(), asked, progress=lambda s: place.progress(s, text="Measuring every position, once")
    )
    place.empty()
    return result


def by_label(asked: Setting, label: str) -> list[float] | None:
    place = st.empty()

    def progress(share: float) -> None:
        place.progress(share, text=f"Clustering at every position by {label}, once")

    try:
        return dial.clustered(views.workspace(), asked, label, progress=progress)
    except UserError as error:
        st.caption(f"No clusters by {cards.plain(label)}: {cards.plain(error.message)}")
        return None
    finally:
        place.empty()


@st.cache_data(show_spinner=False, max_entries=64)
def _free(fingerprint: str, name: str, split: str) -> list[str]:
    return dial.fit_splits(views.view(name, "all").set, split)


@st.cache_data(show_spinner=False, max_entries=64)
def _labels(fingerprint: str, name: str, split: str) -> list[str]:
    chosen = views.view(name, split).set
    return [c for c in chosen.labels if has_few_values(chosen.rows[c])]


@dataclass(frozen=True)
class Ready:
    """What following the hand needs, small enough to be kept."""

    plane: Plane
    frame: tuple[Range, Range]
    n_fit: int
    n_pairs: int


@st.cache_resource(show_spinner="Fitting…", max_entries=8)
def _ready(fingerprint: str, asked: Setting) -> Ready:
    turning = dial.opened(views.workspace(), asked)
    flat = plane(dict(zip(asked.pair, (turning.x, turning.y), strict=True)))
    frame = flat.reach(strengths(asked.method).tolist())
    return Ready(flat, frame, turning.adapter.n_fit, turning.n_pairs)


def keep(asked: Setting, strength: float) -> None:
    """Publish the whole set at this strength, and make it B."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        default = f"{asked.set} + {asked.method} {strength:g}"[:80]
        name = st.text_input("Name of the kept set", default, key=f"dial_name_{default}", width=380)
        st.button(
            "Keep this position",
            key="dial_keep",
            icon=":material/save:",
            disabled=strength == 0,
            help="Maps the whole set as far as the slider says and keeps it as a set of its own, as B.",
            on_click=kept,
            args=(asked, strength, name.strip()),
        )


def kept(asked: Setting, strength: float, name: str) -> None:
    """Runs before the page does, so that the sidebar already knows the new B."""
    try:
        made = adapt(
            views.workspace(),
            asked.set,
            method=asked.method,
            fit_split=asked.fit_split,
            score_split=asked.split,
            name=name,
            strength=strength,
            anchor=asked.pair[0],
        )
    except UserError as error:
        st.session_state["dial_said"] = ("", error.message)
        return
    shell.choose_instead(a=asked.set, b=made.name)
    st.session_state["dial_set"] = "A"  # what was turned is A now
    st.session_state["dial_said"] = (made.name, asked.set)
    st.session_state["dial_moved_on"] = True


def said() -> None:
    """What became of the last position that was to be kept."""
    name, text = st.session_state.pop("dial_said", ("", ""))
    if name:
        st.success(f"Kept as {cards.plain(name)}. It is B now, on every page.", icon=":material/check:")
        shell.link("overview", "See both on the overview", ":material/explore:", query={"a": text, "b": name})
    elif text:
        st.error(text, icon=":material/block:")
