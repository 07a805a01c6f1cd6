"""An intake that is cut off goes on where it stopped, to the same bytes; it holds little in memory."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suture.data.collections import storage
from suture.data.errors import Refused
from suture.data.files.sources import MemoryFiles
from suture.data.intake import Options, collection_builder, intake, reading, shards
from suture.data.intake.report import IntakeReport
from suture.data.intake.source_key import reading_budget, source_key
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.sandbox import Budget, Frame, ParserDied
from suture.data.workspace import COLLECTION, Workspace
from suture.data.workspace.maintenance import clean_up
from tests.data.test_intake import folder_of, png, rows

N, PART = 40, 8
SLOW = """
import sys, time
from pathlib import Path
from suture.data.intake import intake, shards, collection_builder
from suture.data.workspace import Workspace

collection_builder.SHARD_ROWS = {part}
published = shards.IntakeShards.publish

def publish(self):
    published(self)
    print(self.state.parts, flush=True)
    time.sleep(0.2)

shards.IntakeShards.publish = publish
intake(Workspace({home!r}), Path({source!r}), "mine")
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_builder, "SHARD_ROWS", PART)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Studies of which some are left, for reasons that show up in several parts."""
    table = rows(N)
    table[3]["image"] = "absent.png"
    table[17]["report"] = ""
    table[33]["study_id"] = table[2]["study_id"]  # found to be double long after the first was published
    table[35]["report"] = "Seen by J. Planted, jane@planted.org"
    return folder_of(tmp_path / "s", table, {f"{i}.png": png(i) for i in range(N)})


def kill(workspace: Workspace, source: Path, after: int) -> None:
    """An intake in a process of its own, which is killed once so many parts are published."""
    script = SLOW.format(part=PART, home=str(workspace.home), source=str(source))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == after:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL


def taken(workspace: Workspace, source: Path, name: str = "mine") -> tuple[IntakeReport, list[int]]:
    """The report, and how many rows were done whenever there was progress."""
    seen: list[int] = []
    report = intake(workspace, source, name, progress=lambda done, total: seen.append(done))
    return report, seen


def kept(workspace: Workspace) -> list[Path]:
    return [*(workspace.home / "parts").glob("import-*/")]


@pytest.mark.parametrize("after", [1, 4])
@pytest.mark.seconds
def test_killed_and_resumed_it_equals_an_undisturbed_one(
    workspace: Workspace, source: Path, after: int, tmp_path: Path
) -> None:
    other = Workspace(tmp_path / "other")
    wanted, _ = taken(other, source)
    kill(workspace, source, after)
    assert not workspace.records(COLLECTION)
    assert len(kept(workspace)) == 1
    report, seen = taken(workspace, source)
    assert report == wanted
    assert report.adds_up
    assert report.skipped == {
        "image_missing": 1,
        "image_not_used": 1,
        "report_empty": 1,
        "duplicate_id": 1,
    }
    assert report.warnings == {"warn_phi_in_text": 1}
    assert min(seen) >= after * PART, "it began anew"
    mine, undisturbed = workspace.record(COLLECTION, "mine"), other.record(COLLECTION, "mine")
    assert mine.files == undisturbed.files
    assert mine.meta == undisturbed.meta
    assert not workspace.verify(mine)
    assert not kept(workspace)


def test_each_picture_belongs_to_its_study_after_a_kill(workspace: Workspace, source: Path) -> None:
    kill(workspace, source, 2)
    taken(workspace, source)
    collection, pack = storage.load(workspace, "mine"), storage.image_pack(workspace, "mine")
    assert pack is not None
    assert len(pack) == len(collection) == N - 3
    for study_id, number in zip(collection.table["study_id"], collection.table["image"], strict=True):
        expected = np.random.default_rng(int(study_id)).integers(0, 255, (24, 32), dtype=np.uint8)
        assert np.array_equal(np.asarray(pack.decode(number)), expected)


def test_what_was_written_after_the_last_state_never_happened(workspace: Workspace, source: Path) -> None:
    kill(workspace, source, 2)
    (folder,) = kept(workspace)
    with (folder / "images.bin").open("ab") as pack:
        pack.write(b"half a picture")
    (folder / "000002.parquet").write_bytes(b"half a table")
    taken(workspace, source)
    record = workspace.record(COLLECTION, "mine")
    assert not workspace.verify(record)
    assert len(storage.load(workspace, "mine")) == N - 3


@pytest.mark.parametrize("change", ["file", "options"])
@pytest.mark.seconds
def test_another_source_or_reading_begins_anew(workspace: Workspace, source: Path, change: str) -> None:
    kill(workspace, source, 2)
    options = Options()
    if change == "file":
        (source / "0.png").write_bytes(png(99))
    else:
        options = Options(unpaired=True)
    seen: list[int] = []
    report = intake(workspace, source, "mine", options=options, progress=lambda done, _: seen.append(done))
    assert report.refused is None
    assert min(seen) == 0
    if change == "file":
        pack = storage.image_pack(workspace, "mine")
        assert pack is not None
        assert np.array_equal(np.asarray(pack.decode(0)), np.asarray(pixels(99)))


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (24, 32), dtype=np.uint8)


@pytest.mark.slow  # 19 s: two killed processes
def test_collecting_keeps_what_can_be_resumed_for_a_week(workspace: Workspace, source: Path) -> None:
    kill(workspace, source, 2)
    clean_up(workspace.home)
    Workspace(workspace.home)
    assert len(kept(workspace)) == 1
    _, seen = taken(workspace, source)
    assert min(seen) >= 2 * PART
    workspace.remove(COLLECTION, "mine")
    kill(workspace, source, 2)
    (folder,) = kept(workspace)
    for path in (*folder.iterdir(), folder):
        os.utime(path, (0, time.time() - 8 * 24 * 3600))
    clean_up(workspace.home)
    assert not kept(workspace)


def test_a_refused_intake_leaves_no_parts(workspace: Workspace, tmp_path: Path) -> None:
    table = [{**row, "image": "absent.png"} for row in rows(20)]
    report = intake(workspace, folder_of(tmp_path / "s", table, {"x.png": png()}), "mine")
    assert report.refused == "no_usable_files"
    assert report.found == 21  # and an image that no row names
    assert not kept(workspace)


@pytest.mark.seconds
def test_what_passes_costs_no_part(
    workspace: Workspace, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(workspace, source, 2)
    away = source.rename(tmp_path / "away")
    assert taken(workspace, source)[0].refused == "source_missing"
    away.rename(source)
    publish, full = shards.IntakeShards.publish, OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(
        shards.IntakeShards, "publish", lambda made: publish(made) if made.state.parts < 3 else stop(full)
    )
    report, seen = taken(workspace, source)
    assert report.refused == "disk_full"
    assert min(seen) >= 2 * PART
    monkeypatch.setattr(shards.IntakeShards, "publish", publish)
    report, seen = taken(workspace, source)
    assert report.refused is None
    assert min(seen) >= 3 * PART
    assert not kept(workspace)


def stop(error: OSError) -> None:
    raise error


def key(source: Path) -> str:
    return source_key(source, Options(), exclude=source / "home")


def test_the_key_of_a_source_changes_with_its_files_and_not_with_their_order(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_bytes(b"1")
    before = key(tmp_path)
    assert key(tmp_path) == before
    os.utime(tmp_path / "a" / "x.png", (0, 0))
    assert key(tmp_path) != before
    assert not key(tmp_path / "absent")


def test_the_key_of_a_table_changes_with_it_and_its_pictures_alone(tmp_path: Path) -> None:
    table, home = tmp_path / "t.csv", tmp_path / "home"
    table.write_text("id,image\n1,x.png\n")
    home.mkdir()
    told = [source_key(table, Options(), exclude=home)]
    for name in ("home/y.png", "other.csv", "notes.pdf", "x.png"):
        (tmp_path / name).write_bytes(b"1")
        told.append(source_key(table, Options(), exclude=home))
    assert told[:4] == [told[0]] * 4
    assert told[4] != told[0]
    table.write_text("id,image\n2,x.png\n")
    assert source_key(table, Options(), exclude=home) not in told


def test_a_large_source_is_allowed_more(tmp_path: Path) -> None:
    assert reading_budget(tmp_path / "absent") == Budget()
    table = tmp_path / "t.csv"
    with table.open("wb") as file:
        file.truncate(1_000_000_000)
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    assert reading_budget(table).memory == max(Budget().memory, min(half, 8 * 10**9 + 2**30))
    assert reading_budget(table).start == 1000
    assert reading_budget(tmp_path) == reading_budget(table)
    assert (reading_budget(table).cpu, reading_budget(table).wall) == (Budget().cpu, Budget().wall)


def frames(n: int, start: int = 0, *, text: int = 1000, order: tuple[int, ...] = ()) -> Iterator[Frame]:
    """What a reader of `n` studies of two long texts sends."""
    roles = Roles(study_id="id", texts=("a", "b"))
    raw = RawStudies("table", pd.DataFrame({"id": [], "a": [], "b": []}), roles, MemoryFiles({}))
    yield Frame({**reading.description_header(raw), "n": n})
    for row in order or range(start, n):
        study = {"study_id": f"{row:09d}", "group": f"p{row}", "split": "", "duplicate_group": ""}
        study |= {"a": f"{row}" + "x" * text, "b": f"{row}" + "y" * text}
        yield Frame(
            {"kind": "taken", "row": row, "study": study, "pictures": [], "warnings": [], "identifiers": {}}
        )


def peak(workspace: Workspace, n: int) -> int:
    """Most bytes that Python's objects and arrays had at once while `n` studies were taken."""
    with shards.open_shards(workspace, f"of {n}", "key") as made:
        tracemalloc.start()
        try:
            collection_builder.CollectionBuilder(f"of {n}", 0, made).take(workspace, frames(n), None)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.slow  # thousands of studies
