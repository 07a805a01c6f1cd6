"""What a caller gives (numpy, torch, lists) -> EmbeddingSet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from suture.data.embedding_set import EmbeddingSet, text_digest
from suture.data.errors import Refused
from suture.data.vectors.arrays import from_arrays
from suture.data.vectors.numbered import TEXT
from suture.data.vectors.rows import ROLES

RESERVED = {name for names in ROLES.values() for name in names}  # columns that mean something else
RESERVED_STARTS = ("key:", "present:", TEXT)


def as_array(values: Any) -> np.ndarray:
    """A numpy array of a numpy array, torch tensor (any device, dtype or gradient), list or pandas column.

    Lists of whole numbers become floats of their own, as they are given by hand. `Refused` for what is no
    array, such as rows of different lengths, and for masked values.
    """
    _refuse_masked("The array", values)
    if hasattr(values, "detach"):  # torch, which need not be imported for that
        values = values.detach().cpu()
        return np.asarray(values.float() if str(values.dtype) == "torch.bfloat16" else values)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise Refused("embedding_shape", f"This is no array of one width: {error}.") from None
    if isinstance(values, list | tuple) and array.ndim == 2 and array.dtype.kind in "iub":
        return array.astype(np.float64)
    return array


def column(name: str, values: Any) -> np.ndarray:
    """(n_studies,) of one value a study. `Refused` for a single value or a table."""
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise Refused("column_length", f"{name!r} must have one value for each study, got {values!r}.")
    if hasattr(values, "detach"):
        return as_array(values)
    _refuse_masked(repr(name), values)
    plain = np.asarray(values)
    if plain.ndim == 1 and plain.dtype.kind not in "OUSfiubM":
        plain = plain.astype(object)
    return plain


def embedding_set(
    vectors: Mapping[str, Any],
    *,
    name: str,
    groups: Any = None,
    ids: Any = None,
    splits: Any = None,
    labels: Mapping[str, Any] | None = None,
    texts: Mapping[str, Any] | None = None,
    duplicates: Any = None,
    present: Mapping[str, Any] | None = None,
) -> EmbeddingSet:
    """Arrays of a caller as the set that `suture import-vectors` would make of them.

    `Refused` says which argument does not fit, and how.
    """
    given = columns(
        list(map(str, vectors)),
        groups=groups,
        ids=ids,
        splits=splits,
        labels=labels,
        texts=texts,
        duplicates=duplicates,
        present=present,
    )
    return from_arrays({str(m): as_array(x) for m, x in vectors.items()}, given, name=name)


def columns(
    modalities: list[str],
    *,
    groups: Any = None,
    ids: Any = None,
    splits: Any = None,
    labels: Mapping[str, Any] | None = None,
    texts: Mapping[str, Any] | None = None,
    duplicates: Any = None,
    present: Mapping[str, Any] | None = None,
) -> dict[str, np.ndarray]:
    """What describes the rows, under the names that an .npz gives it."""
    named = {"ids": ids, "groups": groups, "split": splits, "duplicate_group": duplicates}
    found = {k: column(k, v) for k, v in named.items() if v is not None}
    if labels is not None and not hasattr(labels, "items"):
        raise Refused(
            "label_name", f"labels must be columns by name, {{'sex': [...]}}, got {type(labels).__name__}."
        )
    for label, values in ({} if labels is None else labels).items():
        if str(label) in RESERVED or str(label) in modalities or str(label).startswith(RESERVED_STARTS):
            raise Refused(
                "label_name",
                f"A label cannot be called {label!r}: that name means something else. Rename the label, or "
                "use the arguments ids, groups, splits, duplicates and present.",
            )
        found[str(label)] = column(str(label), values)
    for modality, values in _of_modalities("texts", texts, modalities).items():
        found[f"key:{modality}"] = np.array([_key(t) for t in column(f"texts of {modality}", values)], object)
    for modality, values in _of_modalities("present", present, modalities).items():
        found[f"present:{modality}"] = _flags(f"present of {modality}", values)
    return found


def _flags(name: str, values: Any) -> np.ndarray:
    """(n_studies,) bool. `Refused` for values other than True, False, 1 and 0: "no" would count as true."""
    given = column(name, values)
    plain = [value.item() if isinstance(value, np.generic) else value for value in given]
    if not all(isinstance(value, int | float) and value in (0, 1) for value in plain):
        raise Refused("column_type", f"{name!r} must be True or False for each study.")
    return np.array(plain, bool)


def _refuse_masked(what: str, values: Any) -> None:
    if np.ma.is_masked(values):
        raise Refused(
            "masked_values",
            f"{what} has masked values. Fill them, or leave the studies out; "
            "present={modality: flags} says which studies lack a modality.",
        )


def _key(text: Any) -> str:
    return text_digest(text) if isinstance(text, str) else ""


def _of_modalities(what: str, given: Mapping[str, Any] | None, modalities: list[str]) -> Mapping[str, Any]:
    if given is not None and not hasattr(given, "items"):
        raise Refused(
            "unknown_modality",
            f"{what} must be columns by modality, {{{modalities[0]!r}: [...]}}, got {type(given).__name__}.",
        )
    given = {} if given is None else dict(given.items())
    for modality in given:
        if modality not in modalities:
            raise Refused(
                "unknown_modality",
                f"{what} names {modality!r}, which is no modality. There are: {', '.join(modalities)}.",
            )
    return given
