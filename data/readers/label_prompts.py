"""Texts made of labels, for data sets without reports: NIH ChestX-ray14, VinDr-CXR, RSNA, CheXpert."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from suture.data.errors import Refused
from suture.data.phi.identifiers import header_key, is_personal
from suture.data.readers.finish import columns_missing
from suture.data.readers.raw_studies import RawStudies

COLUMN = "prompt"
TEMPLATE = "A chest radiograph with {}."
POSITIVE = ("1", "1.0", "true", "yes", "positive")
NEGATIVE = ("0", "0.0", "-1", "-1.0", "false", "no", "negative")
FINDINGS = (
    "finding",
    "findings",
    "label",
    "labels",
    "class",
    "diagnosis",
    "pathology",
    "disease",
    "abnormality",
)
UNSURE = ("", "uncertain", "nan", "none")
NOTHING = ("no finding", "no_finding", "normal", "no findings")
SEPARATORS = re.compile(r"[|;]")


def with_prompts(raw: RawStudies, template: str = TEMPLATE, named: Sequence[str] = ()) -> RawStudies:
    """The studies with one more text: the template, filled with the labels that are positive.

    named  the columns to use; default: labels of 0 and 1, and those called finding, label, class or the like

    A column of 0 and 1 (also 1.0, true, positive) is a label called like its header; any other column holds
    the names of labels, several with | or ; between them. Uncertain labels (-1, blank) are left out, and a
    study without a positive label has "no finding". `Refused` if no column has labels, or the template no {}.
    """
    if "{}" not in template:
        raise Refused("template_invalid", f"The template {template[:60]!r} has no {{}}, where the labels go.")
    labels, used = {*raw.roles.labels}, replace(raw.roles, labels=()).columns()
    free = [c for c in raw.rows if c not in used and not is_personal(c)]
    columns = [*named] or [c for c in free if _is_flag(raw.rows[c]) or (c in labels and _is_of_findings(c))]
    if not columns:
        raise columns_missing("Prompts are made of columns of labels: name them with --label.", raw.rows)
    found = zip(*(_labels(raw.rows[column], column) for column in columns), strict=True)
    texts = [template.replace("{}", ", ".join(filter(None, one)) or "no finding") for one in found]
    called = COLUMN if COLUMN not in raw.rows else f"{COLUMN}_of_labels"
    rows = raw.rows.assign(**{called: pd.Series(texts, raw.rows.index, dtype=raw.rows[columns[0]].dtype)})
    roles = replace(raw.roles, texts=(*raw.roles.texts, called))
    enough = len(roles.images) + len(roles.texts) + bool(roles.tabular) >= 2
    notes = {**raw.notes, "prompts": {"columns": columns, "template": template}}
    return replace(raw, rows=rows, roles=roles, notes=notes, missing="" if enough else raw.missing)


def _is_of_findings(header: str) -> bool:
    return not {*header_key(header).split("_")}.isdisjoint(FINDINGS)


def _is_flag(cells: pd.Series) -> bool:
    words = cells.str.strip().str.lower()
    return bool(words.isin((*POSITIVE, *NEGATIVE, *UNSURE)).all() and words.ne("").any())


def _labels(cells: pd.Series, header: str) -> list[str]:
    """The labels of each row, "" for none, with ", " between several."""
    if _is_flag(cells):
        words = cells.str.strip().str.lower()
        label = "" if header.strip().lower() in NOTHING else _plain(header)
        return [label if positive else "" for positive in words.isin(POSITIVE)]
    return [_joined(cell) for cell in cells]


def _joined(cell: str) -> str:
    labels = (_plain(part) for part in SEPARATORS.split(cell))
    return ", ".join(label for label in labels if label and label.lower() not in (*NOTHING, *UNSURE))


def _plain(label: str) -> str:
    return label.replace("_", " ").strip()
