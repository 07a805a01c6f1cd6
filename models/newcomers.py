"""Studies that only visit: taken in, embedded, held against a reference, then kept or discarded.

They lie in a workspace of their own inside the main one, so that no list, choice or map elsewhere shows
them. A visit is one collection there, called after the hash of what was offered: the same again is found.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from data import embeddings, readers, store
from data.embeddings import EmbeddingSet, Vectors
from data.errors import Refused, UserError
from data.files import MemoryFiles, ZipFiles, open_files
from data.intake import Options, intake
from data.raw import Files, RawStudies
from data.readers import loose
from data.readers.names import pictures
from data.report import IntakeReport, refusal
from data.workspace import BUILT_IN, COLLECTION, SET, Record, Workspace
from models import jobs
from models.adapters import adapt_query
from models.results import maker

FOLDER = "visiting"
JOB = "newcomers"
Uploads = Sequence[tuple[str, bytes]]  # names as they came, contents


@dataclass(frozen=True)
class Admission:
    """`visit` is the name of the visit, "" when nothing was taken; the report says why."""

    visit: str
    report: IntakeReport


def home(workspace: Workspace) -> Workspace:
    """The visitors' own workspace."""
    return Workspace(workspace.home / FOLDER)


def visits(workspace: Workspace) -> list[Record]:
    """What was left here, newest first."""
    here = (workspace.home / FOLDER).is_dir()
    return home(workspace).records(COLLECTION)[::-1] if here else []


def admit(
    workspace: Workspace, source: Path | Uploads, *, progress: Callable[[int, int], None] | None = None
) -> Admission:
    """Take in studies of one modality or more; what is here already is not read again.

    source  a folder or ZIP on this machine; or uploads: pictures, .txt reports and tables, or one ZIP

    Never raises for bad input, like `data.intake.intake`.
    """
    guests = home(workspace)
    try:
        files, digest = _opened(source)
        name = f"visit-{digest[:16]}"
        if guests.has(COLLECTION, name):
            return Admission(name, taken(guests.record(COLLECTION, name)))
        raw = _understood(files)
    except UserError as error:
        return Admission("", refusal(error))
    report = intake(guests, raw, name, options=Options(unpaired=True), progress=progress)
    if report.refused:
        return Admission("", report)
    return Admission(name, taken(guests.record(COLLECTION, name)))


def taken(visit: Record) -> IntakeReport:
    """The intake report of a visit, also when it was made long ago."""
    n, kept = visit.meta["n"], visit.meta["report"]
    skipped = sum(kept["skipped"].values())
    message = f"{n:,} {'study' if n == 1 else 'studies'} taken" + (
        f", {skipped:,} skipped." if skipped else "."
    )
    return IntakeReport(n + skipped, n, kept["skipped"], None, message, tuple(map(tuple, kept["problems"])))


def _opened(source: Path | Uploads) -> tuple[Files, str]:
    """The files, and a hash that is the same for the same files."""
    if isinstance(source, Path):
        return _on_disk(source)
    if not source:
        raise Refused("no_usable_files", f"Nothing was uploaded. Expected {loose.EXPECTS}.")
    digests = sorted(f"{name}:{hashlib.sha256(content).hexdigest()}" for name, content in source)
    digest = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    if not any(name.lower().endswith(".zip") for name, _ in source):
        return MemoryFiles(_named_apart(source)), digest
    if len(source) > 1:
        raise Refused("zip_among_files", "A ZIP comes alone. Upload it by itself, or its files without it.")
    return ZipFiles(source[0][1]), digest


def _on_disk(source: Path) -> tuple[Files, str]:
    try:
        path = source.expanduser().resolve()
        usable = path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip")
    except (OSError, RuntimeError, ValueError):  # too long a name, a zero byte, ~ of nobody
        usable = False
    if not usable:
        raise Refused("source_missing", f"There is no folder or ZIP at {str(source)!r}. Check the path.")
    try:
        files = open_files(path)
        listed = [path] if path.is_file() else [path / name for name in sorted(files.names())]
        stamps = [f"{p}:{s.st_size}:{s.st_mtime_ns}" for p in listed for s in [p.lstat()]]
    except OSError as error:  # gone meanwhile, or not to be read by us
        raise Refused("source_unreadable", f"{str(source)!r} cannot be read: {error.strerror}.") from error
    return files, hashlib.sha256("\n".join(stamps).encode()).hexdigest()


def _named_apart(uploads: Uploads) -> dict[str, bytes]:
    """Contents by name; a name that occurs again gets a number."""
    contents: dict[str, bytes] = {}
    for name, content in uploads:
        path = PurePosixPath(name.replace("\\", "/"))
        if not path.name:
            path = PurePosixPath("nameless")
        free = path.name
        for number in range(2, len(uploads) + 2):
            if free not in contents:
                break
            free = f"{path.stem} ({number}){path.suffix}"
        contents[free] = content
    return contents


def _understood(files: Files) -> RawStudies:
    """In a layout that is known, else as they lie."""
    if loose.matches(files):
        return loose.read(files)
    try:
        raw = readers.read(files)
    except Refused:
        return loose.read(files)
    cells = {name for column in raw.roles.images for name in raw.rows[column]}
    told = cells | {item for item, _, _ in raw.problems}
    unnamed = [name for name in pictures(files.names()) if name not in told]
    reason = "Nothing in the table names this picture. Add a row for it, or leave the table out."
    return replace(raw, problems=(*raw.problems, *((name, "not_in_table", reason) for name in unnamed)))


