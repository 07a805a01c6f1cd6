"""Embedding runs: unit rows, provenance, no repeated work, same bytes after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from suture import jobs
from suture.data.errors import Refused
from suture.data.workspace import SET, Workspace, embedding_sets
from suture.models import builtin
from suture.models.embedding.embed import embed
from suture.workflows import demo
from suture.workflows.job_kinds import EmbedJob

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a collection of 300 synthetic studies."""
    folder = tmp_path_factory.mktemp("embed")
    demo.make_collection(Workspace(folder), lambda what, share: None, studies=300)
    return folder


def test_rows_are_unit_and_missing_ones_are_zero(home: Path) -> None:
    workspace = Workspace(home)
    seen: list[tuple[int, int, str]] = []
    run = embed(workspace, "demo", builtin.UNTRAINED, name="unit", progress=lambda *a: seen.append(a))
    kept = embedding_sets.load(workspace, "unit")
    for modality, matrix in kept.vectors.items():
        norms = np.linalg.norm(matrix, axis=1)
        np.testing.assert_allclose(norms[kept.present(modality)], 1, atol=1e-6)
    missing = (kept.key("history") == "").sum()
    assert 0 < missing < 60
    assert (~kept.present("history")).sum() == missing
    assert [s[0] for s in seen] == sorted(s[0] for s in seen)
    assert seen[-1][0] == seen[-1][1]
    assert run.truncated == kept.provenance.truncated
    assert {"collection_hash", "checkpoint_hash", "versions"} <= kept.provenance.to_json().keys()


def test_again_does_nothing_and_another_checkpoint_is_refused_the_name(home: Path) -> None:
    workspace = Workspace(home)
    embed(workspace, "demo", builtin.UNTRAINED, name="again")
    before = workspace.record(SET, "again")
    assert embed(workspace, "demo", builtin.UNTRAINED, name="again").reused
    assert workspace.record(SET, "again").created == before.created
    with pytest.raises(Refused, match="already a set"):
        embed(workspace, "demo", builtin.TRAINED, name="again")


