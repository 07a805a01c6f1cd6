"""Maintain the workspace: verify, clean up, back up."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from suture.cli.common import AsJson, Home, err, out
from suture.data.workspace import Workspace

DAMAGED = 1
commands = typer.Typer()


@commands.command()
def verify(
    deep: Annotated[bool, typer.Option("--deep", help="Also open every record and image.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Compare every file with its checksum. Exit with 1 if a file is damaged."""
    from suture.data.workspace import maintenance

    health = maintenance.verify(Workspace(home, tidy=False).home, deep=deep)
    if as_json:
        print(json.dumps({"sound": health.sound, **asdict(health)}))
    else:
        for found in health.damaged:
            err.print(f"{found.kind} {found.name!r} {found.file}: {found.what}; {found.remedy}.")
        err.print(
            f"{health.records:,} records, {health.files:,} files, {health.size / 1e6:,.1f} MB: "
            f"{'all intact' if health.sound else f'{len(health.damaged):,} damaged'}."
        )
    if not health.sound:
        raise typer.Exit(DAMAGED)


@commands.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Delete leftovers of interrupted work. Files of running jobs stay."""
    from suture.data.workspace import maintenance

    freed = maintenance.clean_up(Workspace(home, tidy=False).home, dry=dry_run)
    if as_json:
        print(json.dumps({"dry_run": dry_run, "bytes": freed.size.total(), "of": freed.size}))
        return
    table = Table("what", "number", "MB", box=None)
    for what, size in freed.size.items():
        table.add_row(what, f"{freed.number[what]:,}", f"{size / 1e6:,.1f}")
    if freed.number:
        out.print(table)
    verb = "would be freed" if dry_run else "freed"
    err.print(f"{freed.size.total() / 1e6:,.1f} MB {verb}." if freed.number else "Nothing to delete.")


@commands.command()
def backup(target: Annotated[Path, typer.Argument(help="A new or empty folder.")], home: Home = None) -> None:
    """Copy the workspace, also while the app runs. To restore, use the copy with --home."""
    from suture.data.workspace import maintenance

    size = maintenance.backup(Workspace(home, tidy=False).home, target)
    err.print(f"Copied {size / 1e6:,.1f} MB to {target}. Check it with: suture verify --home {target}")
