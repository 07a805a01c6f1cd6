"""Volumes and areas of the modalities of a study: values, geometry, edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.analysis.geometry.volumes import volumes
from suture.analysis.math.arrays import unit_rows
from suture.analysis.statistics.bootstrap import GroupBootstrap
from tests.analysis.planted import once, resampled_width, rotation, width
from tests.analysis.test_gap import upstream
from tests.analysis.test_reference_values import arrays, values

sizes = st.tuples(st.integers(2, 30), st.integers(3, 12), st.integers(2, 5), st.integers(0, 2**32 - 1))


def modalities(n: int, dim: int, count: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [unit_rows(rng.normal(size=(n, dim)) + 1) for _ in range(count)]


def test_reference_set() -> None:
    z, expected, public = (
        arrays("set_c_triple_n96_d24"),
        values("set_c"),
        upstream("set_c_triple_n96_d24"),
    )
    three = [z["text"], z["image"], z["third"]]
    found = volumes(three)
    volume, first = expected["GRAM volume of true triples: mean, first three"]
    area, corners = expected["triangle area of true triples: mean, first three"]
    assert found.gram_volume.value == pytest.approx(volume, abs=1e-12)
    assert found.triangle_area.value == pytest.approx(area, abs=1e-12)
    for i, (v, a) in enumerate(zip(first, corners, strict=True)):
        alone = volumes([np.repeat(m[i : i + 1], 2, axis=0) for m in three])
        assert (alone.gram_volume.value, alone.triangle_area.value) == pytest.approx((v, a), abs=1e-12)
    gram = "gram.volume_computation3(text,image,third): mean, diagonal mean, min, max"
    assert found.gram_volume.value == pytest.approx(public[gram][1], abs=1e-5)
    root = public["true triangle area sqrt(..)/2, diagonal mean"]
    assert found.triangle_area.value == pytest.approx(root, abs=1e-12)
    two = volumes(three[:2])
    public_two = public["two-modality gram volume = sqrt(1-cos^2), mean over text-image pairs"]
    assert two.gram_volume.value == pytest.approx(public_two, abs=1e-6)
    assert two.triangle_area.reason == "needs three modalities, got 2"


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_volume_is_that_of_qr_and_knows_neither_order_nor_rotation(size: tuple[int, int, int, int]) -> None:
    sides = modalities(*size)
    found = volumes(sides).gram_volume.value
    slow = [abs(np.prod(np.diag(np.linalg.qr(np.stack(rows).T)[1]))) for rows in zip(*sides, strict=True)]
    slow = slow if size[1] >= size[2] else [0.0]
    assert found == pytest.approx(np.mean(slow), abs=1e-6)
    turn = rotation(size[1], size[3])
    again = volumes([m @ turn for m in sides[::-1]]).gram_volume.value
    assert again == pytest.approx(found, abs=1e-6)


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_area_is_that_of_herons_formula(size: tuple[int, int, int, int]) -> None:
    a, b, c = modalities(size[0], size[1], 3, size[3])
    sides = np.stack([np.linalg.norm(p - q, axis=1) for p, q in ((a, b), (b, c), (c, a))])
    half = sides.sum(axis=0) / 2
    heron = np.sqrt(np.maximum(0, half * np.prod(half - sides, axis=0)))
    assert volumes([a, b, c]).triangle_area.value == pytest.approx(heron.mean(), abs=1e-6)
    assert volumes([c, a, b]).triangle_area.value == pytest.approx(heron.mean(), abs=1e-6)


def test_right_angles_span_all_and_equal_vectors_nothing() -> None:
    x, y, z = (np.tile(np.eye(3)[i], (6, 1)) for i in range(3))
    whole = volumes([x, y, z])
    assert whole.gram_volume.value == pytest.approx(1)
    assert whole.triangle_area.value == pytest.approx(np.sqrt(3) / 2)
    none = volumes([x, x, x])
    assert (none.gram_volume.value, none.triangle_area.value) == (0, 0)
    assert volumes([x, -x]).gram_volume.value == 0  # opposite is a line too


def test_intervals_are_as_wide_as_those_of_drawing_again() -> None:
    sides = modalities(200, 6, 3, 1)
    groups = np.repeat(np.arange(100), 2)
    found = volumes(sides, bootstrap=GroupBootstrap(groups))
    for name, estimate in vars(found).items():

        def again(rows: np.ndarray, name: str = name) -> float:
            return getattr(volumes([m[rows] for m in sides], bootstrap=once(200)), name).value

        slow = resampled_width(again, groups, 200)
        assert width(estimate) == pytest.approx(slow, rel=0.2), name


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        ([np.eye(3)], "two or more modalities, got 1"),
        ([np.eye(3), np.eye(4)], "one shape"),
        ([np.eye(3), np.eye(3), np.zeros((3, 3))], "3 of 3 rows are zero"),
    ],
)
def test_what_cannot_be_measured_is_said(sides: list[np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        volumes(sides)
