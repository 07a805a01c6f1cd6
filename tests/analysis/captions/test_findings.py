"""Findings in reports: planted findings, negation and uncertainty, spans, spelling."""

from __future__ import annotations

import pytest

from suture.analysis.captions import FINDINGS, finding_changes, findings_of, mentions
from suture.analysis.captions.assertion import Assertion
from suture.analysis.captions.findings import present
from suture.data.synthetic import phrases
from suture.data.synthetic.factors import FINDINGS as SYNTHETIC
from suture.data.synthetic.plan import patients, plan_study
from suture.data.synthetic.reports import write_report


def planned(n: int, seed: int) -> list[tuple[str, set[str]]]:
    """Synthetic reports, each with what it truly states."""
    plans = [plan_study(seed, i, patient) for i, patient in zip(range(n), patients(seed), strict=False)]
    return [
        (write_report(plan, seed=seed, number=i), {finding.name for finding in plan.findings})
        for i, plan in enumerate(plans)
    ]


@pytest.mark.parametrize("seed", [0, 7])
def test_findings_of_synthetic_reports_are_those_planned(seed: int) -> None:
    reports = planned(400, seed)
    found = [present(text) for text, _ in reports]
    hits = sum(len(names & true) for names, (_, true) in zip(found, reports, strict=True))
    assert hits / sum(map(len, found)) > 0.99
    assert hits / sum(len(true) for _, true in reports) > 0.99


def test_every_synthetic_finding_is_in_the_vocabulary() -> None:
    assert set(SYNTHETIC) <= set(FINDINGS)


@pytest.mark.parametrize(
    "words", [words for denials in phrases.DENIALS.values() for _, words in denials], ids=lambda words: words
)
def test_every_wording_that_is_denied_is_absent(words: str) -> None:
    assert set(findings_of(f"No {words}.").values()) == {"absent"}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Small pneumothorax.", "present"),
        ("Findings in keeping with pneumothorax.", "present"),
        ("No effusion but a pneumothorax.", "present"),
        ("No effusion, consolidation or fracture; pneumothorax at the apex.", "present"),
        ("No abnormality except a pneumothorax.", "present"),
        ("No effusion, small left pneumothorax.", "present"),
        ("No significant change in the pneumothorax.", "present"),
        ("Possible effusion, pneumothorax on the left.", "present"),
        ("No effusion. Pneumothorax.", "present"),
        ("Pneumothorax is seen and effusion is not seen.", "present"),
        ("No pneumothorax.", "absent"),
        ("No effusion, pneumothorax or fracture.", "absent"),
        ("No effusion, large pneumothorax or fracture seen.", "absent"),
        ("There is no evidence of effusion or pneumothorax.", "absent"),
        ("Without pneumothorax.", "absent"),
        ("Negative for pneumothorax.", "absent"),
        ("Pneumothorax is not seen.", "absent"),
        ("Pneumothorax and effusion are not identified.", "absent"),
        ("The pneumothorax has resolved.", "absent"),
        ("The pneumothorax is no longer seen.", "absent"),
        ("Pneumothorax: none.", "absent"),
        ("Pneumothorax was ruled out.", "absent"),
        ("Possible pneumothorax.", "uncertain"),
        ("Appearances may represent a pneumothorax.", "uncertain"),
        ("Cannot exclude pneumothorax.", "uncertain"),
        ("Pneumothorax cannot be excluded.", "uncertain"),
        ("Pneumothorax is unlikely.", "uncertain"),
        ("Suspicious for pneumothorax.", "uncertain"),
        ("?pneumothorax", "uncertain"),
        ("Pneumothorax?", "uncertain"),
        ("No effusion, possible pneumothorax.", "uncertain"),
    ],
)
def test_what_is_said_of_a_finding(text: str, state: Assertion) -> None:
    assert findings_of(text)["pneumothorax"] == state


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("Intracranial hemorrhage.", "haemorrhage"),
        ("Two haematomas.", "haemorrhage"),
        ("Cerebral edema.", "oedema"),
        ("Pulmonary edema.", "pulmonary oedema"),
        ("Liver metastases.", "metastasis"),
        ("Renal calculi.", "kidney stone"),
        ("Bilateral pulmonary emboli.", "pulmonary embolism"),
        ("Patchy opacities.", "consolidation"),
        ("Ground-glass opacity.", "ground glass opacity"),
        ("Fractures of the left third and fourth ribs.", "rib fracture"),
        ("Pericardial effusion.", "pericardial effusion"),
        ("Dilated loops of small bowel.", "bowel obstruction"),
        ("A breast tumor.", "mass"),
        ("Mass effect.", "mass effect"),
        ("Arterial stenoses.", "stenosis"),
    ],
)
def test_number_spelling_and_the_longest_term(text: str, finding: str) -> None:
    assert findings_of(text) == {finding: "present"}


