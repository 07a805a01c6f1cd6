"""End-to-end runs: killed and resumed, distributed, in half precision, with three modalities."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from suture.data.collection import STUDY_ID, Modality
from suture.data.collections import storage
from suture.data.errors import Refused
from suture.data.workspace import CHECKPOINT, COLLECTION, Workspace, embedding_sets
from suture.data.workspace.maintenance import backup
from suture.models import builtin
from suture.models.checkpoints.add_checkpoint import add_checkpoint
from suture.models.checkpoints.architecture import TABULAR_CONFIG, TABULAR_WEIGHTS, WEIGHTS
from suture.models.checkpoints.encoders import TabularEncoder
from suture.models.checkpoints.sources import CheckpointSource
from suture.models.embedding.embed import embed
from suture.models.training import record
from suture.models.training.plan import plan_training
from suture.models.training.run import train
from suture.models.training.state import STATE
from suture.workflows.evaluate import evaluation
from tests.models.training_runs import NAME, SHORT, asked, digest, left, shell, variant


@pytest.fixture(scope="module")
def made(tiny_home: Path) -> record.TrainingRun:
    """Two epochs of gap closing on images, reports and histories."""
    workspace = Workspace(tiny_home)
    assert not train(workspace, asked(name="made", epochs=2), device="cpu").reused
    return record.finished_run(workspace, "made")


def test_the_same_run_is_not_done_twice_and_another_is_refused_its_name(
    tiny: Workspace, made: record.TrainingRun
) -> None:
    before = tiny.record(CHECKPOINT, "made")

    def report(share: float, message: str) -> None:
        raise AssertionError(message)

    again = train(tiny, asked(name="made", epochs=2), device="cpu", report=report)
    assert again.reused
    assert again.history == made.history
    assert tiny.record(CHECKPOINT, "made") == before
    with pytest.raises(Refused, match="already a checkpoint called 'made'") as refused:
        train(tiny, asked(name="made", epochs=3), device="cpu", report=report)
    assert refused.value.code == "name_taken"
    assert not record.run_folder(tiny, plan_training(tiny, asked(name="other", epochs=3)).key).exists()


def test_a_record_says_what_was_done_with_what(tiny: Workspace, made: record.TrainingRun) -> None:
    kept = tiny.record(CHECKPOINT, "made")
    todo = plan_training(tiny, asked(name="made", epochs=2))
    manifest = json.loads(kept.path(record.MANIFEST).read_text())
    assert manifest == made.manifest
    assert manifest["config"] == todo.config.to_json() == made.config
    assert manifest["collection_hash"] == tiny.record(COLLECTION, NAME).fingerprint
    assert manifest["start_hash"] == tiny.record(CHECKPOINT, builtin.UNTRAINED).fingerprint
    assert (manifest["n_fit"], manifest["n_validation"]) == (len(todo.fit), len(todo.validation))
    assert manifest["synthetic"] is True
    assert manifest["config"]["seed"] == 0
    assert manifest["wall_seconds"] > 0
    assert manifest["versions"]["torch"] == version("torch")
    assert manifest["hardware"]["device"] == "cpu"
    assert manifest["hardware"]["processes"] == 1
    assert kept.meta.run_key == todo.key
    assert tiny.verify(kept) == []
    assert [r.name for r in record.trained_checkpoints(tiny)].count("made") == 1


def test_a_history_has_a_row_a_step_and_a_row_an_epoch(made: record.TrainingRun) -> None:
    steps, epochs = made.history.steps, made.history.epochs
    per_epoch = made.manifest["n_fit"] // 16
    assert made.history.step == made.history.total == 2 * per_epoch
    assert [row["step"] for row in steps] == list(range(2 * per_epoch))
    assert [row["epoch"] for row in steps] == [1] * per_epoch + [2] * per_epoch
    assert steps[0].keys() >= {"loss", "contrastive", "atp", "cu", "temperature", "learning_rate"}
    for row in steps:
        assert row["loss"] == pytest.approx(row["contrastive"] + row["atp"] + row["cu"], abs=1e-5)
        assert row["temperature"] == pytest.approx(0.07)
    rates = [row["learning_rate"] for row in steps]
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] < 1e-4
    assert [row["epoch"] for row in epochs] == [0, 1, 2]
    assert [row["step"] for row in epochs] == [0, per_epoch, 2 * per_epoch]
    assert epochs[0].keys() >= {"centroid_gap", "recall_at_10", "effective_rank", "guards"}
    best = max(epochs[1:], key=lambda row: (row["recall_at_10"], row["epoch"]))
    assert made.history.best == made.manifest["best_epoch"] == best["epoch"]


def test_snapshots_are_the_probe_at_each_epoch(tiny: Workspace, made: record.TrainingRun) -> None:
    """The first snapshot equals the start checkpoint's vectors, the kept one the new checkpoint's."""
    assert made.snapshots.keys() == {0, 1, 2}
    table = storage.load(tiny, NAME).table
    rows = np.flatnonzero(table[STUDY_ID].isin(made.studies))
    assert table[STUDY_ID].to_numpy()[rows].tolist() == made.studies
    assert made.rows["finding"] == table["finding"].to_numpy()[rows].tolist()
    for epoch, checkpoint in ((0, builtin.UNTRAINED), (made.history.best, "made")):
        embed(tiny, NAME, checkpoint, name=f"epoch {epoch}", device="cpu")
        vectors = embedding_sets.load(tiny, f"epoch {epoch}").vectors
        for name in ("image", "report", "history"):
            np.testing.assert_allclose(made.snapshots[epoch][name], vectors[name][rows], atol=1e-3)


def test_tables_and_curves_can_be_read_elsewhere(tiny: Workspace, made: record.TrainingRun) -> None:
    kept = tiny.record(CHECKPOINT, "made")
    steps = pd.read_csv(kept.path(record.STEPS_CSV))
    epochs = pd.read_csv(kept.path(record.EPOCHS_CSV))
    assert [*steps] == [*made.history.steps[0]]
    assert [*epochs] == [*made.history.epochs[0]]
    np.testing.assert_allclose(steps["loss"], [row["loss"] for row in made.history.steps])
    np.testing.assert_allclose(epochs["centroid_gap"], [row["centroid_gap"] for row in made.history.epochs])
    [file] = (tiny.home / "logs" / "tensorboard" / kept.meta.run_key).glob("events.out.tfevents.*")
    curves: dict[str, list[tuple[int, float]]] = {}
    for event in _events(file):
        for value in event.summary.value:
            curves.setdefault(value.tag, []).append((event.step, value.simple_value))
    gaps = [(row["step"], row["centroid_gap"]) for row in made.history.epochs]
    losses = [(row["step"], row["loss"]) for row in made.history.steps]
    for name, expected in (("probe/centroid_gap", gaps), ("train/loss", losses)):
        np.testing.assert_allclose(curves[name], expected, rtol=1e-6)


def _events(file: Path) -> Iterator[Any]:
    """Records of a TensorBoard file: length, checksum, content, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    content = file.read_bytes()
    while content:
        length = struct.unpack("<Q", content[:8])[0]
        yield Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]


