"""Cells of an Arrow column as strings: class numbers become names, lists are joined, "" = missing."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from suture.data.tables.encodings import without_surrogates
from suture.data.tables.parquet import values_of


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """The dataset's description of its columns, {} if it is missing or unreadable."""
    try:
        described = json.loads((schema.metadata or {})[b"huggingface"])
        features = described["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def cell_texts(column: pa.ChunkedArray, feature: object) -> list[str]:
    """One string per row. A list becomes "a; b", a class number its name."""
    names = _class_names(feature)
    return [_cell_text(cell, names) for chunk in column.chunks for cell in values_of(chunk)]


def _class_names(feature: object) -> list[str]:
    """The names of a ClassLabel or a list of ClassLabels; [] for other features."""
    if isinstance(feature, list) and len(feature) == 1:
        return _class_names(feature[0])
    if not isinstance(feature, dict):
        return []
    if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list):
        return [str(name) for name in feature["names"]]
    return _class_names(feature.get("feature"))


def _cell_text(cell: object, names: list[str]) -> str:
    if cell is None or cell != cell:  # NaN
        return ""
    if isinstance(cell, list):
        return "; ".join(filter(None, (_cell_text(item, names) for item in cell)))
    if isinstance(cell, int) and 0 <= cell < len(names):
        return without_surrogates(names[cell])
    return without_surrogates(str(cell))
