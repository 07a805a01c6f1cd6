"""Uploaded studies: imported, embedded, compared with a reference set, then saved or deleted.

They live in a separate workspace inside the main one, so that no list or map elsewhere shows them. Each
upload is one collection there (a "visit"), named after the hash of its files, so a repeat is recognised.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from suture import jobs
from suture.data.collections import append as appending
from suture.data.collections import storage
from suture.data.embedding_set import EmbeddingSet, Vectors, identity_rows
from suture.data.errors import Refused, UserError
from suture.data.files import uploads
from suture.data.files.names import full_path
from suture.data.intake import Options, intake
from suture.data.intake.report import IntakeReport, refusal
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.readers.layouts import unpaired
from suture.data.workspace import (
    BUILT_IN,
    COLLECTION,
    SET,
    CheckpointRecord,
    CollectionRecord,
    EmbeddingSetRecord,
    Workspace,
    embedding_sets,
)
from suture.workflows.adapters import adapt_query
from suture.workflows.evaluate import maker

FOLDER = "visiting"
UploadedFiles = Sequence[tuple[str, bytes]]  # (original name, content)


@dataclass(frozen=True)
class UploadResult:
    """`visit` is the name of the visit, "" if nothing was imported; the report says why."""

    visit: str
    report: IntakeReport


def home(workspace: Workspace) -> Workspace:
    """The workspace of uploaded studies."""
    return Workspace(workspace.home / FOLDER, workspace.owner)


def list_uploads(workspace: Workspace) -> list[CollectionRecord]:
    """The stored visits, newest first."""
    here = (workspace.home / FOLDER).is_dir()
    return home(workspace).records(COLLECTION)[::-1] if here else []


def add_upload(
    workspace: Workspace,
    source: Path | UploadedFiles,
    *,
    options: Options | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> UploadResult:
    """Import studies with one modality or more; files that are already stored are not read again.

    source  a folder or ZIP on this machine; or uploads: images, .txt reports and tables, or one ZIP

    Never raises for bad input, like `suture.data.intake.intake`.
    """
    guests = home(workspace)
    options = replace(options or Options(), unpaired=True, loose=True)
    try:
        name = f"visit-{_digest(source, options)[:16]}"
        if guests.has(COLLECTION, name):
            return UploadResult(name, intake_report(guests.record(COLLECTION, name)))
        with _on_disk(guests, source) as path:
            report = intake(guests, path, name, options=options, progress=progress)
    except UserError as error:
        return UploadResult("", refusal(error))
    if report.refused:
        return UploadResult("", report)
    return UploadResult(name, intake_report(guests.record(COLLECTION, name)))


def intake_report(visit: CollectionRecord) -> IntakeReport:
    """The intake report of a visit, rebuilt from its record."""
    n, kept = visit.meta.n, visit.meta.report
    skipped = sum(kept.skipped.values())
    message = f"{n:,} {'study' if n == 1 else 'studies'} taken" + (
        f", {skipped:,} skipped." if skipped else "."
    )
    return IntakeReport(
        n + skipped,
        n,
        dict(kept.skipped),
        None,
        message,
        tuple((item, code, words) for item, code, words in kept.problems),
        dict(kept.warnings or {}),
        dict(kept.identifiers or {}),
        {code: tuple(items) for code, items in (kept.warned or {}).items()},
    )


def _digest(source: Path | UploadedFiles, options: Options) -> str:
    """Hash of the files and the options they are read with; `Refused` if there are no files."""
    if isinstance(source, Path):
        parts = _stamps(source)
    else:
        parts = sorted(f"{name}:{hashlib.sha256(content).hexdigest()}" for name, content in source)
    if not parts:
        raise Refused("no_usable_files", f"Nothing was uploaded. Expected {unpaired.EXPECTS}.")
    read_so = json.dumps(options.to_json(), sort_keys=True)
    return hashlib.sha256("\n".join([read_so, *parts]).encode()).hexdigest()


def _stamps(source: Path) -> list[str]:
    """Name, size and time of each file of a folder or ZIP on this machine."""
    try:
        path = full_path(source).resolve()
        usable = path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip")
    except (OSError, RuntimeError, ValueError):  # name too long, null byte, ~ of an unknown user
        usable = False
    if not usable:
        raise Refused("source_missing", f"There is no folder or ZIP at {str(source)!r}. Check the path.")
    try:
        listed = sorted(path.rglob("*")) if path.is_dir() else [path]
        return [f"{p}:{s.st_size}:{s.st_mtime_ns}" for p in listed for s in [p.lstat()]] or [str(path)]
    except OSError as error:  # deleted meanwhile, or not readable
        raise Refused("source_unreadable", f"{str(source)!r} cannot be read: {error.strerror}.") from error


@contextmanager
def _on_disk(guests: Workspace, source: Path | UploadedFiles) -> Iterator[Path]:
    """Path of the files for the reading child process; copies of uploads are deleted afterwards."""
    if isinstance(source, Path):
        yield full_path(source)
        return
    spooled = uploads.spool(guests, source)
    try:
        yield spooled
    finally:
        uploads.discard(spooled)


def checkpoint_of(workspace: Workspace, record: EmbeddingSetRecord) -> CheckpointRecord:
    """The checkpoint that made a set. `Refused` if there is none, or it is gone or changed."""
    made = record.meta.checkpoint
    checkpoint = maker(workspace, record.meta)
    if checkpoint is not None and checkpoint.fingerprint == record.meta.checkpoint_hash:
        return checkpoint
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


def stored_embedding(
    workspace: Workspace, visit: CollectionRecord, checkpoint: CheckpointRecord
) -> EmbeddingSet | None:
    """A visit's vectors by a checkpoint, before any adapter; None if it is not embedded yet."""
    name = _set_name(visit, checkpoint)
    return load(workspace, name) if home(workspace).has(SET, name) else None


