"""Small pictures over plain HTTP for hover cards: /thumb/<set id>/<split>/<row>.jpg.

The id of a set is random and is known only to who was shown the set.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from data import embeddings, store
from data.collection import STUDY_ID
from data.images import ImagePack, thumbnail
from data.workspace import COLLECTION, SET, Workspace

SIDE = 224
HEADERS = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}


def url(set_id: str, split_number: int) -> str:
    """Address of the thumbnails of one view; `{i}` stands for the row.

    split_number 0 = all studies, k = the k-th split of the set.
    """
    return f"/thumb/{set_id}/{split_number}/{{i}}.jpg"


def routes() -> list[Route]:
    """What the app serves besides its pages."""
    return [Route("/thumb/{set_id}/{split:int}/{row:int}.jpg", _thumb)]


def _thumb(request: Request) -> Response:
    where = request.path_params
    try:
        if not any(r.id == where["set_id"] for r in Workspace().records(SET)):
            raise KeyError(where["set_id"])  # deleted since it was last shown
        content = _render(where["set_id"], where["split"], where["row"])
    except (LookupError, OSError):
        return Response(status_code=404)
    return Response(content, media_type="image/jpeg", headers=HEADERS)


@lru_cache(maxsize=20_000)
def _render(set_id: str, split: int, row: int) -> bytes:
    pack, numbers = _pictures(set_id, split)
    return thumbnail(pack.read(int(numbers[row])), SIDE)


@lru_cache(maxsize=16)
def _pictures(set_id: str, split: int) -> tuple[ImagePack, np.ndarray]:
    """(pictures, number of each row's picture) of one view; KeyError if there are none."""
    workspace = Workspace()
    record = next((r for r in workspace.records(SET) if r.id == set_id), None)
    if record is None:
        raise KeyError(set_id)
    known = workspace.records(COLLECTION)
    source = next((c for c in known if c.id == record.meta.get("collection_id")), None)
    source = source or next((c for c in known if c.name == record.meta.get("collection")), None)
    pack = store.image_pack(workspace, source.name) if source else None
    if source is None or pack is None:
        raise KeyError(set_id)
    rows = embeddings.load(workspace, record.name).split(_split(workspace, record.name, split)).rows
    collection = store.load(workspace, source.name)
    image = next((m for m in collection.modalities if m.kind == "image"), None)
    if image is None:
        raise KeyError(set_id)
    numbers = collection.table.set_index(STUDY_ID)[image.columns[0]]
    return pack, numbers.loc[rows[STUDY_ID]].to_numpy()


def _split(workspace: Workspace, name: str, number: int) -> str:
    return ["all", *embeddings.load(workspace, name).splits()][number]
