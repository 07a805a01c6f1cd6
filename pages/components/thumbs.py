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
from data.workspace import SET, Workspace

SIDE = 224
Key = tuple[str, str]  # id and name of a record
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
        content = _find(where["set_id"], where["split"], where["row"])
    except (LookupError, OSError):
        return Response(status_code=404)
    return Response(content, media_type="image/jpeg", headers=HEADERS)


def _find(set_id: str, split: int, row: int) -> bytes:
    """The picture of one row; LookupError once set or collection are deleted."""
    workspace = Workspace()
    record = next((r for r in workspace.records(SET) if r.id == set_id), None)
    source = store.origin(workspace, record) if record else None
    if record is None or source is None:
        raise KeyError(set_id)
    return _render((set_id, record.name), (source.id, source.name), split, row)


@lru_cache(maxsize=20_000)
def _render(of_set: Key, of_collection: Key, split: int, row: int) -> bytes:
    pack, numbers = _pictures(of_set, of_collection, split)
    return thumbnail(pack.read(int(numbers[row])), SIDE)


@lru_cache(maxsize=16)
def _pictures(of_set: Key, of_collection: Key, split: int) -> tuple[ImagePack, np.ndarray]:
    """(pictures, number of each row's picture) of one view; KeyError if there are none."""
    workspace = Workspace()
    pack = store.image_pack(workspace, of_collection[1])
    collection = store.load(workspace, of_collection[1])
    image = next((m for m in collection.modalities if m.kind == "image"), None)
    if pack is None or image is None:
        raise KeyError(of_collection)
    whole = embeddings.load(workspace, of_set[1])
    rows = whole.split(["all", *whole.splits()][split]).rows
    numbers = collection.table.set_index(STUDY_ID)[image.columns[0]]
    return pack, numbers.loc[rows[STUDY_ID]].to_numpy()
