"""One door for studies: every row is taken, skipped with a reason, or all is refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from suture.data import images
from suture.data.collections import storage
from suture.data.errors import Skipped
from suture.data.intake import Options, intake
from suture.data.readers.raw_studies import Roles
from suture.data.splits import split_by_group
from suture.data.workspace import COLLECTION, Workspace


def png(seed: int = 0, size: tuple[int, int] = (24, 32)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def folder_of(path: Path, rows: list[dict[str, str]], pictures: dict[str, bytes]) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        (path / name).write_bytes(content)
    pd.DataFrame(rows).to_csv(path / "studies.csv", index=False)
    return path


def rows(n: int) -> list[dict[str, str]]:
    return [
        {
            "study_id": f"{i:03d}",
            "image": f"{i}.png",
            "report": f"Report number {i} says that the lungs are clear.",
            "patient_id": f"p{i // 2}",
        }
        for i in range(n)
    ]


def test_counts_add_up_and_reasons_are_named(workspace: Workspace, tmp_path: Path) -> None:
    table = rows(8)
    table[1]["image"] = "absent.png"
    table[2]["report"] = ""
    table[3]["study_id"] = "000"
    table[4]["report"] = "x" * 60_000
    pictures = {f"{i}.png": png(i) for i in range(8)}
    pictures["5.png"] = pictures["5.png"][:60]
    pictures["6.png"] = b"<html>not a picture</html>"
    report = intake(workspace, folder_of(tmp_path / "s", table, pictures), "mine")
    assert report.refused is None
    assert (report.found, report.taken) == (9, 2)  # 8 rows, and the image that no row names
    assert report.adds_up
    assert report.skipped.keys() >= {
        "image_missing",
        "report_empty",
        "duplicate_id",
        "report_too_long",
        "not_an_image",
        "image_not_used",
    }
    assert len(report.problems) == 7
    kept = storage.load(workspace, "mine")
    assert kept.table["study_id"].tolist() == ["000", "007"]  # ids are text, never numbers
    assert kept.modalities[0].kind == "image"


def test_zip_and_folder_give_the_same_collection(workspace: Workspace, tmp_path: Path) -> None:
    source = folder_of(tmp_path / "s", rows(6), {f"{i}.png": png(i) for i in range(6)})
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in source.iterdir():
            archive.write(file, f"studies/{file.name}")
    assert intake(workspace, source, "folder").taken == 6
    assert intake(workspace, tmp_path / "s.zip", "zip").taken == 6
    a, b = (storage.load(workspace, n).table for n in ("folder", "zip"))
    pd.testing.assert_frame_equal(a, b)
    files = [workspace.record(COLLECTION, n).files["images.bin"] for n in ("folder", "zip")]
    assert files[0] == files[1]


def test_no_patient_is_on_two_sides_and_later_studies_move_nobody() -> None:
    groups = pd.Series([f"p{i // 3}" for i in range(3000)])
    sides = split_by_group(groups, seed=0)
    assert sides.groupby(groups).nunique().max() == 1
    shares = sides.value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.05)
    assert split_by_group(groups[:300], seed=0).tolist() == sides[:300].tolist()
    assert (split_by_group(groups, seed=1) != sides).any()


def test_given_splits_are_kept(workspace: Workspace, tmp_path: Path) -> None:
    table = [{**r, "split": "dev" if i % 2 else "train"} for i, r in enumerate(rows(6))]
    intake(workspace, folder_of(tmp_path / "s", table, {f"{i}.png": png(i) for i in range(6)}), "m")
    kept = storage.load(workspace, "m")
    assert kept.splits() == {"train": 3, "dev": 3}
    assert kept.notes["split"] == "as given"


def test_columns_can_be_corrected(workspace: Workspace, tmp_path: Path) -> None:
    table = [{"a": f"{i}", "b": f"{i}.png", "c": "some text here", "d": "other text"} for i in range(4)]
    source = folder_of(tmp_path / "s", table, {f"{i}.png": png(i) for i in range(4)})
    options = Options(roles=Roles(study_id="a", images=("b",), texts=("d",)))
    assert intake(workspace, source, "m", options=options).refused is None
    assert [m.name for m in storage.load(workspace, "m").modalities] == ["b", "d"]


REFUSED = {
    "source_missing": "nowhere",
    "file_type_not_allowed": "x.pkl",
    "empty_file": "empty.csv",
    "table_not_text": "binary.csv",
    "table_empty": "header.csv",
    "table_columns_ambiguous": "double.csv",
    "not_a_zip": "bad.zip",
}


@pytest.mark.parametrize("code", REFUSED)
def test_refusals_say_what_came_and_keep_nothing(workspace: Workspace, tmp_path: Path, code: str) -> None:
    (tmp_path / "x.pkl").write_bytes(b"\x80\x04.")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "binary.csv").write_bytes(b"\x00\xff" * 100)
    (tmp_path / "header.csv").write_text("image,report\n")
    (tmp_path / "double.csv").write_text("image,report,report\na,b,c\n")
    (tmp_path / "bad.zip").write_bytes(b"PK nothing")
    report = intake(workspace, tmp_path / REFUSED[code], "m")
    assert report.refused == code, report.message
    assert len(report.message) > 30
    assert not workspace.records(COLLECTION)
    assert list((workspace.home / "staging").iterdir()) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(
    workspace: Workspace, tmp_path: Path, encoding: str, separator: str
) -> None:
    table = [{**r, "report": "Große Läsion; rechts, oben"} for r in rows(3)]
    source = folder_of(tmp_path / "s", table, {f"{i}.png": png(i) for i in range(3)})
    pd.DataFrame(table).to_csv(source / "studies.csv", index=False, sep=separator, encoding=encoding)
    assert intake(workspace, source / "studies.csv", "m").taken == 3
    assert storage.load(workspace, "m").table["report"][0] == "Große Läsion; rechts, oben"


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def test_pictures_come_out_upright_grey_and_without_metadata() -> None:
    deep = Image.fromarray((np.arange(4096, dtype=np.uint16) * 16).reshape(64, 64))
    stretched = np.asarray(images.decode(encoded(deep), "deep"))
    assert (stretched.min(), stretched.max()) == (0, 255)
    alpha = Image.new("RGBA", (20, 20), (255, 255, 255, 0))
    assert np.asarray(images.decode(encoded(alpha), "alpha")).max() == 0  # laid on black
    grey = Image.new("RGB", (20, 20), (90, 90, 90))
    assert images.decode(encoded(grey), "grey").mode == "L"
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "Jane Doe"  # turned by 90 degrees, with a name
    turned = images.decode(encoded(Image.new("L", (40, 20), 7), "JPEG", exif=exif), "turned")
    assert turned.size == (20, 40)
    assert b"Jane" not in images.encode(turned)
    large = images.encode(Image.new("L", (4000, 2000), 9))
    assert Image.open(io.BytesIO(large)).size == (1024, 512)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "file_type_not_allowed"),
        (png()[:80], "image_truncated"),
        (png(size=(4, 4)), "image_too_small"),
        (encoded(Image.new("1", (25_000, 10))), "image_too_large"),
    ],
)
def test_bad_pictures_are_skipped_with_a_reason(content: bytes, code: str) -> None:
    with pytest.raises(Skipped) as caught:
        images.decode(content, "x")
    assert caught.value.code in (code, "image_corrupt") if "trunc" in code else caught.value.code == code


def test_rows_with_surplus_cells_are_never_shifted(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,report,findings\n1,heart large, lungs clear,none\n2,heart,lungs\n")
    report = intake(workspace, tmp_path / "x.csv", "m")
    assert (report.taken, report.skipped) == (1, {"row_malformed": 1})
    assert report.problems[0][0] == "x.csv, line 2"
    assert storage.load(workspace, "m").table["report"].tolist() == ["heart"]


def test_one_named_column_overrides_the_guess_and_keeps_the_rest(
    workspace: Workspace, tmp_path: Path
) -> None:
    table = [{**r, "odd name": f"g{i // 3}"} for i, r in enumerate(rows(6))]
    source = folder_of(tmp_path / "s", table, {f"{i}.png": png(i) for i in range(6)})
    options = Options(overrides=Roles(group="odd name"))
    assert intake(workspace, source, "m", options=options).refused is None
    kept = storage.load(workspace, "m")
    assert kept.table["group"].nunique() == 2
    assert {m.name for m in kept.modalities} >= {"image", "report"}
    wrong = intake(workspace, source, "n", options=Options(overrides=Roles(group="absent")))
    assert wrong.refused == "table_columns_missing"


def test_damaged_member_is_skipped(workspace: Workspace, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(4):
            archive.writestr(f"{i}.png", png(i))
        archive.writestr("studies.csv", pd.DataFrame(rows(4)).to_csv(index=False))
    content = bytearray(buffer.getvalue())
    start = content.index(b"1.png") + len("1.png") + 20
    content[start : start + 40] = b"\xff" * 40
    (tmp_path / "damaged.zip").write_bytes(content)
    report = intake(workspace, tmp_path / "damaged.zip", "m")
    assert report.refused is None, report.message
    assert (report.taken, report.skipped) == (3, {"member_corrupt": 1})


def test_what_may_name_a_person_is_counted_and_never_told(workspace: Workspace, tmp_path: Path) -> None:
    table = rows(4)
    table[1]["report"] += " Seen by Dr. Jane Planted on 03/04/2021, phone 555-123-4567."
    pictures = {f"{i}.png": png(i) for i in range(4)} | {"3.png": encoded(Image.new("L", (20, 20), 7))}
    report = intake(workspace, folder_of(tmp_path / "s", table, pictures), "mine")
    assert report.warnings == {"warn_phi_in_text": 1, "image_constant": 1}
    assert report.identifiers["date"] == 1
    assert "Planted" not in repr(report)
    assert storage.load(workspace, "mine").notes  # taken all the same: a person decides


@pytest.mark.parametrize("cell", ["Jane Planted.png", "/home/Planted/x.png"])
def test_a_picture_that_is_not_there_is_told_by_its_row(
    workspace: Workspace, tmp_path: Path, cell: str
) -> None:
    table = [*rows(3), {**rows(1)[0], "study_id": "S9", "image": cell}]
    report = intake(
        workspace, folder_of(tmp_path / "s", table, {f"{i}.png": png(i) for i in range(3)}), "mine"
    )
    assert [item for item, _, _ in report.problems] == ["S9"]
    assert "Planted" not in repr(report)


def test_rows_on_which_the_reader_dies_are_skipped_by_name(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 2 kills its reader, wherever it is read; the rest is read by others."""
    from suture.data import sandbox

    def run(task: str, request: dict[str, object], **how: sandbox.Budget) -> Iterator[sandbox.Frame]:
        for frame in sandbox.run(task, request, **how):
            if (frame.header["kind"], frame.header.get("row")) == ("taken", 2):
                raise sandbox.ParserDied("parser_died", "It crashed the reader.")
            yield frame

    monkeypatch.setattr("suture.data.intake.sandbox", SimpleNamespace(run=run))
    source = folder_of(tmp_path / "s", rows(6), {f"{i}.png": png(i) for i in range(6)})
    report = intake(workspace, source, "mine")
    assert (report.found, report.taken) == (6, 5)
    assert report.skipped == {"parser_died": 1}
    assert storage.load(workspace, "mine").table["study_id"].tolist() == ["000", "001", "003", "004", "005"]
