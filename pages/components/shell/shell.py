"""What every page begins with: title, navigation, the shared choice of A, B and split."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from suture.data.errors import UserError
from suture.data.workspace import KINDS, SET, EmbeddingSetRecord, Record
from suture.models.adapters import refuse_scoring_on_fit
from suture.pages.components import access
from suture.pages.components.access import identity, incidents
from suture.pages.components.cards import cards
from suture.pages.components.shell import views
from suture.pages.components.shell.views import View
from suture.workflows.evaluate import trained_on

ICON = Path(__file__).parent / "icon.png"
PAGES = (
    ("overview", "Overview", ":material/explore:"),
    ("map", "Map", ":material/scatter_plot:"),
    ("gap", "Gap", ":material/straighten:"),
    ("compare", "Compare", ":material/compare_arrows:"),
    ("retrieval", "Retrieval", ":material/search:"),
    ("captions", "Captions", ":material/subject:"),
    ("my_studies", "My studies", ":material/upload_file:"),
    ("train", "Train", ":material/model_training:"),
    ("report", "Report", ":material/lab_profile:"),
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
    access.who()  # before anything else: without a log-in the page ends here
    st.set_page_config(page_title=f"{title} · Suture", page_icon=str(ICON), layout="wide")
    # The state of a widget that another page showed is still there, but this page's widget has lost it.
    st.session_state["page_is_new"] = st.session_state.get("page_open") != title
    st.session_state["page_open"] = title
    if st.session_state["page_is_new"]:
        incidents.note(f"open.{title.lower().replace(' ', '_')}")
    with st.sidebar:
        left, right = st.columns([1, 4], vertical_alignment="center", gap="small")
        left.image(ICON.read_bytes(), width=36, alt="")
        right.markdown("### Suture")
        for path, label, icon in PAGES:
            link(path, label, icon)
        identity.account()
    st.title(title)
    st.caption(question)


def link(page: str, label: str, icon: str, *, query: dict[str, str] | None = None) -> None:
    """A link to a page, also where a page runs as a script of its own and knows no others."""
    try:
        st.page_link(f"pages/{page}.py", label=label, icon=icon, query_params=query)
    except StreamlitPageNotFoundError:
        st.markdown(f"{icon} [{label}](/{page}{f'?{urlencode(query)}' if query else ''})")


def choose() -> Choice:
    """The shared choice in the sidebar; stops the page with a way forward if there is nothing."""
    records = views.workspace().records(SET)
    names = [r.name for r in records if comparable(r) and r.intact]
    features = sum(not comparable(r) for r in records)
    if not names:
        _empty(features)
    with st.sidebar:
        st.divider()
        a = _select("A · baseline", "a", names, names[0])
        fitting = _fitting(a)
        b = _select("B · beside it", "b", [NONE, *fitting], fitting[0] if fitting else NONE)
        splits = _splits(a)
        default = "test" if "test" in splits else splits[0]
        split = _select("Split", "split", splits, default)
        pairs = {f"{x} and {y}": (x, y) for x, y in combinations(views.view(a, "all").set.modalities, 2)}
        pair = pairs[_select("Modalities", "pair", [*pairs], next(iter(pairs)))]
        _hidden(features)
    try:
        choice = Choice(views.view(a, split), _beside(a, b, split, pair), pair)
    except UserError as error:
        st.error(cards.plain(error.message))
        st.stop()
    notice(choice.views)
    return choice


def choose_instead(**names: str) -> None:
    """Choose other sets (a, b) for all pages; from a callback, which runs before the sidebar does."""
    for key, name in names.items():
        st.session_state[f"kept_{key}"] = name
        st.session_state[f"choose_{key}"] = st.query_params[key] = name


def comparable(record: EmbeddingSetRecord) -> bool:
    """Whether pages can show a set; features of separate backbones share no space."""
    return record.meta.shares_space


def _hidden(count: int) -> None:
    if count:
        sets = "feature set is" if count == 1 else "feature sets are"
        st.caption(f"{count:,} {sets} hidden until heads are trained.")


def _splits(a: str) -> list[str]:
    """The splits that this set may be scored on: none that it was fitted on."""
    known = list(dict.fromkeys(["all", *views.view(a, "all").set.splits()]))
    record = views.workspace().record(SET, a)
    free = [s for s in known if not _leak(record, s)]
    if not free:
        st.error(cards.plain(_leak(record, "all")))
        st.stop()
    return free


def _leak(record: Record, split: str) -> str:
    """Why a set may not be scored on a split; "" if it may."""
    try:
        refuse_scoring_on_fit(record.meta, split)
    except UserError as error:
        return error.message
    return ""


def _select(label: str, key: str, options: list[str], default: str) -> str:
    """A choice kept across pages, and in the link that restores the page."""
    kept = st.query_params.get(key) or st.session_state.get(f"kept_{key}")  # a link knows what it wants
    start = kept if kept in options else default
    if st.session_state["page_is_new"] or st.session_state.get(f"choose_{key}") not in options:
        st.session_state[f"choose_{key}"] = start
    chosen = st.selectbox(label, options, key=f"choose_{key}")
    st.session_state[f"kept_{key}"] = chosen
    st.query_params[key] = chosen
    return chosen


def _fitting(a: str) -> list[str]:
    """Other sets of the same studies."""
    records = {r.name: r for r in views.workspace().records(SET) if comparable(r) and r.intact}

    def origin(name: str) -> tuple[object, ...]:
        meta = records[name].meta
        return (meta.collection_id or "", 0 if meta.collection_id else meta.n)

    return [n for n in records if n != a and origin(n) == origin(a)]


def _beside(a: str, b: str, split: str, pair: tuple[str, str]) -> View | None:
    if b == NONE:
        return None
    whole = views.view(b, "all")
    if split != "all" and split not in whole.set.splits():
        st.sidebar.warning(cards.plain(f"{b!r} has no split {split!r}, so only A is shown."))
        return None
    leak = _leak(whole.record, split)
    if leak:
        st.sidebar.warning(cards.plain(f"Only A is shown, not {b!r}. {leak}"))
        return None
    other = views.view(b, split)
    if not views.same_studies(views.view(a, split), other):
        st.sidebar.warning(cards.plain(f"{b!r} holds other studies than {a!r}, so only A is shown."))
        return None
    if not set(pair) <= set(other.set.modalities):
        st.sidebar.warning(cards.plain(f"{b!r} lacks {' or '.join(pair)}, so only A is shown."))
        return None
    return other


def notices(collections: list[Record]) -> None:
    """The same for pages that look at no set: which collections are synthetic."""
    with st.sidebar:
        st.divider()
        made = [c.name for c in collections if c.meta.synthetic]
        if made:
            st.info(f"Synthetic, no patient data: {cards.plain(', '.join(made))}.", icon=":material/science:")
        _trouble()
        st.caption("For research only. Not for diagnosis.")


def notice(shown: list[View]) -> None:
    """Says on every page what kind of studies these are, and which sets have seen them in training."""
    st.sidebar.divider()
    if any(view.synthetic for view in shown):
        st.sidebar.info(
            "Synthetic: procedurally generated images and texts, no patient data.", icon=":material/science:"
        )
    for view in shown:
        seen = trained_on(views.workspace(), view.name, view.split)
        if seen:
            st.sidebar.warning(cards.plain(seen))
    with st.sidebar:
        _trouble()
        st.caption("For research only. Not for diagnosis.")


def _trouble() -> None:
    """What the workspace cannot do at this moment, and what in it is damaged."""
    problem = views.workspace().problem()
    if problem:
        st.warning(cards.plain(problem), icon=":material/hard_drive:")
    damaged = [r.name for kind in KINDS for r in views.workspace().records(kind) if not r.intact]
    if damaged:
        st.warning(
            f"Damaged and left out: {cards.plain(', '.join(damaged))}. `suture verify` says what can be "
            "rebuilt.",
            icon=":material/broken_image:",
        )


def _empty(features: int) -> None:
    _hidden(features)
    with st.sidebar:
        _trouble()
    st.info("Nothing has been embedded yet.", icon=":material/potted_plant:")
    st.markdown(
        "- `suture demo` makes a synthetic collection and opens it here.\n"
        "- **Library** takes in your own studies, or vectors that you already have."
    )
    link("library", "Open the Library", ":material/inventory_2:")
    st.stop()
