"""Post-hoc maps: published formulas, planted structure, and the leak that held-out rows prevent."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.analysis.math.arrays import unit_rows
from suture.analysis.posthoc import METHODS, RIDGES, Adapter, fit
from tests.conftest import beside

SETS = ("set_a_pair_n64_d16", "set_b_pair_n257_d32")
LIANG = "Liang shift delta={}: text+0.5*delta*u, image-0.5*delta*u, renormalised (u = unit gap)"
LAMBDA = "lambda shift lambda={}: image-lambda/2*g, text+lambda/2*g, renormalised"
PROCRUSTES, RIDGE = "Procrustes (centred) text->image", "ridge map text->image, lambda=1e-3*n"
# name of the value -> method, options, strength, fitted on the first half only
KNOWN = {
    **{LIANG.format(d): ("liang-shift", {"delta": d}, 1, False) for d in (-0.5, 0.25, 0.5, 1.0)},
    **{LAMBDA.format(s): ("lambda-shift", {}, s, False) for s in (0.25, 0.5, 1.0)},
    "text translated by +g, renormalised": ("translate", {}, 1, False),
    "mean removal (GR-CLIP / I0T_post)": ("mean-removal", {}, 1, False),
    "standardise per dimension (z-score, population sd), renormalised": ("standardise", {}, 1, False),
    "mean+sd match text to image (TOMCap), renormalised": ("mean-sd-match", {}, 1, False),
    "ReAlign text->image, s=sqrt(Tx/Ty)": ("realign", {}, 1, False),
    f"{PROCRUSTES}, in-sample (all pairs)": ("procrustes", {}, 1, False),
    f"{RIDGE}, in-sample (all pairs)": ("ridge", {"ridge": 1e-3}, 1, False),
    f"{PROCRUSTES}, fit first half, scored second half": ("procrustes", {}, 1, True),
    f"{RIDGE}, fit first half, scored second half": ("ridge", {"ridge": 1e-3}, 1, True),
}


def noise(n: int, dim: int, seed: int) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=(n, dim)))


def clouds(n: int = 60, dim: int = 8, seed: int = 0, names: str = "xyz") -> dict[str, np.ndarray]:
    """Modalities that share a signal, each with noise, a spread and an offset of its own."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, dim))
    spread = {m: rng.uniform(0.5, 2, dim) for m in names}
    return {
        m: unit_rows(spread[m] * (shared + rng.normal(size=(n, dim))) + rng.normal(size=dim)) for m in names
    }


def gap(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a.mean(axis=0) - b.mean(axis=0)))


