"""The gap dial: apply a post-hoc method to a set at any strength and see what changes.

Runs as a fragment. The browser moves the slider (`dial_view`); this module computes what it shows, and reads
where it stopped.
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
from suture.data.splits import named_split
from suture.pages.components.cards import cards
from suture.pages.components.dial import figures, sentences
from suture.pages.components.dial.view import dial_view
from suture.pages.components.shell import navigation, shared_choice, views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View
from suture.pages.components.shell.widget_state import KEEP_IN_LINK
from suture.workflows import dial
from suture.workflows.adapters import adapt
from suture.workflows.dial import Setting

AT_ONCE = 1_000  # with more pairs, measuring takes longer than a person waits unasked
DEFAULT_METHOD = "lambda-shift"
NO_LABEL = "none"
STRENGTH = "dial_strength"  # of the slider, in the address


@st.fragment
def section(choice: Choice) -> None:
    """Settings, slider, figures, numbers, and a button that saves the set at this strength."""
    st.caption(
        "Close the gap without training: a method is fitted on one split and moves the studies of the shown "
        "split, as far as the slider says."
    )
    if st.session_state.pop("dial_moved_on", False):
        st.rerun()
    say_saved()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        letter = choose_set(choice)
        shown = choice.views["AB".index(letter)]
        setting = choose_setting(choice, shown)
        label = choose_label(shown)
    if setting is None:
        return
    try:
        dial_and_numbers(setting, shown, label)
    except UserError as error:
        st.warning(cards.escape(error.message), icon=":material/block:")
        list_usable_splits(shown, setting.split)


def choose_set(choice: Choice) -> str:
    """The letter of the set that the dial moves."""
    if choice.b is None:
        return "A"
    if "dial_set" not in st.query_params:
        st.session_state.setdefault("dial_set", "A")
    return st.segmented_control("Set", ["A", "B"], key="dial_set", width="content", **KEEP_IN_LINK) or "A"


def choose_setting(choice: Choice, shown: View) -> Setting | None:
    """The method and the split it is fitted on; None with the reason on the page."""
    whole = views.view(shown.name, "all").set
    if len(whole.splits()) < 2:
        st.info(
            f"All studies of {shown.name!r} are in one split, {whole.splits()[0]!r}. The dial is fitted "
            "on one split and scored on another. Import the studies with a split column, or without one: "
            "then Suture splits by patient."
        )
        return None
    titles = {name: m.title for name, m in METHODS.items()}
    method = st.selectbox(
        "Method",
        [*METHODS],
        index=[*METHODS].index(DEFAULT_METHOD),
        format_func=titles.__getitem__,
        key="dial_method",
        width=270,
        **KEEP_IN_LINK,
    )
    free = _free(shown.record.fingerprint, shown.name, shown.split)
    train = named_split("train", whole.splits())
    start = train if train in whole.splits() else next(iter(free), whole.splits()[0])
    fit_split = st.selectbox(
        "Fitted on",
        whole.splits(),
        index=whole.splits().index(start),
        key="dial_fit",
        width=150,
        **KEEP_IN_LINK,
        help="The split that the method is fitted on. It must share no patient or case with the shown split.",
    )
    return Setting(shown.name, shown.split, fit_split, method, choice.pair)


def choose_label(shown: View) -> str:
    """The label that clusters are compared with."""
    labels = _labels(shown.record.fingerprint, shown.name, shown.split)
    meaning = CATALOGUE["v_measure"].meaning
    return st.selectbox(
        "Clusters by", [*labels, NO_LABEL], key="dial_label", width=170, help=meaning, **KEEP_IN_LINK
    )


def list_usable_splits(shown: View, split: str) -> None:
    """The splits that can be shown, or fitted on."""
    whole = views.view(shown.name, "all").set
    if split != "all":
        free = ", ".join(map(repr, dial.fit_splits(whole, split)))
        st.caption(f"With {split!r} shown, the method may be fitted on: {free or 'no split of this set'}.")
        return
    pairs = [f"{s!r}" for s in whole.splits() if dial.fit_splits(whole, s)]
    st.caption(f"Splits that can be shown (choose one in the sidebar): {', '.join(pairs) or 'none'}.")


def dial_and_numbers(setting: Setting, shown: View, label: str) -> None:
    """The slider and everything that depends on it."""
    method = METHODS[setting.method]
    st.markdown(f"**{method.title}.** {method.meaning}", help=f"{method.formula}\n\nSource: {method.source}")
    fitted = _fitted(shown.record.fingerprint, setting)
    sweep = measure_sweep(setting, fitted.n_pairs)
    if sweep is None:
        return
    clusters = None if label == NO_LABEL else v_measures(setting, label)
    content = figures.dial_content(sweep, fitted.plane, fitted.frame, shown.set.modalities, clusters, label)
    at = sweep.strengths
    strength = at[dial_view(content, key=f"dial_view_{at[-1]:g}", start=strength_in_link())]
    put_into_link(strength)
    st.caption(sentences.about(sweep, setting, fitted.n_fit, fitted.n_pairs, clusters is not None))
    save_form(setting, strength)


def strength_in_link() -> float:
    """The strength in the address."""
    try:
        return float(st.query_params.get(STRENGTH, 0))
    except ValueError:
        return 0.0


def put_into_link(strength: float) -> None:
    """Put the strength into the address; nothing at 0."""
    if strength == strength_in_link():
        return
    if strength:
        st.query_params[STRENGTH] = f"{strength:g}"
    else:
        st.query_params.pop(STRENGTH)


def measure_sweep(setting: Setting, pairs: int) -> Sweep | None:
    """All metrics at all strengths: stored, measured at once, or on request where that takes a while."""
    if not dial.known(views.workspace(), setting) and pairs > AT_ONCE:
        count = len(strengths(setting.method))
        if not st.button(f"Measure {count} strengths (about half a minute, once)", key="dial_measure"):
            return None
    place = st.empty()

    def progress(share: float) -> None:
        place.progress(share, text="Measuring every strength, once")

    sweep = dial.measure_dial(views.workspace(), setting, progress=progress)
    place.empty()
    return sweep


def v_measures(setting: Setting, label: str) -> list[float] | None:
    """V-measure of clusters against a label at every strength; None with the reason on the page."""
    place = st.empty()

    def progress(share: float) -> None:
        place.progress(share, text=f"Clustering at every strength by {label}, once")

    try:
        return dial.clustered(views.workspace(), setting, label, progress=progress)
    except UserError as error:
        st.caption(f"No clusters by {cards.escape(label)}: {cards.escape(error.message)}")
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
class Fitted:
    """A fitted method: what drawing every strength needs, small enough to cache."""

    plane: Plane
    frame: tuple[Range, Range]
    n_fit: int
    n_pairs: int


@st.cache_resource(show_spinner="Fitting…", max_entries=8)
def _fitted(fingerprint: str, setting: Setting) -> Fitted:
    opened = dial.fit_dial(views.workspace(), setting)
    projection = plane(dict(zip(setting.pair, (opened.x, opened.y), strict=True)))
    frame = projection.reach(strengths(setting.method).tolist())
    return Fitted(projection, frame, opened.adapter.n_fit, opened.n_pairs)


def save_form(setting: Setting, strength: float) -> None:
    """A form that saves the whole set at this strength, and makes it B."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        default = f"{setting.set} + {setting.method} {strength:g}"[:80]
        name = st.text_input("Name of the new set", default, key=f"dial_name_{default}", width=380)
        st.button(
            "Save as a set",
            key="dial_keep",
            icon=":material/save:",
            disabled=strength == 0,
            help="Maps the whole set at this strength, saves it as a new set and makes it B.",
            on_click=save,
            args=(setting, strength, name.strip()),
        )


def save(setting: Setting, strength: float, name: str) -> None:
    """Runs before the page, so that the sidebar already has the new B."""
    try:
        made = adapt(
            views.workspace(),
            setting.set,
            method=setting.method,
            fit_split=setting.fit_split,
            score_split=setting.split,
            name=name,
            strength=strength,
            anchor=setting.pair[0],
        )
    except UserError as error:
        st.session_state["dial_said"] = ("", error.message)
        return
    shared_choice.replace_choice(a=setting.set, b=made.name)
    st.session_state["dial_set"] = "A"  # the set that was moved is A now
    st.session_state["dial_said"] = (made.name, setting.set)
    st.session_state["dial_moved_on"] = True


def say_saved() -> None:
    """The outcome of the last save."""
    name, text = st.session_state.pop("dial_said", ("", ""))
    if name:
        st.success(f"Saved as {cards.escape(name)}. It is B now, on every page.", icon=":material/check:")
        navigation.page_link(
            "overview", "See both on the overview", ":material/explore:", query={"a": text, "b": name}
        )
    elif text:
        st.error(text, icon=":material/block:")
