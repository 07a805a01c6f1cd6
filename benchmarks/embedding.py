"""How much overhead does an embedding run add to the encoder? Images per second against a bare loop.

    python -m benchmarks.embedding [STUDIES]

Peer: `model.encode_image` over tensors that are already in memory, same model, batches and threads, in the
same process. Both are run five times in turns; the ratio of medians is printed. Target: at least 0.9.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from suture.data.collections import storage
from suture.data.workspace import Workspace
from suture.models.checkpoints import registry
from suture.models.checkpoints.add_checkpoint import add_checkpoint
from suture.models.checkpoints.architecture import CONFIG, WEIGHTS, instantiate
from suture.models.checkpoints.encoders import Encoder
from suture.models.checkpoints.sources import CheckpointSource
from suture.models.embedding.resumable_shards import BATCH, prepared_batches
from suture.workflows import demo

ARCHITECTURE, STUDIES, ROUNDS = "ViT-B-32", 192, 5


def random_checkpoint(workspace: Workspace, folder: Path) -> None:
    """ViT-B-32 with random weights, which do not affect the speed."""
    import open_clip
    from safetensors.torch import save_file

    config = {"model_cfg": open_clip.get_model_config(ARCHITECTURE)}
    model = instantiate(config, None)
    (folder / CONFIG).write_text(json.dumps(config))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / WEIGHTS)
    report = add_checkpoint(workspace, CheckpointSource(str(folder)), "bench")
    assert report.refused is None, report.message


def seconds(work: Callable[[], None]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(studies: int = STUDIES) -> None:
    """Print both speeds and their ratio."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(home)
        demo.make_collection(workspace, lambda what, share: None, studies=studies)
        random_checkpoint(workspace, Path(folder))
        encoder = registry.load(workspace, "bench", device="cpu").encoders["image"]
        pack = storage.image_pack(workspace, "demo")
        assert pack is not None
        starts = range(0, studies, BATCH)
        batches = [lambda s=s: pack.decode_many(range(s, min(s + BATCH, studies))) for s in starts]
        tensors = [encoder.prepare(batch())[0] for batch in batches]
        report(encoder, batches, tensors, studies)


def report(
    encoder: Encoder, batches: list[Callable[[], list]], tensors: list[torch.Tensor], studies: int
) -> None:
    """Run both alternately."""

    def bare() -> None:
        for tensor in tensors:
            encoder.encode(tensor)

    def whole() -> None:
        for tensor, _ in prepared_batches(encoder, batches):
            encoder.encode(tensor)

    bare()  # warm up
    bare_times, whole_times = [], []
    for _ in range(ROUNDS):
        bare_times.append(seconds(bare))
        whole_times.append(seconds(whole))
    peer, ours = (studies / statistics.median(t) for t in (bare_times, whole_times))
    print(f"{ARCHITECTURE}, {studies} images, batch {BATCH}, {torch.get_num_threads()} threads, CPU")
    print(f"bare encode_image on preloaded tensors  {peer:6.1f} images/s")
    print(f"embedding run, decode and resize included {ours:6.1f} images/s")
    print(f"ratio {ours / peer:.2f} (target 0.90)")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
