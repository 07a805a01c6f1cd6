"""Draw a split with equally many studies of each label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from suture.cli.common import AsJson, Home, err
from suture.data.errors import Refused
from suture.data.workspace import COLLECTION, Workspace, write_atomically

commands = typer.Typer()
group = typer.Typer(help="Splits of a collection.", no_args_is_help=True)
commands.add_typer(group, name="split")


@group.callback()
def about() -> None:
    """Splits of a collection."""


@group.command()
def draw(
    collection: Annotated[str, typer.Argument(help="Collection to draw from.")],
    per_label: Annotated[int, typer.Option("--per-label", help="Studies of each label.", min=1)],
    labels: Annotated[
        list[str], typer.Option("--labels", help="Label columns, separated by commas. Repeatable.")
    ],
    seed: Annotated[int, typer.Option(help="Random seed of the draw.", min=0)] = 0,
    name: Annotated[str, typer.Option(help="Name of the split.")] = "test",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV to write. Default: <collection> split.csv.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Overwrite the file.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Draw equally many studies of each label, as 5x200 sets do, into a file for import --split-file."""
    from suture.data.collection import GROUP, STUDY_ID
    from suture.data.collections import split_draw, storage

    loaded = storage.load_without_texts(Workspace(home).record(COLLECTION, collection))
    wanted = [label.strip() for part in labels for label in part.split(",") if label.strip()]
    drawn = split_draw.draw(loaded, wanted, per_label=per_label, seed=seed, name=name)
    path = output or Path(f"{collection} split.csv")
    if path.exists() and not force:
        raise Refused("file_exists", f"{path.name!r} exists. Choose another name (--output), or add --force.")
    write_atomically(path, drawn.to_csv(index=False).encode())
    inside = loaded.table[STUDY_ID].isin(drawn["study_id"])
    shared = len({*loaded.table[GROUP][inside]} & {*loaded.table[GROUP][~inside]})
    counts = drawn["label"].value_counts(sort=False).to_dict()
    if as_json:
        print(json.dumps({"file": str(path), "split": name, "labels": counts, "shared_groups": shared}))
        return
    err.print(f"{len(drawn):,} studies of {len(counts):,} labels in {str(path)!r}.")
    if shared:
        warning = f"Warning: {shared:,} patients or cases also have studies outside of the drawn split."
        err.print(warning, style="yellow")
    err.print(f'Next: suture import SOURCE --name NAME --split-file "{path}"')
