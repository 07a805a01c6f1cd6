"""What the kinds of job do, and what each takes: `args` of `jobs.start`.

A task may be begun again after its process died, at any moment: it goes on from what it has published, finds
what it has finished, and ends as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from suture.data.errors import Refused
from suture.data.workspace import CHECKPOINT, COLLECTION, SET, Record, RecordKind, Workspace
from suture.data.workspace.record import M
from suture.jobs.table import Job, State

Report = Callable[[float, str], None]


@dataclass(frozen=True)
class Came:
    """What came of a job. result: for the job's row, as JSON holds it."""

    message: str
    result: dict[str, Any] = field(default_factory=dict)
    state: State = "done"


class Own(Workspace):
    """The workspace in the hands of a job. Its records say so: taken up again, it knows its own work."""

    def __init__(self, home: str, job: Job) -> None:
        super().__init__(home, job.owner)
        self.job = job.id

    def publish(
        self, kind: RecordKind[M], name: str, staged: Path, meta: M, *, replaces: Record | None = None
    ) -> Record[M]:
        """As `Workspace.publish`."""
        return super().publish(kind, name, staged, replace(meta, job=self.job), replaces=replaces)

    def made(self, kind: RecordKind[M], name: str) -> Record[M] | None:
        """The record of that name, if this very job has published it."""
        record = self.record(kind, name) if self.has(kind, name) else None
        return record if record and record.meta.job == self.job else None


def _embed(workspace: Own, args: dict[str, Any], report: Report) -> Came:
    """collection, checkpoint; name of the set, if not the usual one; cluster: fields of Ray's `Cluster`."""
    from suture.models.embedding.embed import embed

    cluster = None
    if "cluster" in args:
        from suture.models.embedding.ray_engine import Cluster

        cluster = Cluster(**args["cluster"])
    run = embed(
        workspace,
        args["collection"],
        args["checkpoint"],
        name=args.get("name", ""),
        cluster=cluster,
        progress=lambda done, total, name: report(done / total, f"{done:,} of {total:,}: {name}"),
    )
    found = run.reused and not workspace.made(SET, run.name)
    return Came(f"{run.name}: {'nothing had changed' if found else f'{run.n:,} studies embedded'}.")


def _import(workspace: Own, args: dict[str, Any], report: Report) -> Came:
    """source (an upload's folder or a path), name, options (of `suture.data.intake`); result = its report."""
    from suture.data.intake import Options, discard_unfinished, intake
    from suture.workflows.neighbours.uploads import taken

    name = args["name"]
    report(0.0, "Reading")
    if workspace.made(COLLECTION, name):
        discard_unfinished(workspace, name)  # left if it died after it had published
    else:
        came = intake(
            workspace,
            Path(args["source"]),
            name,
            options=Options.from_json(args.get("options") or {}),
            progress=lambda done, total: report(done / max(total, 1), f"{done:,} of {total:,} studies"),
        )
        if came.refused:
            return Came(came.message, asdict(came), "failed")
    came = taken(workspace.record(COLLECTION, name))  # the same when it is taken up again after that
    return Came(f"{name}: {came.message}", asdict(came))


def _layout(workspace: Own, args: dict[str, Any], report: Report) -> Came:
    """sets, start (the set whose map the others begin with); method "aligned": both in one.

    Or sets, split and method "pca".
    """
    from suture.data.workspace import embedding_sets
    from suture.workflows.layouts import align, compute, straight

    names = args["sets"]
    if args.get("method") == "pca":
        for number, name in enumerate(names):
            told = _part(report, number, len(names), f"Laying out the map of {name}")
            straight(workspace, embedding_sets.load(workspace, name).split(args["split"]), progress=told)
        return Came(f"The map of {' and '.join(names)} is ready.")
    if args.get("method") == "aligned":
        report(0.1, f"Aligning the maps of {' and '.join(names)}")
        align(workspace, *names)
        return Came(f"The maps of {' and '.join(names)} are aligned.")
    for number, name in enumerate(names):
        told = _part(report, number, len(names), f"Laying out the map of {name}")
        compute(workspace, name, start=args["start"] if name != args["start"] else "", progress=told)
    return Came(f"UMAP of {' and '.join(names)} is ready.")


def _part(report: Report, number: int, of: int, message: str) -> Callable[[float], None]:
    """How one of several steps tells its share, from 0.1 on."""

    def tell(share: float) -> None:
        report((number + 0.1 + 0.9 * share) / of, message)

    tell(0.0)
    return tell