def test_the_result_is_a_checkpoint_like_any_other(tiny: Workspace, made: record.TrainingRun) -> None:
    run = embed(tiny, NAME, "made", device="cpu")
    result = evaluation(tiny, run.name, split="test")
    assert {m.name for m in result.metrics} >= {"centroid_gap", "recall_at_10"}
    assert [*result.modalities] == ["image", "report", "history"]


def _progress(home: Path) -> int | None:
    """The step of the saved state; None before the first."""
    states = [*(home / "parts").glob(f"train-*/{STATE}")]
    try:
        with safe_open(states[0], "pt") as stored:
            return json.loads(stored.metadata()["history"])["step"]
    except (IndexError, OSError, SafetensorError):  # not saved yet, or being replaced
        return None


def _kill_when(run: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    while not ready():
        assert run.poll() is None, run.communicate()
        time.sleep(0.002)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_with_the_same_weights(tiny: Workspace, tmp_path: Path) -> None:
    """Killed before its first saved state, right after it, and in the middle of an epoch."""
    for other in (tiny.home / "parts").glob("train-*/"):  # left over from refused runs
        shutil.rmtree(other)
    values = {k: v for k, v in SHORT.items() if k not in ("epochs", "objective")}
    lines = [f"{k} = {json.dumps(v)}" for k, v in values.items()]
    lines += ["epochs = 2", "save_seconds = 0", "accumulate = 2", 'objective = "clip"']
    (tmp_path / "run.toml").write_text("\n".join(lines))
    command = ["train", "--config", str(tmp_path / "run.toml"), "--device", "cpu", "--no-embed", "--json"]
    folders = tiny.home / "parts"
    moments: tuple[Callable[[], bool], ...] = (
        lambda: any(folders.glob("train-*/")),
        lambda: _progress(tiny.home) is not None,
        lambda: (_progress(tiny.home) or 0) >= 7,
    )
    for moment in moments:
        _kill_when(shell(tiny.home, [*command, "--name", "killed"]), moment)
        assert not tiny.has(CHECKPOINT, "killed")
    assert 7 <= (_progress(tiny.home) or 0) < 10
    answers = []
    for name in ("killed", "undisturbed"):
        out, err = shell(tiny.home, [*command, "--name", name]).communicate()
        assert not json.loads(out)["reused"], err
        answers.append(record.finished_run(tiny, name).history)
    assert digest(tiny, "killed") == digest(tiny, "undisturbed")
    assert replace(answers[0], seconds=0) == replace(answers[1], seconds=0)
    assert left(tiny)[0].count("killed") == 1
    assert _progress(tiny.home) is None


class _Stopped(Exception):
    pass


@pytest.mark.parametrize(
    "changes",
    [
        {"train": "heads", "objective": "siglip"},
        pytest.param(
            {"keep": "last", "lock_text": True, "objective": "swap"}, marks=pytest.mark.slow
        ),  # 17 s
    ],
)
def test_a_run_stopped_at_each_step_ends_with_the_same_weights(
    tiny: Workspace, changes: dict[str, Any]
) -> None:
    """State is saved at every step, and the run is resumed once per step."""
    config = asked(name="stopped", epochs=2, save_seconds=0, **changes)
    seen: set[str] = set()

    def report(share: float, message: str) -> None:
        if message not in seen:
            seen.add(message)
            raise _Stopped

    finished = None
    while finished is None:
        try:
            finished = train(tiny, config, device="cpu", report=report)
        except _Stopped:
            assert not tiny.has(CHECKPOINT, "stopped")
    steps = sum(message.startswith("Epoch") for message in seen)
    assert steps == finished.history.total == 10
    whole = train(tiny, replace(config, name="whole"), device="cpu")
    assert digest(tiny, "stopped") == digest(tiny, "whole")
    assert replace(finished.history, seconds=0) == replace(whole.history, seconds=0)
    for name in ("stopped", "whole"):
        tiny.remove(CHECKPOINT, name)


@pytest.mark.slow  # two more Pythons load torch and open_clip
def test_two_processes_publish_what_one_does(tiny: Workspace) -> None:
    """AdamW divides by gradient magnitudes, which amplifies rounding: weights within 1e-5, a step is 1e-4."""
    before = left(tiny)[1]
    flags = ["--start", builtin.UNTRAINED, "--objective", "clip", "--batch", "16", "--epochs", "1"]
    flags += ["--learning-rate", "1e-4", "--name", "by 2", "--device", "cpu", "--no-embed", "--json"]
    run = shell(tiny.home, ["train", NAME, *flags], processes=2)
    out, err = run.communicate()
    assert run.returncode == 0, err
    assert json.loads(out)["checkpoint"] == "by 2"
    train(tiny, asked(name="by 1", objective="clip", learning_rate=1e-4), device="cpu")
    names = ("by 2", "by 1")
    two, one = (load_file(tiny.record(CHECKPOINT, n).path(WEIGHTS)) for n in names)
    start = load_file(tiny.record(CHECKPOINT, builtin.UNTRAINED).path(WEIGHTS))
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=0, atol=1e-5)
    assert max(float((one[n] - start[n]).abs().max()) for n in one) > 1e-4
    losses = [[row["loss"] for row in record.finished_run(tiny, n).history.steps] for n in names]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    assert record.finished_run(tiny, "by 2").manifest["hardware"]["processes"] == 2
    assert left(tiny)[1] == before


