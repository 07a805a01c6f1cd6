"""Import, list, remove, export and embed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from suture.cli.common import AsJson, Home, Name, bar, embedded, err, print_records, print_report
from suture.data.errors import UserError
from suture.data.files.names import full_path
from suture.data.workspace import (
    BUILT_IN,
    CHECKPOINT,
    COLLECTION,
    KINDS,
    SET,
    Record,
    RecordKind,
    Workspace,
    check_name,
)

commands = typer.Typer()
checkpoint_app = typer.Typer(help="Checkpoints: encoders into one shared space.", no_args_is_help=True)
commands.add_typer(checkpoint_app, name="checkpoint")


@commands.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="Folder, ZIP, or table (CSV, JSON, .xlsx, Parquet, .tar).")],
    name: Name,
    as_json: AsJson = False,
    home: Home = None,
    layout: Annotated[str, typer.Option(help="Layout of the source. Default: detected.")] = "",
    image: Annotated[list[str] | None, typer.Option(help="Column of image files.")] = None,
    text: Annotated[list[str] | None, typer.Option(help="Column of texts.")] = None,
    study_id: Annotated[str, typer.Option("--id", help="Column of ids.")] = "",
    group: Annotated[str, typer.Option(help="Column of patients or cases.")] = "",
    split: Annotated[str, typer.Option(help="Column of splits.")] = "",
    duplicates: Annotated[str, typer.Option(help="Column of duplicate groups.")] = "",
    label: Annotated[
        list[str] | None, typer.Option("--label", "--labels", help="Column of labels. Repeatable.")
    ] = None,
    tabular: Annotated[list[str] | None, typer.Option(help="Column of a tabular modality.")] = None,
    split_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--split-file", help="List of ids, or of ids and splits, that sets the split. Repeatable."
        ),
    ] = None,
    prompts_from_labels: Annotated[
        bool,
        typer.Option("--prompts-from-labels", help="Make texts of labels, where there are no reports."),
    ] = False,
    prompt_template: Annotated[
        str,
        typer.Option(
            help='Text made of labels, with {} where they go. Default: "A chest radiograph with {}."'
        ),
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of the split, where the source has none.")] = 0,
    frame: Annotated[str, typer.Option(help="DICOM: frame number from 0, or middle.")] = "middle",
    window: Annotated[
        str, typer.Option(help="DICOM: file, a preset such as lung, or centre,width as 40,400.")
    ] = "file",
) -> None:
    """Import studies: images, reports and other texts. Columns are detected unless you name them."""
    from suture.data.dicom.view import DicomView
    from suture.data.intake import Options, intake
    from suture.data.readers.label_prompts import TEMPLATE
    from suture.data.readers.raw_studies import Roles

    named = Roles(
        study_id,
        images=tuple(image or ()),
        texts=tuple(text or ()),
        tabular=tuple(tabular or ()),
        labels=tuple(label or ()),
        group=group,
        split=split,
        duplicate_group=duplicates,
    )
    lists = tuple(str(full_path(path)) for path in split_file or ())
    view = DicomView.parse(frame, window)
    options = Options(
        layout,
        seed=seed,
        overrides=named,
        dicom=view,
        split_files=lists,
        prompts=(prompt_template or TEMPLATE) if prompts_from_labels else "",
    )
    workspace = Workspace(home)
    with bar(as_json) as shown:
        task = shown.add_task("Reading", total=None)
        report = intake(
            workspace,
            source,
            name,
            options=options,
            progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    if not as_json and report.refused is None:
        _show_columns(workspace.record(COLLECTION, name))
    print_report(report, as_json)


@commands.command("import-vectors")
def import_vectors(
    files: Annotated[list[Path], typer.Argument(help=".npz, two or more .npy, .parquet, .csv, .tsv or .pt.")],
    name: Name,
    collection: Annotated[str, typer.Option(help="Collection that the rows belong to.")] = "",
    features: Annotated[
        bool, typer.Option("--features", help="Backbone features of any widths, to train heads on.")
    ] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Import embeddings that you already have; no model is needed."""
    from suture.data.vectors import import_vectors as take

    with bar(as_json) as shown:
        task = shown.add_task("Reading", total=100)
        report = take(
            Workspace(home),
            files,
            name,
            collection=collection,
            features=features,
            progress=lambda share, what: shown.update(task, completed=round(100 * share), description=what),
        )
    print_report(report, as_json)


@commands.command()
def synthesize(
    name: Annotated[str, typer.Argument(help="Name of the new collection.")],
    studies: Annotated[int, typer.Option(help="Number of studies.", min=10)] = 3200,
    seed: Annotated[int, typer.Option(help="Random seed; the demo uses 0.", min=0)] = 0,
    home: Home = None,
) -> None:
    """Make a collection of synthetic radiographs with reports: no patient data."""
    from suture.workflows.demo import make_collection

    workspace = Workspace(home)
    workspace.refuse_taken(COLLECTION, name)
    check_name(name)
    with bar(False) as shown:
        task = shown.add_task("Drawing radiographs", total=100)
        make_collection(
            workspace,
            lambda what, share: shown.update(task, completed=round(100 * share)),
            studies=studies,
            seed=seed,
            name=name,
        )


