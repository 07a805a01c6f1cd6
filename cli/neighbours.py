"""Find the studies of one or two sets that are nearest to new ones."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from suture.cli.common import AsJson, Home, bar, err, out, print_report
from suture.data.errors import Refused
from suture.data.workspace import COLLECTION, SET, Record, Workspace, check_name

if TYPE_CHECKING:
    from suture.data.intake import Options
    from suture.data.intake.report import IntakeReport
    from suture.workflows.neighbours.uploads import UploadedFiles

commands = typer.Typer()


@commands.command()
def neighbours(
    files: Annotated[
        list[Path], typer.Argument(help="Images, .txt reports and tables; or one folder or ZIP.")
    ],
    reference: Annotated[str, typer.Option("--in", metavar="SET", help="Embedding set to search.")],
    b: Annotated[str, typer.Option("--b", metavar="SET", help="Second set to search.")] = "",
    k: Annotated[int, typer.Option(help="Neighbours per direction.", min=1, max=1000)] = 10,
    split: Annotated[str, typer.Option(help="Split, or all.")] = "all",
    report: Annotated[str, typer.Option(help="Report text of the image, if one image is given.")] = "",
    index: Annotated[str, typer.Option(help="Search index: auto, exact, hnsw or ivf.")] = "auto",
    frame: Annotated[str, typer.Option(help="DICOM: frame number from 0, or middle.")] = "middle",
    window: Annotated[
        str, typer.Option(help="DICOM: file, a preset such as lung, or centre,width as 40,400.")
    ] = "file",
    keep: Annotated[
        str, typer.Option(metavar="NAME", help="Keep your studies as a collection of this name.")
    ] = "",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Find the nearest studies in a set, by image and by report, and how unusual yours are.

    Your studies are deleted afterwards unless --keep names a collection for them.
    """
    from suture.data.dicom.view import DicomView
    from suture.data.intake import Options
    from suture.workflows.neighbours import indexes, neighbour_search, tables, uploads

    workspace = Workspace(home)
    indexes.check_kind(index)
    if keep:
        check_name(keep)
        workspace.refuse_taken(COLLECTION, keep)
    makers = {
        name: uploads.checkpoint_of(workspace, workspace.record(SET, name)) for name in (reference, b) if name
    }
    options = Options(dicom=DicomView.parse(frame, window))
    with _uploaded(workspace, _source(files, report), options, keep, as_json) as (visit, came):
        _embed(workspace, visit, [m.name for m in makers.values()], as_json)
        held = {
            letter: neighbour_search.search(workspace, visit, name, split=split, k=k, index=index)
            for letter, name in zip("AB", makers, strict=False)
        }
        sets, studies = tables.about(held), tables.studies(held)
    if as_json:
        about = {"k": k, "split": split, "index": index, "sets": sets}
        print(json.dumps({"intake": came.to_json(), **about, "studies": studies}))
    else:
        _print(studies, sets)


def _source(files: list[Path], report: str) -> Path | UploadedFiles:
    """The path of one folder or ZIP, or the contents of the files."""
    if len(files) == 1 and not report and (files[0].is_dir() or files[0].suffix.lower() == ".zip"):
        return files[0]
    if report and (len(files) != 1 or files[0].is_dir()):
        raise Refused(
            "report_of_many", f"--report needs exactly one image, got {len(files)} files or a folder."
        )
    try:
        found = [(path.name, path.read_bytes()) for path in files]
    except OSError as error:
        said = f"{error.filename!r} cannot be read ({error.strerror}). Give files, or one folder or ZIP."
        raise Refused("source_missing", said) from error
    return [*found, (f"{files[0].stem}.txt", report.encode())] if report else found


@contextmanager
def _uploaded(
    workspace: Workspace, source: Path | UploadedFiles, options: Options, keep: str, as_json: bool
) -> Iterator[tuple[Record, IntakeReport]]:
    """Import the studies; afterwards keep or delete them, unless they had been uploaded before."""
    from suture.workflows.neighbours import uploads

    signal.signal(signal.SIGTERM, _interrupted)  # so that the uploads are deleted then, too
    before = {visit.name for visit in uploads.list_uploads(workspace)}
    with bar(as_json) as shown:
        task = shown.add_task("Reading", total=None)
        came = uploads.add_upload(
            workspace,
            source,
            options=options,
            progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    if came.report.refused or not as_json:
        print_report(came.report, as_json)
    visit = uploads.home(workspace).record(COLLECTION, came.visit)
    try:
        yield visit, came.report
        if keep:
            uploads.save_as_collection(workspace, visit, keep)
    finally:
        if visit.name not in before and uploads.home(workspace).has(COLLECTION, visit.name):
            uploads.delete_upload(workspace, visit)


def _interrupted(signal_number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _embed(workspace: Workspace, visit: Record, checkpoints: list[str], quiet: bool) -> None:
    from suture.workflows.neighbours import uploads

    with bar(quiet) as shown:
        task = shown.add_task("Embedding", total=100)
        uploads.embed(
            workspace,
            visit.name,
            checkpoints,
            progress=lambda share, said: shown.update(task, completed=round(100 * share), description=said),
        )
        shown.update(task, completed=100)


def _print(studies: list[dict[str, Any]], sets: dict[str, dict[str, Any]]) -> None:
    """One table per study: the neighbours in A and B side by side, in each direction."""
    for letter, about in sets.items():
        err.print(f"{letter} = {about['set']}, {about['studies']:,} studies" + _recall(about["recall"]))
        err.print(f"{letter}: {_index_note(about['index'])}", style="dim")
    for study in studies:
        answers = study["answers"]
        out.print(_table(study["study"], answers))
        for letter, answer in answers.items():
            for modality, share in answer["outside"].items():
                err.print(f"{letter}: by {modality} further out than {share:.1%} of the collection")
            for label in answer["agreement"]:
                chance = f"{label['of_all']:.0%} of all studies"
                err.print(f"{letter}: {label['direction']} {label['label']} = {label['value']}, "
                          f"{label['count']} of {label['known']} ({chance})", style="dim")  # fmt: skip


def _index_note(index: dict[str, str]) -> str:
    from suture.workflows.neighbours import indexes

    kinds = ", ".join(f"{modality} {indexes.NAMES[kind]}" for modality, kind in index.items())
    return f"index: {kinds}. By default {indexes.RULE}."


def _recall(recall: dict[str, float]) -> str:
    said = ", ".join(f"{direction} {share:.1%}" for direction, share in recall.items())
    return f"; approximate: recall@10 {said}" if said else ""


def _table(study: str, answers: dict[str, Any]) -> Table:
    table = Table(title=study)
    for column in ("direction", "rank", *(x for letter in answers for x in (letter, "cosine"))):
        table.add_column(column)
    directions = dict.fromkeys(d for answer in answers.values() for d in answer["neighbours"])
    for direction in directions:
        lists = [answer["neighbours"].get(direction, []) for answer in answers.values()]
        for rank in range(max(map(len, lists))):
            cells = [c for found in lists for c in _cells(found, rank)]
            table.add_row(direction, str(rank + 1), *cells, end_section=rank + 1 == max(map(len, lists)))
    return table


def _cells(found: list[dict[str, Any]], rank: int) -> tuple[str, str]:
    if rank >= len(found):
        return "", ""
    entry = found[rank]
    other = entry.get("rank_elsewhere")
    return entry["study"], f"{entry['cosine']:.3f}" + (f" (#{other:,} in the other)" if other else "")