@pytest.mark.slow  # kills
def test_killed_run_goes_on_and_ends_with_the_same_bytes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import suture.models.embedding.resumable_shards as module

    workspace = Workspace(home)
    monkeypatch.setattr(module, "SHARD_SIZE", 64)
    embed(workspace, "demo", builtin.UNTRAINED, name="whole", batch=16)
    code = (
        "from suture.models.embedding import resumable_shards\nresumable_shards.SHARD_SIZE = 64\n"
        "from suture.models.embedding.embed import embed\n"
        "from suture.data.workspace import Workspace\n"
        f"embed(Workspace({str(home)!r}), 'demo', 'demo-untrained', name='killed', batch=16)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)
    parts = home / "parts"
    deadline = time.monotonic() + 120
    while len(list(parts.rglob("*.npz"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = len(list(parts.rglob("[0-9]*.npz")))
    assert finished >= 3, process.stderr.read() if process.stderr else ""
    assert not workspace.has(SET, "killed")
    embed(workspace, "demo", builtin.UNTRAINED, name="killed", batch=16)
    whole, killed = (workspace.record(SET, n) for n in ("whole", "killed"))
    assert whole.files == killed.files
    assert not list(parts.rglob("*.npz"))


def test_batch_size_changes_nothing_that_matters(home: Path) -> None:
    workspace = Workspace(home)
    for batch in (7, 64):
        embed(workspace, "demo", builtin.UNTRAINED, name=f"batch {batch}", batch=batch)
    a, b = (embedding_sets.load(workspace, f"batch {n}") for n in (7, 64))
    for m in a.modalities:
        np.testing.assert_allclose(a.vectors[m], b.vectors[m], atol=2e-5)


def test_job_embeds_in_its_own_process_and_says_how_it_went(home: Path) -> None:
    workspace = Workspace(home)
    request = EmbedJob("demo", builtin.UNTRAINED, "by job")
    first = jobs.start(workspace, request)
    assert jobs.start(workspace, request) == first  # no second worker for the same job
    assert wait(workspace, first).state == "done"
    assert workspace.has(SET, "by job")
    bad = jobs.start(workspace, EmbedJob("absent", builtin.UNTRAINED))
    done = wait(workspace, bad)
    assert done.state == "failed"
    assert "no collection called 'absent'" in done.message


def wait(workspace: Workspace, job_id: str) -> jobs.Job:
    for _ in range(2700):
        job = jobs.job(workspace, job_id)
        assert job is not None
        if job.state not in jobs.ACTIVE:
            return job
        time.sleep(0.1)
    raise TimeoutError(job_id)


def test_tabular_values_are_a_modality_like_any_other(workspace: Workspace, tmp_path: Path) -> None:
    """A checkpoint folder with a tabular encoder embeds images, texts and tables."""
    import json

    import torch
    from PIL import Image
    from safetensors.torch import save_file

    from suture.data.intake import Options, intake
    from suture.data.readers.raw_studies import Roles
    from suture.models.checkpoints.add_checkpoint import add_checkpoint
    from suture.models.checkpoints.encoders import TabularEncoder
    from suture.models.checkpoints.sources import CheckpointSource

    folder = tmp_path / "checkpoint"
    folder.mkdir()
    builtin.write(builtin.UNTRAINED, folder)
    columns = [{"name": "age", "mean": 50.0, "std": 20.0}, {"name": "sex", "values": ["F", "M"]}]
    encoder = TabularEncoder(columns, 128, torch.device("cpu"))
    (folder / "tabular.json").write_text(json.dumps(columns))
    save_file(encoder.network.state_dict(), folder / "tabular.safetensors")
    report = add_checkpoint(workspace, CheckpointSource(str(folder)), "three")
    assert report.refused is None, report.message
    source = tmp_path / "studies"
    source.mkdir()
    lines = ["id,image,report,age,sex"]
    for i in range(12):
        Image.new("L", (40, 40), 20 * i).save(source / f"{i}.png")
        lines.append(f"s{i},{i}.png,report number {i},{'' if i == 5 else 30 + i},{'' if i == 5 else 'F'}")
    (source / "studies.csv").write_text("\n".join(lines))
    roles = Roles("id", ("image",), ("report",), ("age", "sex"))
    assert intake(workspace, source, "mine", options=Options(roles=roles)).refused is None
    embed(workspace, "mine", "three")
    kept = embedding_sets.load(workspace, "mine @ three")
    assert kept.modalities == ["image", "report", "tabular"]
    assert kept.present("tabular").tolist() == [i != 5 for i in range(12)]
    expected = encoder.encode(encoder.prepare([{"age": "30", "sex": "F"}])[0]).numpy()
    np.testing.assert_allclose(kept.vectors["tabular"][0], expected[0], atol=1e-6)


def test_equal_texts_have_equal_vectors_to_the_bit(home: Path) -> None:
    workspace = Workspace(home)
    embed(workspace, "demo", builtin.UNTRAINED, name="equal", batch=7)
    kept = embedding_sets.load(workspace, "equal")
    keys = kept.key("report")
    repeated = [k for k in set(keys) if (keys == k).sum() > 1]
    assert repeated
    texts = workspace_texts(workspace)
    for text in {t for t in texts if texts.count(t) > 1}:
        same = [i for i, t in enumerate(texts) if t == text]
        assert len(np.unique(kept.vectors["report"][same], axis=0)) == 1


def workspace_texts(workspace: Workspace) -> list[str]:
    from suture.data.collections import storage

    return storage.load(workspace, "demo").table["report"].tolist()


@pytest.mark.slow  # 16 s: two processes
def test_two_runs_of_the_same_pair_do_not_disturb_each_other(home: Path) -> None:
    code = (
        "from suture.data.workspace import Workspace\nfrom suture.models.embedding.embed import embed\n"
        f"print(embed(Workspace({str(home)!r}), 'demo', 'demo-untrained', name='twice').reused)"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = sorted(run.communicate()[0].strip() for run in runs)
    assert answers == ["False", "True"]


def test_tokenizing_in_many_threads_gives_what_one_thread_gives() -> None:
    from concurrent.futures import ThreadPoolExecutor

    import torch
    from open_clip.tokenizer import HFTokenizer

    from suture.models.checkpoints.encoders import TextEncoder
    from tests.conftest import beside

    tokenizer = HFTokenizer(str(beside("weights", "minilm")), context_length=32)
    encoder = TextEncoder(None, tokenizer, 8, torch.device("cpu"))
    batches = [["word " * (5 + 7 * (i % 9)), "short"] for i in range(60)]
    alone = [encoder.prepare(b) for b in batches]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(encoder.prepare, batches))
    for (a, cut_a), (b, cut_b) in zip(alone, together, strict=True):
        assert torch.equal(a, b)
        assert cut_a == cut_b
