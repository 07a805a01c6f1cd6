"""Objectives agree with public code, with a plain autograd version, and with their documented properties."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid, normalize

from suture.data.errors import Refused
from suture.models.losses import Losses, logit_scale, objective, schedules
from suture.models.losses.centroid_uniformity import centroid_uniformity
from suture.models.losses.config import DESCRIPTIONS, PRESETS, WEIGHTS, ObjectiveConfig, check, preset
from suture.models.losses.features import Features
from suture.models.losses.intra_modality import intra_modality
from suture.models.losses.kernels import InfoNCE, LogMeanKernel, SigLIP
from tests.conftest import beside

PAIRS = ("set_a_pair_n64_d16", "set_b_pair_n257_d32", "set_d_ties_n40_d8", "set_e_rankdef_n20_d32")
NONE = ObjectiveConfig(contrastive="none", temperature="fixed")


def upstream(name: str) -> dict:
    path = beside("science", "reference_values", "upstream_values.json")
    return json.loads(path.read_text())[f"{name}|float64|normalised"]


def rows(name: str, *modalities: str) -> Tensor:
    """(M, B, D) float64, with gradients."""
    arrays = np.load(beside("science", "reference_values", f"{name}.npz"))
    return torch.tensor(np.stack([arrays[m] for m in modalities])).requires_grad_()


def random_rows(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(shape, generator=generator, dtype=torch.float64), dim=-1).requires_grad_()


def run(
    z: Tensor, config: ObjectiveConfig, present: Tensor | None = None, keys: Tensor | None = None, **options
) -> Losses:
    """Compute an objective with defaults: all present, no duplicates, last modality as anchor, T = 0.1."""
    present = torch.ones(z.shape[:2], dtype=torch.bool) if present is None else present
    keys = torch.full(z.shape[:2], -1) if keys is None else keys
    options = {"anchor": len(z) - 1, "scale": torch.tensor(10.0), "progress": 0.0} | options
    return objective(z, present, keys, config=config, **options)


def close(value: float, tolerance: float = 1e-12) -> object:
    return pytest.approx(value, abs=tolerance, rel=tolerance)


def fixed(temperature: float, **fields) -> ObjectiveConfig:
    return ObjectiveConfig(temperature="fixed", temperature_start=temperature, **fields)


# Values of public code


@pytest.mark.parametrize("name", PAIRS)
def test_terms_have_the_values_of_the_released_code(name: str) -> None:
    expected, z = upstream(name), rows(name, "image", "text")
    every = dict.fromkeys(("atp", "cu", "uniformity", "cross_uniformity"), 1.0)
    parts = run(z, fixed(0.07, **every)).parts
    key = "contrastive_gap uniformity (mean of two) / cross uniformity / alignment"
    uniformity, cross, alignment = expected[key]
    losses = "modgap.losses."
    known = {
        "contrastive": expected[losses + "contrastive_loss(temperature=0.07)"],
        "atp": expected[losses + "lalign_loss(alpha=2) [= L_ATP for two modalities]"],
        "cu": expected[losses + "lunif_loss(centroids normalised)  [= L_CU as trained]"],
        "uniformity": uniformity,
        "cross_uniformity": cross,
    }
    for part, value in known.items():
        assert parts[part].item() == close(value), part
    by_modality = [expected[f"{losses}lunif_loss({m},t=2)"] for m in ("image", "text")]
    assert parts["uniformity"].item() == close(sum(by_modality) / 2)
    assert parts["atp"].item() == close(alignment)
    assert parts["contrastive"].item() == close(expected[losses + "ClipLoss(temperature=0.07)"], 2e-8)


@pytest.mark.parametrize("name", PAIRS)
def test_centroid_uniformity_of_the_paper_is_larger_by_log_n_minus_1(name: str) -> None:
    z = rows(name, "image", "text")
    paper = upstream(name)["paper.L_CU with 1/N and ordered pairs, centroids normalised = code + log(N-1)"]
    ours = run(z, replace(NONE, cu=1.0)).total.item()
    assert ours + math.log(z.shape[1] - 1) == close(paper)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("modgap.main EXP1/2 anchor (T=0.1)", {}),
        (
            "modgap.main EXP3/5 anchor+lalign+mean lunif per modality (T=0.1)",
            {"atp": 1.0, "uniformity": 1.0},
        ),
        ("modgap.main EXP4/6 anchor+1*lalign+1*lunif(centroids) (T=0.1)", {"atp": 1.0, "cu": 1.0}),
        ("contrastive_gap CUA total (CLIP at T=0.01)", {"preset": "cua"}),
        ("contrastive_gap CUAXU total (CLIP at T=0.01)", {"preset": "cuaxu"}),
    ],
)
def test_objectives_have_the_values_of_the_released_code(name: str, key: str, fields: dict) -> None:
    config = preset(fields["preset"]) if "preset" in fields else fixed(0.1, **fields)
    assert run(rows(name, "image", "text"), config).total.item() == close(upstream(name)[key])


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(
    ("step", "alpha", "beta"),
    [(100, 1, 1), (2000, 1, 1), (4500, 1, 0.5), (7000, 1.4, 0), (9900, 1.98, 0)],
)
def test_the_schedule_of_the_released_code(name: str, step: int, alpha: float, beta: float) -> None:
    key = f"modgap.main EXP10 step {step}/10000 alpha={alpha:.4f} beta={beta:.4f} (T=0.1)"
    config = fixed(0.1, atp=1.0, cu=1.0, schedule="modgap")
    losses = run(rows(name, "image", "text"), config, progress=step / 10_000)
    assert losses.total.item() == close(upstream(name)[key])
    assert [*losses.parts] == ["contrastive", "atp", "cu"]  # even after its weight has become 0


def test_gradients_have_the_norms_of_the_released_code() -> None:
    key = "modgap EXP4 gradient Frobenius norm wrt image / text (no re-normalisation inside)"
    for name in PAIRS:
        z = rows(name, "image", "text")
        run(z, fixed(0.1, atp=1.0, cu=1.0)).total.backward()
        assert z.grad.norm(dim=(1, 2)).tolist() == close(upstream(name)[key])


@pytest.mark.parametrize("name", PAIRS)
def test_siglip_and_alignclip_have_the_values_of_their_code(name: str) -> None:
    expected, z = upstream(name), rows(name, "image", "text")
    siglip = run(z, preset("siglip"), bias=torch.tensor(-10.0)).total.item()
    assert siglip == close(expected["openclip.SigLipLoss(scale=10,bias=-10)"])
    key = "alignclip.ClipInModalityLoss(scale=10, alpha=1, beta=0.5, semantic_features=normalise(image+text))"
    losses = run(z, preset("alignclip"), semantics=normalize(z.sum(dim=0), dim=1).detach())
    assert losses.parts["intra_modality"].item() == close(expected[key]["inModality_loss"])
    assert 2 * losses.total.item() == close(expected[key]["total_loss"])


def test_three_modalities_have_the_values_of_the_released_code() -> None:
    expected = upstream("set_c_triple_n96_d24")
    z = rows("set_c_triple_n96_d24", "text", "image", "third")
    parts = run(z, fixed(0.07, pairs="anchor", atp=1.0, cu=1.0), anchor=0).parts
    key = "anchored contrastive (mean of contrastive_loss text-image and text-third, T=0.07)"
    assert parts["contrastive"].item() == close(expected[key])
    key = "L_ATP anchor=text : (1/(M-1)) * sum over other modalities of lalign_loss"
    assert parts["atp"].item() == close(expected[key])
    assert parts["cu"].item() == close(expected["L_CU code form on mean of three, normalised"])
    other = run(z, fixed(0.07, atp=1.0), anchor=1).parts["atp"].item()
    assert other == close(expected["L_ATP anchor=image"])


def test_schedules_have_the_table_of_the_released_code() -> None:
    path = beside("science", "reference_values", "upstream_values.json")
    table = json.loads(path.read_text())["schedules"]
    betas = table["get_beta(step, total=10000, warmup_epoch=20, decay_epoch=50)"]
    alphas = table["get_alpha(step, total=10000, warmup_epoch=50, increment_epoch=50)"]
    for step, value in betas.items():
        assert schedules.beta(int(step) / 10_000) == close(value)
    for step, value in alphas.items():
        assert schedules.alpha(int(step) / 10_000) == close(value)


@pytest.mark.seconds
def test_open_clip_itself() -> None:
    from open_clip.loss import ClipLoss, SigLipLoss

    z = random_rows(2, 37, 12)
    scale, bias = torch.tensor(14.3, dtype=torch.float64), torch.tensor(-9.0, dtype=torch.float64)
    clip = run(z, preset("clip"), scale=scale).total
    siglip = run(z, preset("siglip"), scale=scale, bias=bias).total
    assert clip.item() == close(ClipLoss()(z[0], z[1], scale).item())
    assert siglip.item() == close(SigLipLoss()(z[0], z[1], scale, bias).item(), 1e-11)


# Against the obvious formulation


@dataclass(frozen=True)
class Plain:
    """Every term written out study by study, with autograd. Slow."""

    z: Tensor
    present: Tensor
    keys: Tensor
    config: ObjectiveConfig
    scale: Tensor
    bias: Tensor

    def same(self, i: int, j: int, modalities: Sequence[int]) -> bool:
        here = [m for m in modalities if self.present[m, i] and self.present[m, j]]
        repeated = any(self.keys[m, i] == self.keys[m, j] and self.keys[m, i] >= 0 for m in here)
        return self.config.mask_duplicates and repeated

    def studies(self, *modalities: int) -> list[int]:
        return [i for i in range(self.z.shape[1]) if all(self.present[m, i] for m in modalities)]

    def clip(self, a: int, b: int) -> Tensor:
        losses, there = [], self.studies(a, b)
        for i in there:
            entries = [j for j in there if j == i or not self.same(i, j, (a, b))]
            own = torch.tensor([entries.index(i)])
            for x, y in ((a, b), (b, a)):
                logits = self.scale * self.z[x, i] @ self.z[y, entries].T
                losses.append(cross_entropy(logits[None], own))
        return torch.stack(losses).mean()

    def siglip(self, a: int, b: int) -> Tensor:
        there = self.studies(a, b)
        entries = [(i, j) for i in there for j in there if i == j or not self.same(i, j, (a, b))]
        logits = [self.scale * self.z[a, i] @ self.z[b, j] + self.bias for i, j in entries]
        signed = [s if i == j else -s for (i, j), s in zip(entries, logits, strict=True)]
        return -logsigmoid(torch.stack(signed)).sum() / len(there)

    def spread(self, x: dict[int, Tensor], y: dict[int, Tensor], modalities: Sequence[int]) -> Tensor:
        pairs = [(i, j) for i in x for j in y if i != j and not self.same(i, j, modalities)]
        return torch.stack([(-2 * (x[i] - y[j]).square().sum()).exp() for i, j in pairs]).mean().log()

    def across(self, a: int, b: int) -> Tensor:
        x, y = ({i: self.z[m, i] for i in self.studies(a, b)} for m in (a, b))
        return self.spread(x, y, (a, b))

    def centroids(self) -> dict[int, Tensor]:
        have = {i: self.present[:, i].nonzero()[:, 0] for i in range(self.z.shape[1])}
        return {i: normalize(self.z[m, i].mean(dim=0), dim=0) for i, m in have.items() if len(m) > 1}

    def aligned(self, m: int, anchor: int) -> Tensor:
        return (self.z[m] - self.z[anchor])[self.studies(m, anchor)].square().sum(dim=1).mean()

    def parts(self, anchor: int) -> dict[str, Tensor]:
        every = range(len(self.z))
        twos, others = list(combinations(every, 2)), [m for m in every if m != anchor]
        loss = self.clip if self.config.contrastive == "clip" else self.siglip
        pairs = twos if self.config.pairs == "all" else [(m, anchor) for m in others]
        parts = {
            "contrastive": [loss(a, b) for a, b in pairs],
            "atp": [self.aligned(m, anchor) for m in others],
            "cu": [self.spread(self.centroids(), self.centroids(), every)],
            "uniformity": [self.across(m, m) for m in every],
            "cross_uniformity": [self.across(a, b) for a, b in twos],
        }
        return {name: torch.stack(values).mean() for name, values in parts.items()}


EVERY = {"atp": 0.7, "cu": 0.9, "uniformity": 0.4, "cross_uniformity": 0.6}


def batch(modalities: int, missing: float, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """14 studies with repeated keys; two texts share a key with an image by accident."""
    generator = torch.Generator().manual_seed(seed)
    z = random_rows(modalities, 14, 6, seed=seed)
    present = torch.rand(modalities, 14, generator=generator) >= missing
    return z, present, torch.randint(-1, 6, (modalities, 14), generator=generator)


@pytest.mark.parametrize("contrastive", ["clip", "siglip"])
@pytest.mark.parametrize("pairs", ["all", "anchor"])
@pytest.mark.parametrize("modalities", [2, 3])
@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("mask", [True, False])
def test_values_and_gradients_of_the_obvious_formulation(
    contrastive: str, pairs: str, modalities: int, missing: float, mask: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.models.losses.kernels.BLOCK", 5 * 14)  # several blocks, the last one smaller
    config = ObjectiveConfig(contrastive, pairs, mask_duplicates=mask, **EVERY)
    z, present, keys = batch(modalities, missing)
    scale = torch.tensor(9.0, dtype=torch.float64, requires_grad=True)
    bias = torch.tensor(-3.0, dtype=torch.float64, requires_grad=True)
    losses = run(z, config, present, keys, anchor=0, scale=scale, bias=bias)
    expected = Plain(z, present, keys, config, scale, bias).parts(0)
    for name, value in expected.items():
        assert losses.parts[name].item() == close(value.item(), 1e-11), name
    total = sum({"contrastive": 1, **EVERY}[name] * value for name, value in expected.items())
    leaves = [z, scale, bias] if contrastive == "siglip" else [z, scale]
    ours, obvious = (torch.autograd.grad(t, leaves) for t in (losses.total, total))
    for a, b in zip(ours, obvious, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-10)


def test_gradients_agree_with_differences() -> None:
    x, y = random_rows(9, 4), random_rows(9, 4, seed=1)
    scale, bias = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (5.0, -2.0))
    codes = [torch.tensor([0, 1, 2, 3, 0, 5, 1, 0, 8])]
    for few in ([], codes):
        assert torch.autograd.gradcheck(lambda *a, c=few: InfoNCE.apply(*a, c), (x, y, scale))
        assert torch.autograd.gradcheck(lambda *a, c=few: SigLIP.apply(*a, c), (x, y, scale, bias))
        assert torch.autograd.gradcheck(lambda *a, c=few: LogMeanKernel.apply(*a, c), (x, y))
        assert torch.autograd.gradcheck(lambda a, c=few: LogMeanKernel.apply(a, None, c), (x,))


def test_intra_modality_written_out() -> None:
    z, present, _ = batch(3, 0.25)
    features = Features.of(z, present, torch.full((3, 14), -1), mask_duplicates=True)
    losses = []
    for m in range(3):
        there = [i for i in range(14) if present[m, i] and present[0, i] and present[:, i].sum() > 1]
        x, c = z[m, there], z[0, there].detach()
        logits = (x @ x.T) * (1 - c @ c.T)
        others = [[n for n in range(3) if n != m and present[n, i]] for i in there]
        own = [torch.stack([z[n, i] @ z[m, i] for n in o]).mean() for i, o in zip(there, others, strict=True)]
        logits = logits - logits.diagonal().diag() + torch.stack(own).diag()
        losses.append(cross_entropy(7 * logits, torch.arange(len(there))))
    expected = torch.stack(losses).mean()
    ours = intra_modality(features, anchor=0, scale=torch.tensor(7.0, dtype=torch.float64))
    assert ours.item() == close(expected.item())
    gradients = [torch.autograd.grad(t, z)[0] for t in (ours, expected)]
    assert torch.allclose(*gradients, rtol=1e-10, atol=1e-10)


def test_large_logits_stay_exact_in_float32() -> None:
    z = random_rows(2, 64, 8)
    one_far = torch.cat([z[:, :-1], torch.stack([z[0, -1], -z[0, -1]])[:, None]], dim=1)
    exact = run(one_far.detach(), fixed(0.01)).total
    single = run(one_far.detach().float(), fixed(0.01)).total
    assert single.item() == pytest.approx(exact.item(), rel=1e-5)


# Documented properties


@pytest.mark.parametrize("name", PRESETS)
def test_a_joint_rotation_and_the_order_of_studies_do_not_matter(name: str) -> None:
    z, present, keys = batch(3, 0.25, seed=2)
    config = replace(preset(name), swap=0.0)  # which studies are swapped depends on their position
    options = {"bias": torch.tensor(-10.0), "anchor": 0}
    turn = torch.linalg.qr(
        torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    )[0]
    order = torch.randperm(14, generator=torch.Generator().manual_seed(4))
    value = run(z, config, present, keys, **options).total.item()
    assert run(z @ turn, config, present, keys, **options).total.item() == close(value, 1e-10)
    shuffled = run(z[:, order], config, present[:, order], keys[:, order], **options)
    assert shuffled.total.item() == close(value, 1e-10)


@pytest.mark.parametrize("name", PRESETS)
def test_what_stands_in_missing_rows_does_not_matter(name: str) -> None:
    z, present, keys = batch(3, 0.25, seed=5)
    other = torch.where(present[..., None], z, 1e30).detach().requires_grad_()
    other_keys = torch.where(present, keys, 3)
    results = []
    for rows_, keys_ in ((z, keys), (other, other_keys)):
        generator = torch.Generator().manual_seed(0)
        options = {"bias": torch.tensor(-10.0), "anchor": 0, "generator": generator}
        losses = run(rows_, preset(name), present, keys_, **options)
        results.append((losses.total.item(), *torch.autograd.grad(losses.total, rows_)))
    assert results[0][0] == results[1][0]
    assert torch.equal(results[0][1], results[1][1])
    assert not results[0][1][~present].any()


def test_constant_rows_are_aligned_and_not_spread() -> None:
    z = random_rows(1, 1, 8).expand(2, 20, 8)
    for parts in (run(z, fixed(0.1, **EVERY)).parts, run(z.float(), fixed(0.1, **EVERY)).parts):
        assert {n: parts[n].item() for n in EVERY} == pytest.approx(dict.fromkeys(EVERY, 0), abs=1e-6)
        assert parts["contrastive"].item() == pytest.approx(math.log(20), abs=1e-5)


def test_duplicates_are_no_negatives_by_hand() -> None:
    """Four studies along the axes; studies 0 and 1 carry the same text."""
    z = torch.eye(4, dtype=torch.float64).expand(2, 4, 4).clone()
    keys = torch.tensor([[-1, -1, -1, -1], [5, 5, 6, 7]])
    config = fixed(1.0, cu=1.0)
    masked, unmasked = (run(z, replace(config, mask_duplicates=m), keys=keys).parts for m in (True, False))
    three, four = (math.log(math.e + n) - 1 for n in (2, 3))  # one negative fewer for two of four studies
    assert unmasked["contrastive"].item() == close(four)
    assert masked["contrastive"].item() == close((three + four) / 2)
    z[1, 1] = z[1, 0]  # the texts are now equal, so the centroids of 0 and 1 are closer
    masked, unmasked = (run(z, replace(config, mask_duplicates=m), keys=keys).parts for m in (True, False))
    near, far = math.exp(-2 * (2 - math.sqrt(2))), math.exp(-4)  # e0 to (e0 + e1) / sqrt 2; right angles
    assert unmasked["cu"].item() == close(math.log((near + 5 * far) / 6))
    assert masked["cu"].item() == close(math.log(far))


def test_only_duplicates_leave_nothing_to_push() -> None:
    z, keys = random_rows(2, 6, 4), torch.zeros(2, 6, dtype=torch.int64)
    losses = run(z, fixed(0.1, cu=1.0), keys=keys)
    losses.total.backward()
    assert losses.total.item() == 0
    assert not z.grad.any()


def test_swapping_makes_the_loss_blind_to_which_modality_is_which() -> None:
    z = random_rows(2, 40, 8)
    config = ObjectiveConfig(swap=0.5)
    value, again, other = (
        run(z, config, generator=torch.Generator().manual_seed(seed)).total.item() for seed in (1, 1, 2)
    )
    assert value == again != other
    exchanged = run(z, replace(config, swap=1.0)).total.item()
    assert exchanged == close(run(z, ObjectiveConfig()).total.item())  # all swapped = transposed


def test_temperatures() -> None:
    z = random_rows(2, 12, 4)
    rising = ObjectiveConfig(temperature="cosine", temperature_start=0.1, temperature_end=0.5)
    for progress, cosine, linear in ((0, 0.1, 0.1), (0.5, 0.3, 0.3), (1, 0.5, 0.5), (1 / 3, 0.2, 0.7 / 3)):
        assert 1 / logit_scale(rising, progress) == close(cosine)
        assert 1 / logit_scale(replace(rising, temperature="linear"), progress) == close(linear)
    scale = torch.tensor(3.0, requires_grad=True)
    at_the_end = run(z, rising, scale=scale, progress=1.0).total
    assert at_the_end.item() == close(run(z, fixed(0.5)).total.item())
    assert torch.autograd.grad(at_the_end, scale, allow_unused=True) == (None,)


def test_a_batch_without_a_shared_study_is_an_error() -> None:
    z = random_rows(2, 4, 4)
    present = torch.tensor([[True, True, False, True], [False, False, True, True]])
    with pytest.raises(ValueError, match="no two modalities share 2 studies or more"):
        run(z, ObjectiveConfig(), present)
    losses = run(z, replace(NONE, cu=1.0), present)
    losses.total.backward()
    assert losses.total.item() == 0
    assert not z.grad.any()


def test_pairs_of_modalities_without_shared_studies_do_not_count() -> None:
    z = random_rows(3, 6, 4)
    present = torch.ones(3, 6, dtype=torch.bool)
    present[2] = False
    options = {"anchor": 0}
    config = fixed(0.1, atp=1.0)
    assert run(z, config, present, **options).total.item() == run(z[:2], config, **options).total.item()


def test_centroids_take_studies_with_two_modalities() -> None:
    z = random_rows(2, 5, 4)
    present = torch.tensor([[True] * 5, [True, True, True, False, False]])
    features = Features.of(z, present, torch.full((2, 5), -1), mask_duplicates=True)
    assert centroid_uniformity(features).item() == close(run(z[:, :3], replace(NONE, cu=1.0)).total.item())


# Config


def test_every_preset_is_described_and_can_be_computed() -> None:
    assert {*PRESETS} == {*DESCRIPTIONS}
    for name in PRESETS:
        check(preset(name), ["image", "text"])
        losses = run(random_rows(2, 8, 4), preset(name))
        weights = {"contrastive": 1.0} | {w: getattr(preset(name), w) for w in WEIGHTS}
        assert losses.total.item() == close(sum(weights[n] * v.item() for n, v in losses.parts.items()))


@pytest.mark.parametrize(
    ("config", "code", "message"),
    [
        (ObjectiveConfig("cilp"), "objective_invalid", "contrastive must be one of clip, siglip, none"),
        (ObjectiveConfig(pairs="some"), "objective_invalid", "pairs must be one of all, anchor"),
        (ObjectiveConfig(temperature="hot"), "objective_invalid", "temperature must be one of learnable"),
        (ObjectiveConfig(schedule="x"), "objective_invalid", "schedule must be one of constant, modgap"),
        (ObjectiveConfig(atp=-1.0), "objective_invalid", "atp must be a finite number of at least 0; got -1"),
        (ObjectiveConfig(cu=math.nan), "objective_invalid", "cu must be a finite number of at least 0"),
        (ObjectiveConfig(uniformity=math.inf), "objective_invalid", "uniformity must be a finite number"),
        (ObjectiveConfig(temperature_start=0.0), "objective_invalid", "temperature_start must be a temp"),
        (ObjectiveConfig(swap=1.5), "objective_invalid", "swap must be a probability, 0 to 1; got 1.5"),
        (ObjectiveConfig(anchor="txt"), "anchor_unknown", "anchor must be one of image, text; got 'txt'"),
        (ObjectiveConfig("none"), "objective_invalid", "Nothing to minimise"),
    ],
)
def test_what_cannot_work_is_refused(config: ObjectiveConfig, code: str, message: str) -> None:
    with pytest.raises(Refused, match=message) as refused:
        check(config, ["image", "text"])
    assert refused.value.code == code


def test_an_unknown_objective_and_a_lone_modality_are_refused() -> None:
    with pytest.raises(Refused, match=r"no objective 'klip'. There are: clip, clip-fixed"):
        preset("klip")
    with pytest.raises(Refused, match="two modalities or more; there are: image"):
        check(preset("clip"), ["image"])


def test_choosing_an_objective_brings_no_torch() -> None:
    code = "import sys, suture.models.losses.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
