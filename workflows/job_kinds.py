"""All kinds of job: their arguments and what they do.

To add a kind, add a class with a `kind`, a `title` and `run`. Pages start it with
`jobs.start(workspace, MyJob(...))`. This module is imported wherever jobs are listed, so heavy imports belong
inside `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from suture.data.errors import Refused
from suture.data.workspace import CHECKPOINT, COLLECTION, SET, Workspace
from suture.jobs.job_kind import JobKind, JobResult, JobWorkspace, Report

if TYPE_CHECKING:
    from suture.models.training.config import TrainingConfig


@dataclass(frozen=True)
class EmbedJob(JobKind):
    """Embed a collection with a checkpoint.

    name     of the set; "" = "<collection> @ <checkpoint>"
    cluster  fields of Ray's `Cluster`; None = this machine
    """

    kind = "embed"
    title = "Embedding"

    collection: str
    checkpoint: str
    name: str = ""
    cluster: Mapping[str, Any] | None = None

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        from suture.models.embedding.embed import embed

        cluster = None
        if self.cluster is not None:
            from suture.models.embedding.ray_engine import Cluster

            cluster = Cluster(**self.cluster)
        run = embed(
            workspace,
            self.collection,
            self.checkpoint,
            name=self.name,
            cluster=cluster,
            progress=lambda done, total, name: report(done / total, f"{done:,} of {total:,}: {name}"),
        )
        unchanged = run.reused and not workspace.made(SET, run.name)
        return JobResult(
            f"{run.name}: {'nothing had changed' if unchanged else f'{run.n:,} studies embedded'}."
        )


@dataclass(frozen=True)
class ImportJob(JobKind):
    """Import studies as a collection; the result is the import's report.

    source   path of an upload, or of a file or folder on this machine
    name     of the collection
    options  `suture.data.intake.Options` as JSON
    """

    kind = "import"
    title = "Importing studies"
    upload = "source"

    source: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        from suture.data.intake import Options, discard_unfinished, intake
        from suture.workflows.neighbours.uploads import intake_report

        report(0.0, "Reading")
        if workspace.made(COLLECTION, self.name):
            discard_unfinished(workspace, self.name)  # left over if the job died after publishing
        else:
            answer = intake(
                workspace,
                Path(self.source),
                self.name,
                options=Options.from_json(dict(self.options)),
                progress=lambda done, total: report(done / max(total, 1), f"{done:,} of {total:,} studies"),
            )
            if answer.refused:
                return JobResult(answer.message, asdict(answer), "failed")
        answer = intake_report(
            workspace.record(COLLECTION, self.name)
        )  # the same if the job is restarted after publishing
        return JobResult(f"{self.name}: {answer.message}", asdict(answer))


@dataclass(frozen=True)
class LayoutJob(JobKind):
    """Lay out the maps of one or more sets.

    start   UMAP: the set whose map initialises the others
    method  "" or "umap" = UMAP of each set; "aligned" = UMAP of two sets together; "pca" = PCA of a split
    split   PCA: which studies
    """

    kind = "layout"
    title = "Computing a map"

    sets: Sequence[str]
    start: str = ""
    method: Literal["", "umap", "aligned", "pca"] = ""
    split: str = ""

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        from suture.data.workspace import embedding_sets
        from suture.workflows.layouts import align, compute_umap, pca_layout

        names = " and ".join(self.sets)
        if self.method == "aligned":
            report(0.1, f"Aligning the maps of {names}")
            align(workspace, *self.sets)
            return JobResult(f"The maps of {names} are aligned.")
        for number, name in enumerate(self.sets):
            progress = _share_of(report, number, len(self.sets), f"Laying out the map of {name}")
            if self.method == "pca":
                part = embedding_sets.load(workspace, name).split(self.split)
                pca_layout(workspace, part, progress=progress)
            else:
                compute_umap(
                    workspace, name, start=self.start if name != self.start else "", progress=progress
                )
        return JobResult(
            f"The map of {names} is ready." if self.method == "pca" else f"UMAP of {names} is ready."
        )


def _share_of(report: Report, number: int, of: int, message: str) -> Callable[[float], None]:
    """A progress callback for one of several steps; it starts at 0.1 of the step."""

    def progress(share: float) -> None:
        report((number + 0.1 + 0.9 * share) / of, message)

    progress(0.0)
    return progress


@dataclass(frozen=True)
class MeasureJob(JobKind):
    """Measure a split of an embedding set. extended = every metric."""

    kind = "measure"
    title = "Computing metrics"

    set: str
    split: str
    extended: bool = False

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        from suture.workflows.evaluate import evaluation

        evaluation(
            workspace,
            self.set,
            split=self.split,
            extended=self.extended,
            progress=lambda share, what: report(share, f"Measuring {what} of {self.set}"),
        )
        return JobResult(f"{self.set}, {self.split}: measured.")


@dataclass(frozen=True)
class AddCheckpointJob(JobKind):
    """Check and add a checkpoint.

    name    of the checkpoint
    source  upload folder that contains `location`; "" = a file on this machine, or the hub
    location to label  fields of `suture.models.checkpoints.sources.CheckpointSource`
    """

    kind = "checkpoint"
    title = "Adding a checkpoint"
    upload = "source"

    name: str
    location: str
    pretrained: str = ""
    architecture: str = ""
    resize: str = "squash"
    download: bool = False
    label: str = ""
    source: str = ""

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        from suture.models.checkpoints.add_checkpoint import add_checkpoint
        from suture.models.checkpoints.sources import CheckpointSource

        if workspace.made(CHECKPOINT, self.name):
            return JobResult(f"Checkpoint {self.name!r} is ready.")
        report(0.1, "Reading and trying the checkpoint")
        source = CheckpointSource(
            self.location, self.pretrained, self.architecture, self.resize, self.download, self.label
        )
        answer = add_checkpoint(workspace, source, self.name)
        if answer.refused:
            raise Refused(answer.refused, answer.message)
        return JobResult(answer.message)


@dataclass(frozen=True)
class RecogniseJob(JobKind):
    """Recognise the architecture of a weights file; the result holds the candidates, best first.

    label  the user's name of the file
    """

    kind = "guess"
    title = "Recognising an architecture"
    lane = "light"
    quiet = True

    location: str
    label: str = ""

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        from suture.models.checkpoints.sources import CheckpointSource, recognise_architecture

        report(0.1, "Reading names and shapes")
        recognised = recognise_architecture(workspace, CheckpointSource(self.location, label=self.label))
        return JobResult(recognised.describe(), recognised.to_json())


@dataclass(frozen=True)
class TrainJob(JobKind):
    """Train checkpoints, embed their collection with each, and measure the test split.

    runs  `TrainingConfig.to_json` of each run
    """

    kind = "train"
    title = "Training"

    runs: Sequence[Mapping[str, Any]]

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        from suture.models.training.config import from_json
        from suture.models.training.plan import plan_training

        configs = [from_json(dict(content)) for content in self.runs]
        for config in configs:
            plan_training(workspace, config)  # check all before the first one starts
        for number, config in enumerate(configs):

            def stage(share: float, message: str, number: int = number, name: str = config.label) -> None:
                report((number + share) / len(configs), f"{name}: {message}")

            _train_one(workspace, config, stage)
        names = " and ".join(config.label for config in configs)
        return JobResult(f"{names}: trained, and {configs[0].collection} embedded.")


def _train_one(workspace: Workspace, config: TrainingConfig, stage: Report) -> None:
    from suture.data.splits import named_split
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
    splits = embedding_sets.load(workspace, made.name).splits()
    if (test := named_split("test", splits)) in splits:
        evaluation(
            workspace,
            made.name,
            split=test,
            progress=lambda share, what: stage(0.95 + 0.05 * share, f"Measuring {what}"),
        )


@dataclass(frozen=True)
class CaptionJob(JobKind):
    """Train captioners, then write and score captions of every set.

    configs   `CaptionerConfig.to_json` of each captioner
    decoding  fields of `Decoding`
    """

    kind = "caption"
    title = "Writing captions"

    configs: Sequence[Mapping[str, Any]]
    split: str
    decoding: Mapping[str, Any] | None = None

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        from suture.models.captioner.config import Decoding, from_json
        from suture.workflows.captions.run import train_and_evaluate

        configs = [from_json(dict(content)) for content in self.configs]
        how = Decoding(**(self.decoding or {}))
        tables = train_and_evaluate(workspace, configs, split=self.split, how=how, report=report)
        return JobResult(f"Captions of {' and '.join(table.set for table in tables)} are written and scored.")


@dataclass(frozen=True)
class EmbedUploadsJob(JobKind):
    """Embed uploaded studies (a visit) with each of the checkpoints."""

    kind = "newcomers"
    title = "Embedding uploaded studies"
    lane = "light"

    visit: str
    checkpoints: Sequence[str]

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        from suture.workflows.neighbours.uploads import embed

        return JobResult(embed(workspace, self.visit, self.checkpoints, progress=report))
