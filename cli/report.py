"""A report of one embedding set, or of A against B, to pass on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from suture.cli.common import AsJson, Home, err, out, pair_of, shares
from suture.data.workspace import Workspace

commands = typer.Typer()


@commands.command()
def report(
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str | None, typer.Argument(metavar="[B]")] = None,
    split: Annotated[str, typer.Option(help="One split, or all.")] = "test",
    target: Annotated[Path, typer.Option("--out", help="File to write; its JSON goes beside it.")] = Path(
        "report.html"
    ),
    pair: Annotated[
        str | None, typer.Option(help='Two modalities, as "image,report"; else the first two of A.')
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Show pictures of single studies.")] = False,
    texts: Annotated[bool, typer.Option(help="Show excerpts of the texts of single studies.")] = True,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="Every metric, or the default numbers.")
    ] = True,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=20)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the files if they are there.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Write an evidence report: one HTML file that needs no network, and its JSON."""
    from suture.workflows.report.report_data import gather, refuse_target, write

    refuse_target(target, force=force)
    workspace = Workspace(home)
    with shares(as_json) as progress:
        evidence = gather(
            workspace,
            a,
            b,
            split=split,
            pair=pair_of(pair),
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
            err.print(f"Mind: {side.warning}", style="yellow")
    if as_json:
        print(json.dumps({"html": str(page), "json": str(record), "holds": evidence.holds}))
        return
    out.print(f"{page} and {record.name}")
    err.print(evidence.holds, style="dim")
