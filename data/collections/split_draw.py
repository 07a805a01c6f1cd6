"""Draw a test split with equally many studies of each label, as the 5x200 sets of CheXpert have it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from suture.data.collection import STUDY_ID, Collection
from suture.data.errors import NotFound, Refused

POSITIVE = ("1", "1.0", "positive", "true", "yes", "present")


def draw(
    collection: Collection, labels: Sequence[str], *, per_label: int, seed: int = 0, name: str = "test"
) -> pd.DataFrame:
    """Studies drawn for each label: columns study_id, split (= `name`) and label, in the collection's order.

    Of several label columns, those studies count for a label of which no other of these labels is positive.
    The values of a single label column are the labels. `NotFound` for an unknown label; `Refused` if a label
    has fewer studies than `per_label`.
    """
    classes = _classes(collection, labels)
    rng = np.random.default_rng(seed)
    chosen: dict[int, str] = {}
    for label, places in classes.items():
        if len(places) < per_label:
            message = f"{label!r} alone is given in {len(places):,} studies, fewer than {per_label:,}."
            raise Refused("label_too_rare", f"{message} Draw fewer, or leave the label out.")
        chosen |= dict.fromkeys(rng.choice(places, per_label, replace=False).tolist(), label)
    drawn = sorted(chosen)
    ids = collection.table[STUDY_ID].iloc[drawn]
    return pd.DataFrame({"study_id": ids.tolist(), "split": name, "label": [chosen[p] for p in drawn]})


def _classes(collection: Collection, labels: Sequence[str]) -> dict[str, np.ndarray]:
    """Label -> row numbers of the studies that have it and none of the others."""
    for label in labels:
        if label not in collection.labels:
            raise NotFound("label", label, [*collection.labels])
    if not labels:
        raise NotFound("label", "", [*collection.labels])
    cells = collection.table[[*labels]].apply(lambda column: column.str.strip().str.lower())
    positive = cells.isin(POSITIVE).to_numpy()
    if len(labels) == 1 and not positive.any():
        values = collection.table[labels[0]]
        return {value: np.flatnonzero(values == value) for value in sorted(values[values.ne("")].unique())}
    alone = positive & (positive.sum(axis=1) == 1)[:, None]
    return {label: np.flatnonzero(alone[:, place]) for place, label in enumerate(labels)}
