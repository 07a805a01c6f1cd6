"""Cells of an Arrow column as strings: class numbers by name, lists joined, "" = missing."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from suture.data.tables.encodings import storable
from suture.data.tables.parquet import values_of


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """The dataset's own description of its columns, {} if it has none or it is not readable."""
    try:
        described = json.loads((schema.metadata or {})[b"huggingface"])
        features = described["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def words(column: pa.ChunkedArray, feature: object) -> list[str]:
    """One string a row. A list becomes "a; b"; a class number its name."""
    names = _class_names(feature)
    return [_word(cell, names) for chunk in column.chunks for cell in values_of(chunk)]


def _class_names(feature: object) -> list[str]:
    """The names of a ClassLabel, also of a list of them; [] for other features."""
    if isinstance(feature, list) and len(feature) == 1:
        return _class_names(feature[0])
    if not isinstance(feature, dict):
        return []
    if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list):
        return [str(name) for name in feature["names"]]
    return _class_names(feature.get("feature"))


def _word(cell: object, names: list[str]) -> str:
    if cell is None or cell != cell:  # NaN
        return ""
    if isinstance(cell, list):
        return "; ".join(filter(None, (_word(item, names) for item in cell)))
    if isinstance(cell, int) and 0 <= cell < len(names):
        return storable(names[cell])
    return storable(str(cell))
