"""The choice that all pages share: A, B, the split and the pair of modalities, kept in the address."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import streamlit as st

from suture.data.errors import UserError
from suture.data.scoring_rules import refuse_scoring_on_fit
from suture.data.splits import named_split
from suture.data.workspace import SET, EmbeddingSetRecord, Record
from suture.pages.components.cards import cards
from suture.pages.components.shell import notices, views
from suture.pages.components.shell.navigation import page_link
from suture.pages.components.shell.views import View

NO_SET = "none"


@dataclass(frozen=True)
class Choice:
    """What the pages show: A, B to compare with or None, and a pair of modalities."""

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


def choose() -> Choice:
    """The shared choice in the sidebar; stops the page with a way forward if there is nothing to show."""
    records = views.workspace().records(SET)
    names = [r.name for r in records if comparable(r) and r.intact]
    n_hidden = sum(not comparable(r) for r in records)
    if not names:
        _stop_without_sets(n_hidden)
    with st.sidebar:
        st.divider()
        a = _select("A · baseline", "a", names, names[0])
        candidates = _sets_of_same_studies(a)
        b = _select("B · compare with", "b", [NO_SET, *candidates], candidates[0] if candidates else NO_SET)
        splits = _splits(a)
        split = _select("Split", "split", splits, default_split(splits))
        pairs = {f"{x} and {y}": (x, y) for x, y in combinations(views.view(a, "all").set.modalities, 2)}
        pair = pairs[_select("Modalities", "pair", [*pairs], next(iter(pairs)))]
        _say_hidden(n_hidden)
    try:
        choice = Choice(views.view(a, split), _view_of_b(a, b, split, pair), pair)
    except UserError as error:
        st.error(cards.escape(error.message))
        st.stop()
    notices.about_views(choice.views)
    return choice


def replace_choice(**names: str) -> None:
    """Choose other sets (a, b) for all pages; from a callback, which runs before the sidebar does."""
    for key, name in names.items():
        st.session_state[f"kept_{key}"] = name
        st.session_state[f"choose_{key}"] = st.query_params[key] = name


def link_to_study(choice: Choice, study: str) -> dict[str, str]:
    """The query of a link to another page that shows the same sets, and this study."""
    return {**link_to_choice(choice), "study": study}


def link_to_choice(choice: Choice) -> dict[str, str]:
    """The query of a link to another page that shows the same sets."""
    return {
        "a": choice.a.name,
        "b": choice.b.name if choice.b else NO_SET,
        "split": choice.a.split,
        "pair": " and ".join(choice.pair),
    }


def comparable(record: EmbeddingSetRecord) -> bool:
    """Whether pages can show a set; features of separate backbones share no space."""
    return record.meta.shares_space


def _say_hidden(count: int) -> None:
    if count:
        sets = "feature set is" if count == 1 else "feature sets are"
        st.caption(f"{count:,} {sets} hidden until heads are trained.")


def default_split(splits: list[str]) -> str:
    """The test split, whatever its spelling, else the first."""
    test = named_split("test", splits)
    return test if test in splits else splits[0]


def _splits(a: str) -> list[str]:
    """The splits that this set may be scored on: none that it was fitted on."""
    every = list(dict.fromkeys(["all", *views.view(a, "all").set.splits()]))
    record = views.workspace().record(SET, a)
    allowed = [split for split in every if not _leak(record, split)]
    if not allowed:
        st.error(cards.escape(_leak(record, "all")))
        st.stop()
    return allowed


def _leak(record: Record, split: str) -> str:
    """Why a set may not be scored on a split; "" if it may."""
    try:
        refuse_scoring_on_fit(record.meta, split)
    except UserError as error:
        return error.message
    return ""


def _select(label: str, key: str, options: list[str], default: str) -> str:
    """A choice kept across pages, and in the link that restores the page."""
    kept = st.query_params.get(key) or st.session_state.get(f"kept_{key}")  # the link comes first
    start = kept if kept in options else default
    if st.session_state["page_is_new"] or st.session_state.get(f"choose_{key}") not in options:
        st.session_state[f"choose_{key}"] = start
    chosen = st.selectbox(label, options, key=f"choose_{key}")
    st.session_state[f"kept_{key}"] = chosen
    st.query_params[key] = chosen
    return chosen


def _sets_of_same_studies(a: str) -> list[str]:
    """Other sets of the same studies."""
    records = {r.name: r for r in views.workspace().records(SET) if comparable(r) and r.intact}

    def studies(name: str) -> tuple[object, ...]:
        meta = records[name].meta
        return (meta.collection_id or "", 0 if meta.collection_id else meta.n)

    return [name for name in records if name != a and studies(name) == studies(a)]


def _view_of_b(a: str, b: str, split: str, pair: tuple[str, str]) -> View | None:
    """B, or None with the reason in the sidebar."""
    if b == NO_SET:
        return None
    whole = views.view(b, "all")
    leak = _leak(whole.record, split)
    reason = ""
    if split != "all" and split not in whole.set.splits():
        reason = f"{b!r} has no split {split!r}, so only A is shown."
    elif leak:
        reason = f"Only A is shown, not {b!r}. {leak}"
    elif not views.same_studies(views.view(a, split), views.view(b, split)):
        reason = f"{b!r} holds other studies than {a!r}, so only A is shown."
    elif not set(pair) <= set(whole.set.modalities):
        reason = f"{b!r} lacks {' or '.join(pair)}, so only A is shown."
    if reason:
        st.sidebar.warning(cards.escape(reason))
        return None
    return views.view(b, split)


def _stop_without_sets(n_hidden: int) -> None:
    _say_hidden(n_hidden)
    with st.sidebar:
        notices.workspace_problems()
    st.info("Nothing has been embedded yet.", icon=":material/potted_plant:")
    st.markdown(
        "- `suture demo` makes a synthetic collection and opens it here.\n"
        "- **Library** takes in your own studies, or vectors that you already have."
    )
    page_link("library", "Open the Library", ":material/inventory_2:")
    st.stop()
