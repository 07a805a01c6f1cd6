"""One report of Open-i from its XML: no DTD, no entities, a cap on the size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.etree import ElementTree  # what makes XML dangerous is refused below  # nosec B405

from suture.data.errors import Skipped

MAX_BYTES = 2**20  # the collection's reports have about 4 kB


@dataclass(frozen=True)
class Report:
    """What the collection says of one examination; `images` are ids or file names."""

    uid: str
    findings: str = ""
    impression: str = ""
    indication: str = ""
    problems: str = ""
    images: tuple[str, ...] = ()


def parse_report(content: bytes, name: str) -> Report:
    """The report in these bytes; `Skipped` if they are no XML, too long, or carry a DTD."""
    root = _root(content, name)
    said = {str(e.get("Label", "")).upper(): _words(e) for e in root.iter("AbstractText")}
    uid = next((str(e.get("id")) for e in root.iter("uId") if e.get("id")), PurePosixPath(name).stem)
    return Report(
        uid=uid,
        findings=said.get("FINDINGS", ""),
        impression=said.get("IMPRESSION", ""),
        indication=said.get("INDICATION", ""),
        problems=";".join(_problems(root)),
        images=tuple(str(e.get("id")) for e in root.iter("parentImage") if e.get("id")),
    )


def _root(content: bytes, name: str) -> ElementTree.Element:
    if len(content) > MAX_BYTES:
        raise Skipped("xml_too_large", f"{name!r} is longer than {MAX_BYTES:,} bytes.")
    # Entities can multiply without end or name files of this machine; a report needs none. Zero
    # bytes would be UTF-16, in which the words looked for here are spelt differently.
    if any(mark in content for mark in (b"<!DOCTYPE", b"<!ENTITY", b"<!doctype", b"\x00")):
        raise Skipped("xml_unsafe", f"{name!r} declares a document type, or is not UTF-8.")
    try:
        return ElementTree.fromstring(content)  # no DTD, no entity  # nosec B314
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # LookupError: unknown encoding
        raise Skipped("xml_corrupt", f"{name!r} is not readable XML: {error}.") from error


def _words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _problems(root: ElementTree.Element) -> list[str]:
    """Main headings of the indexers' terms: "Cardiomegaly/mild" is a kind of "Cardiomegaly"."""
    terms = [_words(e).partition("/")[0].strip() for mesh in root.iter("MeSH") for e in mesh.iter("major")]
    return sorted({term for term in terms if term})
