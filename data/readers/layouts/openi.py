"""Open-i / IU X-Ray: chest radiographs with reports, as XML files or as the Kaggle pair of tables.

One study a report: a frontal and a lateral picture (either may be missing), the report (findings and
impression), the history (indication). The XML does not say which picture is which view: where no
`indiana_projections.csv` tells it, the lower number counts as frontal, and `notes` says so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath

from suture.data.errors import Refused, Skipped
from suture.data.raw_studies import Files, RawStudies, Roles
from suture.data.readers.file_lookup import Lookup, base, pictures
from suture.data.readers.finish import Problem, columns_missing, frame, studies, table_of
from suture.data.readers.layouts.openi_xml import Report, parse_report

LAYOUT = "openi"
EXPECTS = "Open-i / IU X-Ray: ecgen-radiology/*.xml, or indiana_reports.csv, with a folder of pictures"
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


def matches(files: Files) -> bool:
    """Whether Kaggle's table of reports is there, or XML in a folder of the collection's name."""
    names = files.names()
    return any(_base(n) == "indiana_reports.csv" for n in names) or any(map(_is_report, names))


def _is_report(name: str) -> bool:
    if not name.lower().endswith(".xml"):  # there are many others
        return False
    path = PurePosixPath(name.lower())
    return path.suffix == ".xml" and not XML_FOLDERS.isdisjoint(path.parts[:-1])


def _base(name: str) -> str:
    return base(name).lower()


def read(files: Files, *, table: str = "", roles: Roles | None = None) -> RawStudies:
    """One row a report; group: the report, since the collection does not tell its patients."""
    names = sorted(files.names())
    projections = _projections(files, names)
    tables = [n for n in names if _base(n) == "indiana_reports.csv"]
    reports, problems = (_from_table(files, tables[0]), []) if tables else _from_xml(files, names)
    if not reports:
        raise Refused("no_usable_files", f"Expected {EXPECTS}; no report could be read.")
    lookup = Lookup(pictures(names))
    rows = frame([_row(r, projections, lookup) for r in reports], COLUMNS)
    views = "from indiana_projections.csv" if projections else "assumed: the lower image number is frontal"
    return studies(LAYOUT, rows, ROLES, roles, files, problems=tuple(problems), notes={"views": views})


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
    """uid -> view -> file name, the first picture of each view."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name in (n for n in names if _base(n) == "indiana_projections.csv"):
        rows = table_of(files, name)
        if not {"uid", "filename", "projection"} <= set(rows.columns):
            raise columns_missing(f"{name!r} should have uid, filename and projection.", rows)
        for uid, file, view in zip(rows.uid, rows.filename, rows.projection, strict=True):
            found[uid].setdefault(view.strip().lower(), file)
    return dict(found)


def _from_table(files: Files, name: str) -> list[Report]:
    rows = table_of(files, name)
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
    """For tables without projections: pictures are called {uid}_IM-….png."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in pictures(files.names()):
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
