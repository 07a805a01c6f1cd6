"""The scored captions of A and B, shared by all parts of the Captions page."""

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
class ScoredCaptions:
    """Captions of A, and of B with its change from A. config: the recipe that trained both decoders."""

    sets: tuple[CaptionTable, ...]
    change: CaptionComparison | None
    config: CaptionerConfig

    @property
    def labels(self) -> list[str]:
        """Titles of A and B for figures."""
        return [f"{letter}: {one.set}" for letter, one in zip("AB", self.sets, strict=False)]


def scored_captions(choice: Choice) -> ScoredCaptions | None:
    """The captions of A and B by a recipe that both share; of A alone where B has none; None without any."""
    scored = _of_views(choice.views)
    if scored is None and choice.b is not None:
        scored = _of_views(choice.views[:1])
        if scored is not None:
            st.info("Captions of A only: B has none by the same recipe yet. Train its decoders below.")
    return scored


def _of_views(shown: list[View]) -> ScoredCaptions | None:
    names = [view.name for view in shown]
    recipes = {
        key: own
        for key, own in caption_table.shared_recipes(views.workspace(), names).items()
        if _read(shown, own)
    }
    if not recipes:
        return None
    chosen = next(iter(recipes))
    if len(recipes) > 1:
        titles = {key: _title(own) for key, own in recipes.items()}
        chosen = st.selectbox(
            "Recipe", [*recipes], format_func=titles.__getitem__, key="captions_recipe", **KEEP_IN_LINK
        )
    own = recipes[chosen or next(iter(recipes))]
    sets = _read(shown, own)
    if sets is None:
        return None
    change = caption_table.compare_tables(*sets) if len(sets) == 2 else None
    return ScoredCaptions(sets, change, _config(own))


def _config(own: list[list[str]]) -> CaptionerConfig:
    return CaptionerConfig(**views.workspace().record(CAPTIONER, own[0][0]).meta.config)


def _title(own: list[list[str]]) -> str:
    """A recipe in a few words: its size, and what differs from the default."""
    config, default = _config(own), CaptionerConfig()
    hidden = ("set", "name", "source", "seed", "epochs", "layers", "width", "start", "image", "save_seconds")
    extra = [f"{k} {v}" for k, v in config.to_json().items() if k not in hidden and v != getattr(default, k)]
    start = f"from {config.start}" if config.start else f"{config.layers} layers of {config.width}"
    return ", ".join([f"{config.epochs} epochs", start, *extra, f"seed {config.seed}"])


def _read(shown: list[View], own: list[list[str]]) -> tuple[CaptionTable, ...] | None:
    """The captions of both, or None where one has none."""
    workspace = views.workspace()
    keys = tuple(workspace.record(CAPTIONER, name).id for names in own for name in names)
    sources = tuple(
        source.id if (source := storage.source_collection(workspace, view.record)) else "" for view in shown
    )
    sets = [
        _of_set(view.record.id, view.name, tuple(names), view.split, (*keys, *sources))
        for view, names in zip(shown, own, strict=True)
    ]
    return None if any(one is None for one in sets) else tuple(one for one in sets if one is not None)


class _NotWritten(Exception):
    """There are no captions yet; an exception, because the return value of a cached function is kept."""


def _of_set(
    record_id: str, name: str, captioners: tuple[str, ...], split: str, keys: tuple[str, ...]
) -> CaptionTable | None:
    try:
        return _read_from_disk(record_id, name, captioners, split, keys)
    except _NotWritten:
        return None


@st.cache_resource(show_spinner="Scoring the captions…", max_entries=16)
def _read_from_disk(
    record_id: str, name: str, captioners: tuple[str, ...], split: str, keys: tuple[str, ...]
) -> CaptionTable:
    """Keyed by ids: captioners and collections of an equal name are others."""
    scored = caption_table.stored_table(views.workspace(), name, captioners, split=split, how=Decoding())
    if scored is None:
        raise _NotWritten
    return scored
