"""Sections of reports: found in the spellings that reports use, and no word lost."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from suture.data.readers.sections import Sections, sections, with_sections

FULL = Sections("Lungs clear.", "Normal.", "Cough.", "Smoker.", "None.", "Two views.")
NAMES = ("FINDINGS", "IMPRESSION", "INDICATION", "HISTORY", "COMPARISON", "TECHNIQUE")
VARIANTS = {
    "capitals": [f"{name}: {{}}\n" for name in NAMES],
    "words": [f"{name.title()}:\n{{}}\n" for name in NAMES],
    "own lines": [f"{name.title()}\r\n{{}}\r\n\r\n" for name in NAMES],
    "one line": [f"{name.title()}: {{}} " for name in NAMES],
    "markdown": [f"**{name.title()}:** {{}}\n" for name in NAMES],
    "synonyms": [
        *("Observations: {}\n", "CONCLUSION: {}\n", "Reason for exam: {}\n", "Clinical information: {}\n"),
        *("Prior studies: {}\n", "Procedure: {}\n"),
    ],
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_part_is_found(variant: str) -> None:
    parts = vars(FULL).values()
    text = "".join(form.format(words) for form, words in zip(VARIANTS[variant], parts, strict=False))
    assert sections(text) == FULL


def test_other_headings_end_a_part_and_stay() -> None:
    said = sections("FINAL REPORT\nEXAMINATION: Chest.\nFINDINGS: Clear.\nNOTIFICATION: Called.\n")
    assert said == Sections(findings="Clear.", rest="FINAL REPORT EXAMINATION: Chest. NOTIFICATION: Called.")


def test_words_that_only_look_like_headings() -> None:
    text = "No acute findings.\nThe impression is that of edema: mild.\nHistory of smoking."
    assert sections(text) == Sections(rest=" ".join(text.split()))


@pytest.mark.parametrize("text", ["", "Plain.", "A\nFINDINGS: b\nX-RAY: c\nIMPRESSION\nd\nFindings: e\n\nf"])
def test_no_word_is_lost(text: str) -> None:
    kept = sorted(" ".join(vars(sections(text)).values()).split())
    plain = re.sub(r"(?i)findings:|impression", "", text)
    assert kept == sorted(plain.split())


def test_sections_become_columns_and_the_text_stays() -> None:
    rows = pd.DataFrame({"report": ["FINDINGS: Clear.\nIMPRESSION: Normal.", "Plain."]})
    found = with_sections(rows, ["report"])
    assert found["report"].equals(rows["report"])
    assert found["report_findings"].tolist() == ["Clear.", ""]
    assert found["report_impression"].tolist() == ["Normal.", ""]
