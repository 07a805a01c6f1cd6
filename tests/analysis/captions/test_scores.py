"""Caption scores: planted values, properties, edge cases, storage and comparison."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.analysis.captions import CAPTION_METRICS, CaptionScores, score, score_difference, scores_from_json
from suture.analysis.captions.tokens import words
from suture.analysis.captions.word_order import common_subsequence
from tests.analysis.captions.test_findings import planned

TRUE = [text for text, _ in planned(60, 3)]
PATIENTS = np.arange(60) // 2
SHUFFLED = [TRUE[i] for i in np.random.default_rng(0).permutation(60)]
TOP = {"cider": 10.0, "meteor_exact_stem": np.nan, "distinct_1": np.nan, "distinct_2": np.nan}


def scored(candidates: list[str], references: list[str] = TRUE, **options: int) -> CaptionScores:
    groups = PATIENTS if len(references) == 60 else np.arange(len(references))
    return score(candidates, references, groups=groups, **{"resamples": 200, **options})


@pytest.fixture(scope="module")
def shuffled() -> CaptionScores:
    return scored(SHUFFLED)


def test_identical_texts_give_the_top_value() -> None:
    long = [text for text in TRUE if len(words(text)) >= 4]
    same = scored(long, long)
    for name, estimate in same.metrics.items():
        top = TOP.get(name, 1.0)
        assert np.isnan(top) or estimate.value == pytest.approx(top), name
        assert np.isnan(top) or (estimate.low, estimate.high) == pytest.approx((top, top)), name
    matched = np.array([len(words(text)) for text in long])
    assert same.per_study["meteor_exact_stem"] == pytest.approx(1 - 0.5 / matched**3)


def test_other_patients_reports_score_lower(shuffled: CaptionScores) -> None:
    lower = score_difference(scored(TRUE), shuffled)
    for name, info in CAPTION_METRICS.items():
        if info.better == "higher":
            assert lower[name].high < 0, name


def test_metrics_are_those_of_the_catalogue_in_its_order(shuffled: CaptionScores) -> None:
    assert list(shuffled.metrics) == list(CAPTION_METRICS)
    for name in ("rouge_l", "meteor_exact_stem", "cider", "chrf"):
        assert shuffled.metrics[name].value == pytest.approx(shuffled.per_study[name].mean()), name
    assert all(len(values) == 60 for values in shuffled.per_study.values())
    assert shuffled.n_groups == 30


@given(st.permutations(range(60)))
@settings(max_examples=5, deadline=None)
def test_the_order_of_studies_does_not_matter(order: list[int]) -> None:
    a = scored(SHUFFLED, resamples=20)
    b = score([SHUFFLED[i] for i in order], [TRUE[i] for i in order], groups=PATIENTS[order], resamples=20)
    for name, moved in score_difference(a, b).items():
        assert moved.value == pytest.approx(0, abs=1e-9), name
        assert moved.replicates == pytest.approx(np.zeros(len(moved.replicates)), abs=1e-5), name


def test_a_system_does_not_differ_from_itself(shuffled: CaptionScores) -> None:
    for name, moved in score_difference(shuffled, shuffled).items():
        assert moved.value == 0
        if not name.startswith("distinct"):
            assert (moved.low, moved.high) == (0, 0), name


@pytest.mark.seconds
def test_intervals_are_those_of_scoring_resamples_anew() -> None:
    rng = np.random.default_rng(5)
    found = scored(SHUFFLED, resamples=1000).metrics
    again = []
    for _ in range(60):
        drawn = np.concatenate([np.flatnonzero(g == PATIENTS) for g in rng.integers(30, size=30)])
        again.append(scored([SHUFFLED[i] for i in drawn], [TRUE[i] for i in drawn], resamples=2).metrics)
    for name in ("bleu_2", "rouge_l", "chrf", "finding_f1", "finding_precision", "length_ratio"):
        slow = np.std([metrics[name].value for metrics in again])
        assert found[name].replicates.std() == pytest.approx(slow, rel=0.25), name


def test_findings_are_counted_one_by_one() -> None:
    true = ["Cardiomegaly.", "Cardiomegaly.", "Pneumothorax.", "Cyst.", "Normal.", "Clear lungs."]
    said = ["Cardiomegaly.", "Normal.", "Cardiomegaly.", "Cyst.", "No cyst.", "Fracture."]
    result = scored(said, true)
    heart = result.findings["cardiomegaly"]
    assert (heart.precision.value, heart.recall.value, heart.f1.value) == (0.5, 0.5, 0.5)
    assert (heart.n_true, heart.n_generated) == (2, 2)
    assert result.findings["pneumothorax"].precision.reason == "no generated report states it"
    assert result.findings["fracture"].recall.reason == "no true report states it"
    found = [result.metrics[f"finding_{part}"].value for part in ("precision", "recall", "f1")]
    assert found == pytest.approx([2 / 4, 2 / 4, 4 / 8])
    assert result.per_study["finding_f1"] == pytest.approx([1, 0, 0, 1, np.nan, 0], nan_ok=True)


def test_kept_scores_compare_as_they_did(shuffled: CaptionScores) -> None:
    kept = json.loads(json.dumps(shuffled.to_json(), allow_nan=False))
    back = scores_from_json(kept, shuffled.replicates())
    assert back.metrics == shuffled.metrics
    assert list(back.findings) == list(shuffled.findings)
    assert back.per_study["finding_f1"] == pytest.approx(shuffled.per_study["finding_f1"], nan_ok=True)
    moved = score_difference(shuffled, back)["bleu_4"]
    assert (moved.value, moved.low, moved.high) == (0, 0, 0)
    without = score_difference(shuffled, scores_from_json(kept))["bleu_4"]
    assert without.value == 0
    assert np.isnan(without.low)


def test_what_has_no_number_is_null_with_its_reason() -> None:
    kept = scored(["Normal."] * 6, ["Clear."] * 6).to_json()
    assert kept["metrics"]["finding_f1"]["value"] is None
    assert kept["metrics"]["finding_f1"]["reason"] == "no report states a finding of the vocabulary"
    assert kept["metrics"]["bleu_4"]["reason"] == "no text has 4 words"


def test_empty_candidates_score_nothing() -> None:
    empty = scored([""] * 60).metrics
    for name in ("bleu_1", "bleu_4", "rouge_l", "meteor_exact_stem", "cider", "chrf", "length_ratio"):
        assert empty[name].value == 0, name
    assert empty["distinct_1"].reason == "no generated text has 1 word"
    assert empty["finding_precision"].reason == "no generated report states a finding of the vocabulary"
    assert empty["finding_recall"].value == 0


def test_studies_without_a_true_text_are_left_out() -> None:
    more = score(
        [*SHUFFLED, "Fracture.", ""], [*TRUE, "", "..."], groups=np.r_[PATIENTS, 90, 91], resamples=50
    )
    without = scored(SHUFFLED, resamples=50)
    assert more.n == 62
    assert {e.n for e in more.metrics.values()} == {60}
    assert {k: e.value for k, e in more.metrics.items()} == {k: e.value for k, e in without.metrics.items()}
    assert np.isnan(more.per_study["rouge_l"][60:]).all()


def test_one_word_texts() -> None:
    one = scored(["Normal."] * 3 + ["Fracture."] * 3, ["Normal."] * 3 + ["Fracture."] * 3)
    assert one.metrics["bleu_1"].value == 1
    assert one.metrics["bleu_2"].reason == "no text has 2 words"
    assert one.metrics["rouge_l"].value == 1
    assert one.metrics["meteor_exact_stem"].value == 0.5
    assert one.metrics["cider"].value == pytest.approx(2.5)  # no pairs of words to share


@pytest.mark.parametrize(
    "texts",
    [
        ["左侧少量胸腔积液。", "心影不大。"],
        ["انصباب جنبي صغير", "القلب طبيعي الحجم تماما"],
        ["Выпот слева есть", "Сердце не увеличено"],
    ],
    ids=["Chinese", "Arabic", "Cyrillic"],
)
def test_other_alphabets_are_scored(texts: list[str]) -> None:
    same, other = scored(texts, texts).metrics, scored(texts[::-1], texts).metrics
    for name in ("bleu_2", "rouge_l", "chrf"):
        assert same[name].value == 1, name
        assert other[name].value < 0.5, name
    assert same["finding_f1"].reason


def test_few_groups_have_no_interval() -> None:
    few = score(SHUFFLED, TRUE, groups=np.arange(60) % 4, resamples=50).metrics["bleu_1"]
    assert few.value > 0
    assert np.isnan(few.low)


def test_one_study_has_no_rare_words() -> None:
    one = scored(["Small effusion."], ["Small effusion."]).metrics
    assert one["rouge_l"].value == 1
    assert one["cider"].reason == "document frequencies need at least two references"


@pytest.mark.parametrize(
    ("candidates", "references", "groups", "message"),
    [
        ([], [], [], "generated and true texts, got none"),
        (["a"], ["a", "b"], [0, 1], "got 1, 2 and 2"),
        (["a"], ["a"], [0, 1], "got 1, 1 and 2"),
        (["a", "b"], ["", "."], [0, 1], "true texts with words, got 2 without"),
        ("a text", ["a text"], [0], "Put it in a list"),
    ],
)
def test_what_cannot_be_scored_is_said(
    candidates: list[str], references: list[str], groups: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(candidates, references, groups=np.array(groups))


@pytest.mark.parametrize("options", [{"seed": 1}, {"resamples": 100}])
def test_scores_of_other_draws_are_not_compared(shuffled: CaptionScores, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"same studies only: {next(iter(options))}"):
        score_difference(shuffled, scored(SHUFFLED, **options))


def test_scores_of_other_groups_are_not_compared(shuffled: CaptionScores) -> None:
    other = score(SHUFFLED, TRUE, groups=PATIENTS + 100, resamples=200)
    with pytest.raises(ValueError, match="groups is"):
        score_difference(shuffled, other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well-defined 2.5 cm nodule_1.", ["well", "defined", "2", "5", "cm", "nodule", "1"]),
        ("The patient's heart", ["the", "patient", "s", "heart"]),
        ("左肺 OK。ＣＴ", ["左", "肺", "ok", "ct"]),
        ("हृदय सामान्य", ["हृदय", "सामान्य"]),
        ("القَلب", ["القَلب"]),
        ("___ -- .", []),
    ],
)  # fmt: skip
def test_words_follow_one_rule(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_the_longest_common_subsequence_is_that_of_the_table(a: list[str], b: list[str]) -> None:
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
    assert common_subsequence(a, b) == table[-1, -1]