def recall_at_1(x: np.ndarray, y: np.ndarray) -> float:
    return float(((x @ y.T).argmax(axis=1) == np.arange(len(x))).mean())


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("name", SETS)
def test_values_of_the_formulas(name: str, known: str) -> None:
    folder = beside("science", "reference_values")
    expected = json.loads((folder / "own_values.json").read_text())[f"{name}|posthoc"][known]
    z = {m: np.load(folder / f"{name}.npz")[m] for m in ("image", "text")}
    method, options, strength, half = KNOWN[known]
    middle = len(z["image"]) // 2
    learn = {m: a[:middle] for m, a in z.items()} if half else z
    adapter = fit(learn, method, **options)
    moved = adapter.apply({m: a[middle:] for m, a in z.items()} if half else z, strength=strength)
    x, y = moved["image"], moved["text"]
    assert gap(x, y) == pytest.approx(expected["gap"], abs=1e-10)
    assert np.einsum("nd,nd->n", x, y).mean() == pytest.approx(expected["cos_true_pairs"], abs=1e-10)
    assert x[0, :3] == pytest.approx(expected["first_row_image"], abs=1e-10)
    assert y[0, :3] == pytest.approx(expected["first_row_text"], abs=1e-10)
    assert recall_at_1(x, y) == pytest.approx(expected["i2t_R1"], abs=1e-10)
    assert recall_at_1(y, x) == pytest.approx(expected["t2i_R1"], abs=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_strength_zero_gives_every_bit_back(method: str, dtype: type) -> None:
    z = {m: a.astype(dtype) for m, a in clouds().items()}
    adapter = fit(z, method)
    untouched, full = adapter.apply(z, strength=0), adapter.apply(z)
    for m in z:
        assert untouched[m].dtype == full[m].dtype == dtype
        np.testing.assert_array_equal(untouched[m], z[m])
        np.testing.assert_allclose(np.linalg.norm(full[m], axis=1), 1, atol=1e-6)
    assert any(not np.array_equal(full[m], z[m]) for m in z)


@pytest.mark.parametrize("method", [m for m in METHODS if not METHODS[m].shift])
def test_strength_blends_where_there_is_no_shift(method: str) -> None:
    z = clouds()
    adapter = fit(z, method)
    full, some = adapter.apply(z), adapter.apply(z, strength=0.3)
    for m in z:
        np.testing.assert_allclose(some[m], unit_rows(0.7 * z[m] + 0.3 * full[m]), atol=1e-12)
    with pytest.raises(ValueError, match=r"Strength must be 0 to 1 for .*, got 1\.5"):
        adapter.apply(z, strength=1.5)


def planted(n: int = 50) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Texts that are the images moved by one known vector, all on the sphere."""
    inside = noise(n, 6, 0) * np.sqrt(1 - 0.6**2)
    x, y = (np.hstack([inside, np.full((n, 1), h)]) for h in (0.6, -0.6))
    return {"image": x, "text": y}, np.eye(7)[6] * 1.2


def test_a_planted_shift_is_recovered() -> None:
    z, shift = planted()
    adapter = fit(z, "translate")
    np.testing.assert_allclose(adapter.arrays["shift:text"], shift, atol=1e-12)
    moved = adapter.apply(z)
    np.testing.assert_array_equal(moved["image"], z["image"])
    np.testing.assert_allclose(moved["text"], z["image"], atol=1e-12)
    both = fit(z, "lambda-shift").apply(z)
    np.testing.assert_allclose(both["image"], both["text"], atol=1e-12)
    assert fit(z, "liang-shift").options["delta"] == pytest.approx(1.2, abs=1e-12)
    opened = fit(z, "lambda-shift").apply(z, strength=-0.5)
    assert gap(opened["image"], opened["text"]) > 1.2
    crossed = fit(z, "lambda-shift").apply(z, strength=1.5)
    assert crossed["image"][:, 6].max() < 0 < crossed["text"][:, 6].min()


def test_a_planted_rotation_is_recovered_on_other_rows() -> None:
    x = noise(400, 16, 0)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))[0]
    z = {"image": x, "text": x @ turn}
    for method, options, tolerance in (("procrustes", {}, 1e-12), ("ridge", {"ridge": 1e-14}, 1e-9)):
        adapter = fit({m: a[:100] for m, a in z.items()}, method, **options)
        moved = adapter.apply({m: a[100:] for m, a in z.items()})
        np.testing.assert_allclose(moved["text"], moved["image"], atol=tolerance)


def test_rotating_noise_finds_every_partner_it_was_fitted_on_and_no_other() -> None:
    """Why scores on the rows of the fit are refused."""
    z = {"image": noise(2000, 512, 0), "text": noise(2000, 512, 1)}
    learn, others = ({m: a[part] for m, a in z.items()} for part in (slice(1000), slice(1000, 2000)))
    adapter = fit(learn, "procrustes")
    scores = [recall_at_1(*adapter.apply(rows).values()) for rows in (learn, others)]
    assert scores[0] == 1
    assert scores[1] < 0.01


def test_the_penalty_is_chosen_on_held_out_groups() -> None:
    """Many rows of few patients: row by row the least penalty looks best, by patient it does not."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 10)
    x, y = (rng.normal(size=(40, 64))[patients] + 0.05 * rng.normal(size=(400, 64)) for _ in range(2))
    truth = rng.normal(size=64)
    z = {"image": x + np.outer(y @ truth, truth) / 8, "text": y}
    by_row = fit(z, "ridge").options["ridge"]
    by_patient = fit(z, "ridge", groups=patients).options["ridge"]
    assert by_row in RIDGES
    assert by_patient > by_row
    assert fit(z, "ridge", groups=patients, seed=0).options["ridge"] == by_patient
    with pytest.raises(ValueError, match="Selecting the penalty needs 5 groups of pairs, got 2"):
        fit(z, "ridge", groups=patients % 2)


def test_the_chosen_penalty_fits_as_if_it_had_been_given() -> None:
    z = clouds()
    chosen = fit(z, "ridge")
    given = fit(z, "ridge", ridge=chosen.options["ridge"])
    np.testing.assert_array_equal(chosen.arrays["matrix:y"], given.arrays["matrix:y"])


@pytest.mark.parametrize("method", METHODS)
def test_missing_rows_teach_nothing_and_stay_missing(method: str) -> None:
    z = clouds(names="xy")
    holes = {m: a.copy() for m, a in z.items()}
    holes["y"][::3] = 0
    options = {"ridge": 0.01} if method == "ridge" else {}
    adapter = fit(holes, method, **options)
    moved = adapter.apply(holes)
    assert not moved["y"][::3].any()
    assert adapter.n_fit == (40 if METHODS[method].needs_pairs else 60)
    if method == "ridge":
        there = np.arange(60) % 3 != 0
        pairs = fit({m: a[there] for m, a in z.items()}, method, **options)
        np.testing.assert_allclose(adapter.arrays["matrix:y"], pairs.arrays["matrix:y"], atol=1e-12)
    if method == "mean-removal":
        np.testing.assert_allclose(-adapter.arrays["shift:y"], z["y"][np.arange(60) % 3 != 0].mean(axis=0))


def test_three_modalities_meet_in_the_middle_or_at_the_anchor() -> None:
    z = clouds(seed=3)
    means = {m: a.mean(axis=0) for m, a in z.items()}
    middle = sum(means.values()) / 3
    for m, way in fit(z, "lambda-shift").arrays.items():
        np.testing.assert_allclose(means[m.removeprefix("shift:")] + way, middle, atol=1e-12)
    adapter = fit(z, "translate", anchor="y")
    assert set(adapter.arrays) == {"shift:x", "shift:z"}
    np.testing.assert_allclose(adapter.arrays["shift:z"], means["y"] - means["z"], atol=1e-12)
    for method in ("procrustes", "ridge", "realign", "mean-sd-match"):
        all_three = fit(z, method, anchor="y", **({"ridge": 0.1} if method == "ridge" else {}))
        two = {m: z[m] for m in ("y", "z")}
        pair = fit(two, method, anchor="y", **({"ridge": 0.1} if method == "ridge" else {}))
        np.testing.assert_array_equal(all_three.apply(z)["z"], pair.apply(two)["z"])


@pytest.mark.parametrize("method", ["lambda-shift", "translate", "realign", "mean-removal", "procrustes"])
def test_every_map_but_a_blind_one_brings_the_middles_closer(method: str) -> None:
    z = clouds(400, 16, 1)
    learn, others = ({m: a[part] for m, a in z.items()} for part in (slice(200), slice(200, 400)))
    moved = fit(learn, method).apply(others)
    for m in ("y", "z"):
        assert gap(moved["x"], moved[m]) < 0.5 * gap(others["x"], others[m])


def test_mean_removal_closes_the_gap_before_rows_are_brought_back_to_length_one() -> None:
    z = clouds(names="xy")
    shifts = fit(z, "mean-removal").arrays
    assert gap(*(z[m] + shifts[f"shift:{m}"] for m in z)) < 1e-15
    assert 1e-4 < gap(*fit(z, "mean-removal").apply(z).values()) < gap(*z.values())


def test_realign_gives_the_anchors_spread() -> None:
    """s^2 Ty = Tx before rows are brought back to length 1: the root that a printed formula lost."""
    z = clouds(names="xy")
    spread = {m: np.square(a - a.mean(axis=0)).sum(axis=1).mean() for m, a in z.items()}
    scale = fit(z, "realign").arrays["scale:y"][0]
    assert scale**2 * spread["y"] == pytest.approx(spread["x"], abs=1e-12)


@given(st.integers(6, 40), st.integers(2, 10), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_a_joint_rotation_goes_through_the_maps(n: int, dim: int, seed: int) -> None:
    z = clouds(n + dim, dim, seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]
    turned = {m: a @ turn for m, a in z.items()}
    for method in ("liang-shift", "lambda-shift", "translate", "mean-removal", "realign", "ridge"):
        options = {"ridge": 0.1} if method == "ridge" else {}
        a, b = (fit(v, method, **options).apply(v) for v in (z, turned))
        for m in z:
            np.testing.assert_allclose(a[m] @ turn, b[m], atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_equal_texts_stay_equal_to_the_bit(method: str) -> None:
    """Products of equal rows can differ in the last bit, by where in the block a row stands."""
    z = clouds(257, 32, 0, "xy")
    z["y"][[100, 128, 256]] = z["y"][0]
    moved = fit(z, method).apply(z)["y"]
    for row in (100, 128, 256):
        np.testing.assert_array_equal(moved[row], moved[0])


@pytest.mark.parametrize("method", METHODS)
def test_one_row_is_mapped_as_it_is_among_others(method: str) -> None:
    z = clouds()
    adapter = fit(z, method)
    whole, alone = adapter.apply(z)["z"], adapter.apply({"z": z["z"][7:8]})["z"]
    np.testing.assert_allclose(alone[0], whole[7], atol=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_arrays_hold_the_whole_adapter(method: str) -> None:
    z = clouds()
    adapter = fit(z, method, anchor="z")
    buffer = io.BytesIO()
    np.savez(buffer, **adapter.to_arrays())
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as stored:
        again = Adapter.from_arrays(dict(stored))
    for m, rows in adapter.apply(z, strength=0.5).items():
        np.testing.assert_array_equal(again.apply(z, strength=0.5)[m], rows)
    assert (again.method, again.modalities, again.anchor, again.dim, again.options, again.n_fit) == (
        method,
        ("x", "y", "z"),
        "z" if METHODS[method].anchored else "",
        8,
        adapter.options,
        60,
    )


def test_dimensions_that_never_vary_say_nothing() -> None:
    z = clouds(names="xy")
    z = {m: np.hstack([a, np.full((60, 1), 0.5)]) for m, a in z.items()}
    z = {m: a / np.linalg.norm(a, axis=1, keepdims=True) for m, a in z.items()}
    for method in ("standardise", "mean-sd-match"):
        assert all(np.isfinite(a).all() for a in fit(z, method).apply(z).values())


REFUSED = {
    "Unknown method: 'magic'. Must be one of: liang-shift": lambda z: fit(z, "magic"),
    "The anchor must be one of: x, y, z. Got 'image'": lambda z: fit(z, "translate", anchor="image"),
    "Expected two or more modalities of equal shape": lambda z: fit(
        {"x": z["x"], "y": z["y"][:, :4]}, "translate"
    ),
    r"equal shape \(n_studies, dim\), got: x": lambda z: fit({"x": z["x"]}, "translate"),
    "Expected 60 groups, one per study, got 3": lambda z: fit(z, "ridge", groups=np.arange(3)),
    "The penalty must be above 0, got 0": lambda z: fit(z, "ridge", ridge=0),
    "`ridge` is an option of ridge": lambda z: fit(z, "procrustes", ridge=1),
    "Expected at least 2 rows of 'y' to fit on, got 0": lambda z: fit(z | {"y": 0 * z["y"]}, "translate"),
    "1 of 60 rows are zero or not finite": lambda z: fit(
        z | {"y": z["y"] / (np.arange(60) != 3)[:, None]}, "ridge"
    ),
    "The adapter knows x, y, z; got 'w'": lambda z: fit(z, "ridge").apply({"w": z["x"]}),
    r"Expected \(n_rows, 8\) for 'x', got shape \(60, 4\)": lambda z: fit(z, "ridge").apply(
        {"x": z["x"][:, :4]}
    ),
    "Strength must be .* got nan": lambda z: fit(z, "translate").apply(z, strength=np.nan),
    "60 of 60 rows are mapped to the origin": lambda z: fit(z | {"y": 0 * z["y"] + 1}, "mean-removal").apply(
        {"y": 0 * z["y"] + 1}
    ),
}


@pytest.mark.parametrize("message", REFUSED)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_cannot_be_fitted_or_mapped_says_why(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        REFUSED[message](clouds())


def test_pairs_are_needed_only_where_pairs_are_used() -> None:
    z = clouds(names="xy")
    z["x"][:30], z["y"][30:] = 0, 0
    with pytest.raises(ValueError, match="Expected at least 2 studies with both 'y' and 'x', got 0"):
        fit(z, "procrustes")
    assert fit(z, "lambda-shift").n_fit == 60
