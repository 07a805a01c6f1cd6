"""The same jobs from a shell. Exit code 0 = done (items may have been skipped), 2 = refused."""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from data.errors import UserError
from data.report import IntakeReport
from data.workspace import BUILT_IN, CHECKPOINT, COLLECTION, KINDS, SET, Record, Workspace

REFUSED = 2
SAFE = (  # also where the project's .streamlit/config.toml is not installed
    *("--server.address", "127.0.0.1", "--server.headless", "true"),
    *("--browser.gatherUsageStats", "false", "--client.showErrorDetails", "none"),
    *("--client.showSidebarNavigation", "false", "--server.fileWatcherType", "none"),
)
app = typer.Typer(
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
checkpoint_app = typer.Typer(help="Checkpoints: encoders into one shared space.", no_args_is_help=True)
app.add_typer(checkpoint_app, name="checkpoint")
out, err = Console(markup=False), Console(stderr=True, markup=False)
if not out.is_terminal:
    out.width = 140  # a file has no width; keep one row a line

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Home = Annotated[
    Path | None, typer.Option("--home", help="Workspace folder (else SUTURE_HOME, else user data).")
]
Name = Annotated[str, typer.Option("--name", help="What to call it.")]


@app.callback()
def about(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Shows, measures and closes the modality gap in radiology image/report embeddings."""
    if version:
        print(importlib.metadata.version("suture"))
        raise typer.Exit


@app.command("import")
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
) -> None:
    """Take studies in: images, reports, further texts. Columns are guessed unless you name them."""
    from data.intake import Options, intake
    from data.raw import Roles

    columns = (tuple(c or ()) for c in (image, text, tabular, label))
    named = Roles(study_id, *columns, group=group, split=split, duplicate_group=duplicates)
    options = Options(layout, "", None, seed, overrides=named)
    workspace = Workspace(home)
    with _bar(as_json) as bar:
        task = bar.add_task("Reading", total=None)
        report = intake(
            workspace,
            source,
            name,
            options=options,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if not as_json and report.refused is None:
        _show_columns(workspace.record(COLLECTION, name))
    _finish(report, as_json)


@app.command("import-vectors")
def import_vectors(
    files: Annotated[list[Path], typer.Argument(help=".npz, two or more .npy, or .parquet.")],
    name: Name,
    collection: Annotated[str, typer.Option(help="Collection that the rows belong to.")] = "",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Take in embeddings that you already have; no model is needed."""
    from data.vectors import import_vectors as take

    _finish(take(Workspace(home), files, name, collection=collection), as_json)


@checkpoint_app.command("add")
def checkpoint_add(
    source: Annotated[
        str,
        typer.Argument(
            help="Weights file, open_clip config .json, folder, hf-hub:owner/name, or architecture."
        ),
    ],
    name: Name,
    architecture: Annotated[str, typer.Option(help="What a weights file fits.")] = "",
    pretrained: Annotated[str, typer.Option(help="Tag of an architecture's weights.")] = "",
    resize: Annotated[str, typer.Option(help="squash, shortest or longest.")] = "squash",
    download: Annotated[bool, typer.Option("--download", help="Allow asking the hub.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Check weights and keep them under a name. Only tensors are read, never code."""
    from models.registry import Source, add

    chosen = Source(source, pretrained, architecture, resize, download)
    _finish(add(Workspace(home), chosen, name), as_json)


@app.command()
def collections(as_json: AsJson = False, home: Home = None) -> None:
    """List collections."""
    _list(home, COLLECTION, as_json)


@app.command()
def checkpoints(as_json: AsJson = False, home: Home = None) -> None:
    """List checkpoints, those that come with Suture included."""
    _list(home, CHECKPOINT, as_json)
    if not as_json:
        err.print(f"Built in, made on first use: {', '.join(BUILT_IN)}.", style="dim")


@app.command()
def sets(as_json: AsJson = False, home: Home = None) -> None:
    """List embedding sets."""
    _list(home, SET, as_json)


@app.command()
def remove(
    kind: Annotated[str, typer.Argument(help="collection, checkpoint or set.")],
    name: Annotated[str, typer.Argument()],
    home: Home = None,
) -> None:
    """Delete a collection, checkpoint or embedding set."""
    if kind not in KINDS:
        raise UserError("kind_unknown", f"{kind!r} is none of: {', '.join(KINDS)}.")
    Workspace(home).remove(kind, name)
    err.print(f"Removed {kind} {name!r}.")


@app.command()
def embed(
    collection: Annotated[str, typer.Argument()],
    checkpoint: Annotated[str, typer.Option(help="Which encoders.")],
    name: Annotated[str, typer.Option(help="What to call the set.")] = "",
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Turn a collection into vectors. A killed run goes on where it stopped."""
    from models.embed import embed as run_embed

    with _bar(as_json) as bar:
        task = bar.add_task("Loading the checkpoint", total=None)

        def progress(done: int, total: int, modality: str) -> None:
            bar.update(task, completed=done, total=total, description=f"Embedding {modality}")

        run = run_embed(Workspace(home), collection, checkpoint, name=name, device=device, progress=progress)
    if as_json:
        print(json.dumps(vars(run)))
        return
    cut = ", ".join(f"{n:,} of {m}" for m, n in run.truncated.items() if n)
    what = "nothing had changed" if run.reused else f"{run.n:,} studies embedded"
    err.print(f"{run.name!r}: {what}." + (f" Texts cut at the context length: {cut}." if cut else ""))


@app.command()
def evaluate(
    set_name: Annotated[str, typer.Argument(metavar="SET")],
    split: Annotated[str, typer.Option(help="One split, or all.")] = "all",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=20)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Measure the gap, the geometry and retrieval, with 95 % intervals."""
    from models.results import evaluation

    with _bar(as_json) as bar:
        task = bar.add_task("Measuring", total=100)
        result = evaluation(
            Workspace(home),
            set_name,
            split=split,
            resamples=resamples,
            seed=seed,
            progress=lambda share, what: bar.update(
                task, completed=round(100 * share), description=f"Measuring {what}"
            ),
        )
    if as_json:
        print(json.dumps(result.to_json()))
        return
    table = Table(title=f"{result.set} · {result.split} · {result.n:,} studies")
    for column in ("metric", "of", "value (95 % interval)", "n", "better", "protocol"):
        table.add_column(column, no_wrap=True, justify="right" if column == "n" else "left")
    for m in result.metrics:
        interval = "" if m.low is None else f" ({m.low:.3f} to {m.high:.3f})"
        where = m.direction or " · ".join(m.modalities)
        table.add_row(m.name, where, f"{m.value:.4f}{interval}", f"{m.n:,}", m.better, m.protocol or "")
    out.print(table)
    err.print(f"Intervals: {result.interval}.", style="dim")


@app.command("app")
def app_command(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8501, home: Home = None
) -> None:
    """Open the app in a browser. It listens on this machine only."""
    _serve(Workspace(home), port)


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8501,
    home: Home = None,
    serve: Annotated[bool, typer.Option(help="Open the app when all is ready.")] = True,
) -> None:
    """Make the synthetic demo collection, embed and measure it, and open the app on it."""
    from models.demo import prepare

    if serve:
        _refuse_taken_port(port)  # before minutes of work
    workspace = Workspace(home)
    with _bar(False) as bar:
        tasks: dict[str, Any] = {}

        def say(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=100)
            bar.update(tasks[what], completed=round(100 * share))

        prepare(workspace, say, maps=not serve)
    if serve:
        _serve(workspace, port)


def _serve(workspace: Workspace, port: int) -> None:
    import app as entry

    _refuse_taken_port(port)

    root = Path(entry.__file__).parent
    environment = {**os.environ, "SUTURE_HOME": str(workspace.home), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "streamlit", "run", str(root / "app.py"), *SAFE]
    threading.Thread(target=_open_browser, args=(port,), daemon=True).start()
    try:
        subprocess.run([*command, "--server.port", str(port)], env=environment, cwd=root, check=False)
    except KeyboardInterrupt:
        err.print("Stopped.")


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} is in use on this machine. Choose another with --port."
            raise UserError("port_taken", message) from error


def _open_browser(port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                break
        except OSError:
            time.sleep(0.5)
    if sys.stdout.isatty():
        webbrowser.open(url)


def _list(home: Path | None, kind: str, as_json: bool) -> None:
    records = Workspace(home).records(kind)
    if as_json:
        print(json.dumps([{"name": r.name, **r.meta, "bytes": r.size} for r in records]))
        return
    if not records:
        err.print(f"No {kind} yet.")
        return
    table = Table()
    for column in ("name", "created", "MB", "what"):
        table.add_column(column)
    for r in records:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(r.created))
        table.add_row(r.name, created, f"{r.size / 1e6:.1f}", describe(r))
    out.print(table)


def describe(record: Record) -> str:
    """One line about a record."""
    meta = record.meta
    if record.kind == COLLECTION:
        return f"{meta['n']:,} studies: {', '.join(m['name'] for m in meta['modalities'])}"
    if record.kind == SET:
        origin = meta.get("collection") or "vectors only"
        return f"{meta['n']:,} studies of {origin} by {meta.get('checkpoint') or 'unknown encoders'}"
    return str(meta.get("source", ""))


def _show_columns(record: Record) -> None:
    notes = record.meta["notes"]
    columns = {k: v for k, v in notes.get("columns", {}).items() if v}
    shown = "; ".join(f"{k} = {v if isinstance(v, str) else ', '.join(v)}" for k, v in columns.items())
    err.print(f"Columns: {shown}. Splits {notes.get('split', 'as given')}.", style="dim")


def _finish(report: IntakeReport, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.to_json()))
    elif report.refused:
        err.print(f"Refused ({report.refused}): {report.message}")
    else:
        err.print(report.message)
        for code, count in report.skipped.items():
            err.print(f"  skipped {count:,}: {code}")
    if report.refused:
        raise typer.Exit(REFUSED)


def _bar(quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=err, disable=quiet)


def main() -> None:
    """Entry point: every error that a user can mend is one sentence and exit code 2.

    Anything else is a mistake of the program: one sentence, the details in a file, exit code 1.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        app()
    except UserError as error:
        if "--json" in sys.argv:
            print(json.dumps({"refused": error.code, "message": error.message}))
        else:
            err.print(f"Refused ({error.code}): {error.message}")
        sys.exit(REFUSED)
    except Exception as error:
        place = Path(tempfile.gettempdir()) / f"suture-error-{os.getpid()}.log"
        place.write_text(traceback.format_exc())
        err.print(f"Suture made a mistake ({type(error).__name__}). Details: {place}")
        sys.exit(1)


if __name__ == "__main__":
    main()
