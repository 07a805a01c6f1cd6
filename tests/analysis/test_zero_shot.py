"""Zero-shot classification: slow implementations, planted structure, ties, intervals, edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from suture.analysis.math.arrays import unit_rows
from suture.analysis.statistics.bootstrap import GroupBootstrap
from suture.analysis.structure.zero_shot import class_vector, finding_auroc, zero_shot
from tests.analysis.planted import once, rotation

CLASSES = ("effusion", "fracture", "nodule")


def studies(n: int, seed: int, *, noise: float = 0.6, dim: int = 12):
    """Images about the direction of their class, the first class most common; the class vectors; labels."""
    rng = np.random.default_rng(seed)
    label = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
    vectors = unit_rows(rng.normal(size=(3, dim)))
    images = unit_rows(vectors[label] + noise * rng.normal(size=(n, dim)))
    return images, dict(zip(CLASSES, vectors, strict=True)), np.array(CLASSES)[label]


def test_a_class_vector_is_the_mean_direction_of_its_prompts() -> None:
    prompts = np.array([[3.0, 0.0], [0.0, 0.5]])
    np.testing.assert_allclose(class_vector(prompts), [0.5**0.5, 0.5**0.5])
    with pytest.raises(ValueError, match="cancel out"):
        class_vector(np.array([[1.0, 0.0], [-2.0, 0.0]]))


@given(st.integers(0, 10**6), st.integers(10, 80))
@settings(max_examples=20, deadline=None)
def test_both_accuracies_are_scikit_learns_and_know_no_rotation(seed: int, n: int) -> None:
    images, vectors, labels = studies(n, seed)
    named = np.array(CLASSES)[(images @ np.stack([*vectors.values()]).T).argmax(axis=1)]
    turn = rotation(12, seed)
    for z, v in ((images, vectors), (2 * images @ turn, {k: 3 * u @ turn for k, u in vectors.items()})):
        found = zero_shot(z, v, labels, bootstrap=once(n))
        assert found.zero_shot_accuracy.value == pytest.approx(np.mean(named == labels), abs=1e-12)
        there = [name for name in CLASSES if (labels == name).any()]
        recalls = [np.mean(named[labels == name] == name) for name in there]
        assert [found.recall[name].value for name in there] == pytest.approx(recalls, abs=1e-12)
        balanced = found.zero_shot_balanced_accuracy.value
        assert balanced == pytest.approx(np.mean(recalls), abs=1e-12)
        if set(named) <= set(labels):  # else scikit-learn warns
            assert balanced == pytest.approx(balanced_accuracy_score(labels, named), abs=1e-12)


def test_a_rare_class_that_is_never_named_counts_in_the_balanced_number() -> None:
    """Ninety of one class, ten of the other, and images that all look like the first."""
    images = np.tile([[1.0, 0.0]], (100, 1))
    labels = np.array(["no finding"] * 90 + ["nodule"] * 10)
    found = zero_shot(images, {"no finding": np.array([1, 0]), "nodule": np.array([0, 1])}, labels)
    assert found.zero_shot_accuracy.value == 0.9
    assert found.zero_shot_accuracy.note == "; 2 classes, most common 0.9"
    assert found.zero_shot_balanced_accuracy.value == 0.5
    assert found.recall["nodule"].value == 0
    assert (found.recall["nodule"].n, found.recall["nodule"].n_groups) == (10, 10)
    assert 0.2 < found.recall["nodule"].high < 0.35, "ten wrong ones do not prove that none is right"


def test_equal_class_vectors_share_what_they_get() -> None:
    images, vectors, labels = studies(60, 1, noise=0.01)
    twin = {**vectors, "fracture": vectors["effusion"]}
    found = zero_shot(images, twin, labels)
    assert found.recall["effusion"].value == 0.5
    assert found.recall["fracture"].value < 1


def test_studies_without_a_label_and_classes_without_studies() -> None:
    images, vectors, labels = studies(60, 2)
    labels[:20] = ""
    found = zero_shot(images, {**vectors, "pneumonia": np.ones(12)}, labels)
    assert found.zero_shot_accuracy.n == 40
    assert found.recall["pneumonia"].reason == "no study is labelled 'pneumonia'"
    nothing = zero_shot(images, vectors, np.full(60, ""))
    assert nothing.zero_shot_balanced_accuracy.reason == "no study has a label"
    with pytest.raises(ValueError, match=r"Each label needs a class.*without \['nodule'\]"):
        zero_shot(images, {k: vectors[k] for k in CLASSES[:2]}, labels)
    with pytest.raises(ValueError, match=r"one label an image, got \(60, 12\) and \(3,\)"):
        zero_shot(images, vectors, labels[:3])


def test_one_study_has_a_value_and_no_interval() -> None:
    images, vectors, labels = studies(1, 3, noise=0.01)
    found = zero_shot(images, vectors, labels)
    for estimate in (found.zero_shot_accuracy, found.zero_shot_balanced_accuracy):
        assert estimate.value == 1
        assert np.isnan(estimate.low)


def test_intervals_of_accuracies_are_as_wide_as_new_samples_differ() -> None:
    rng = np.random.default_rng(0)
    vectors = unit_rows(rng.normal(size=(3, 12)))

    def drawn(seed: int) -> tuple:
        rng = np.random.default_rng(seed)
        label = rng.choice(3, size=200, p=[0.5, 0.3, 0.2])
        images = unit_rows(vectors[label] + 0.6 * rng.normal(size=(200, 12)))
        return images, dict(zip(CLASSES, vectors, strict=True)), np.array(CLASSES)[label]

    fresh = [zero_shot(*drawn(seed), bootstrap=once(200)) for seed in range(80)]
    one = zero_shot(*drawn(99))
    for name in ("zero_shot_accuracy", "zero_shot_balanced_accuracy"):
        spread = np.std([getattr(f, name).value for f in fresh])
        assert 0.7 < getattr(one, name).replicates.std() / spread < 1.4, name


def scored(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images whose cosine with the positive less that with the negative orders as the scores."""
    angle = scores / (np.abs(scores).max() + 1) * np.pi / 4
    images = np.stack([np.cos(np.pi / 4 + angle), np.sin(np.pi / 4 + angle)], axis=1)
    return images, np.array([0.0, 1.0]), np.array([1.0, 0.0])