@pytest.mark.slow
def test_two_nodes_publish_what_one_process_does(tiny: Workspace, tmp_path: Path) -> None:
    """Each node has a copy of the workspace; `parts` is shared. The first node has the result."""
    homes = [tmp_path / f"node {i}" for i in (0, 1)]
    (tmp_path / "shared").mkdir()
    for home in homes:
        backup(tiny.home, home)
        (home / "parts").rmdir()
        (home / "parts").symlink_to(tmp_path / "shared")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        end = f"127.0.0.1:{free.getsockname()[1]}"
    flags = ["--start", builtin.UNTRAINED, "--objective", "clip", "--batch", "16", "--epochs", "1"]
    flags += ["--learning-rate", "1e-4", "--name", "by nodes", "--device", "cpu", "--no-embed", "--json"]
    met = ["--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", end, "--rdzv-id", "one"]
    met += ["--local-addr", "127.0.0.1"]
    runs = [shell(home, ["train", NAME, *flags], node=met) for home in homes]
    ended = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], ended
    here = [h for h in map(Workspace, homes) if h.has(CHECKPOINT, "by nodes")]
    assert len(here) == 1
    train(tiny, asked(name="alone", objective="clip", learning_rate=1e-4), device="cpu")
    two = load_file(here[0].record(CHECKPOINT, "by nodes").path(WEIGHTS))
    for name, weights in load_file(tiny.record(CHECKPOINT, "alone").path(WEIGHTS)).items():
        torch.testing.assert_close(two[name], weights, rtol=0, atol=1e-5)
    assert not [p for p in (tmp_path / "shared").glob("train-*") if p.is_dir()]
    tiny.remove(CHECKPOINT, "alone")


