"""Take things in, list, remove, embed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from suture.cli.common import AsJson, Home, Name, bar, embedded, err, finish, listing
from suture.data.errors import UserError
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
    source: Annotated[Path, typer.Argument(help="Folder, ZIP, or table (CSV, TSV, Parquet).")],
    name: Name,
    as_json: AsJson = False,
    home: Home = None,
    layout: Annotated[str, typer.Option(help="Layout; guessed if left out.")] = "",
    image: Annotated[list[str] | None, typer.Option(help="Column of image files.")] = None,
    text: Annotated[list[str] | None, typer.Option(help="Column of texts.")] = None,
    study_id: Annotated[str, typer.Option("--id", help="Column of ids.")] = "",
    group: Annotated[str, typer.Option(help="Column of patients or cases.")] = "",
    split: Annotated[str, typer.Option(help="Column of splits.")] = "",
    duplicates: Annotated[str, typer.Option(help="Column of duplicate groups.")] = "",
    label: Annotated[list[str] | None, typer.Option(help="Column of labels.")] = None,
    tabular: Annotated[list[str] | None, typer.Option(help="Column of a tabular modality.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split, where the source has none.")] = 0,
    frame: Annotated[str, typer.Option(help="DICOM: which frame, from 0, or middle.")] = "middle",
    window: Annotated[str, typer.Option(help="DICOM: file, a preset such as lung, or 40,400.")] = "file",
) -> None:
    """Take studies in: images, reports, further texts. Columns are guessed unless you name them."""
    from suture.data.dicom.view import DicomView
    from suture.data.intake import Options, intake
    from suture.data.readers.raw_studies import Roles

    columns = (tuple(c or ()) for c in (image, text, tabular, label))
    named = Roles(study_id, *columns, group=group, split=split, duplicate_group=duplicates)
    options = Options(layout, "", None, seed, overrides=named, dicom=DicomView.parse(frame, window))
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
    finish(report, as_json)


@commands.command("import-vectors")
def import_vectors(
    files: Annotated[list[Path], typer.Argument(help=".npz, two or more .npy, or .parquet.")],
    name: Name,
    collection: Annotated[str, typer.Option(help="Collection that the rows belong to.")] = "",
    features: Annotated[
        bool, typer.Option("--features", help="Backbone features of any widths, to train heads on.")
    ] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Take in embeddings that you already have; no model is needed."""
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
    finish(report, as_json)


@commands.command()
def synthesize(
    name: Annotated[str, typer.Argument(help="What to call the collection.")],
    studies: Annotated[int, typer.Option(help="How many.", min=10)] = 3200,
    seed: Annotated[int, typer.Option(help="The demo's is 0.", min=0)] = 0,
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
    architecture: Annotated[str, typer.Option(help="What a weights file fits; guessed if left out.")] = "",
    pretrained: Annotated[str, typer.Option(help="Tag of an architecture's weights.")] = "",
    resize: Annotated[str, typer.Option(help="squash, shortest or longest.")] = "squash",
    download: Annotated[bool, typer.Option("--download", help="Allow asking the hub.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Check weights and keep them under a name. Only tensors are read, never code.

    The architecture of a weights file is told from its names and shapes; --architecture confirms or corrects
    it. --json lists the candidates.
    """
    from suture.models.checkpoints.add_checkpoint import add_checkpoint
    from suture.models.checkpoints.sources import CheckpointSource

    chosen = CheckpointSource(source, pretrained, architecture, resize, download)
    report = add_checkpoint(Workspace(home), chosen, name)
    finish(report, as_json, _candidates(Workspace(home), chosen) if as_json else None)


def _candidates(workspace: Workspace, source: Any) -> dict[str, Any]:
    """What a weights file could be, for JSON; nothing for other sources, and for what cannot be read."""
    from suture.models.checkpoints.sources import is_weights, recognise_architecture

    try:
        return recognise_architecture(workspace, source).to_json() if is_weights(source) else {}
    except UserError:
        return {}


@commands.command()
def collections(as_json: AsJson = False, home: Home = None) -> None:
    """List collections."""
    listing(home, COLLECTION, as_json)


@commands.command()
def checkpoints(as_json: AsJson = False, home: Home = None) -> None:
    """List checkpoints, those that come with Suture included."""
    listing(home, CHECKPOINT, as_json)
    if not as_json:
        err.print(f"Built in, made on first use: {', '.join(BUILT_IN)}.", style="dim")


@commands.command()
def sets(as_json: AsJson = False, home: Home = None) -> None:
    """List embedding sets."""
    listing(home, SET, as_json)


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
        from suture.data.vectors.export import export_set
        from suture.data.workspace.embedding_sets import load

        path = export_set(load(workspace, set_name), target)
    err.print(f"Written: {path}")


@commands.command()
def embed(
    collection: Annotated[str, typer.Argument()],
    checkpoint: Annotated[str, typer.Option(help="Which encoders.")],
    name: Annotated[str, typer.Option(help="What to call the set.")] = "",
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Who encodes: this process, or actors of Ray.")
    ] = "local",
    address: Annotated[
        str, typer.Option(help="Ray: auto or host:port; else RAY_ADDRESS, else this machine alone.")
    ] = "",
    actors: Annotated[int, typer.Option(help="Ray: at most so many; 0 = as fit.", min=0)] = 0,
    cpus: Annotated[float, typer.Option("--cpus-per-actor", help="Ray: cores of each.", min=0.1)] = 1,
    gpus: Annotated[
        float | None, typer.Option("--gpus-per-actor", help="Ray: of each; 1 where there are any.", min=0)
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Turn a collection into vectors. A killed run goes on where it stopped, also under the other engine."""
    options: dict[str, Any] = {"name": name, "device": device}
    if engine == "ray":
        from suture.models.embedding.ray_engine import Cluster

        options["cluster"] = Cluster(address, actors, cpus, gpus)
    run = embedded(Workspace(home), collection, checkpoint, quiet=as_json, **options)
    if as_json:
        print(json.dumps(vars(run)))
        return
    cut = ", ".join(f"{n:,} of {m}" for m, n in run.truncated.items() if n)
    what = "nothing had changed" if run.reused else f"{run.n:,} studies embedded"
    err.print(f"{run.name!r}: {what}." + (f" Texts cut at the context length: {cut}." if cut else ""))


def _show_columns(record: Record) -> None:
    notes = record.meta.notes
    columns = {k: v for k, v in notes.get("columns", {}).items() if v}
    shown = "; ".join(f"{k} = {v if isinstance(v, str) else ', '.join(v)}" for k, v in columns.items())
    err.print(f"Columns: {shown}. Splits {notes.get('split', 'as given')}.", style="dim")
