"""ROCO: figures of open-access articles with their captions, versions 1 and 2.

Version 1: `{train,validation,test}/radiology/captions.txt`, or `radiology{train,val,test}data.csv`
(id, name, caption). Version 2: `{train,valid,test}_captions.csv` (ID, Caption). The figures of an article
are one group.
"""

from __future__ import annotations

import re

import pandas as pd

from suture.data.errors import Refused, Skipped
from suture.data.files.sources import Files
from suture.data.readers.file_lookup import Lookup, image_names, split_of
from suture.data.readers.finish import (
    Problem,
    build_raw_studies,
    columns_missing,
    read_named_table,
    read_text_file,
    table_from_records,
)
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.readers.roles import columns_named

LAYOUT = "roco"
EXPECTS = "ROCO: */radiology/captions.txt or *_captions.csv with a folder of images"
OWN_TABLES = r"(train|valid|validation|test)_captions\.csv|radiology(train|val|validation|test)data\.csv"

CAPTIONS = re.compile(rf"(?:^|/)(?:radiology/captions\.txt|{OWN_TABLES})$")
ARTICLES = re.compile(r"(?:^|/)(?:licen[cs]es?[^/]*|license_information|dlinks[^/]*)\.(?:txt|csv)$")
CONCEPTS = re.compile(r"(?:^|/)(?:(?:train|valid|validation|test)_concepts\.csv|cuis[^/]*\.txt)$")
ARTICLE = re.compile(r"^\W*(ROCO\w+)\W.*?(PMC\d+)", re.MULTILINE)


def matches(files: Files) -> bool:
    """Whether there is a captions file of either version."""
    return any(map(CAPTIONS.search, files.names()))


def read(files: Files, *, table: str = "", roles: Roles | None = None) -> RawStudies:
    """One study per figure. Group: its article if the licence file names it, else the figure."""
    names = sorted(files.names())
    captions = _captions(files, names)
    articles = dict(pair for name in filter(ARTICLES.search, names) for pair in _articles(files, name))
    concepts, problems = _all_concepts(files, names)
    lookup = Lookup(image_names(names))
    rows = captions.assign(
        image=[lookup.find(file) or file for file in captions.file],
        group=[articles.get(i, i) for i in captions.study_id],
        CUIs=[concepts.get(i, "") for i in captions.study_id],
    ).drop(columns="file")
    guess = Roles(
        study_id="study_id",
        images=("image",),
        texts=("caption",),
        labels=("CUIs",),
        group="group",
        split="split",
    )
    return build_raw_studies(LAYOUT, rows, guess, roles, files, problems=tuple(problems))


def _captions(files: Files, names: list[str]) -> pd.DataFrame:
    """study_id, caption, split and file of every caption; captions.txt is preferred to its CSV version."""
    texts = [n for n in names if CAPTIONS.search(n) and n.endswith(".txt")]
    covered = {split_of(n) for n in texts}
    tables = [n for n in names if CAPTIONS.search(n) and n.endswith(".csv")]
    records = [r for n in texts for r in _from_text(files, n)]
    records += [r for n in tables if _csv_split(n) not in covered for r in _from_csv(files, n)]
    if not records:
        raise Refused("no_usable_files", f"Expected {EXPECTS}; the caption files have no captions.")
    return table_from_records(records, ["study_id", "caption", "split", "file"])


def _csv_split(name: str) -> str:
    # In radiologytraindata.csv the split is not a separate word.
    return split_of(re.sub(r"radiology(train|val|validation|test)data", r"\1", name))


def _from_text(files: Files, name: str) -> list[dict[str, str]]:
    # Not parsed as CSV: captions contain quotes, and there is no header.
    split = split_of(name)
    cells = [line.partition("\t") for line in read_text_file(files, name).split("\n") if line.strip()]
    found = [(figure.strip(), caption.strip()) for figure, _, caption in cells]
    return [{"study_id": f, "caption": c, "split": split, "file": f} for f, c in found]


def _from_csv(files: Files, name: str) -> list[dict[str, str]]:
    rows = read_named_table(files, name)
    ids, captions = (
        columns_named(list(rows.columns), ("id",)),
        columns_named(list(rows.columns), ("caption",)),
    )
    if not ids or not captions:
        raise columns_missing(f"{name!r} should have the columns ID and Caption.", rows)
    file = next(iter(columns_named(list(rows.columns), ("name",))), ids[0])
    pairs = zip(rows[ids[0]], rows[captions[0]], rows[file], strict=True)
    split = _csv_split(name)
    return [{"study_id": i, "caption": c.strip(), "split": split, "file": f} for i, c, f in pairs]


def _articles(files: Files, name: str) -> list[tuple[str, str]]:
    """(figure, article) of every line that names both."""
    try:
        return ARTICLE.findall(read_text_file(files, name))
    except Skipped:
        return []  # each figure is then its own group


def _all_concepts(files: Files, names: list[str]) -> tuple[dict[str, str], list[Problem]]:
    """Figure -> UMLS concepts, joined by ";"."""
    found: dict[str, str] = {}
    for name in filter(CONCEPTS.search, names):
        try:
            lines = read_text_file(files, name).splitlines()
        except Skipped as error:
            return found, [(name, error.code, error.message)]
        for line in lines:
            figure, *concepts = re.split(r"[,;\t\"]+", line.strip(', \t"\r'))
            found[figure] = ";".join(c for c in concepts if re.fullmatch(r"C\d+", c))
    return found, []
