"""Open-i / IU X-Ray: chest radiographs with reports, as XML files or as Kaggle's two tables.

One study per report: a frontal and a lateral image (either may be missing), the report (findings and
impression), the history (indication). The XML does not name the view of an image: without
`indiana_projections.csv`, the lower number counts as frontal, and `notes` says so.

The XML is parsed without DTD and entities, and with a limit on its size.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.etree import ElementTree  # what makes XML dangerous is refused below  # nosec B405

from suture.data.errors import Refused, Skipped
from suture.data.files.sources import Files
from suture.data.readers.file_lookup import Lookup, file_name, image_names
from suture.data.readers.finish import (
    Problem,
    build_raw_studies,
    columns_missing,
    read_named_table,
    table_from_records,
)
from suture.data.readers.raw_studies import RawStudies, Roles

LAYOUT = "openi"
EXPECTS = "Open-i / IU X-Ray: ecgen-radiology/*.xml, or indiana_reports.csv, with a folder of images"
OWN_TABLES = r"indiana_(reports|projections)\.csv"
XML_FOLDERS = {"ecgen-radiology", "nlmcxr_reports"}
COLUMNS = ["study_id", "frontal", "lateral", "report", "history", "group", "problems"]
ROLES = Roles(
    study_id="study_id",
    images=("frontal", "lateral"),
    texts=("report", "history"),
    labels=("problems",),
    group="group",
)
MAX_BYTES = 2**20  # reports have about 4 kB


@dataclass(frozen=True)
class Report:
    """One report; `images` are ids or file names."""

    uid: str
    findings: str = ""
    impression: str = ""
    indication: str = ""
    problems: str = ""
    images: tuple[str, ...] = ()


def matches(files: Files) -> bool:
    """Whether there is Kaggle's table of reports, or XML in a folder of the collection's name."""
    names = files.names()
    return any(_base(n) == "indiana_reports.csv" for n in names) or any(map(_is_report, names))


def _is_report(name: str) -> bool:
    if not name.lower().endswith(".xml"):  # fast path
        return False
    path = PurePosixPath(name.lower())
    return path.suffix == ".xml" and not XML_FOLDERS.isdisjoint(path.parts[:-1])


def _base(name: str) -> str:
    return file_name(name).lower()


def read(files: Files, *, table: str = "", roles: Roles | None = None) -> RawStudies:
    """One row per report. Group: the report, because the collection does not identify patients."""
    names = sorted(files.names())
    projections = _projections(files, names)
    tables = [n for n in names if _base(n) == "indiana_reports.csv"]
    reports, problems = (_from_table(files, tables[0]), []) if tables else _from_xml(files, names)
    if not reports:
        raise Refused("no_usable_files", f"Expected {EXPECTS}; no report could be read.")
    lookup = Lookup(image_names(names))
    rows = table_from_records([_row(r, projections, lookup) for r in reports], COLUMNS)
    views = "from indiana_projections.csv" if projections else "assumed: the lower image number is frontal"
    return build_raw_studies(
        LAYOUT, rows, ROLES, roles, files, problems=tuple(problems), notes={"views": views}
    )


def _row(report: Report, projections: dict[str, dict[str, str]], lookup: Lookup) -> dict[str, str]:
    views = projections.get(report.uid) or _views_by_number(report.images)
    return {
        "study_id": report.uid,
        "frontal": _found(views.get("frontal", ""), lookup),
        "lateral": _found(views.get("lateral", ""), lookup),
        "report": "\n".join(filter(None, (report.findings, report.impression))),
        "history": report.indication,
        "group": report.uid,
        "problems": report.problems,
    }


def _found(image: str, lookup: Lookup) -> str:
    return lookup.find(image) or image


def _views_by_number(images: tuple[str, ...]) -> dict[str, str]:
    def number(image: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", image)]

    return dict(zip(("frontal", "lateral"), sorted(images, key=number), strict=False))


def _projections(files: Files, names: list[str]) -> dict[str, dict[str, str]]:
    """uid -> view -> file name, the first image of each view."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name in (n for n in names if _base(n) == "indiana_projections.csv"):
        rows = read_named_table(files, name)
        if not {"uid", "filename", "projection"} <= set(rows.columns):
            raise columns_missing(f"{name!r} should have uid, filename and projection.", rows)
        for uid, file, view in zip(rows.uid, rows.filename, rows.projection, strict=True):
            found[uid].setdefault(view.strip().lower(), file)
    return dict(found)


def _from_table(files: Files, name: str) -> list[Report]:
    rows = read_named_table(files, name)
    rows.columns = rows.columns.str.lower()
    if not {"uid", "findings", "impression"} <= set(rows.columns):
        raise columns_missing(f"{name!r} should have uid, findings and impression.", rows)
    shown = _pictures_by_uid(files)
    return [
        Report(
            uid=r["uid"],
            findings=r["findings"].strip(),
            impression=r["impression"].strip(),
            indication=r.get("indication", "").strip(),
            problems=r.get("problems", ""),
            images=shown.get(r["uid"], ()),
        )
        for r in rows.to_dict("records")
    ]


def _pictures_by_uid(files: Files) -> dict[str, tuple[str, ...]]:
    """uid -> file names, for tables without projections: images are called {uid}_IM-….png."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in image_names(files.names()):
        found[_base(name).removeprefix("cxr").partition("_")[0]].append(name)
    return {uid: tuple(images) for uid, images in found.items()}


def _from_xml(files: Files, names: list[str]) -> tuple[list[Report], list[Problem]]:
    reports: list[Report] = []
    problems: list[Problem] = []
    for name in filter(_is_report, names):
        try:
            reports.append(parse_report(files.read(name), name))
        except Skipped as error:
            problems.append((name, error.code, error.message))
    return reports, problems


def parse_report(content: bytes, name: str) -> Report:
    """The report in these bytes; `Skipped` if they are not XML, too long, or have a DTD."""
    root = _root(content, name)
    said = {str(e.get("Label", "")).upper(): _words(e) for e in root.iter("AbstractText")}
    uid = next((str(e.get("id")) for e in root.iter("uId") if e.get("id")), PurePosixPath(name).stem)
    return Report(
        uid=uid,
        findings=said.get("FINDINGS", ""),
        impression=said.get("IMPRESSION", ""),
        indication=said.get("INDICATION", ""),
        problems=";".join(_main_headings(root)),
        images=tuple(str(e.get("id")) for e in root.iter("parentImage") if e.get("id")),
    )


def _root(content: bytes, name: str) -> ElementTree.Element:
    if len(content) > MAX_BYTES:
        raise Skipped("xml_too_large", f"{name!r} has more than {MAX_BYTES:,} bytes, the limit.")
    # Entities can expand without bound or name local files; a report needs none. Zero bytes would mean
    # UTF-16, in which the marks searched for are encoded differently.
    if any(mark in content for mark in (b"<!DOCTYPE", b"<!ENTITY", b"<!doctype", b"\x00")):
        raise Skipped("xml_unsafe", f"{name!r} declares a document type, or is not UTF-8.")
    try:
        return ElementTree.fromstring(content)  # no DTD, no entity  # nosec B314
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # LookupError: unknown encoding
        raise Skipped("xml_corrupt", f"{name!r} is not readable XML: {error}.") from error


def _words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _main_headings(root: ElementTree.Element) -> list[str]:
    """Main headings of the indexing terms: "Cardiomegaly/mild" becomes "Cardiomegaly"."""
    terms = [_words(e).partition("/")[0].strip() for mesh in root.iter("MeSH") for e in mesh.iter("major")]
    return sorted({term for term in terms if term})