@pytest.mark.parametrize(
    ("text", "present_ones", "uncertain"),
    [
        ("Lungs are clear without consolidation, effusion or edema. Heart size is mildly enlarged.",
         {"cardiomegaly"}, set()),
        ("No hydronephrosis or nephrolithiasis is seen. There is a 4 mm calculus in the left kidney.",
         {"kidney stone"}, set()),
        ("No pleural effusion is seen although a small pneumothorax remains.", {"pneumothorax"}, set()),
        ("Bibasilar atelectasis; superimposed pneumonia cannot be excluded.", {"atelectasis"}, {"pneumonia"}),
        ("Hazy opacity, could represent atelectasis versus pneumonia.", {"opacity"},
         {"atelectasis", "pneumonia"}),
        ("The liver holds lesions which likely represent cysts; metastases are considered less likely.",
         {"lesion"}, {"cyst", "metastasis"}),
        ("Acute left MCA infarction, no hemorrhagic transformation, mass effect or midline shift.",
         {"infarct"}, set()),
        ("Aneurysm of the aorta without dissection; mural thrombus is present.",
         {"aneurysm", "thrombus"}, set()),
        ("Filling defects in the right pulmonary artery. Interval resolution of the effusion.",
         {"pulmonary embolism"}, set()),
        ("No evidence of a mass lesion; abscess unlikely.", set(), {"abscess"}),
    ],
)  # fmt: skip
def test_sentences_in_other_words_than_the_synthetic_ones(
    text: str, present_ones: set[str], uncertain: set[str]
) -> None:
    found = findings_of(text)
    assert present(text) == present_ones
    assert {name for name, said in found.items() if said == "uncertain"} == uncertain


def test_spans_are_the_words_themselves() -> None:
    text = "FINDINGS: No pleural effusion. Possible rib fractures; cardiomegaly."
    assert [(text[m.start : m.end], m.finding, m.state) for m in mentions(text)] == [
        ("pleural effusion", "pleural effusion", "absent"),
        ("rib fractures", "rib fracture", "uncertain"),
        ("cardiomegaly", "cardiomegaly", "present"),
    ]


def test_the_surest_mention_for_a_finding_counts() -> None:
    assert findings_of("Possible fracture. IMPRESSION: Fracture.") == {"fracture": "present"}
    assert findings_of("No fracture. Possible fracture.") == {"fracture": "uncertain"}


def test_hit_missed_and_invented() -> None:
    changed = finding_changes(
        "Cardiomegaly and a nodule, possible pneumothorax.", "Cardiomegaly. Fracture. Pneumothorax."
    )
    assert changed.hit == {"cardiomegaly"}
    assert changed.missed == {"fracture", "pneumothorax"}
    assert changed.invented == {"lung nodule"}


@pytest.mark.parametrize(
    "text", ["", " ", "...", "左侧胸腔积液", "Небольшой выпот", "انصباب", "The lungs are clear."]
)
def test_texts_that_name_nothing(text: str) -> None:
    assert findings_of(text) == {}
    assert mentions(text) == []


def test_terms_stand_under_one_finding_alone() -> None:
    terms = [term for terms in FINDINGS.values() for term in terms]
    assert len(terms) == len(set(terms))