def checkpoint_of(workspace: Workspace, record: Record) -> Record:
    """The checkpoint that made a set. `Refused` when there is none, or it is not here as it was."""
    made = record.meta.get("checkpoint")
    found = maker(workspace, record.meta)
    if found is not None and found.fingerprint == record.meta.get("checkpoint_hash"):
        return found
    if not made:
        raise Refused(
            "no_checkpoint",
            f"{record.name!r} came as vectors, without a checkpoint, so nothing new can be put beside them. "
            f"Choose another set, or embed a collection with a checkpoint in the Library.",
        )
    raise Refused(
        "checkpoint_gone",
        f"The checkpoint {made!r} that made {record.name!r} is not here any more. "
        f"{'Embed its collection again' if made in BUILT_IN else 'Add it again and embed the collection'} in "
        f"the Library.",
    )


def embedded(workspace: Workspace, visit: Record, checkpoint: Record) -> EmbeddingSet | None:
    """A visit's vectors by a checkpoint, before any adapter; None if they are still to be made."""
    name = _set_name(visit, checkpoint)
    return load(workspace, name) if home(workspace).has(SET, name) else None


def load(workspace: Workspace, name: str) -> EmbeddingSet:
    """A visit's vectors by their own name."""
    return embeddings.load(home(workspace), name)


def _set_name(visit: Record, checkpoint: Record) -> str:
    return f"{visit.name} @ {checkpoint.fingerprint}"


def active(workspace: Workspace, visit: Record) -> jobs.Job | None:
    """The job that embeds a visit at this moment."""
    known = jobs.jobs(workspace, active=True)
    return next((j for j in known if j.kind == JOB and j.args["visit"] == visit.name), None)


def embed(
    workspace: Workspace,
    visit_name: str,
    checkpoints: Sequence[str],
    *,
    progress: Callable[[float, str], None],
) -> str:
    """Embed a visit with one checkpoint after the other (in a worker); says what came of it."""
    from models import registry

    visit = home(workspace).record(COLLECTION, visit_name)
    for number, name in enumerate(checkpoints):
        weights = registry.ensure(workspace, name)
        if embedded(workspace, visit, weights) is None:

            def report(done: int, total: int, modality: str, number: int = number, name: str = name) -> None:
                share = (number + done / max(total, 1)) / len(checkpoints)
                progress(share, f"{name}: {done:,} of {total:,}, {modality}")

            progress(number / len(checkpoints), f"Loading {name}")
            _embed(workspace, visit, weights, report)
    return f"{taken(visit).taken:,} visiting studies embedded with {' and '.join(checkpoints)}."


def _embed(
    workspace: Workspace, visit: Record, weights: Record, report: Callable[[int, int, str], None]
) -> None:
    from models import registry
    from models.embed import BATCH, Work

    guests, name = home(workspace), _set_name(visit, weights)
    collection = store.load(guests, visit.name)
    checkpoint = registry.load(workspace, weights.name)
    parts = guests.home / "parts" / name
    parts.mkdir(exist_ok=True)
    pack = store.image_pack(guests, visit.name)
    vectors, truncated = Work(collection, pack, checkpoint, parts, BATCH).run(report)
    meta = {"visit": visit.name, "checkpoint": weights.name, "n": len(collection), "truncated": truncated}
    embeddings.save(guests, name, vectors, embeddings.identity_rows(collection), meta)
    shutil.rmtree(parts, ignore_errors=True)


def keep(workspace: Workspace, visit: Record, name: str) -> None:
    """Make a visit an ordinary collection; `Refused` if the name is taken or none."""
    with workspace.staging() as staged:
        for file in visit.files:
            shutil.copyfile(visit.path(file), staged / file)
        workspace.publish(COLLECTION, name, staged, visit.meta)
    discard(workspace, visit)


def discard(workspace: Workspace, visit: Record) -> None:
    """Stop its job, and delete every file and record of a visit."""
    job = active(workspace, visit)
    if job is not None:
        jobs.cancel(workspace, job.id)
    guests = home(workspace)
    for record in guests.records(SET):
        if record.meta["visit"] == visit.name:
            guests.remove(SET, record.name)
    for parts in (guests.home / "parts").glob(f"{visit.name} @ *"):
        shutil.rmtree(parts, ignore_errors=True)
    if guests.has(COLLECTION, visit.name):
        guests.remove(COLLECTION, visit.name)


def matched(newcomers: EmbeddingSet, reference: EmbeddingSet) -> dict[str, str]:
    """Modality of the reference -> that of the newcomers held against it: same name, else same kind."""
    found = {m: m for m in reference.modalities if m in newcomers.modalities}
    for m in reference.modalities:
        free = [
            x
            for x in newcomers.modalities
            if x not in found.values() and _kind(newcomers, x) == _kind(reference, m)
        ]
        if m not in found and free:
            found[m] = free[0]
    return {m: found[m] for m in reference.modalities if m in found}


def _kind(part: EmbeddingSet, modality: str) -> str:
    if f"key:{modality}" in part.rows:
        return "text"
    return "tabular" if modality == "tabular" else "image"


def in_space(workspace: Workspace, newcomers: EmbeddingSet, reference: EmbeddingSet) -> Vectors:
    """Newcomers where the reference has its own: by its modalities, mapped by its adapter if it has one."""
    pairs = matched(newcomers, reference).items()
    return {m: adapt_query(workspace, reference.name, m, np.asarray(newcomers.vectors[x])) for m, x in pairs}
