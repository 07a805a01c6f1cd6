"""Read a source in one of the known layouts: its files become a table of raw studies.

- `read` reads a source in the given layout, or in the one that `detect` finds.
- `layouts` lists their names. The layouts, and how to add one: `suture.data.readers.layouts`.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath
from types import ModuleType

from suture.data.errors import Refused
from suture.data.files.sources import Files
from suture.data.readers.file_lookup import is_image_name
from suture.data.readers.finish import columns_missing
from suture.data.readers.layouts import LAYOUTS, dicom, webdataset
from suture.data.readers.layouts import table as general
from suture.data.readers.layouts.huggingface import datasets
from suture.data.readers.raw_studies import RawStudies, Roles

VOLUMES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".npz", ".npy")
OF_ONE_FILE = (datasets, webdataset)  # these look into the file that the user points at
__all__ = ["detect", "layouts", "read"]


def layouts() -> list[str]:
    """The names of all layouts, in the order in which they are tried."""
    return [module.LAYOUT for module in LAYOUTS]


def detect(files: Files, *, table: str = "") -> ModuleType:
    """The first layout that the files match; `Refused` if there is none.

    table  a table that the user pointed at: only layouts that read a table of this name are tried
    """
    base = PurePosixPath(table).name
    for module in LAYOUTS:
        if table and not re.fullmatch(module.OWN_TABLES, base):
            continue
        if module.matches(files, table) if module in OF_ONE_FILE else module.matches(files):
            return module
    raise Refused("no_usable_files", f"Found {_found(files)}{_in_the_way([*files.names()])}")


def read(
    files: Files,
    *,
    layout: str = "",
    table: str = "",
    roles: Roles | None = None,
    given: Roles | None = None,
    secret: str = "",
    incomplete: bool = False,
) -> RawStudies:
    """The studies of a source.

    layout  one of `layouts()`, "" = detect
    table   the name of the table to read, "" = find it
    roles   what all columns mean, None = guess
    given   what some columns mean, as the user says; the others are guessed
    secret  the key of the patient pseudonyms, where a reader makes them; "" = a new one
    incomplete  also return a source whose roles do not suffice; `missing` then says what is missing
    """
    raw = _read(files, layout, table, roles, given, secret, incomplete)
    if raw.missing and not incomplete:
        raise columns_missing(raw.missing, raw.rows)
    return raw


def _read(
    files: Files,
    layout: str,
    table: str,
    roles: Roles | None,
    given: Roles | None,
    secret: str,
    incomplete: bool,
) -> RawStudies:
    module = _module(files, layout, table)
    if module is dicom:
        return dicom.read(files, table=table, roles=roles, secret=secret)
    if module is general or module in OF_ONE_FILE:
        return module.read(files, table=table, roles=roles, given=given)
    try:
        return module.read(files, table=table, roles=roles)
    except Refused as error:
        if layout or error.code != "table_columns_missing" or not general.matches(files):
            raise
        table_studies = general.read(files, table=table, roles=roles, given=given)
        if table_studies.missing and not incomplete:
            raise  # the layout's own reason says more
        return table_studies


def _module(files: Files, layout: str, table: str) -> ModuleType:
    if not layout:
        return detect(files, table=table)
    known = {module.LAYOUT: module for module in LAYOUTS}
    if layout not in known:
        raise Refused("layout_unknown", f"Unknown layout {layout!r}. Must be one of: {', '.join(known)}.")
    module = known[layout]
    if not (table or module.matches(files)):
        raise Refused("no_usable_files", f"Found {_found(files)}. Expected {module.EXPECTS}.")
    return module


def _in_the_way(names: list[str]) -> str:
    """What keeps files in no known layout from being imported, and a command that would work."""
    images = any(map(is_image_name, names))
    volumes = next((s for s in VOLUMES if any(n.lower().endswith(s) for n in names)), "")
    if not names:
        return ". Give a folder, a ZIP or a table that has studies."
    if volumes and not images:
        return (
            f": {volumes} volumes are not read. Export slices as PNG, name them with their reports in a "
            f"table with the columns image and report, and run `suture import studies.csv --name NAME`."
        )
    if images:
        return (
            ": images without texts. Put NAME.txt beside each NAME.png, or a table studies.csv with the "
            "columns image and report into the folder, and run `suture import FOLDER --name NAME`."
        )
    if any(n.lower().endswith(".txt") for n in names):
        return (
            ": texts without images. Put the images of the same names beside them, and run "
            "`suture import FOLDER --name NAME`."
        )
    return (
        ": none of them is an image, a table or a report. Write a table studies.csv with the columns image "
        "and report, and run `suture import studies.csv --name NAME`."
    )


def _found(files: Files) -> str:
    kinds = Counter(PurePosixPath(name).suffix.lower()[:12] or "no suffix" for name in files.names())
    shown = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(6))
    plural = "" if kinds.total() == 1 else "s"
    return f"{kinds.total():,} file{plural} ({shown})" if kinds else "no files at all"
