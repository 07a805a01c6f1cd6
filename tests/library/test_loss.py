"""`suture.GapLoss`: open_clip's call, the presets of `suture train`, schedules, and wrong input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from open_clip.loss import ClipLoss, SigLipLoss
from torch.nn.functional import normalize

import suture
from suture.models.losses.config import PRESETS
from suture.models.losses.schedules import weights
from suture.models.losses.total import objective


def features(count: int = 2, batch: int = 16) -> tuple[torch.Tensor, ...]:
    """Unit rows (batch, 8) of several modalities, with gradients."""
    made = torch.randn(count, batch, 8, generator=torch.Generator().manual_seed(0))
    return tuple(x.requires_grad_() for x in normalize(made, dim=-1).unbind())


SCALE = torch.tensor(14.3)


def test_clip_is_open_clips_loss_with_its_gradients() -> None:
    image, text = features()
    ours, theirs = suture.GapLoss("clip")(image, text, SCALE), ClipLoss()(image, text, SCALE)
    torch.testing.assert_close(ours, theirs)
    for x in (image, text):
        own, other = (torch.autograd.grad(loss, x, retain_graph=True)[0] for loss in (ours, theirs))
        tangent = other - (other * x).sum(dim=1, keepdim=True) * x  # of unit rows: ClipLoss does not scale
        torch.testing.assert_close(own, tangent, atol=1e-6, rtol=1e-4)


def test_siglip_is_open_clips_loss() -> None:
    image, text = features()
    bias = torch.tensor(-10.0)
    loss = suture.GapLoss("siglip")
    torch.testing.assert_close(loss(image, text, SCALE, bias), SigLipLoss()(image, text, SCALE, bias))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_the_objective_of_training(name: str) -> None:
    image, text = features()
    loss = suture.GapLoss(name)
    loss.progress = 0.6
    z = torch.stack([image, text])
    torch.manual_seed(1)
    ours = loss(image, text, SCALE)
    torch.manual_seed(1)
    found = objective(
        z,
        torch.ones(2, 16, dtype=torch.bool),
        torch.full((2, 16), -1),
        config=PRESETS[name],
        anchor=1,
        scale=SCALE,
        progress=0.6,
    )
    torch.testing.assert_close(ours, found.total)
    torch.manual_seed(1)
    parts = loss(image, text, SCALE, output_dict=True)
    assert {*parts} == {f"{term}_loss" for term in weights(PRESETS[name], 0.6)}
    torch.testing.assert_close(sum(parts.values()), ours)
    assert suture.GapLoss.presets()[name]


def test_open_clips_training_loop_calls_it_so() -> None:
    image, text = features()
    scale = SCALE.clone().requires_grad_()
    model_out = {"image_features": image, "text_features": text, "logit_scale": scale}
    losses = suture.GapLoss()(**model_out, output_dict=True)
    sum(losses.values()).backward()
    assert image.grad is not None
    assert float(image.grad.abs().sum()) > 0
    assert scale.grad == 0, "the temperature is fixed, but DDP waits for a gradient"


def test_schedules_follow_progress() -> None:
    image, text = features()
    loss = suture.GapLoss("gap-closing")
    start = loss(image, text)
    loss.step(9, 10)
    assert loss.progress == 0.9
    assert loss(image, text) != start
    assert suture.GapLoss("gap-closing", schedule="constant")(image, text) == start
    assert "preset" not in repr(loss)
    assert repr(loss).startswith("GapLoss('gap-closing', temperature='fixed'")


def test_several_modalities_and_missing_ones() -> None:
    image, report, history = features(3)
    given = {"image": image, "report": report, "history": history}
    loss = suture.GapLoss("gap-closing-constant", anchor="history")
    assert torch.isfinite(loss(given))
    empty = torch.zeros_like(history)
    only = suture.GapLoss("gap-closing-constant")({"image": image, "report": report, "history": empty})
    torch.testing.assert_close(only, suture.GapLoss("gap-closing-constant")(image, report))


def test_duplicates_do_not_push() -> None:
    image, text = features()
    loss = suture.GapLoss("clip")
    twice = ["same", "same", *map(str, range(14))]
    assert loss(image, text, SCALE, duplicates=twice) < loss(image, text, SCALE)
    ids = torch.tensor([0, 0, *range(2, 16)])
    torch.testing.assert_close(
        loss(image, text, SCALE, duplicates=ids), loss(image, text, SCALE, duplicates=twice)
    )


def test_half_precision_is_widened_and_autocast_does_no_harm() -> None:
    image, text = (x.detach().bfloat16() for x in features())
    loss = suture.GapLoss()
    assert loss(image, text).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(loss(image, text), loss(image.float(), text.float()))


def test_it_trains_a_gap_away() -> None:
    text = features(batch=64)[1].detach()
    image = normalize(text + 0.1 * torch.randn(text.shape, generator=torch.Generator().manual_seed(1)), dim=1)
    shift = torch.nn.Parameter(torch.full((8,), 0.5))
    optimizer = torch.optim.Adam([shift], lr=0.1)
    loss = suture.GapLoss("gap-closing")

    def gap() -> float:
        return float((normalize(image + shift, dim=1).mean(0) - text.mean(0)).norm())

    before = gap()
    for step in range(15):
        loss.step(step, 15)
        optimizer.zero_grad()
        loss(image + shift, text).backward()
        optimizer.step()
    assert gap() < before / 2


IMAGE, TEXT = (x.detach() for x in features())
LOSS = suture.GapLoss()
WRONG: list[tuple[str, Callable[[], Any]]] = [
    ("no objective 'gap-closng'.*gap-closing.*swap", lambda: suture.GapLoss("gap-closng")),
    ("no option 'atpp'.*atp, cu", lambda: suture.GapLoss(atpp=1.0)),
    ("atp must be a number", lambda: suture.GapLoss(atp="much")),
    ("atp must be a finite number of at least 0", lambda: suture.GapLoss(atp=-1.0)),
    ("temperature must be one of learnable", lambda: suture.GapLoss(temperature="hot")),
    ("Nothing to minimise", lambda: suture.GapLoss("clip", contrastive="none")),
    ("give logit_scale", lambda: suture.GapLoss("clip")(IMAGE, TEXT)),
    (r"one shape .*image \(16, 8\), text \(3, 8\)", lambda: LOSS(IMAGE, TEXT[:3])),
    ("text features must be .* got NoneType", lambda: LOSS(IMAGE)),
    (r"got shape \(8,\)", lambda: LOSS(IMAGE[0], TEXT[0])),
    ("of torch.int64", lambda: LOSS(IMAGE.long(), TEXT.long())),
    ("Use a larger batch", lambda: LOSS(IMAGE[:1], TEXT[:1])),
    ("not both", lambda: LOSS({"image": IMAGE, "text": TEXT}, TEXT)),
    ("Two modalities", lambda: LOSS({"image": IMAGE})),
    ("one value for each of the 16", lambda: LOSS(IMAGE, TEXT, duplicates=[1])),
    ("anchor must be one of image, text", lambda: suture.GapLoss(anchor="history")(IMAGE, TEXT)),
    ("0 to 1", lambda: setattr(suture.GapLoss(), "progress", 3)),
    ("1 or more", lambda: suture.GapLoss().step(1, 0)),
    ("done of 0 or more", lambda: suture.GapLoss().step(-1, 3)),
    ("rank 2 of 2", lambda: suture.GapLoss(rank=2, world_size=2)),
    ("All text features are zeros", lambda: LOSS(IMAGE, 0 * TEXT)),
]


@pytest.mark.parametrize(("message", "call"), WRONG)
def test_wrong_input_is_a_user_error(message: str, call: Callable[[], Any]) -> None:
    with pytest.raises(suture.UserError, match=message):
        call()