@given(st.integers(0, 10**6), st.integers(6, 60))
@settings(max_examples=30, deadline=None)
def test_the_area_is_scikit_learns_ties_included(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    present = np.arange(n) % 3 == 0
    scores = (rng.normal(size=n) + present).round(1)
    found = finding_auroc(*scored(scores), present)
    assert found.value == pytest.approx(roc_auc_score(present, scores), abs=1e-12)
    swapped = finding_auroc(*scored(-scores), present)
    assert swapped.value == pytest.approx(1 - found.value, abs=1e-12)


def test_softmax_over_both_prompts_orders_alike() -> None:
    images, vectors, labels = studies(150, 4)
    positive, negative = vectors["effusion"], vectors["fracture"]
    logits = images @ np.stack([positive, negative]).T / 0.07
    chance = np.exp(logits[:, 0]) / np.exp(logits).sum(axis=1)
    found = finding_auroc(images, positive, negative, labels == "effusion")
    assert found.value == pytest.approx(roc_auc_score(labels == "effusion", chance), abs=1e-12)


def test_placements_give_the_variance_of_delong() -> None:
    rng = np.random.default_rng(5)
    present = np.arange(300) % 4 == 0
    scores = rng.normal(size=300) + 1.2 * present
    found = finding_auroc(*scored(scores), present, bootstrap=GroupBootstrap(np.arange(300), resamples=4000))
    above = (scores[present][:, None] > scores[~present]).astype(float)
    delong = above.mean(axis=1).var(ddof=1) / 75 + above.mean(axis=0).var(ddof=1) / 225
    assert found.replicates.std() == pytest.approx(np.sqrt(delong), rel=0.06)
    assert found.low < found.value < found.high
    assert found.note == "; 75 with, 225 without"


def test_the_interval_is_over_patients() -> None:
    rng = np.random.default_rng(6)
    patient = np.repeat(np.arange(60), 5)
    present = patient % 3 == 0
    images = scored((rng.normal(size=60) + (np.arange(60) % 3 == 0))[patient])
    by_patient = finding_auroc(*images, present, bootstrap=GroupBootstrap(patient))
    by_study = finding_auroc(*images, present)
    assert by_patient.replicates.std() > 1.8 * by_study.replicates.std()


def test_one_class_few_groups_and_a_full_separation_say_so() -> None:
    rng = np.random.default_rng(7)
    images = scored(rng.normal(size=40))
    for present in (np.zeros(40, bool), np.ones(40, bool)):
        assert finding_auroc(*images, present).reason.startswith("needs studies with and without the finding")
    few = finding_auroc(*images, np.arange(40) < 3)
    assert np.isnan(few.low)
    assert few.note == "; 3 with, 37 without, too few groups for an interval"
    apart = finding_auroc(*scored(np.arange(40.0)), np.arange(40) >= 20)
    assert apart.value == 1
    assert np.isnan(apart.low)
    assert apart.note.endswith("perfectly separated: no interval")


def test_prompts_that_say_the_same_tell_nothing() -> None:
    images, vectors, labels = studies(50, 8)
    found = finding_auroc(images, vectors["effusion"], vectors["effusion"], labels == "effusion")
    assert found.value == 0.5
