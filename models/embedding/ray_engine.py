"""Encode shards on a Ray cluster: Ray Data distributes the missing shards to a pool of actors.

Only shard numbers travel through Ray. An actor reads texts and images from the workspace, which every
machine mounts under the same path, and publishes its shard there; only the driver touches the index.
Retrying a shard after an actor died is safe: it produces the same shard.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from suture.data.collections import storage
from suture.data.errors import Refused, UserError
from suture.data.workspace import Record
from suture.models.checkpoints.encoders import load_encoders
from suture.models.embedding.resumable_shards import EmbeddingTask, Progress, Shard, ShardEncoder, read_items

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray reads it on import
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
try:
    import ray
    from ray.data import ActorPoolStrategy, DataContext, from_items
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as missing:
    raise Refused(
        "ray_missing", 'Ray is not installed here. Install it with: pip install "suture[ray]"'
    ) from missing

PACKAGES = ("suture", "torch", "open_clip_torch", "numpy", "pillow")
OWN = {"include_dashboard": False, "object_store_memory": 128 << 20}  # shard numbers need little
KNOCK, LOOK = 5, 180  # timeouts in seconds: connecting to the head, and a machine's first response
LAST = 30  # seconds for threads to finish
PARKED = "Prefetcher"  # a thread of Ray Data that never ends: its queue stays empty


@dataclass(frozen=True)
class Cluster:
    """The Ray cluster to encode on, and the resources to use.

    address  "auto" (the cluster this machine belongs to) or host:port of the head; "" = RAY_ADDRESS, else a
             local cluster on this machine that ends with the run
    actors   maximum number of actors, each with its own encoder; 0 = as many as fit
    cpus     CPU cores per actor
    gpus     GPUs per actor (may be a fraction), instead of cores; None = 1 if the cluster has any GPU
    """

    address: str = ""
    actors: int = 0
    cpus: float = 1
    gpus: float | None = None


def publish(
    cluster: Cluster,
    work: EmbeddingTask,
    source: Record,
    weights: Record,
    *,
    device: str,
    batch: int,
    progress: Progress | None,
) -> dict[str, Any]:
    """Encode and publish the pending shards on a cluster. progress: (items done, total items, modality).

    `Refused`: ray_unreachable, ray_too_small, ray_machine, and any refusal raised in an actor.
    """
    pending = work.pending()
    done = len(work) - sum(map(len, pending))
    machines: set[str] = set()
    if not pending:
        return _told(0, machines)
    work.write_manifest()
    with _connected(cluster.address):
        share, room = _room(cluster, device, work.folder)
        size = min(cluster.actors or room, len(pending))
        kinds = [m.kind for m in work.modalities]
        where = "cpu" if device == "auto" and "num_cpus" in share else device
        pool = {
            "fn_constructor_args": (work.folder, kinds, source, weights, where, batch),
            "compute": ActorPoolStrategy(min_size=1, initial_size=min(size, room), max_size=size),
            **share,
        }
        with closing(_published(pending, pool)) as published:
            for part, machine in published:
                machines.add(machine)
                done += len(part)
                if progress:
                    progress(done, len(work), work.modalities[part.modality].name + _from(machines))
    return _told(size, machines)


def _told(actors: int, machines: set[str]) -> dict[str, Any]:
    return {"name": "ray", "version": ray.__version__, "actors": actors, "machines": len(machines)}


def _published(pending: list[Shard], pool: dict[str, Any]) -> Generator[tuple[Shard, str], None, None]:
    """Yield each published shard and the machine that encoded it. Raises the first refusal of an actor."""
    rows = from_items([vars(part) for part in pending], override_num_blocks=len(pending))
    encoded = rows.map_batches(Actor, batch_size=1, **pool)
    batches = encoded.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    with closing(cast(Generator[Any, None, None], iter(batches))) as answers:
        for answer in (row for batch in answers for row in batch.to_pylist()):
            if answer["code"]:
                raise Refused(answer["code"], answer["message"])
            yield Shard(answer["modality"], answer["start"], answer["stop"]), answer["machine"]


def _from(machines: set[str]) -> str:
    return f", from {len(machines)} machines" if len(machines) > 1 else ""


class Actor:
    """Holds an encoder and publishes the shards assigned to it."""

    def __init__(
        self, folder: Path, kinds: list[Any], source: Record, weights: Record, device: str, batch: int
    ) -> None:
        self.folder, self.kinds = folder, kinds
        self.source, self.weights, self.device, self.batch = source, weights, device, batch

    @cached_property
    def encoder(self) -> ShardEncoder:
        """Loaded with the first shard, so that a refusal is returned as a result."""
        checkpoint = load_encoders(self.weights, device=self.device)
        return ShardEncoder(checkpoint, storage.pack_of_record(self.source), self.batch)

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[Any]]:
        """Publish one shard; returns its {modality, start, stop} and the code and message of a refusal."""
        part = Shard(*(int(rows[field.name][0]) for field in fields(Shard)))
        answer = {**vars(part), "machine": ray.get_runtime_context().get_node_id(), "code": "", "message": ""}
        try:
            self._publish(part)
        except OSError as error:
            refused = _machine(platform.node(), f"cannot use the workspace: {error.strerror}.")
            answer |= {"code": refused.code, "message": refused.message}
        except UserError as error:
            answer |= {"code": error.code, "message": error.message}
        return {name: [value] for name, value in answer.items()}

    def _publish(self, part: Shard) -> None:
        path = part.path(self.folder)
        if not path.is_file():  # retried if its actor died before it reported the result
            self.encoder.publish(path, self.kinds[part.modality], read_items(self.folder, part))


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Connect to a cluster as a driver, with logging muted; a local cluster is shut down on exit."""
    if ray.is_initialized():  # by the caller, who also shuts it down
        yield
        return
    if address in ("", "auto"):
        address = os.environ.get("RAY_ADDRESS", "") or address or "local"
    own: dict[str, Any] = OWN if address == "local" else {}
    _knock(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (ConnectionError, RuntimeError, RayError, SystemExit) as error:
        if own:
            raise
        raise _unreachable(address) from error
    DataContext.get_current().enable_progress_bars = False
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    others = threading.enumerate()
    try:
        yield
    finally:
        _wait_for(set(threading.enumerate()) - {*others})
        ray.shutdown()


def _wait_for(threads: set[threading.Thread]) -> None:
    """Wait for Ray Data's threads: one that calls Ray after shutdown ends the process without a message."""
    deadline = time.monotonic() + LAST
    for thread in threads:
        if thread.name != PARKED:
            thread.join(max(0.0, deadline - time.monotonic()))


def _knock(address: str) -> None:
    """Fail fast if the head cannot be reached: Ray retries for two minutes and then exits the process."""
    if address in ("local", "auto"):
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK).close()
    except (OSError, ValueError) as error:
        raise _unreachable(address) from error


