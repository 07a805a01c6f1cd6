"""Embed typed text or an uploaded image as a query, in the space of a set."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Literal

import numpy as np
import streamlit as st
from PIL import Image

from suture.data import images
from suture.data.errors import UserError
from suture.pages.components.cards import cards
from suture.pages.components.shell import views
from suture.pages.components.shell.views import View
from suture.workflows.adapters import adapt_query

if TYPE_CHECKING:
    from suture.models.checkpoints.encoders import Checkpoint

Kind = Literal["text", "image"]
MAX_UPLOAD = 200  # MB of one image; suture.data.images.decoding limits its size once decoded


def encoded(
    view: View, kind: Kind, content: str | bytes, *, pair: tuple[str, str] | None = None
) -> np.ndarray | None:
    """(1, dim) unit vector of a query in the space of a set, or None with the reason on the page.

    kind, content  "text" and the words, or "image" and the bytes of a file that `data.images.decode` reads
    pair           whose modality of that kind is preferred where an adapted set has several of it
    """
    if not view.set.provenance.checkpoint:
        st.caption(
            f"{cards.escape(view.name)} came as vectors, without a checkpoint, so a query by {kind} "
            "cannot be embedded. Search with a study instead."
        )
        return None
    try:
        return _adapted(view, kind, _by_checkpoint(view, kind, content), pair or ())
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        return None


def prepared_image(content: bytes, name: str = "the image") -> bytes | None:
    """An uploaded file as a collection would store it (PNG or JPEG), or None with the reason on the page."""
    try:
        return _prepared(content, name)
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        return None


def of_kind(view: View, kind: str) -> list[str]:
    """The modalities of a set that are of a kind, in its order; without a collection, texts by their keys."""
    known = {m.name: m.kind for m in view.collection.modalities} if view.collection else {}
    texts = {m for m in view.set.modalities if f"key:{m}" in view.set.rows}
    guess = {
        m: "text" if m in texts else "tabular" if m == "tabular" else "image" for m in view.set.modalities
    }
    return [m for m, guessed in guess.items() if known.get(m, guessed) == kind]


def _prepared(content: bytes, name: str) -> bytes:
    return images.encode(images.decode(content, name))


def _adapted(view: View, kind: Kind, vector: np.ndarray, pair: tuple[str, ...]) -> np.ndarray:
    """The query vector mapped by the set's adapter; unchanged where there is none."""
    of_this_kind = of_kind(view, kind)
    preferred = [m for m in (*pair, *of_this_kind) if m in of_this_kind]
    if view.record.meta.adapter is None or not preferred:
        return vector
    st.caption(f"This set is adapted: the query by {kind} is mapped like its {cards.escape(preferred[0])}.")
    return adapt_query(views.workspace(), view.name, preferred[0], vector)


def _by_checkpoint(view: View, kind: Kind, content: str | bytes) -> np.ndarray:
    from suture.models.checkpoints import registry

    name = registry.name_of(views.workspace(), view.set.provenance)
    fingerprint = view.set.provenance.checkpoint_hash or ""
    if isinstance(content, str):
        return _text(fingerprint, name, content)
    return _image(fingerprint, name, hashlib.sha256(content).hexdigest(), content)


@st.cache_resource(show_spinner="Loading the encoders (first time only)…", max_entries=3)
def _checkpoint(fingerprint: str, name: str) -> Checkpoint:
    from suture.models.checkpoints import registry

    return registry.load(views.workspace(), name, device="cpu")


@st.cache_data(show_spinner=False, max_entries=256)
def _text(fingerprint: str, name: str, words: str) -> np.ndarray:
    encoder = _checkpoint(fingerprint, name).encoders["text"]
    return encoder.encode(encoder.prepare([words])[0]).numpy()


@st.cache_data(show_spinner=False, max_entries=64)
def _image(fingerprint: str, name: str, digest: str, _content: bytes) -> np.ndarray:
    encoder = _checkpoint(fingerprint, name).encoders["image"]
    image = Image.open(io.BytesIO(_prepared(_content, "the image")), formats=("PNG", "JPEG"))
    return encoder.encode(encoder.prepare([image])[0]).numpy()