def test_memory_does_not_grow_with_what_was_taken(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study of 2,000 characters may leave its id behind, and nothing else."""
    monkeypatch.setattr(collection_builder, "SHARD_ROWS", 64)
    peak(workspace, 128)  # what is imported on the way counts for nobody
    few, many = peak(workspace, 1024), peak(workspace, 5120)
    assert (many - few) / 4096 < 250
    table = storage.load(workspace, "of 5120").table
    assert table["study_id"].tolist() == [f"{i:09d}" for i in range(5120)]
    assert {*table["split"]} == {"train", "val", "test"}


@pytest.mark.seconds
def test_the_reader_holds_few_rows_as_objects(workspace: Workspace) -> None:
    def used(n: int) -> int:
        table = pd.DataFrame({"id": map(str, range(n)), "a": ["x" * 1000] * n, "b": ["y" * 1000] * n})
        raw = RawStudies("table", table, Roles(study_id="id", texts=("a", "b")), MemoryFiles({}))
        tracemalloc.start()
        try:
            assert sum(header["kind"] == "taken" for header, _ in reading.studies(raw, Options())) == n
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    used(64)
    assert (used(2048) - used(512)) / 1536 < 20


@pytest.mark.parametrize("order", [(0, 2), (0, 0), (1,), (0, 1)])
def test_a_reader_that_sends_rows_out_of_turn_is_not_believed(
    workspace: Workspace, order: tuple[int, ...]
) -> None:
    with pytest.raises(ParserDied) as refused, shards.open_shards(workspace, "mine", "key") as made:
        collection_builder.CollectionBuilder("mine", 0, made).take(workspace, frames(3, order=order), None)
    assert refused.value.code == "parser_failed"
    assert not kept(workspace)


def test_a_reader_that_sends_a_column_it_did_not_tell_of_is_not_believed(workspace: Workspace) -> None:
    first, *others = frames(2)
    others[1].header["study"]["odd"] = "cell"
    with (
        pytest.raises(ParserDied, match="other columns"),
        shards.open_shards(workspace, "mine", "key") as made,
    ):
        collection_builder.CollectionBuilder("mine", 0, made).take(workspace, iter([first, *others]), None)


def test_a_second_intake_of_the_name_finds_it_taken(workspace: Workspace, source: Path) -> None:
    taken(workspace, source)
    report, _ = taken(workspace, source)
    assert report.refused == "name_taken"
    with pytest.raises(Refused, match="already"), shards.open_shards(workspace, "mine", "key"):
        pass
