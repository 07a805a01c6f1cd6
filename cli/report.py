"""Write a report of one embedding set, or of A compared with B."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from suture.cli.common import AsJson, Home, TestSplit, err, out, parse_pair, progress_callback
from suture.data.workspace import Workspace

commands = typer.Typer()


@commands.command()
def report(
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str | None, typer.Argument(metavar="[B]")] = None,
    split: TestSplit = "",
    target: Annotated[
        Path, typer.Option("--out", help="HTML file to write; its JSON is written beside it.")
    ] = Path("report.html"),
    pair: Annotated[
        str | None, typer.Option(help='Two modalities, as "image,report". Default: the first two of A.')
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Include images of single studies.")] = False,
    texts: Annotated[bool, typer.Option(help="Include excerpts of the texts of single studies.")] = True,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="All metrics, or only the default ones.")
    ] = True,
    resamples: Annotated[int, typer.Option(help="Number of bootstrap resamples.", min=20)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Write an evidence report: one HTML file that needs no network, and its JSON."""
    from suture.workflows.report.report_data import gather, refuse_target, write

    refuse_target(target, force=force)
    workspace = Workspace(home)
    with progress_callback(as_json) as progress:
        evidence = gather(
            workspace,
            a,
            b,
            split=split,
            pair=parse_pair(pair),
            resamples=resamples,
            seed=seed,
            extended=full,
            texts=texts,
            pictures=pictures,
            progress=progress,
        )
    page, record = write(evidence, target, force=force)
    for side in evidence.sides:
        if side.warning:
            err.print(f"Warning: {side.warning}", style="yellow")
    if as_json:
        print(json.dumps({"html": str(page), "json": str(record), "holds": evidence.holds}))
        return
    out.print(f"{page} and {record.name}")
    err.print(evidence.holds, style="dim")