def load(workspace: Workspace, name: str) -> EmbeddingSet:
    """A visit's vectors by the name of their set."""
    return embedding_sets.load(home(workspace), name)


def _set_name(visit: CollectionRecord, checkpoint: CheckpointRecord) -> str:
    return f"{visit.name} @ {checkpoint.fingerprint}"


def embedding_job(workspace: Workspace, visit: CollectionRecord) -> jobs.Job | None:
    """The active job that embeds a visit, or None."""
    known = jobs.jobs(workspace, active=True)
    return next((j for j in known if j.args.get("visit") == visit.name), None)


def embed(
    workspace: Workspace,
    visit_name: str,
    checkpoints: Sequence[str],
    *,
    progress: Callable[[float, str], None],
) -> str:
    """Embed a visit with each checkpoint in turn (in a worker); returns a message for the user."""
    from suture.models.checkpoints import registry

    visit = home(workspace).record(COLLECTION, visit_name)
    for number, name in enumerate(checkpoints):
        weights = registry.ensure(workspace, name)
        if stored_embedding(workspace, visit, weights) is None:

            def report(done: int, total: int, modality: str, number: int = number, name: str = name) -> None:
                share = (number + done / max(total, 1)) / len(checkpoints)
                progress(share, f"{name}: {done:,} of {total:,}, {modality}")

            progress(number / len(checkpoints), f"Loading {name}")
            _embed(workspace, visit, weights, report)
    return f"{intake_report(visit).taken:,} visiting studies embedded with {' and '.join(checkpoints)}."


def _embed(
    workspace: Workspace,
    visit: CollectionRecord,
    weights: CheckpointRecord,
    report: Callable[[int, int, str], None],
) -> None:
    from suture.models.checkpoints import registry
    from suture.models.embedding.resumable_shards import EmbeddingTask, ShardEncoder, encode_locally

    guests, name = home(workspace), _set_name(visit, weights)
    collection = storage.load(guests, visit.name)
    checkpoint = registry.load(workspace, weights.name)
    parts = guests.home / "parts" / name
    guests.parts(parts, visit, weights)
    work = EmbeddingTask(collection, checkpoint.dim, checkpoint.encoders, parts)
    encode_locally(work, ShardEncoder(checkpoint, storage.image_pack(guests, visit.name)), report)
    vectors, truncated = work.assemble()
    meta = EmbeddingSetMetadata(
        visit=visit.name, checkpoint=weights.name, n=len(collection), truncated=truncated
    )
    embedding_sets.save(guests, name, vectors, identity_rows(collection), meta)
    shutil.rmtree(parts, ignore_errors=True)


def save_as_collection(workspace: Workspace, visit: CollectionRecord, name: str) -> None:
    """Turn a visit into an ordinary collection; `Refused` if the name is taken or invalid."""
    with workspace.staging() as staged:
        for file in visit.files:
            shutil.copyfile(visit.path(file), staged / file)
        workspace.publish(COLLECTION, name, staged, visit.meta)
    delete_upload(workspace, visit)


def append_to_collection(
    workspace: Workspace, visit: CollectionRecord, reference: CollectionRecord, name: str
) -> None:
    """Make a new collection of a reference's studies and, in a separate split, a visit's; deletes the visit.

    `Refused` if the name is taken or invalid. The reference is not changed.
    """
    appending.append(workspace, reference, visit, name)
    delete_upload(workspace, visit)


def delete_upload(workspace: Workspace, visit: CollectionRecord) -> None:
    """Cancel the visit's job, and delete all its files and records."""
    job = embedding_job(workspace, visit)
    if job is not None:
        jobs.cancel(workspace, job.id)
    guests = home(workspace)
    for record in guests.records(SET):
        if record.meta.visit == visit.name:
            guests.remove(SET, record.name)
    for parts in (guests.home / "parts").glob(f"{visit.name} @ *"):
        shutil.rmtree(parts, ignore_errors=True)
    if guests.has(COLLECTION, visit.name):
        guests.remove(COLLECTION, visit.name)


def match_modalities(newcomers: EmbeddingSet, reference: EmbeddingSet) -> dict[str, str]:
    """Reference modality -> matching modality of the uploaded studies: same name, else same kind."""
    matches = {m: m for m in reference.modalities if m in newcomers.modalities}
    for m in reference.modalities:
        free = [
            x
            for x in newcomers.modalities
            if x not in matches.values() and _kind(newcomers, x) == _kind(reference, m)
        ]
        if m not in matches and free:
            matches[m] = free[0]
    return {m: matches[m] for m in reference.modalities if m in matches}


def _kind(part: EmbeddingSet, modality: str) -> str:
    if f"key:{modality}" in part.rows:
        return "text"
    return "tabular" if modality == "tabular" else "image"


def in_space(workspace: Workspace, newcomers: EmbeddingSet, reference: EmbeddingSet) -> Vectors:
    """Uploaded vectors in the space of the reference: its modalities, mapped by its adapter if it has one."""
    pairs = match_modalities(newcomers, reference).items()
    return {m: adapt_query(workspace, reference.name, m, np.asarray(newcomers.vectors[x])) for m, x in pairs}
