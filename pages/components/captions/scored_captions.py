"""The tables of A and B for all parts of the Captions page."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from suture.data.collections import storage
from suture.data.workspace import CAPTIONER
from suture.models.captioner.config import CaptionerConfig, Decoding
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View
from suture.pages.components.shell.widget_state import KEEP_IN_LINK
from suture.workflows.captions import caption_table
from suture.workflows.captions.caption_table import CaptionComparison, CaptionTable


@dataclass(frozen=True)
class Tables:
    """Captions of A, and of B with what it has over A. config: the recipe that both were trained by."""

    judged: tuple[CaptionTable, ...]
    beside: CaptionComparison | None
    config: CaptionerConfig

    @property
    def labels(self) -> list[str]:
        """Titles of A and B for figures."""
        return [f"{letter}: {one.set}" for letter, one in zip("AB", self.judged, strict=False)]


def tables_of(choice: Choice) -> Tables | None:
    """What has been written for the choice, by a recipe that A and B share; None if nothing has."""
    found = _tables(choice.views)
    if found is None and choice.b is not None:
        found = _tables(choice.views[:1])
        if found is not None:
            st.info("Captions of A alone: B has none by the same recipe yet. Train them below.")
    return found


def _tables(shown: list[View]) -> Tables | None:
    names = [view.name for view in shown]
    known = {
        key: own
        for key, own in caption_table.shared_recipes(views.workspace(), names).items()
        if _read(shown, own)
    }
    if not known:
        return None
    chosen = next(iter(known))
    if len(known) > 1:
        titles = {key: _title(own) for key, own in known.items()}
        chosen = st.selectbox(
            "Recipe", [*known], format_func=titles.__getitem__, key="captions_recipe", **KEEP_IN_LINK
        )
    own = known[chosen or next(iter(known))]
    judged = _read(shown, own)
    if judged is None:
        return None
    beside = caption_table.compare_tables(*judged) if len(judged) == 2 else None
    return Tables(judged, beside, _config(own))


def _config(own: list[list[str]]) -> CaptionerConfig:
    return CaptionerConfig(**views.workspace().record(CAPTIONER, own[0][0]).meta.config)


def _title(own: list[list[str]]) -> str:
    """A recipe in a few words: its size, and what is not as by default."""
    found, default = _config(own), CaptionerConfig()
    plain = ("set", "name", "source", "seed", "epochs", "layers", "width", "start", "image", "save_seconds")
    extra = [f"{k} {v}" for k, v in found.to_json().items() if k not in plain and v != getattr(default, k)]
    start = f"from {found.start}" if found.start else f"{found.layers} layers of {found.width}"
    return ", ".join([f"{found.epochs} epochs", start, *extra, f"seed {found.seed}"])


def _read(shown: list[View], own: list[list[str]]) -> tuple[CaptionTable, ...] | None:
    """The tables of both, or None where one has not been written."""
    made = views.workspace()
    keys = tuple(made.record(CAPTIONER, name).id for names in own for name in names)
    sources = tuple(
        source.id if (source := storage.source_collection(made, view.record)) else "" for view in shown
    )
    found = [
        _table(view.record.id, view.name, tuple(names), view.split, (*keys, *sources))
        for view, names in zip(shown, own, strict=True)
    ]
    return None if any(one is None for one in found) else tuple(one for one in found if one is not None)


class _Unwritten(Exception):
    """Nothing has been written yet; an exception, as what a cached function returns is kept."""


def _table(
    record_id: str, name: str, captioners: tuple[str, ...], split: str, keys: tuple[str, ...]
) -> CaptionTable | None:
    try:
        return _kept(record_id, name, captioners, split, keys)
    except _Unwritten:
        return None


@st.cache_resource(show_spinner="Scoring the captions…", max_entries=16)
def _kept(
    record_id: str, name: str, captioners: tuple[str, ...], split: str, keys: tuple[str, ...]
) -> CaptionTable:
    """Keyed by ids: captioners and collections of an equal name are others."""
    found = caption_table.stored_table(views.workspace(), name, captioners, split=split, how=Decoding())
    if found is None:
        raise _Unwritten
    return found