@pytest.mark.slow  # two more Pythons load torch and open_clip
def test_a_batch_that_processes_cannot_share_is_refused(tiny: Workspace) -> None:
    before = left(tiny)
    flags = ["--start", builtin.UNTRAINED, "--batch", "15", "--name", "never", "--device", "cpu", "--json"]
    run = shell(tiny.home, ["train", NAME, *flags], processes=2)
    out, _ = run.communicate()
    assert run.returncode != 0
    answer, _ = json.JSONDecoder().raw_decode(out)  # both processes answer, on one line or on two
    assert answer["refused"] == "batch_not_divisible"
    assert "Use a multiple of 2." in answer["message"]
    assert left(tiny) == before


def test_a_loss_that_is_not_finite_stops_the_run(tiny: Workspace) -> None:
    """With weight decay times learning rate above 2 weights diverge, here by a factor of 99 per step."""
    wild = {"learning_rate": 10, "weight_decay": 10, "warm_up": 0, "clip_norm": 0}
    config = asked(name="wild", epochs=8, **wild)
    with pytest.raises(Refused, match=r"not a finite number at step \d+. Use a smaller learning") as refused:
        train(tiny, config, device="cpu")
    assert refused.value.code == "loss_not_finite"
    assert "wild" not in left(tiny)[0]
    with pytest.raises(Refused, match="not a finite number"):  # also when resumed
        train(tiny, config, device="cpu")


def test_bfloat16_runs_on_a_cpu(tiny: Workspace) -> None:
    """Its losses are close to those of float32, but not equal."""
    losses = []
    for precision in ("bfloat16", "float32"):
        config = asked(name=precision, batch=40, precision=precision, augment="none")
        history = train(tiny, config, device="cpu").history
        losses.append([row["loss"] for row in history.steps])
    assert len(losses[0]) == 2
    np.testing.assert_allclose(*losses, atol=0.1)
    assert losses[0] != losses[1]


def test_a_guard_that_warns_can_stop_the_run(tiny: Workspace) -> None:
    """Alignment alone collapses all studies of a trained checkpoint to one point."""
    collapse = {"contrastive": "none", "atp": 1.0}
    config = asked(
        name="collapsed",
        start=builtin.TRAINED,
        modalities=["image", "report"],
        objective={"preset": "clip-fixed", **collapse},
        epochs=30,
        val_split="test",
        fit_splits=["train", "val"],
        probe=64,
        stop_on_guard=True,
    )
    history = train(tiny, config, device="cpu").history
    assert 1 <= history.epochs[-1]["epoch"] < 30
    assert history.epochs[-1]["guards"]
    assert not any(row["guards"] for row in history.epochs[:-1])


def test_three_kinds_of_modality_are_trained_together(tiny: Workspace, tmp_path: Path) -> None:
    """Image, text and table: the tabular network is trained and saved with the towers."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    builtin.write(builtin.UNTRAINED, folder)
    columns = [{"name": "age", "mean": 50.0, "std": 20.0}, {"name": "sex", "values": ["F", "M"]}]
    encoder = TabularEncoder(columns, 128, torch.device("cpu"))
    (folder / TABULAR_CONFIG).write_text(json.dumps(columns))
    save_file(encoder.network.state_dict(), folder / TABULAR_WEIGHTS)
    assert add_checkpoint(tiny, CheckpointSource(str(folder)), "with table").refused is None
    table = Modality("numbers", "tabular", ("age", "sex"))
    variant(tiny, "numbers", lambda c: replace(c, modalities=(*c.modalities[:2], table)))
    config = asked(collection="numbers", start="with table", name="three kinds", objective="clip-atp")
    train(tiny, config, device="cpu")
    before, after = (tiny.record(CHECKPOINT, n) for n in ("with table", "three kinds"))
    for file in (WEIGHTS, TABULAR_WEIGHTS):
        old, new = load_file(before.path(file)), load_file(after.path(file))
        assert old.keys() == new.keys()
        assert any(not torch.equal(old[k], new[k]) for k in old)
    run = embed(tiny, "numbers", "three kinds", device="cpu")
    assert embedding_sets.load(tiny, run.name).modalities == ["image", "report", "numbers"]
    frozen = replace(config, name="never", train="heads")
    with pytest.raises(Refused, match="Leave the tabular modality out"):
        train(tiny, frozen, device="cpu")