def _unreachable(address: str) -> Refused:
    return Refused(
        "ray_unreachable",
        f"There is no Ray cluster at {address!r}. Start one with `ray start --head`, let this machine join "
        f"it with `ray start --address=HOST:PORT`, and give --address auto, or HOST:PORT of the head.",
    )


def _room(cluster: Cluster, device: str, folder: Path) -> tuple[dict[str, Any], int]:
    """(resources per actor, number of actors that fit).

    `Refused` if no machine has these resources, or one that has them is not ready.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    gpus = cluster.gpus
    if gpus is None:
        gpus = float(device != "cpu" and (device != "auto" or any("GPU" in n["Resources"] for n in nodes)))
    share = {"num_gpus": gpus} if gpus else {"num_cpus": cluster.cpus}
    fitting = [node for node in nodes if _fit(node, share)]
    if not fitting:
        what = "GPU" if gpus else "CPU"
        most = max((node["Resources"].get(what, 0) for node in nodes), default=0)
        raise Refused(
            "ray_too_small",
            f"An actor takes {gpus or cluster.cpus:g} {what}, the largest machine of the cluster has "
            f"{most:g}. Ask for less with --{what.lower()}s-per-actor, or start Ray there with more.",
        )
    _look_at(fitting, folder)
    return share, sum(_fit(node, share) for node in fitting)


def _fit(node: dict[str, Any], share: dict[str, Any]) -> int:
    """How many actors fit on a machine."""
    (name, amount), has = next(iter(share.items())), node["Resources"]
    return int(has.get("GPU" if name == "num_gpus" else "CPU", 0) / amount)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def _look(folder: Path) -> tuple[bool, dict[str, str]]:
    return os.access(folder, os.R_OK | os.W_OK), _versions()


def _look_at(nodes: list[dict[str, Any]], folder: Path) -> None:
    """`Refused` unless every machine can write to the folder and has the same package versions."""
    look = ray.remote(_look)
    pending = [
        look.options(
            num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(folder)
        for node in nodes
    ]
    for node, answer in zip(nodes, pending, strict=True):
        machine = node["NodeManagerHostname"]
        try:
            shared, versions = ray.get(answer, timeout=LOOK)
        except RayError as error:
            raise _machine(machine, "cannot run Suture: is it installed there?") from error
        if not shared:
            raise _machine(machine, "cannot write to the workspace: mount it there under the same path.")
        if versions != _versions():
            other = ", ".join(f"{k} {v}" for k, v in versions.items() if v != _versions()[k])
            raise _machine(machine, f"has {other}, unlike this one. Vectors of one set need equal versions.")


def _machine(name: str, what: str) -> Refused:
    return Refused("ray_machine", f"The machine {name!r} of the cluster {what}")
