"""What the commands share: options, progress bars, lists of records, exit codes.

The modules of this folder are loaded whenever the shell starts, so they import only what is quick to load
(typer, rich, the workspace). Everything else is imported inside the command that needs it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from suture.data.errors import Refused
from suture.data.workspace import RecordKind, Workspace
from suture.data.workspace.describe import describe

if TYPE_CHECKING:
    from suture.data.intake.report import IntakeReport
    from suture.models.embedding.embed import EmbeddingRun

REFUSED = 2
SHOWN_ITEMS = 10  # skipped items that a report in plain words lists
out, err = Console(markup=False), Console(stderr=True, markup=False)
if not out.is_terminal:
    out.width = 140  # a file has no width; keep one row a line

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Home = Annotated[
    Path | None, typer.Option("--home", help="Workspace folder. Default: SUTURE_HOME, else your user data.")
]
TestSplit = Annotated[
    str, typer.Option("--split", help="Split, or all. Default: the test split; all where there is none.")
]
Name = Annotated[str, typer.Option("--name", help="Name to save it under.")]


def print_report(report: IntakeReport, as_json: bool, more: dict[str, Any] | None = None) -> None:
    """Print an intake report; exit with 2 if the source was refused. `more` is added to the JSON."""
    if as_json:
        print(json.dumps({**report.to_json(), **(more or {})}))
    elif report.refused:
        err.print(f"Refused ({report.refused}): {report.message}")
    else:
        err.print(report.message)
        _print_counts(report)
    if report.refused:
        raise typer.Exit(REFUSED)


def _print_counts(report: IntakeReport) -> None:
    """Found, taken, skipped by reason with the first items, and warnings."""
    from suture.data.intake.reasons import reasons

    means = {code: reason.means for code, reason in reasons().items()}
    skipped = sum(report.skipped.values())
    err.print(f"Found {report.found:,}: {report.taken:,} taken, {skipped:,} skipped.")
    for code, count in report.skipped.items():
        err.print(f"  skipped {count:,}: {code}. {means.get(code, '')}")
    for item, code, message in report.problems[:SHOWN_ITEMS]:
        err.print(f"    {item}: {code}. {message}", style="dim")
    if skipped > SHOWN_ITEMS:
        err.print(f"    The first {SHOWN_ITEMS} of {skipped:,}; --json lists more.", style="dim")
    for code, count in report.warnings.items():
        named = report.warned.get(code, ())
        which = f" {', '.join(named[:5])}{', …' if count > 5 else ''}." if named else ""
        err.print(f"  warning {count:,}: {code}. {means.get(code, '')}{which}", style="yellow")
    if report.identifiers:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in report.identifiers.items())
        err.print(f"    Possible identifiers in texts, by kind: {kinds}.", style="dim")


def bar(quiet: bool) -> Progress:
    """A progress bar on stderr."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=err, disable=quiet)


@contextmanager
def progress_callback(quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """A progress bar, and the callback (fraction done, step) that moves it; full when the work is done."""
    with bar(quiet) as shown:
        task = shown.add_task("Measuring", total=100)

        def report(share: float, what: str) -> None:
            shown.update(task, completed=round(100 * share), description=what)

        yield report
        report(1.0, "Done")


def print_records(home: Path | None, kind: RecordKind[Any], as_json: bool) -> None:
    """Print the records of one kind as a table or JSON."""
    workspace = Workspace(home)
    records = workspace.records(kind)
    if as_json:
        print(json.dumps([{"name": r.name, **r.meta.to_json(), "bytes": r.size} for r in records]))
        return
    if not records:
        err.print(f"No {kind} yet in {workspace.home}.")
        return
    table = Table()
    for column in ("name", "created", "MB", "contents"):
        table.add_column(column)
    for r in records:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(r.created))
        table.add_row(r.name, created, f"{r.size / 1e6:.1f}", describe(r))
    out.print(table)


def embedded(
    workspace: Workspace, collection: str, checkpoint: str, *, quiet: bool, **options: Any
) -> EmbeddingRun:
    """Embed a collection with a progress bar; options as in `suture.models.embedding.embed.embed`."""
    from suture.models.embedding.embed import embed

    with bar(quiet) as shown:
        task = shown.add_task("Loading the checkpoint", total=None)

        def progress(done: int, total: int, modality: str) -> None:
            shown.update(task, completed=done, total=total, description=f"Embedding {modality}")

        return embed(workspace, collection, checkpoint, progress=progress, **options)


def warn_if_trained_on(workspace: Workspace, split: str, *names: str) -> None:
    """Warn about each set whose checkpoint was trained on studies of this split."""
    from suture.workflows.evaluate import trained_on

    for name in names:
        seen = trained_on(workspace, name, split)
        if seen:
            err.print(f"Warning: {seen}", style="yellow")


def parse_pair(pair: str | None) -> tuple[str, str] | None:
    """("image", "report") of "image,report"; None of None. `Refused` for any other text."""
    if pair is None:
        return None
    names = [name.strip() for name in pair.split(",")]
    if len(names) != 2 or names[0] == names[1]:
        raise Refused("pair_invalid", f'Expected two modalities, as "image,report", got {pair!r}.')
    return names[0], names[1]
