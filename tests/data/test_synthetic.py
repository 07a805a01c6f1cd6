"""Synthetic studies: repeatable, varied, and images and texts that tell the same truth."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest

from suture.data.synthetic import FINDINGS, NO_FINDING, NOTICE, VIEWS, SyntheticStudies, generate
from suture.data.synthetic.factors import REGION_WEIGHTS, SIZES, Finding
from suture.data.synthetic.phrases import DENIALS, FINDING_SENTENCES, NORMAL_STATEMENTS
from suture.data.synthetic.plan import Patient, Plan, patients, plan_study
from suture.data.synthetic.render import Film, render
from suture.data.synthetic.reports import deny, fill, write_report

ADULT = Patient(number=0, age=60, sex="M", split="train")
COLUMNS = [
    "study_id", "group", "split", "region", "view", "finding", "side", "place", "size_word",
    "severity", "findings_all", "age", "sex", "report", "history", "finding_x", "finding_y",
    "finding_radius", "rotation", "exposure", "noise",
]  # fmt: skip
TWO_SIDED = [  # (region, finding, place) of films that show both sides of the body
    (region, name, place)
    for region in ("chest frontal", "pelvis", "abdomen")
    for name, kind in FINDINGS.items()
    for place in kind.places.get(region, ())
    if kind.sided and name != "gallstones"
]
EVERYWHERE = [
    (region, name, place)
    for name, kind in FINDINGS.items()
    for region, places in kind.places.items()
    for place in places
]


@pytest.fixture(scope="module")
def studies() -> SyntheticStudies:
    return generate(240, seed=3, size=96)


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return [plan_study(0, number, who) for number, who in enumerate(islice(patients(0), 2000))]


def film(
    region: str,
    name: str,
    place: str,
    *,
    side: str,
    amount: float = 0.6,
    number: int = 0,
    found: bool = True,
) -> Film:
    """One noiseless-enough study of a single finding, or of the same patient without it."""
    grade = FINDINGS[name].grade
    finding = Finding(name, place, side, "moderate", "moderate" if grade else "", amount)
    plan = Plan(ADULT, region, side or "left", (finding,) if found else ())
    return render(plan, seed=5, number=number, size=160)


def change(
    region: str, name: str, place: str, *, side: str, amount: float = 0.6, number: int = 0
) -> np.ndarray:
    """How much each pixel differs between the study with and without the finding."""
    present, absent = (
        film(region, name, place, side=side, amount=amount, number=number, found=found).pixels
        for found in (True, False)
    )
    difference = np.abs(present.astype(float) - absent)
    return np.where(difference > 12, difference, 0.0)


def test_the_table_has_its_columns_as_strings_without_gaps(studies: SyntheticStudies) -> None:
    assert list(studies.table.columns) == COLUMNS
    assert all(isinstance(value, str) for value in studies.table.to_numpy().ravel())
    assert studies.table["study_id"].iloc[0] == "SYN00001"
    assert studies.table["study_id"].is_unique
    assert studies.images.shape == (240, 96, 96)
    assert studies.images.dtype == np.uint8


def test_the_same_seed_gives_the_same_studies() -> None:
    first, again = generate(6, seed=9, size=64), generate(6, seed=9, size=64)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert np.array_equal(first.images, again.images)
    assert not np.array_equal(first.images, generate(6, seed=10, size=64).images)


def test_a_study_does_not_depend_on_how_many_are_made() -> None:
    few, many = generate(20, size=64), generate(40, size=64)
    pd.testing.assert_frame_equal(few.table, many.table.head(20))
    assert np.array_equal(few.images, many.images[:20])


def test_progress_ends_at_one() -> None:
    shares: list[float] = []
    generate(4, size=64, progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_what_cannot_be_made_is_said() -> None:
    with pytest.raises(ValueError, match="at least 1 study, got n = 0"):
        generate(0)
    with pytest.raises(ValueError, match="multiple of 4 from 64 to 512, got 90"):
        generate(1, size=90)


def test_every_region_and_finding_occurs(plans: list[Plan]) -> None:
    assert {plan.region for plan in plans[:600]} == set(VIEWS) == set(REGION_WEIGHTS)
    named = {finding.name for plan in plans[:600] for finding in plan.findings}
    assert len(named) >= 12
    assert {f.name for plan in plans for f in plan.findings} == set(FINDINGS)
    assert set(FINDING_SENTENCES) == set(FINDINGS)
    assert "no patient data" in NOTICE


def test_about_a_quarter_is_normal_and_some_have_two_findings(plans: list[Plan]) -> None:
    counts = np.bincount([len(plan.findings) for plan in plans]) / len(plans)
    assert counts[0] == pytest.approx(0.25, abs=0.04)
    assert 0.1 < counts[2] < 0.3


def test_patients_stay_in_one_split_and_some_return(plans: list[Plan]) -> None:
    people = {plan.patient.number: plan.patient.split for plan in plans}
    assert all(people[plan.patient.number] == plan.patient.split for plan in plans)
    visits = np.bincount([plan.patient.number for plan in plans])
    assert visits.max() == 3
    assert np.mean(visits > 1) == pytest.approx(0.15, abs=0.04)
    shares = pd.Series(list(people.values())).value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.02)
    assert shares["test"] == pytest.approx(0.2, abs=0.02)


def test_groups_never_straddle_splits(studies: SyntheticStudies) -> None:
    assert (studies.table.groupby("group")["split"].nunique() == 1).all()


def test_findings_and_their_whereabouts_go_together(studies: SyntheticStudies) -> None:
    table = studies.table
    normal = table["finding"] == NO_FINDING
    assert set(table.loc[normal, ["place", "findings_all", "finding_x"]].to_numpy().ravel()) == {""}
    places = table.loc[~normal, ["finding_x", "finding_y"]].astype(float)
    assert np.all((places.to_numpy() > -0.05) & (places.to_numpy() < 1.05))
    assert (table.loc[~normal, "finding_radius"].astype(float) > 0).all()


@pytest.mark.parametrize(("region", "name", "place"), EVERYWHERE)
def test_every_finding_can_be_seen_where_it_is_said_to_be(region: str, name: str, place: str) -> None:
    side = "left" if FINDINGS[name].sided and region != "chest lateral" else ""
    seen = change(region, name, place, side=side, amount=0.55)
    assert (seen > 0).sum() >= 12, "nearly nothing changed"
    x, y, radius = film(region, name, place, side=side, amount=0.55).located[name]
    rows, cols = np.nonzero(seen)
    away = np.hypot((cols + 0.5) / 160 - x, (rows + 0.5) / 160 - y)
    assert away.min() <= max(radius, 0.03)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("region", "name", "place"), TWO_SIDED)
def test_the_patients_left_is_on_the_images_right(region: str, name: str, place: str, side: str) -> None:
    seen = change(region, name, place, side=side)
    centre = (seen.sum(0) * (np.arange(160) + 0.5)).sum() / seen.sum() / 160
    assert (centre > 0.5) == (side == "left"), f"centre of the change at x = {centre:.2f}"


def test_a_left_limb_is_the_mirror_of_a_right_one() -> None:
    for region, place in (("hand", "distal radius"), ("knee", "proximal fibula")):
        x = {
            side: np.mean([film(region, "fracture", place, side=side, number=k).located["fracture"][0]
                           for k in range(6)])
            for side in ("left", "right")
        }  # fmt: skip
        assert x["right"] < 0.5 < x["left"]


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_pneumothorax_is_dark_where_the_lung_fell_back(side: str) -> None:
    present = film("chest frontal", "pneumothorax", "apex", side=side)
    absent = film("chest frontal", "pneumothorax", "apex", side=side, found=False)
    x, y, _ = present.located["pneumothorax"]
    rows, cols = np.indices((160, 160))
    near = np.hypot(rows - 160 * y, cols - 160 * x) < 6
    assert present.pixels[near].mean() < absent.pixels[near].mean() - 3


def test_a_bilateral_finding_is_on_both_sides() -> None:
    seen = change("chest frontal", "pleural effusion", "base", side="bilateral")
    assert seen[:, :70].sum() > 1000
    assert seen[:, 90:].sum() > 1000


@pytest.mark.parametrize(
    ("region", "name", "place"),
    [case for case in EVERYWHERE if FINDINGS[case[1]].grade in ("size", "severity")],
)
def test_larger_findings_change_more(region: str, name: str, place: str) -> None:
    side = "left" if FINDINGS[name].sided and region != "chest lateral" else ""
    small, _, large = (
        sum(change(region, name, place, side=side, amount=a, number=k).sum() for k in range(3))
        for _, _, a in SIZES
    )
    assert large > small


def test_what_a_report_denies_is_absent(plans: list[Plan]) -> None:
    for number, plan in enumerate(plans):
        report = write_report(plan, seed=0, number=number)
        present = {finding.name for finding in plan.findings}
        for sentence in re.findall(r"(?:No |There is no )[^.]*\.", report):
            for names, words in DENIALS[plan.region]:
                denied = {name for name in FINDINGS if re.search(rf"\b{name}\b", names)}
                assert words not in sentence or not denied & present, report


def test_normal_statements_are_true(plans: list[Plan]) -> None:
    for number, plan in enumerate(plans):
        report = write_report(plan, seed=0, number=number)
        for names, words in NORMAL_STATEMENTS[plan.region]:
            if words in report:
                assert not any(finding.name in names for finding in plan.findings), report


def test_reports_name_every_side_and_size(plans: list[Plan]) -> None:
    for number, plan in enumerate(plans):
        report = write_report(plan, seed=0, number=number).lower()
        for finding in plan.findings:
            if finding.side in ("left", "right"):
                assert finding.side in report, report
        sides = {finding.side for finding in plan.findings} | {plan.side}
        for other in {"left", "right"} - sides:
            told = re.sub("right ventricle", "", report)
            assert other not in told or "bilateral" in sides, report


def test_reports_are_varied_with_some_duplicates_among_normals(plans: list[Plan]) -> None:
    texts = pd.Series([write_report(p, seed=0, number=k) for k, p in enumerate(plans)])
    repeated = texts.duplicated(keep=False)
    assert 0.02 < repeated.mean() < 0.15
    normal = np.array([not plan.findings for plan in plans])
    assert repeated[normal].mean() > 3 * repeated[~normal].mean()
    assert not texts.str.contains(r"[{}]|  |\bthe bilateral\b").any()


def test_histories_exist_mostly_and_do_not_tell_the_finding(studies: SyntheticStudies) -> None:
    history = studies.table["history"]
    assert 0.01 < (history == "").mean() < 0.12
    told = [text.split("?")[0].lower() for text in history]
    named = [name in text for name, text in zip(studies.table["finding"], told, strict=True)]
    assert np.mean(named) < 0.01


def test_denials_vanish_when_nothing_can_be_denied() -> None:
    everything = tuple(Finding(name, "") for name in FINDINGS)
    plan = Plan(ADULT, "knee", "left", everything)
    assert deny(np.random.default_rng(0), plan, 2) == ""


def test_templates_are_set_right() -> None:
    assert fill("a {size} {side} mass.", size="extensive") == "An extensive mass."
    assert fill("Haze in the {side} {place}.", side="bilateral", place="base") == ("Haze in both bases.")


def test_images_use_the_grey_range(studies: SyntheticStudies) -> None:
    spread = studies.images.reshape(len(studies.images), -1).std(axis=1)
    assert spread.min() > 20
    plan = replace(Plan(ADULT, "knee", "left", ()))
    assert render(plan, seed=0, number=0, size=128).pixels.shape == (128, 128)
