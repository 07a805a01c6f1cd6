"""A table that names far more images than are here: every row is counted, none costs a frame of its own."""

from __future__ import annotations

from pathlib import Path

from suture.data.files.sources import FolderFiles
from suture.data.intake import Options, intake
from suture.data.intake.reading import MANY, read_source, studies
from suture.data.workspace import Workspace
from tests.data.reader_files import picture, write


def test_rows_without_their_image_come_many_to_a_frame_and_are_all_counted(tmp_path: Path) -> None:
    n = 3 * MANY
    lines = [f"s{i},{i}.png,Report {i}." for i in range(n)]
    here = {f"{i}.png": picture(10 * k + 10) for k, i in enumerate((0, 1500, n - 1))}
    table = "\n".join(["id,image,report", *lines, "", "bad\x07,x.png,Clear."])
    source = write(tmp_path / "s", {"t.csv": table, **here})
    frames = [header for header, _ in studies(read_source(FolderFiles(source), Options()), Options())]
    assert len(frames) < 12
    report = intake(Workspace(tmp_path / "w"), source, "c")
    assert (report.found, report.taken) == (n + 1, 3)
    assert report.skipped == {"image_missing": n - 3, "id_invalid": 1}
    assert report.problems[0][:2] == ("s1", "image_missing")
