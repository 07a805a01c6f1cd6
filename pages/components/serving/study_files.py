"""Single studies over plain HTTP for hover cards: /thumb/<set>/<split>/<row>.jpg and /card/….json.

A visitor can fetch cards only of sets that a page has shown them, and only while they may see those sets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from suture.data.collection import SPLIT, STUDY_ID, Collection
from suture.data.collections import storage
from suture.data.images.encoding import thumbnail
from suture.data.images.pack import ImagePack
from suture.data.workspace import SET, Workspace, embedding_sets
from suture.pages.components import access
from suture.pages.components.serving.columns import HEADERS

if TYPE_CHECKING:
    from suture.pages.components.shell.views import View

SIDE = 224
EXCERPT = 300  # characters of a text
FACTS = 6  # labels
UNKEPT = {**HEADERS, "Cache-Control": "no-store"}  # the browser stores no report and no image
Key = tuple[str, str]  # id and name of a record


def urls(view: View) -> tuple[str, str]:
    """Addresses of a view's cards, and of its thumbnails ("" without images); `{i}` stands for the row."""
    number = ["all", *view.splits].index(view.split)
    pictured = view.collection is not None and any(m.kind == "image" for m in view.collection.modalities)
    where = f"{view.record.id}/{number}/{{i}}"
    cards, pictures = f"/card/{where}.json", f"/thumb/{where}.jpg"
    for address in (cards, pictures):
        access.VISITORS.give(access.visitor(), address)
    return cards, pictures if pictured else ""


def routes() -> list[Route]:
    """The routes that serve thumbnails and cards."""
    place = "{set_id}/{split:int}/{row:int}"
    return [Route(f"/thumb/{place}.jpg", _answer(_thumb)), Route(f"/card/{place}.json", _answer(_card))]


def forget() -> None:
    """Clear the caches, so that nothing deleted stays in memory."""
    for kept in (_picture, _shown):
        kept.cache_clear()


def _answer(find: Callable[[str, Key, Key | None, int, int], Response]) -> Callable[[Request], Response]:
    """A handler that answers 404 if the set or its collection does not exist or no longer does."""

    def answer(request: Request) -> Response:
        where = request.path_params
        owner = access.owner_of(request)
        if owner is None:
            return Response(status_code=404)
        workspace = _workspace(os.environ.get("SUTURE_HOME", ""), owner)
        try:
            record = next(r for r in workspace.records(SET) if r.id == where["set_id"])
            source = storage.source_collection(workspace, record)
            origin = (source.id, source.name) if source else None
            return find(owner, (record.id, record.name), origin, where["split"], where["row"])
        except (StopIteration, LookupError, OSError):
            return Response(status_code=404)

    return answer


def _thumb(owner: str, of_set: Key, origin: Key | None, split: int, row: int) -> Response:
    return Response(_picture(owner, of_set, origin, split, row), media_type="image/jpeg", headers=UNKEPT)


def _card(owner: str, of_set: Key, origin: Key | None, split: int, row: int) -> Response:
    return JSONResponse(_shown(owner, of_set, origin, split).words(row), headers=UNKEPT)


@lru_cache(maxsize=20_000)
def _picture(owner: str, of_set: Key, origin: Key | None, split: int, row: int) -> bytes:
    return thumbnail(_shown(owner, of_set, origin, split).picture(row), SIDE)


@dataclass(frozen=True)
class _Shown:
    """One split of a set: the study ids by row, the collection behind it, and the studies' rows there."""

    ids: Sequence[str]
    collection: Collection | None
    rows: np.ndarray
    pack: ImagePack | None

    def picture(self, row: int) -> bytes:
        """The first image of a study; KeyError if there is none."""
        if self.collection is None or self.pack is None:
            raise KeyError(row)
        values = self.collection.study(int(self.rows[row])).values
        image = next(m for m in self.collection.modalities if m.kind == "image")
        return self.pack.read(int(values[image.name]))

    def words(self, row: int) -> dict[str, Any]:
        """Id, the start of the first text, labels."""
        known: dict[str, Any] = {"id": str(self.ids[row]), "text": "", "facts": []}
        if self.collection is None:
            return known
        study = self.collection.study(int(self.rows[row]))
        texts = (study.values.get(m.name) for m in self.collection.modalities if m.kind == "text")
        text = next((str(t) for t in texts if t), "")
        known["text"] = text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
        known["facts"] = [[k, str(v)] for k, v in study.labels.items() if v not in ("", None)][:FACTS]
        return known


@lru_cache(maxsize=256)
def _workspace(home: str, owner: str) -> Workspace:
    return Workspace(home or None, owner)


@lru_cache(maxsize=16)
def _shown(owner: str, of_set: Key, origin: Key | None, split: int) -> _Shown:
    workspace = _workspace(os.environ.get("SUTURE_HOME", ""), owner)
    whole = embedding_sets.load(workspace, of_set[1])
    ids = whole.rows[STUDY_ID].array
    if split:
        ids = ids[(whole.rows[SPLIT] == whole.splits()[split - 1]).to_numpy()]
    if origin is None:
        return _Shown(ids, None, np.zeros(0, int), None)
    collection = storage.load(workspace, origin[1])
    place = {study: row for row, study in enumerate(collection.table[STUDY_ID])}
    rows = np.array([place.get(study, -1) for study in ids])
    if (rows < 0).any():  # the collection was replaced by another of that name
        return _Shown(ids, None, np.zeros(0, int), None)
    return _Shown(ids, collection, rows, storage.image_pack(workspace, origin[1]))
