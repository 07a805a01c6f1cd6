"""Join two tables by an id that they share: one names the images, the other has reports or metadata."""

from __future__ import annotations

import pandas as pd

from suture.data.phi.identifiers import header_key

ENDINGS = ("id", "uid", "key", "accession", "number", "name", "filename", "file", "image", "index")
MIN_SHARED = 0.5  # of the distinct values of either table are in the other


def shared_ids(images: pd.DataFrame, texts: pd.DataFrame) -> tuple[str, str] | None:
    """The columns (of the images' table, of the texts' table) that hold one id; None if there are none.

    The ids must be unique in the table of texts, or nearly so, and half of those of one table must be in the
    other. Columns of the same name come first, then those with the most values in common.
    """
    options = []
    for right in filter(_may_be_id, texts.columns):
        ids = {*texts[right]} - {""}
        if len(ids) < max(2, 0.9 * texts[right].ne("").sum()):
            continue
        for left in images.columns:
            values = {*images[left]} - {""}
            common = len(values & ids)
            if common and common >= MIN_SHARED * min(len(values), len(ids)):
                options.append((header_key(left) == header_key(right), common, left, right))
    if not options:
        return None
    _, _, left, right = max(options, key=lambda option: option[:2])
    return left, right


def _may_be_id(column: str) -> bool:
    return header_key(column).split("_")[-1] in ENDINGS


def join(images: pd.DataFrame, texts: pd.DataFrame, keys: tuple[str, str], suffix: str) -> pd.DataFrame:
    """Each row of the images with the row of the texts of its id, then the texts that have no image.

    suffix  for columns of the texts that the images have too
    """
    left, right = keys
    texts = texts.drop_duplicates(right)
    names = {c: c if c not in images or c == left == right else f"{c} {suffix}" for c in texts.columns}
    others = texts.rename(columns=names)
    key = names[right]
    joined = images.merge(others, how="left", left_on=left, right_on=key, suffixes=("", f" {suffix}"))
    alone = others[~others[key].isin(images[left])]
    if key != left:
        alone = alone.assign(**{left: alone[key]})
        joined, alone = joined.drop(columns=key), alone.drop(columns=key)
    return pd.concat([joined, alone], ignore_index=True).fillna("").astype(str)
