"""Train `demo-start`, the checkpoint that both demo checkpoints start from: CLIP loss on other studies.

    python -m benchmarks.train_builtin [FILE]

Loss: mean of the symmetric contrastive losses of image-report, image-history and report-history, each
over the studies of the batch that have both. The studies are synthetic too, but from a different seed than
the demo collection, so that all of the demo is unseen. No term closes the gap.

The two checkpoints that the demo compares are then fine-tuned from it on the demo's training split:

    python -m benchmarks.closing demo HOME --objective clip --objective gap-closing --seed 0
    python -m benchmarks.closing ship HOME
"""

from __future__ import annotations

import math
import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from open_clip.loss import ClipLoss
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import save_file
from torch import Tensor

from suture.data import synthetic
from suture.models import builtin
from suture.models.checkpoints.architecture import BPE, instantiate

BATCH, LEARNING_RATE, WEIGHT_DECAY, WARM_UP, EPOCHS, SEED = 128, 1e-3, 0.1, 40, 12, 0
STUDIES, DATA_SEED = 8000, 1  # the demo collection is seed 0


def pictures(made: synthetic.SyntheticStudies, side: int) -> Tensor:
    """(n, 1, side, side) in -2..2, as the built-in transform makes them."""
    stack = torch.from_numpy(made.images)[:, None].float() / 255
    small = torch.nn.functional.interpolate(
        stack, size=(side, side), mode="bicubic", antialias=True, align_corners=False
    )
    return ((small.clamp(0, 1) - 0.5) / 0.25).contiguous()


def shifted(batch: Tensor, rng: np.random.Generator) -> Tensor:
    """Small random shifts and exposure changes; never mirrored, because left and right matter."""
    moves = rng.integers(-4, 5, size=2)
    batch = torch.roll(batch, shifts=tuple(int(m) for m in moves), dims=(2, 3))
    return batch * float(rng.uniform(0.9, 1.1)) + float(rng.uniform(-0.1, 0.1))


def main(target: Path = builtin.FOLDER / f"{builtin.START}.safetensors") -> None:
    """Train, print the validation loss of each epoch, and save the weights in half precision."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    made = synthetic.generate(STUDIES, seed=DATA_SEED)
    config = builtin.config()
    tokenizer = SimpleTokenizer(bpe_path=str(builtin.FOLDER / BPE), context_length=64)
    texts = [tokenizer(made.table[c].tolist()) for c in ("report", "history")]
    has_history = torch.from_numpy((made.table["history"] != "").to_numpy())
    images = pictures(made, config["model_cfg"]["vision_cfg"]["image_size"])
    train = np.flatnonzero(made.table["split"] != "val")
    val = torch.from_numpy(np.flatnonzero(made.table["split"] == "val")[:318])
    model = instantiate(config, builtin.FOLDER)
    optimiser = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * (len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))

    def loss_of(rows: Tensor, batch: Tensor) -> Tensor:
        image = torch.nn.functional.normalize(model.encode_image(batch.expand(-1, 3, -1, -1)), dim=-1)
        both = [torch.nn.functional.normalize(model.encode_text(t[rows]), dim=-1) for t in texts]
        views, there = [image, *both], has_history[rows]
        masks = [torch.ones_like(there), torch.ones_like(there), there]
        losses = [
            ClipLoss()(views[a][m], views[b][m], model.logit_scale.exp())
            for a, b in combinations(range(3), 2)
            for m in [masks[a] & masks[b]]
        ]
        return torch.stack(losses).mean()

    started = time.time()
    for epoch in range(EPOCHS):
        model.train()
        order = rng.permutation(train)
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = torch.from_numpy(order[start : start + BATCH])
            loss = loss_of(rows, shifted(images[rows], rng))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            model.logit_scale.data.clamp_(0, math.log(100))
        model.eval()
        with torch.inference_mode():
            held_out = loss_of(val, images[val]).item()
        scale = model.logit_scale.exp().item()
        took = time.time() - started
        print(f"epoch {epoch + 1} loss {loss.item():.3f} val {held_out:.3f} scale {scale:.1f} {took:.0f} s")
        state = {k: v.half().contiguous() for k, v in model.state_dict().items()}
        save_file(state, target)


def _rate(step: int, steps: int) -> float:
    """Linear warm-up, then cosine to zero."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
