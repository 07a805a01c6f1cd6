"""Ray on this machine: nodes and drivers are killed, and every study is still embedded exactly once."""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from suture.data import images
from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID, Collection, Modality
from suture.data.collections import storage
from suture.data.errors import Refused
from suture.data.metadata import CheckpointMetadata, ImportReport
from suture.data.workspace import CHECKPOINT, Workspace, embedding_sets
from suture.models import builtin
from suture.models.checkpoints.architecture import BPE, CONFIG, WEIGHTS, instantiate
from suture.models.embedding import resumable_shards
from suture.models.embedding.embed import embed

# Read when ray is imported: use a test token, and write none to the user's home.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
STUDIES, SMALL = 5000, 250  # studies; items per shard, small so that runs can be killed midway


@contextmanager
def place() -> Iterator[Path]:
    """A folder for Ray's sockets, whose paths must be short. Stops Ray's processes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", str(folder))
        patch.delenv("RAY_ADDRESS", raising=False)
        try:
            yield folder
        finally:
            for process in (left := until_ended(folder)):
                process.kill()
            shutil.rmtree(folder, ignore_errors=True)
        assert not left


def started(folder: Path) -> list[psutil.Process]:
    """Ray processes that use the folder, and their children."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in word for word in process.cmdline()):
                found += [process, *process.children(recursive=True)]
        except psutil.Error:
            continue
    return found


def until_ended(folder: Path) -> list[psutil.Process]:
    """Wait for the processes to end; returns those still running."""
    deadline = time.monotonic() + 60
    while (left := started(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Use one torch thread, like an actor with one core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with small studies, a checkpoint, and the set that the local engine makes of them."""
    workspace = Workspace(tmp_path_factory.mktemp("ray") / "home")
    studies(workspace)
    checkpoint(workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resumable_shards, "SHARD_SIZE", SMALL)
        embed(workspace, "small", "tiny", name="local")
        yield workspace.home


def studies(workspace: Workspace) -> None:
    """Each study has its own image; one in three shares its text with others, one in ten has no text."""
    rng = np.random.default_rng(0)
    ids = [f"s{n}" for n in range(STUDIES)]
    texts = ["" if n % 10 == 0 else f"finding {n % 500 if n % 3 == 0 else n}" for n in range(STUDIES)]
    table = pd.DataFrame({STUDY_ID: ids, GROUP: ids, SPLIT: "test", DUPLICATE: "", "report": texts})
    table["image"] = np.arange(STUDIES)
    modalities = (Modality("image", "image"), Modality("report", "text"))
    with workspace.staging() as staged:
        pack = images.PackWriter(staged)
        for _ in ids:
            pack.add(images.encode(Image.fromarray(rng.integers(0, 255, (24, 24), dtype=np.uint8))))
        pack.close()
        storage.publish(workspace, Collection("small", table, modalities), staged, report=ImportReport())


def checkpoint(workspace: Workspace) -> None:
    config = builtin.config()
    config["model_cfg"]["vision_cfg"] |= {"image_size": 32, "patch_size": 16, "layers": 1}
    config["model_cfg"]["text_cfg"] |= {"context_length": 16, "layers": 1}
    config["preprocess_cfg"]["size"] = 32
    with workspace.staging() as staged:
        shutil.copyfile(builtin.FOLDER / BPE, staged / BPE)
        (staged / CONFIG).write_text(json.dumps(config))
        torch.manual_seed(0)
        state = instantiate(config, staged).state_dict()
        save_file({k: v.contiguous().clone() for k, v in state.items()}, staged / WEIGHTS)
        workspace.publish(CHECKPOINT, "tiny", staged, CheckpointMetadata())


def each_once_as_here(workspace: Workspace, name: str) -> None:
    """The set equals that of the local engine, study by study."""
    here, there = embedding_sets.load(workspace, "local"), embedding_sets.load(workspace, name)
    assert there.rows[STUDY_ID].tolist() == [f"s{n}" for n in range(STUDIES)]
    assert there.modalities == here.modalities
    for modality, matrix in here.vectors.items():
        assert len(np.unique(matrix, axis=0)) > STUDIES / 2  # studies are distinguishable
        np.testing.assert_allclose(there.vectors[modality], matrix, atol=1e-5)
    assert there.provenance.truncated == here.provenance.truncated
    assert not [*(workspace.home / "parts").glob("*/")]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "[::1]:1", "auto"])
def test_address_where_nothing_is(
    home: Path, alone: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suture.models.embedding.ray_engine import Cluster

    if address == "auto" and any(p.name() == "gcs_server" for p in psutil.process_iter()):
        pytest.skip("somebody's Ray runs on this machine, and auto finds it")
    with pytest.raises(Refused, match=re.escape(f"no Ray cluster at {address!r}")) as refused:
        embed(Workspace(home), "small", "tiny", cluster=Cluster(address))
    assert refused.value.code == "ray_unreachable"
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")  # Ray itself would retry for two minutes
    with pytest.raises(Refused, match=r"no Ray cluster at '127\.0\.0\.1:1'"):
        embed(Workspace(home), "small", "tiny", cluster=Cluster("auto"))


def test_ray_that_is_not_installed(workspace: Workspace) -> None:
    code = "import sys\nsys.modules['ray'] = None\nfrom suture.cli import main\nmain()"
    words = ["embed", "x", "--checkpoint", "y", "--engine", "ray", "--home", str(workspace.home)]
    run = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode != 0
    assert 'Install it with: pip install "suture[ray]"' in " ".join(run.stderr.split())
    assert "Traceback" not in run.stderr


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A cluster of two nodes with a core each."""
    from ray.cluster_utils import Cluster

    with place():
        cluster = Cluster(initialize_head=True, head_node_args=NODE)
        try:
            cluster.add_node(**NODE)
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture
def alone() -> Iterator[Path]:
    """A folder for a cluster that the driver starts itself."""
    with place() as folder:
        yield folder


NODE = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 << 20}


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ({"cpus": 64}, "ray_too_small", "takes 64 CPU, the largest machine of the cluster has 1"),
        ({"gpus": 1}, "ray_too_small", "takes 1 GPU, the largest machine of the cluster has 0"),
    ],
)
def test_cluster_that_is_too_small(
    home: Path, nodes: Any, asked: dict[str, float], code: str, words: str
) -> None:
    from suture.models.embedding.ray_engine import Cluster

    with pytest.raises(Refused, match=words) as refused:
        embed(Workspace(home), "small", "tiny", cluster=Cluster(nodes.address, **asked))
    assert refused.value.code == code


