"""Words or an image of the caller, held against an embedding set."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from suture.data.errors import Refused
from suture.data.workspace import COLLECTION, SET, Workspace
from suture.workflows.neighbours import neighbour_search, tables, uploads

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = ["from", "to", "rank", "study", "cosine"]


def search(
    workspace: Workspace,
    name: str,
    *,
    words: str | None,
    image: Path | str | np.ndarray | Image | None,
    k: int,
    split: str,
) -> pd.DataFrame:
    """See `suture.Workspace.search`."""
    if words is None and image is None:
        raise Refused("nothing_asked", "Give words=..., image=..., or both.")
    if k < 1:
        raise Refused("nothing_asked", f"k must be 1 or more, got {k!r}.")
    checkpoint = uploads.checkpoint_of(workspace, workspace.record(SET, name))
    offered = [] if image is None else [_file(image)]
    if words is not None:
        offered.append((f"{Path(offered[0][0]).stem if offered else 'query'}.txt", words.encode()))
    before = {visit.name for visit in uploads.list_uploads(workspace)}
    came = uploads.add_upload(workspace, offered)
    if came.report.refused:
        raise Refused(came.report.refused, came.report.message)
    visit = uploads.home(workspace).record(COLLECTION, came.visit)
    try:
        uploads.embed(workspace, visit.name, [checkpoint.name], progress=lambda share, said: None)
        held = neighbour_search.search(workspace, visit, name, split=split, k=k)
        found = tables.rows({"A": held})
    finally:
        if visit.name not in before and uploads.home(workspace).has(COLLECTION, visit.name):
            uploads.delete_upload(workspace, visit)
    frame = pd.DataFrame([{**row, "study": row["neighbour"]} for row in found], columns=COLUMNS)
    return frame.sort_values(["from", "to", "rank"], ignore_index=True)


def _file(image: Path | str | np.ndarray | Image) -> tuple[str, bytes]:
    """A file name and its bytes."""
    if isinstance(image, str | Path):
        try:
            return Path(image).name, Path(image).read_bytes()
        except OSError as error:
            raise Refused("source_missing", f"{str(image)!r} cannot be read ({error.strerror}).") from error
    buffer = io.BytesIO()
    _picture(image).save(buffer, "PNG")
    return "query.png", buffer.getvalue()


def _picture(image: Any) -> Image:
    from PIL import Image as pillow  # noqa: N813

    if isinstance(image, pillow.Image):
        return image
    array = np.asarray(image)
    flat = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not flat:
        raise Refused(
            "image_invalid",
            "An image must be a file, a PIL image, or an array of uint8 of shape (height, width) or "
            f"(height, width, 3); got {array.dtype} {array.shape}.",
        )
    return pillow.fromarray(array)