def _measure(workspace: Own, args: dict[str, Any], report: Report) -> Came:
    """set, split; extended: every metric."""
    from suture.workflows.evaluate import evaluation

    name, split = args["set"], args["split"]
    evaluation(
        workspace,
        name,
        split=split,
        extended=args.get("extended", False),
        progress=lambda share, what: report(share, f"Measuring {what} of {name}"),
    )
    return Came(f"{name}, {split}: measured.")


def _add_checkpoint(workspace: Own, args: dict[str, Any], report: Report) -> Came:
    """name, and the fields of `suture.models.checkpoints.sources.CheckpointSource`."""
    from suture.models.checkpoints.add_checkpoint import add_checkpoint
    from suture.models.checkpoints.sources import CheckpointSource

    name = args["name"]
    if workspace.made(CHECKPOINT, name):
        return Came(f"Checkpoint {name!r} is ready.")
    report(0.1, "Reading and trying the checkpoint")
    source = CheckpointSource(**{k: v for k, v in args.items() if k in CheckpointSource.__dataclass_fields__})
    answer = add_checkpoint(workspace, source, name)
    if answer.refused:
        raise Refused(answer.refused, answer.message)
    return Came(answer.message)


def _guess(workspace: Own, args: dict[str, Any], report: Report) -> Came:
    """location, label of a weights file; result = candidates, best first."""
    from suture.models.checkpoints.sources import CheckpointSource, recognise_architecture

    report(0.1, "Reading names and shapes")
    found = recognise_architecture(workspace, CheckpointSource(args["location"], label=args.get("label", "")))
    return Came(found.describe(), found.to_json())


def _train(workspace: Own, args: dict[str, Any], report: Report) -> Came:
    """runs: a list of `TrainingConfig.to_json`.

    Trains each, embeds its collection with it, measures the test split: ready to be compared.
    """
    from suture.models.training.config import from_json
    from suture.models.training.plan import plan_training

    configs = [from_json(content) for content in args["runs"]]
    for config in configs:
        plan_training(workspace, config)  # all is checked before the first one starts
    for number, config in enumerate(configs):

        def stage(share: float, message: str, number: int = number, name: str = config.label) -> None:
            report((number + share) / len(configs), f"{name}: {message}")

        _train_one(workspace, config, stage)
    names = " and ".join(config.label for config in configs)
    return Came(f"{names}: trained, and {configs[0].collection} embedded.")


def _train_one(workspace: Workspace, config: Any, stage: Report) -> None:
    from suture.data.workspace import embedding_sets
    from suture.models.embedding.embed import embed
    from suture.models.training.run import train
    from suture.workflows.evaluate import evaluation

    trained = train(workspace, config, report=lambda share, message: stage(0.85 * share, message))
    made = embed(
        workspace,
        config.collection,
        trained.name,
        progress=lambda done, total, name: stage(0.85 + 0.1 * done / total, f"Embedding {name}"),
    )
    if "test" in embedding_sets.load(workspace, made.name).splits():
        evaluation(
            workspace,
            made.name,
            split="test",
            progress=lambda share, what: stage(0.95 + 0.05 * share, f"Measuring {what}"),
        )


def _newcomers(workspace: Own, args: dict[str, Any], report: Report) -> Came:
    """visit, checkpoints (names)."""
    from suture.workflows.neighbours.uploads import embed

    return Came(embed(workspace, args["visit"], args["checkpoints"], progress=report))


def _caption(workspace: Own, args: dict[str, Any], report: Report) -> Came:
    """configs: a list of `CaptionerConfig.to_json`; split, decoding (fields of `Decoding`).

    Trains each, then makes the table of every set.
    """
    from suture.models.captioner.config import Decoding, from_json
    from suture.workflows.captions.run import train_and_evaluate

    configs = [from_json(content) for content in args["configs"]]
    how = Decoding(**(args.get("decoding") or {}))
    tables = train_and_evaluate(workspace, configs, split=args["split"], how=how, report=report)
    return Came(f"Captions of {' and '.join(table.set for table in tables)} are written and scored.")


TASKS: dict[str, Callable[[Own, dict[str, Any], Report], Came]] = {
    "embed": _embed,
    "import": _import,
    "layout": _layout,
    "measure": _measure,
    "checkpoint": _add_checkpoint,
    "guess": _guess,
    "train": _train,
    "caption": _caption,
    "newcomers": _newcomers,
}
