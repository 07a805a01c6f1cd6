"""Cached layouts of embedding sets: the map, its distortion, and two maps in one frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suture.analysis.projection import map_agreement
from suture.data.errors import Refused
from suture.data.vectors import import_vectors
from suture.data.workspace import SET, Workspace, embedding_sets
from suture.jobs import JobWorkspace
from suture.workflows import layouts
from suture.workflows.job_kinds import LayoutJob

N = 80


@pytest.fixture
def two(tmp_path: Path) -> Workspace:
    """Two sets of the same studies, B rotated and with six studies moved; a third set of other studies."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 12))
    drawn = centres[np.arange(N) % 4]
    a = {m: drawn + 0.3 * rng.normal(size=(N, 12)) + way for m, way in (("x", 1), ("y", -1))}
    turn = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    b = {m: np.r_[z[6:12][::-1] + 0.01, z[6:]] @ turn for m, z in a.items()}
    workspace = Workspace(tmp_path / "home")
    few = {m: z[:4] for m, z in a.items()}
    other = {m: z[:60] for m, z in a.items()}
    for name, arrays in (("a", a), ("b", b), ("few", few), ("other", other)):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        assert import_vectors(workspace, [tmp_path / f"{name}.npz"], name).refused is None
    return workspace


def test_layout_keeps_what_the_map_distorts(two: Workspace) -> None:
    assert layouts.stored_umap_layout(two, "a") is None
    layouts.compute_umap(two, "a")
    found = layouts.stored_umap_layout(two, "a")
    assert found is not None
    assert found.method == "umap"
    assert {m: xy.shape for m, xy in found.maps.items()} == {"x": (N, 2), "y": (N, 2)}
    assert (found.trust.k, found.trust.measured) == (15, 2 * N)
    assert 0.8 < found.trust.trustworthiness <= 1
    doubtful = np.fmin(found.trust.per_point_trust, found.trust.per_point_continuity) < 0.9
    np.testing.assert_array_equal(np.concatenate([*found.distorted.values()]), doubtful)
    part = found.subset(np.array([3, 5]))
    np.testing.assert_array_equal(part.maps["y"], found.maps["y"][[3, 5]])
    assert part.distorted["x"].shape == (2,)


def test_of_many_points_a_sample_is_laid_out_and_places_the_others(
    two: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layouts, "WHOLE", 100)
    monkeypatch.setattr(layouts, "SAMPLE", 60)
    monkeypatch.setattr(layouts, "FEWEST", 20)
    monkeypatch.setattr(layouts, "COMPARED", 1)
    LayoutJob.from_json({"sets": ["a"], "start": "a"}).run(
        JobWorkspace(two.home, "", "job"), lambda share, what: None
    )
    found = layouts.stored_umap_layout(two, "a")
    assert found is not None
    assert found.placing is not None
    assert (found.placing.laid_out, found.placing.placed) == (60, 2 * N - 60)
    assert (found.trust.measured, found.placing.trust.measured) == (20, 20)
    assert found.trust.error > 0
    assert 0 < found.placing.recall <= 1
    measured = sum(int(np.isfinite(belief).sum()) for belief in found.belief.values())
    assert measured == 40
    assert not any(np.isnan(xy).any() for xy in found.maps.values())
    with pytest.raises(Refused, match="aligned up to 100 points"):
        layouts.align(two, "a", "b")


def test_pca_of_many_is_left_to_a_job_and_kept(two: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "AT_ONCE", 100)
    chosen = embedding_sets.load(two, "a")
    assert not layouts.is_quick_pca(chosen)
    assert layouts.stored_pca_layout(two, chosen) is None
    LayoutJob.from_json({"sets": ["a"], "split": "all", "method": "pca"}).run(
        JobWorkspace(two.home, "", "job"), lambda share, what: None
    )
    kept = layouts.stored_pca_layout(two, chosen)
    assert kept is not None
    assert kept.method == "pca"
    assert kept.points == 2 * N


def test_job_starts_the_second_map_from_the_first(two: Workspace) -> None:
    said: list[str] = []
    LayoutJob.from_json({"sets": ["a", "b"], "start": "a"}).run(
        JobWorkspace(two.home, "", "job"), lambda share, what: said.append(what)
    )
    assert [*dict.fromkeys(said)] == ["Laying out the map of a", "Laying out the map of b"]
    a, b = (np.concatenate([*layouts.stored_umap_layout(two, name).maps.values()]) for name in "ab")
    np.testing.assert_allclose(a.mean(0), b.mean(0), atol=1e-3)  # one frame
    assert map_agreement(a, b).moved < 0.5


def test_missing_modality_has_no_place_and_is_not_distorted(two: Workspace, tmp_path: Path) -> None:
    kept = embedding_sets.load(two, "a")
    arrays = {m: np.array(kept.vectors[m]) for m in kept.modalities}
    np.savez(tmp_path / "gaps.npz", **arrays, **{"present:y": np.arange(N) > 2})
    assert import_vectors(two, [tmp_path / "gaps.npz"], "gaps").refused is None
    layouts.compute_umap(two, "gaps", start="a")
    found = layouts.stored_umap_layout(two, "gaps")
    assert found is not None
    assert np.isnan(found.maps["y"][:3]).all()
    assert not np.isnan(found.maps["y"][3:]).any()
    assert not found.distorted["y"][:3].any()


def test_too_few_points_and_other_studies_are_refused(two: Workspace) -> None:
    with pytest.raises(Refused, match="10 points or more, 'few' has 8"):
        layouts.compute_umap(two, "few")
    with pytest.raises(Refused, match="'a' and 'other' differ in them") as refused:
        layouts.align(two, "a", "other")
    assert refused.value.code == "different_studies"
    assert not two.derived(two.record(SET, "a"), layouts.FILE).is_file()


@pytest.mark.slow
def test_aligned_maps_stay_closer_than_started_ones(two: Workspace) -> None:
    agreement = {}
    for method in ("umap", "aligned"):
        arguments = {"sets": ["a", "b"], "start": "a", "method": method}
        LayoutJob.from_json(arguments).run(JobWorkspace(two.home, "", "job"), lambda share, what: None)
        maps = [layouts.stored_umap_layout(two, name) for name in "ab"]
        assert [found.method for found in maps] == [method] * 2
        agreement[method] = map_agreement(*(np.concatenate([*found.maps.values()]) for found in maps))
    stayed = np.r_[6:N, N + 6 : 2 * N]
    medians = [np.median(agreement[method].moves[stayed]) for method in ("aligned", "umap")]
    assert medians[0] < medians[1]
