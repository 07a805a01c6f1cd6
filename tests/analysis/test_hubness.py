"""Hubness: reference values, planted hubs, first-order intervals."""

from __future__ import annotations

import numpy as np
import pytest

from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval import both_directions
from suture.analysis.retrieval.hubness import Hubness, hubness, hubness_skew
from suture.analysis.statistics.bootstrap import GroupBootstrap
from tests.analysis.test_retrieval import SETS, arrays, values


@pytest.mark.parametrize("name", SETS)
def test_hubness_agrees_with_reference_values(name: str) -> None:
    expected, z = values(name), arrays(name)
    found = both_directions(z["image"], z["text"])
    skew, _, antihubs, gini = expected["hubness k=10 image->text: skew, max/(k), anti-hub share, Gini"]
    forward = found.forward.hubness
    assert forward.hubness_skew.value == pytest.approx(skew, abs=1e-12)
    assert forward.antihub_share.value == pytest.approx(antihubs, abs=1e-12)
    assert forward.hubness_gini.value == pytest.approx(gini, abs=1e-12)
    backward = expected["hubness k=10 text->image: skew"]
    assert found.backward.hubness.hubness_skew.value == pytest.approx(backward, abs=1e-12)
    assert hubness_skew(z["text"], z["image"]) == pytest.approx(backward, abs=1e-12)


def test_shares_of_a_known_distribution() -> None:
    """Eight queries, four items, one place each: found 5, 2, 1 and 0 times; 2 is fair."""
    nearest = np.array([0] * 5 + [1] * 2 + [2])[:, None]
    found = hubness(nearest, 4, k=1)
    assert found.antihub_share.value == 0.25
    assert found.hub_share.value == 0.5
    assert found.robin_hood.value == pytest.approx(3 / 8)
    assert found.hubness_gini.value == pytest.approx(2 * (3 + 4 + 5 + 1 + 2 + 1) / (2 * 4 * 8))


def test_alike_is_zero_and_one_hub_is_almost_all() -> None:
    alike = hubness(np.arange(40).reshape(40, 1), 40, k=1)
    assert [alike.hubness_skew.value, alike.hubness_gini.value, alike.robin_hood.value] == [0, 0, 0]
    one = hubness(np.zeros((40, 1), int), 40, k=1)
    assert one.hubness_gini.value == pytest.approx(39 / 40)
    assert one.robin_hood.value == pytest.approx(39 / 40)


def test_all_items_found_by_all_is_no_hubness() -> None:
    found = hubness(np.tile(np.arange(5), (9, 1)), 5)
    assert all("retrieves all of them" in e.reason and np.isnan(e.value) for e in vars(found).values())


def test_pull_of_a_query_is_what_leaving_it_out_does() -> None:
    """A resample's first-order value against the value with slightly other weights, recounted."""
    rng = np.random.default_rng(0)
    n, m = 400, 60
    nearest = np.stack([rng.permutation(m)[:10] for _ in range(n)])
    nearest[:150, 0] = rng.integers(3, size=150)
    bootstrap = GroupBootstrap(np.arange(n), resamples=400)
    found = hubness(nearest, m, bootstrap=bootstrap)
    step = 1e-4
    weights = 1 + step * (bootstrap.counts[:, bootstrap.codes].astype(float) - 1)
    for name in ("hubness_skew", "robin_hood", "hubness_gini"):
        estimate = getattr(found, name)
        moved = np.array([weighted(name, nearest, m, w) for w in weights])
        slope = (moved - estimate.value) / step
        slope -= slope.mean()  # replicates are centred
        kinks = name != "hubness_skew"  # Gini and Robin Hood bend where items tie
        got = estimate.replicates - estimate.value
        assert np.corrcoef(got, slope)[0, 1] > (0.98 if kinks else 0.99999)
        assert np.std(got) == pytest.approx(np.std(slope), rel=0.1 if kinks else 1e-3)


def weighted(name: str, nearest: np.ndarray, m: int, weights: np.ndarray) -> float:
    counts = np.bincount(nearest.ravel(), np.repeat(weights, nearest.shape[1]), minlength=m)
    centred = counts - counts.mean()
    if name == "hubness_skew":
        return float((centred**3).mean() / np.square(centred).mean() ** 1.5)
    if name == "robin_hood":
        return float(np.abs(centred).sum() / (2 * counts.sum()))
    return float(np.abs(counts[:, None] - counts[None]).sum() / (2 * m * counts.sum()))


def test_a_planted_hub_raises_every_measure() -> None:
    rng = np.random.default_rng(1)
    x, y = (unit_rows(rng.normal(size=(150, 32))) for _ in range(2))
    before: Hubness = both_directions(x, y).forward.hubness
    y[:10] = unit_rows(x.mean(axis=0) + 0.01 * rng.normal(size=(10, 32)))
    x = unit_rows(x + 3 * unit_rows(x.mean(axis=0)[None]))
    after = both_directions(x, y).forward.hubness
    for name, estimate in vars(before).items():
        if name != "hub_share":  # ten items take everything: fewer hubs, but greater ones
            assert getattr(after, name).value > estimate.value, name
