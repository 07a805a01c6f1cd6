"""Label regions: names are placed where their values are concentrated, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from suture.analysis.projection import label_regions

CENTRES = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])


def planted(seed: int = 0, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    xy = np.concatenate([rng.normal(c, 0.3, (n, 2)) for c in CENTRES])
    return xy, np.repeat(["a", "b", "c"], n)


def test_each_planted_group_is_named_at_its_middle() -> None:
    found = {r.name: r for r in label_regions(*planted())}
    assert {*found} == {"a", "b", "c"}
    for name, centre in zip("abc", CENTRES, strict=True):
        assert np.hypot(found[name].x - centre[0], found[name].y - centre[1]) < 0.3
        assert found[name].n == 300
        assert found[name].share > 0.95


def test_labels_without_a_place_get_no_name() -> None:
    xy, labels = planted()
    assert label_regions(xy, np.random.default_rng(1).permutation(labels)) == ()


def test_a_value_that_is_common_everywhere_is_no_region() -> None:
    xy, labels = planted()
    mostly = np.where(np.arange(len(xy)) % 10 == 0, "rare", "usual")
    assert "usual" not in {r.name for r in label_regions(xy, mostly)}
    assert len(labels) == len(xy)


def test_missing_places_and_labels_are_left_out() -> None:
    xy, labels = planted()
    xy[:10], labels[10:20] = np.nan, ""
    found = {r.name: r for r in label_regions(xy, labels)}
    assert found["a"].n == 280
    assert label_regions(np.full((3, 2), np.nan), np.array(["a"] * 3)) == ()


def test_few_points_are_no_region_and_the_larger_come_first() -> None:
    xy, labels = planted()
    labels = labels.astype(object)
    labels[:296] = ""
    found = label_regions(xy, labels)
    assert [r.name for r in found] == ["b", "c"]


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match=r"one position \(2,\) per label, got \(3, 2\) and 2 labels"):
        label_regions(np.zeros((3, 2)), np.array(["a", "b"]))
