"""Identifiers in texts and headers: found by kind, not cried where there are none, never told."""

from __future__ import annotations

from pathlib import Path

import pytest

from suture.data.intake import intake
from suture.data.phi.identifiers import identifiers, is_personal
from suture.data.phi.patterns import PATTERNS
from suture.data.workspace import Workspace
from tests.data.reader_files import picture, write

# Every person, place and number is invented.
PLANTED = {
    "name": [
        "Dr. Welby was called.",
        "Patient name: Jane Doe",
        "PATIENT: DOE, JANE",
        "DOE^JANE",
        "J. Watson MD",
    ],
    "place": ["lives at 12 Elm Street", "Springfield, IL 62704", "resides in Boston", "P.O. Box 77"],
    "date": ["on 03/04/2019", "2019-03-04", "4 March 2019", "Mar 3rd", "12-Jan-2020", "DOB: 19610203"],
    "phone": ["(555) 010-1234", "cell 555-0101", "pager 1234", "+1 555 010 1234"],
    "fax": ["Fax: 555-0102", "fax no. (555) 010-9999"],
    "e-mail": ["jane.doe@example.org"],
    "social security": ["000-00-0000", "SSN: 000000000"],
    "medical record": ["MRN: 8675309", "MRN8675309", "medical record number 778899"],
    "health plan": ["Insurance ID: XK99123", "member ID 55667788"],
    "account": ["account number 4455667", "Accession: ACC778899"],
    "licence": ["License no. D1234567"],
    "vehicle": ["VIN 1HGCM82633A004352", "license plate ABC-1234"],
    "device": ["pacemaker serial number SN123456"],
    "web address": ["see https://example.org/x", "www.example.org"],
    "IP address": ["from 192.0.2.10"],
    "biometric": ["fingerprint ID FP-2231"],
    "other number": ["UID 2.25.1123", "study 1.2.840.113619.2.55.3.283"],
    "age over 89": ["92-year-old man", "aged 94", "a 101 yo woman", "91F"],
}
PLAIN = [
    "Heart size is 12 x 3.4 cm. There may be 2 nodules, decreased 10 mm.",
    "A 45-year-old man with cough for 3 days. T12-L1 disc, L4/5 level, slices 10-12 of series 3.",
    "Compared to ___, no change. Dr. ___ was called on ___.",
    "[**2101-3-4**] Dr. [**Last Name**] XXXX-year-old",
    "90 degrees flexion, 95 % stenosis. Plan: follow-up in 12 months. Mother with breast cancer.",
    "Discussed with Emergency Department. The Radiologist Reviewed Images.",
]


def test_all_kinds_that_words_can_show() -> None:
    assert {*PLANTED} == {*PATTERNS}


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_is_found(kind: str) -> None:
    assert [text for text in PLANTED[kind] if kind not in identifiers(f"Clear. {text}")] == []


@pytest.mark.parametrize("text", PLAIN)
def test_plain_words_and_removed_names_are_none(text: str) -> None:
    assert not identifiers(text)


def test_columns_that_name_persons() -> None:
    assert all(map(is_personal, ("PatientName", "DOB", "mrn", "Referring Physician", "last_name", "E-Mail")))
    assert not any(map(is_personal, ("report", "image", "file_name", "Modality", "patient_id")))


def test_a_report_counts_and_never_quotes(workspace: Workspace, tmp_path: Path) -> None:
    table = "image,report,MRN\na.png,Dr. Welby called on 03/04/2019.,8675309\nb.png,Clear lungs.,778899\n"
    write(tmp_path, {"a.png": picture(1), "b.png": picture(2), "t.csv": table})
    report = intake(workspace, tmp_path, "planted")
    assert report.warnings == {"image_constant": 2, "warn_phi_columns": 1, "warn_phi_in_text": 1}
    assert report.identifiers == {"date": 1, "name": 1}
    assert not any(word in str(report) for word in ("Welby", "2019", "8675309"))