def test_machine_that_does_not_see_the_workspace(nodes: Any, tmp_path: Path) -> None:
    from suture.models.embedding import ray_engine

    with ray_engine._connected(nodes.address):
        ray_engine._look_at(ray.nodes(), tmp_path)
        with pytest.raises(Refused, match="cannot write to the workspace: mount it there"):
            ray_engine._look_at(ray.nodes(), tmp_path / "elsewhere")


def test_refusal_of_an_actor_is_told(
    home: Path, nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread calls Ray after the shutdown, which would end this process."""
    from suture.models.embedding.ray_engine import PARKED, Cluster

    before, shutdown, left = {*threading.enumerate()}, ray.shutdown, []
    monkeypatch.setattr(ray, "shutdown", lambda: (left.extend(threading.enumerate()), shutdown()))
    shutil.copytree(home, tmp_path / "home")
    workspace = Workspace(tmp_path / "home")
    weights = workspace.record(CHECKPOINT, "tiny").folder / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(Refused, match="'tiny' is damaged") as refused:
        embed(workspace, "small", "tiny", name="never", cluster=Cluster(nodes.address))
    assert refused.value.code == "record_damaged"
    raylet = {"PythonGCThread", "ray_listen_error_messages"}  # the shutdown ends these
    assert {thread.name for thread in {*left} - before} <= {PARKED, *raylet}


def test_node_and_actor_that_are_killed_in_the_middle(home: Path, nodes: Any) -> None:
    from suture.models.embedding.ray_engine import Cluster

    workspace, node, actors = Workspace(home), [], []

    def progress(done: int, total: int, what: str) -> None:
        if node and not actors:  # those of the other node
            actors.append((done, total))
            for process in holders():
                process.kill()
        if not node and what.endswith("from 2 machines"):
            node.append((done, total))
            nodes.remove_node(*nodes.worker_nodes, allow_graceful=False)

    embed(workspace, "small", "tiny", name="bereft", cluster=Cluster(nodes.address), progress=progress)
    [(first, total)], [(second, _)] = node, actors
    assert 0 < first < second < total
    each_once_as_here(workspace, "bereft")
    engine = embedding_sets.load(workspace, "bereft").provenance.engine
    assert engine == {"name": "ray", "version": ray.__version__, "actors": 2, "machines": 2}


def holders() -> list[psutil.Process]:
    """The actors' processes."""
    found = [p for p in psutil.Process().children(recursive=True) if "MapWorker" in p.name()]
    assert found
    return found


def test_driver_that_is_killed_and_goes_on_under_either_engine(
    home: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suture.models.embedding.ray_engine import Cluster

    code = (
        "from suture.data.workspace import Workspace\nfrom suture.models.embedding import resumable_shards\n"
        f"resumable_shards.SHARD_SIZE = {SMALL}\nfrom suture.models.embedding.embed import embed\n"
        "from suture.models.embedding.ray_engine import Cluster\n"
        f"embed(Workspace({str(home)!r}), 'small', 'tiny', name='killed', cluster=Cluster())"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while len(published(home)) < 6 and driver.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    assert not until_ended(alone)  # no process outlives its driver
    before = published(home)
    texts = set(storage.load(Workspace(home), "small").table["report"]) - {""}
    wanted = math.ceil(STUDIES / SMALL) + math.ceil(len(texts) / SMALL)
    assert 6 <= len(before) < wanted, driver.stderr.read() if driver.stderr else ""
    other = tmp_path / "home"
    shutil.copytree(home, other)
    calls: list[int] = []
    missing: list[resumable_shards.Shard] = []
    pending = resumable_shards.EmbeddingTask.pending
    monkeypatch.setattr(
        resumable_shards.EmbeddingTask, "pending", lambda work: missing.extend(pending(work)) or missing
    )

    def progress(done: int, total: int, what: str) -> None:
        calls.append(done)
        assert published(home).items() >= before.items()  # no shard is rewritten

    embed(Workspace(home), "small", "tiny", name="killed", cluster=Cluster(), progress=progress)
    assert not until_ended(alone)
    assert len(calls) == len(missing) < wanted - 5
    each_once_as_here(Workspace(home), "killed")
    embed(Workspace(other), "small", "tiny", name="killed")
    each_once_as_here(Workspace(other), "killed")


def published(home: Path) -> dict[str, int]:
    """Name -> inode of each shard; a rewritten file has a new inode."""
    return {path.name: path.stat().st_ino for path in (home / "parts").rglob("[0-9]*.npz")}
