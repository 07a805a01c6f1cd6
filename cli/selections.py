"""Named selections of studies: list, add, export, remove."""

from __future__ import annotations

import csv
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from suture.cli.common import AsJson, Home, err, out
from suture.data.errors import Refused
from suture.data.workspace import COLLECTION, SELECTION, Workspace, write_atomically

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from suture.data.collection import Collection
    from suture.data.collections.selections import Selection

commands = typer.Typer()
group = typer.Typer(help="Named selections of studies.", no_args_is_help=True)
commands.add_typer(group, name="selection")

SelectionName = Annotated[str, typer.Argument(metavar="NAME")]


@group.command("list")
def list_(as_json: AsJson = False, home: Home = None) -> None:
    """List selections."""
    workspace = Workspace(home)
    records = workspace.records(SELECTION)
    if as_json:
        print(json.dumps([{"name": r.name, **r.meta.to_json(), "created": r.created} for r in records]))
        return
    if not records:
        err.print(f"No selection yet in {workspace.home}.")
        return
    table = Table("name", "created", "studies", "of", "how")
    for r in records:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(r.created))
        table.add_row(r.name, created, f"{r.meta.n:,}", r.meta.of, r.meta.how)
    out.print(table)


@group.command()
def add(
    name: SelectionName,
    collection: Annotated[str, typer.Option(help="Collection that the studies belong to.")],
    where: Annotated[
        str, typer.Option("--where", help="Condition on columns, as 'finding == \"effusion\" and age > 60'.")
    ] = "",
    words: Annotated[str, typer.Option(help="Words that must all occur in the texts.")] = "",
    ids: Annotated[
        Path | None, typer.Option(help="File of study ids: one per line, or the first column of a CSV.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a selection of that name.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Save the studies that match a condition, words or a list of ids. All that are given must match."""
    import numpy as np

    from suture.data import query
    from suture.data.collection import STUDY_ID
    from suture.data.collections import selections, storage

    if not (where or words or ids):
        raise Refused("selection_unclear", "Say which studies with --where, --words or --ids.")
    workspace = Workspace(home)
    studies, source = storage.load(workspace, collection), workspace.record(COLLECTION, collection)
    mask: np.ndarray = np.ones(len(studies), bool)
    how = []
    if where:
        mask &= query.rows_matching(studies.table, where)
        how.append(f"query: {where}")
    if words:
        mask &= query.rows_with_words(studies.table, _texts(studies), words)
        how.append(f"words: {words}")
    if ids:
        mask &= _listed(studies, ids)
        how.append(f"ids from {ids.name}")
    chosen = tuple(studies.table[STUDY_ID][mask].astype(str))
    record = selections.save(
        workspace, selections.Selection(name, collection, source.id, chosen, ", ".join(how)), replace=replace
    )
    if as_json:
        print(json.dumps({"name": name, **record.meta.to_json()}))
        return
    err.print(f"{name!r}: {len(chosen):,} of {len(studies):,} studies of {collection!r}.")


@group.command()
def export(
    name: SelectionName,
    target: Annotated[Path, typer.Argument(help="File to write: .csv, .parquet or .json.")],
    labels: Annotated[bool, typer.Option("--labels", help="Include the labels of the studies.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    home: Home = None,
) -> None:
    """Write the study ids of a selection, in order."""
    from suture.data.collections import selections
    from suture.workflows.selection_export import WRITERS

    workspace = Workspace(home)
    found = selections.load(workspace, name)
    form = target.suffix.lower().removeprefix(".")
    if form not in WRITERS or not target.parent.is_dir():
        raise Refused(
            "target_invalid", f"{str(target)!r} must be a .csv, .parquet or .json in a folder that exists."
        )
    if target.exists() and not force:
        raise Refused("file_exists", f"{str(target)!r} exists already. Choose another name, or --force.")
    write_atomically(target, WRITERS[form](found, _known(workspace, found) if labels else None))
    err.print(f"Written: {target} ({len(found):,} studies)")


@group.command()
def remove(name: SelectionName, home: Home = None) -> None:
    """Delete a selection; the studies stay."""
    Workspace(home).remove(SELECTION, name)
    err.print(f"Removed selection {name!r}.")


def _texts(studies: Collection) -> list[str]:
    named = [m.columns[0] for m in studies.modalities if m.kind == "text"]
    return named or list(studies.labels)


def _listed(studies: Collection, file: Path) -> np.ndarray:
    """Mask of the studies that a file lists. `Refused` if it cannot be read or lists none of them."""
    from suture.data.collection import STUDY_ID

    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("ids_unreadable", f"{str(file)!r} cannot be read as text: {error}.") from error
    cells = [row[0].strip() for row in csv.reader(lines) if row]
    asked = {re.sub(r"^'(?=[=+\-@])", "", cell) for cell in cells} - {
        ""
    }  # the formula-safe form that exports have
    found = studies.table[STUDY_ID].isin(asked).to_numpy()
    if not found.any():
        raise Refused(
            "ids_unknown", f"None of the {len(asked):,} ids in {file.name!r} is in {studies.name!r}."
        )
    missing = len(asked - {STUDY_ID}) - int(found.sum())
    if missing > 0:
        err.print(f"{missing:,} ids in {file.name!r} are not in {studies.name!r}.", style="yellow")
    return found


def _known(workspace: Workspace, found: Selection) -> pd.DataFrame:
    """Labels of the studies, from the collection of the selection."""
    from suture.data.collections import storage

    for record in workspace.records(COLLECTION):
        if record.id == found.of_id:
            studies = storage.load(workspace, record.name)
            pictures = [m.columns[0] for m in studies.modalities if m.kind == "image"]
            return studies.table.drop(columns=pictures)
    raise Refused(
        "labels_unknown",
        f"{found.name!r} belongs to {found.of!r}, which is no longer a collection of this workspace, so its "
        "labels are unknown. Export without --labels.",
    )