@checkpoint_app.command("add")
def checkpoint_add(
    source: Annotated[
        str,
        typer.Argument(
            help="Weights file, open_clip config .json, folder, hf-hub:owner/name, or architecture."
        ),
    ],
    name: Name,
    architecture: Annotated[
        str, typer.Option(help="Architecture of a weights file. Default: recognised.")
    ] = "",
    pretrained: Annotated[str, typer.Option(help="Tag of an architecture's weights.")] = "",
    resize: Annotated[str, typer.Option(help="squash, shortest or longest.")] = "squash",
    download: Annotated[
        bool, typer.Option("--download", help="Allow a download from the Hugging Face hub.")
    ] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Add a checkpoint under a name. Only tensors are read, never code.

    The architecture of a weights file is recognised from its names and shapes; --architecture confirms or
    corrects it. --json lists the candidates.
    """
    from suture.models.checkpoints.add_checkpoint import add_checkpoint
    from suture.models.checkpoints.sources import CheckpointSource

    chosen = CheckpointSource(source, pretrained, architecture, resize, download)
    report = add_checkpoint(Workspace(home), chosen, name)
    print_report(report, as_json, _candidates(Workspace(home), chosen) if as_json else None)


def _candidates(workspace: Workspace, source: Any) -> dict[str, Any]:
    """Candidate architectures of a weights file, as JSON; {} for other sources and unreadable files."""
    from suture.models.checkpoints.sources import is_weights, recognise_architecture

    try:
        return recognise_architecture(workspace, source).to_json() if is_weights(source) else {}
    except UserError:
        return {}


@commands.command()
def collections(as_json: AsJson = False, home: Home = None) -> None:
    """List collections."""
    print_records(home, COLLECTION, as_json)


@commands.command()
def checkpoints(as_json: AsJson = False, home: Home = None) -> None:
    """List checkpoints, including the built-in ones."""
    print_records(home, CHECKPOINT, as_json)
    if not as_json:
        err.print(f"Built in, created on first use: {', '.join(BUILT_IN)}.", style="dim")


@commands.command()
def sets(as_json: AsJson = False, home: Home = None) -> None:
    """List embedding sets."""
    print_records(home, SET, as_json)


@commands.command()
def remove(
    kind: Annotated[str, typer.Argument(help="collection, checkpoint, set or selection.")],
    name: Annotated[str, typer.Argument()],
    home: Home = None,
) -> None:
    """Delete a collection, checkpoint, embedding set or selection."""
    if kind not in KINDS:
        raise UserError("kind_unknown", f"{kind!r} is none of: {', '.join(KINDS)}.")
    Workspace(home).remove(RecordKind(kind), name)
    err.print(f"Removed {kind} {name!r}.")


@commands.command()
def export(
    set_name: Annotated[str, typer.Argument(metavar="SET")],
    target: Annotated[Path, typer.Argument(help="File to write, .npz.")],
    adapter: Annotated[bool, typer.Option("--adapter", help="Only the adapter that made the set.")] = False,
    home: Home = None,
) -> None:
    """Write an embedding set, or its adapter, as .npz that numpy and import-vectors read."""
    workspace = Workspace(home)
    if adapter:
        from suture.workflows.adapters import export_adapter

        path = export_adapter(workspace, set_name, target)
    else:
        from suture.data.vectors import prompts
        from suture.data.vectors.export import export_set
        from suture.data.workspace.embedding_sets import load

        given = prompts.load(workspace.record(SET, set_name))
        path = export_set(load(workspace, set_name), target, given)
    err.print(f"Written: {path}")


@commands.command()
def embed(
    collection: Annotated[str, typer.Argument()],
    checkpoint: Annotated[str, typer.Option(help="Checkpoint to encode with.")],
    name: Annotated[str, typer.Option(help="Name of the new set.")] = "",
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Encode in this process (local) or in Ray actors (ray).")
    ] = "local",
    address: Annotated[
        str, typer.Option(help="Ray: auto or host:port; else RAY_ADDRESS, else this machine alone.")
    ] = "",
    actors: Annotated[int, typer.Option(help="Ray: maximum number of actors; 0: as many as fit.", min=0)] = 0,
    cpus: Annotated[float, typer.Option("--cpus-per-actor", help="Ray: cores per actor.", min=0.1)] = 1,
    gpus: Annotated[
        float | None,
        typer.Option("--gpus-per-actor", help="Ray: GPUs per actor. Default: 1 if there are any.", min=0),
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Embed a collection. An interrupted run resumes where it stopped, also with the other engine."""
    options: dict[str, Any] = {"name": name, "device": device}
    if engine == "ray":
        from suture.models.embedding.ray_engine import Cluster

        options["cluster"] = Cluster(address, actors, cpus, gpus)
    run = embedded(Workspace(home), collection, checkpoint, quiet=as_json, **options)
    if as_json:
        print(json.dumps(vars(run)))
        return
    cut = ", ".join(f"{n:,} of {m}" for m, n in run.truncated.items() if n)
    what = "nothing has changed" if run.reused else f"{run.n:,} studies embedded"
    err.print(f"{run.name!r}: {what}." + (f" Texts cut at the context length: {cut}." if cut else ""))


def _show_columns(record: Record) -> None:
    notes = record.meta.notes
    columns = {k: v for k, v in notes.get("columns", {}).items() if v}
    shown = "; ".join(f"{k} = {v if isinstance(v, str) else ', '.join(v)}" for k, v in columns.items())
    if notes.get("tables"):
        err.print(str(notes["tables"]), style="dim")
    err.print(f"Columns: {shown}. Splits {notes.get('split', 'as given')}.", style="dim")
