"""What every page begins with: title, navigation, the shared choice of A, B and split."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from data.errors import UserError
from data.workspace import SET
from pages.components import views
from pages.components.views import View

ICON = Path(__file__).parent / "icon.png"
PAGES = (
    ("overview", "Overview", ":material/explore:"),
    ("map", "Map", ":material/scatter_plot:"),
    ("gap", "Gap", ":material/straighten:"),
    ("retrieval", "Retrieval", ":material/search:"),
    ("library", "Library", ":material/inventory_2:"),
)
NONE = "none"


@dataclass(frozen=True)
class Choice:
    """What the person looks at: A, B beside it or None, and the two modalities in question."""

    a: View
    b: View | None
    pair: tuple[str, str]

    @property
    def views(self) -> list[View]:
        """A, or A and B."""
        return [self.a] if self.b is None else [self.a, self.b]

    @property
    def labels(self) -> list[str]:
        """Titles of A and B for figures."""
        return [f"{letter}: {v.name}" for letter, v in zip("AB", self.views, strict=False)]


def open_page(title: str, question: str) -> None:
    """Title, navigation and the question that the page answers."""
    st.set_page_config(page_title=f"{title} · Suture", page_icon=str(ICON), layout="wide")
    with st.sidebar:
        left, right = st.columns([1, 4], vertical_alignment="center", gap="small")
        left.image(ICON.read_bytes(), width=36)
        right.markdown("### Suture")
        for path, label, icon in PAGES:
            link(path, label, icon)
    st.title(title)
    st.caption(question)


def link(page: str, label: str, icon: str) -> None:
    """A link to a page, also where a page runs as a script of its own and knows no others."""
    try:
        st.page_link(f"pages/{page}.py", label=label, icon=icon)
    except StreamlitPageNotFoundError:
        st.markdown(f"{icon} [{label}](/{page})")


def choose() -> Choice:
    """The shared choice in the sidebar; stops the page with a way forward if there is nothing."""
    names = [r.name for r in views.workspace().records(SET)]
    if not names:
        _empty()
    with st.sidebar:
        st.divider()
        a = _select("A · baseline", "a", names, names[0])
        fitting = _fitting(a)
        b = _select("B · beside it", "b", [NONE, *fitting], fitting[0] if fitting else NONE)
        splits = ["all", *views.view(a, "all").set.splits()]
        default = "test" if "test" in splits else "all"
        split = _select("Split", "split", list(dict.fromkeys(splits)), default)
        pairs = {f"{x} and {y}": (x, y) for x, y in combinations(views.view(a, "all").set.modalities, 2)}
        pair = pairs[_select("Modalities", "pair", [*pairs], next(iter(pairs)))]
    try:
        choice = Choice(views.view(a, split), _beside(a, b, split, pair), pair)
    except UserError as error:
        st.error(error.message)
        st.stop()
    notice(choice.a)
    return choice


def _select(label: str, key: str, options: list[str], default: str) -> str:
    """A choice kept across pages, and in the link that restores the page."""
    kept = st.session_state.get(f"kept_{key}") or st.query_params.get(key)
    start = kept if kept in options else default
    chosen = st.selectbox(label, options, index=options.index(start), key=f"choose_{key}")
    st.session_state[f"kept_{key}"] = chosen
    st.query_params[key] = chosen
    return chosen


def _fitting(a: str) -> list[str]:
    """Other sets of the same studies."""
    records = {r.name: r for r in views.workspace().records(SET)}

    def origin(name: str) -> tuple[object, ...]:
        meta = records[name].meta
        return (meta.get("collection_id") or "", 0 if meta.get("collection_id") else meta["n"])

    return [n for n in records if n != a and origin(n) == origin(a)]


def _beside(a: str, b: str, split: str, pair: tuple[str, str]) -> View | None:
    if b == NONE:
        return None
    whole = views.view(b, "all")
    if split != "all" and split not in whole.set.splits():
        st.sidebar.warning(f"{b!r} has no split {split!r}, so only A is shown.")
        return None
    other = views.view(b, split)
    if not views.same_studies(views.view(a, split), other):
        st.sidebar.warning(f"{b!r} holds other studies than {a!r}, so only A is shown.")
        return None
    if not set(pair) <= set(other.set.modalities):
        st.sidebar.warning(f"{b!r} lacks {' or '.join(pair)}, so only A is shown.")
        return None
    return other


def notice(shown: View) -> None:
    """Says on every page what kind of studies these are."""
    st.sidebar.divider()
    if shown.synthetic:
        st.sidebar.info(
            "Synthetic: procedurally generated images and texts, no patient data.", icon=":material/science:"
        )
    st.sidebar.caption("For research only. Not for diagnosis.")


def _empty() -> None:
    st.info("Nothing has been embedded yet.", icon=":material/potted_plant:")
    st.markdown(
        "- `suture demo` makes a synthetic collection and opens it here.\n"
        "- **Library** takes in your own studies, or vectors that you already have."
    )
    link("library", "Open the Library", ":material/inventory_2:")
    st.stop()
