"""MIMIC-CXR-JPG: one study per `study_id`, with a frontal and a lateral image, report and history.

Required: `mimic-cxr-2.*-metadata.csv(.gz)`. Optional: `…-split.csv`, `…-chexpert.csv`; images
`files/p10/p10000032/s50414267/<dicom_id>.jpg` and reports `files/p10/p10000032/s50414267.txt`, or
`mimic_cxr_sectioned.csv` in their place. Most users have only a part of it: studies without any file are left
out, and `notes` counts them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from suture.data.errors import Refused, Skipped
from suture.data.files.sources import Files
from suture.data.readers.file_lookup import is_image_name, stem
from suture.data.readers.finish import (
    Problem,
    build_raw_studies,
    columns_missing,
    read_text_file,
    table_from_records,
)
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.readers.sections import last_paragraph, sections
from suture.data.tables.gzip_limit import gunzip
from suture.data.tables.reading import read_table

LAYOUT = "mimic"
EXPECTS = "MIMIC-CXR-JPG: mimic-cxr-2.0.0-metadata.csv(.gz) with files/p10/p10000032/s50414267/*.jpg"
OWN_TABLES = r"mimic-cxr-.*\.csv"
LABEL_WORDS = {"1.0": "positive", "0.0": "negative", "-1.0": "uncertain", "1": "positive", "0": "negative"}
NEEDED = ("dicom_id", "subject_id", "study_id", "ViewPosition")
TEXTS = ("report", "history")
MEANING = "ViewCodeSequence_CodeMeaning"
NO_PLACE = "A study holds one frontal and one lateral image; another image of this one has the place."


@dataclass(frozen=True)
class _PresentFiles:
    """What is available: image by dicom_id, report by study_id, its sections by study_id."""

    pictures: dict[str, str]
    reports: dict[str, str]
    sections: dict[str, dict[str, str]]


def matches(files: Files) -> bool:
    """Whether there is a metadata table."""
    return any(_is_table(name, "metadata") for name in files.names())


def _is_table(name: str, kind: str) -> bool:
    return bool(re.search(rf"(?:^|/)mimic-cxr-[\d.]+-{kind}\.csv(?:\.gz)?$", name))


def read(files: Files, *, table: str = "", roles: Roles | None = None) -> RawStudies:
    """One row per study. Group: subject_id; split as published; labels by CheXpert."""
    metadata = _table(files, "metadata")
    absent = [c for c in NEEDED if c not in metadata]
    if absent:
        raise columns_missing(f"The metadata should have {', '.join(NEEDED)}.", metadata)
    here = _present_files(files)
    described = here.reports.keys() | (here.sections.keys() if not here.pictures else set())
    held = metadata[metadata.dicom_id.isin(here.pictures) | metadata.study_id.isin(described)]
    if held.empty:
        raise Refused("no_usable_files", f"Expected {EXPECTS}; found the table, but no images.")
    labels = _labels(files)
    rows, problems = _rows(files, held, here)
    rows = rows.assign(split=rows.study_id.map(_splits(files)).fillna(""))
    rows = rows.join(labels, on="study_id").fillna("") if len(labels.columns) else rows
    guess = Roles(
        study_id="study_id",
        images=("frontal", "lateral"),
        texts=TEXTS,
        labels=tuple(labels.columns),
        group="group",
        split="split",
    )
    left_out = metadata.study_id.nunique() - held.study_id.nunique()
    notes = {"studies_without_files": left_out}
    return build_raw_studies(LAYOUT, rows, guess, roles, files, problems=tuple(problems), notes=notes)


def _table(files: Files, kind: str) -> pd.DataFrame:
    """The published table of this kind; an empty one if it is missing."""
    for name in sorted(files.names()):
        if _is_table(name, kind):
            content = files.read(name)
            return read_table(
                gunzip(content, name) if name.endswith(".gz") else content,
                name.removesuffix(".gz"),
                files.issues,
            )
    return pd.DataFrame()


def _present_files(files: Files) -> _PresentFiles:
    names = list(files.names())
    reports = [n for n in names if re.search(r"(?:^|/)s\d+\.txt$", n)]
    return _PresentFiles(
        pictures={stem(n): n for n in names if is_image_name(n)},
        reports={stem(n)[1:]: n for n in reports},
        sections=_sectioned(files),
    )


def _rows(files: Files, held: pd.DataFrame, here: _PresentFiles) -> tuple[pd.DataFrame, list[Problem]]:
    records: list[dict[str, str]] = []
    problems: list[Problem] = []
    for study_id, pictures in held.groupby("study_id", sort=False):
        key = str(study_id)
        try:
            texts = _texts(files, here.reports.get(key, "")) or _of_sections(here.sections.get(key, {}))
        except Skipped as error:
            problems.append((key, error.code, error.message))
            continue
        ids = {"study_id": key, "group": pictures.subject_id.iloc[0]}
        views, left = _views(pictures, here)
        problems += [(name, "image_no_place", NO_PLACE) for name in left]
        records.append(ids | views | texts)
    return table_from_records(records, ["study_id", "frontal", "lateral", *TEXTS, "group"]), problems


def _views(pictures: pd.DataFrame, here: _PresentFiles) -> tuple[dict[str, str], list[str]]:
    """(the image of each view, the available images without a place).

    Of several images of one view the first is taken: an available one before others, one whose ViewPosition
    names the view before an oblique or unnamed one.
    """
    meanings = pictures.get(MEANING, pd.Series("", pictures.index))
    ranked = []
    for dicom_id, position, meaning in zip(pictures.dicom_id, pictures.ViewPosition, meanings, strict=True):
        view, certain = _view(position.strip().upper(), meaning.strip().lower())
        ranked.append((dicom_id not in here.pictures, not certain, view, dicom_id))
    by_view: dict[str, str] = {}
    for _, _, view, dicom_id in sorted(ranked, key=lambda one: one[:2]):  # stable: else as in the table
        by_view.setdefault(view, dicom_id)
    left = [i for i in pictures.dicom_id if i in here.pictures and i not in by_view.values()]
    named = {view: here.pictures.get(dicom_id, f"{dicom_id}.jpg") for view, dicom_id in by_view.items()}
    return named, [here.pictures[i] for i in left]


def _view(position: str, meaning: str) -> tuple[str, bool]:
    """(the place of an image, whether its ViewPosition says so); obliques and unknown views are frontal."""
    if position in ("LL", "RL", "LLD", "RLD", "LAT") or "LATERAL" in position:
        return "lateral", True
    if position.split(" ")[0] in ("AP", "PA"):
        return "frontal", True
    return ("lateral" if not position and "lateral" in meaning else "frontal"), False


def _texts(files: Files, name: str) -> dict[str, str]:
    if not name:
        return {}
    text = read_text_file(files, name)
    said = sections(text)
    return {
        "report": "\n".join(filter(None, (said.findings, said.impression))) or last_paragraph(text),
        "history": " ".join(filter(None, (said.indication, said.history))),
    }


def _sectioned(files: Files) -> dict[str, dict[str, str]]:
    """The sections of each study in mimic_cxr_sectioned.csv, of "s50414267" and others; {} without it."""
    name = next((n for n in sorted(files.names()) if re.search(r"(?:^|/)mimic_cxr_sectioned\.csv$", n)), "")
    rows = read_table(files.read(name), name, files.issues) if name else pd.DataFrame()
    if "study" not in rows:
        return {}
    return {record["study"].removeprefix("s"): record for record in rows.to_dict("records")}


def _of_sections(said: dict[str, str]) -> dict[str, str]:
    report = "\n".join(filter(None, (said.get("findings", ""), said.get("impression", ""))))
    return {"report": report or said.get("last_paragraph", "")} if said else {}


def _splits(files: Files) -> dict[str, str]:
    rows = _table(files, "split")
    return dict(zip(rows.study_id, rows.split, strict=True)) if "split" in rows else {}


def _labels(files: Files) -> pd.DataFrame:
    """One column per finding, one row per study: positive, negative, uncertain, "" = not mentioned."""
    rows = _table(files, "chexpert")
    rows = rows if len(rows) else _table(files, "negbio")
    if "study_id" not in rows:
        return pd.DataFrame()
    findings = (
        rows.drop_duplicates("study_id").set_index("study_id").drop(columns="subject_id", errors="ignore")
    )
    return findings.replace(LABEL_WORDS)
