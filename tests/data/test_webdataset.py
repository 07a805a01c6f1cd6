"""WebDataset: samples of a .tar are studies, and an archive that lies gets an answer of its own."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from suture.data.errors import Refused
from suture.data.files.sources import FolderFiles, MemoryFiles
from suture.data.intake import examine, intake
from suture.data.readers import read
from suture.data.workspace import Workspace
from tests.data.reader_files import picture, pictures, write

TEXTS = ("The lungs are clear.", "A small effusion.", "The heart is large.", "A nodule of 8 mm.")


def packed(contents: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def samples(first: int = 0, n: int = 4) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for i in range(first, first + n):
        record = {"patient_id": f"p{i // 2}", "meta": {"age": 60 + i}}
        found |= {f"{i:06d}.png": picture(10 * i + 10), f"{i:06d}.txt": TEXTS[i % 4].encode()}
        found |= {f"{i:06d}.json": json.dumps(record).encode(), f"{i:06d}.cls": str(i % 2).encode()}
    return found


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_samples_are_studies_with_texts_labels_and_patients(tmp_path: Path, form: int) -> None:
    long = {f"{'deep/' * 30}{name}": content for name, content in samples(4, 2).items()}
    contents = samples() | (long if form != tarfile.USTAR_FORMAT else {})
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "data-000.tar").write_bytes(packed(contents, form))
    described = examine(tmp_path / "s")
    roles = described.roles
    assert (described.layout, roles.study_id, roles.images, roles.texts) == (
        "webdataset",
        "key",
        ("image",),
        ("text",),
    )
    assert (roles.group, roles.labels) == ("patient_id", ("cls",)[: len(roles.labels)])
    for source in (tmp_path / "s", tmp_path / "s" / "data-000.tar"):
        report = intake(Workspace(tmp_path / "w"), source, f"c{source.suffix}")
        assert (report.taken, report.skipped) == (len(contents) // 4, {})


def test_names_of_archives_are_splits_and_equal_keys_stay_apart() -> None:
    raw = read(MemoryFiles({"train-0.tar": packed(samples()), "test-0.tar": packed(samples())}))
    assert raw.roles.split == "split"
    assert raw.rows["split"].tolist() == ["test"] * 4 + ["train"] * 4
    assert raw.rows["key"].is_unique
    assert raw.files.read(raw.rows["image"][0]) == picture(10)


def test_an_archive_of_images_beside_a_table_is_not_a_dataset(tmp_path: Path) -> None:
    table = "image,report\n" + "".join(f"{i}.png,{t}\n" for i, t in enumerate(TEXTS))
    write(tmp_path, {"t.csv": table, "more.tar": packed({"x.png": picture()}), **pictures("0.png", "1.png")})
    assert read(FolderFiles(tmp_path)).layout == "table"


def test_members_that_find_no_place_are_named() -> None:
    contents = samples(n=1) | {
        "000000.jpg": picture(9, "JPEG"),
        "000000.mp4": b"x",
        "000000.left.png": picture(7),
    }
    raw = read(MemoryFiles({"d.tar": packed(contents)}))
    assert {item: code for item, code, _ in raw.problems} == {
        "d.tar/000000.jpg": "image_no_place",
        "d.tar/000000.mp4": "file_type_not_allowed",
    }
    assert {*raw.roles.images} == {"image", "left"}


def special(name: str, kind: bytes) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member.tobuf()


def test_paths_that_lead_out_and_links_are_skipped_each_with_its_reason() -> None:
    odd = packed(
        {"../out.png": picture(), "/abs.png": picture(), "C:/x.png": picture(), "C:x.png": picture()}
    )
    links = special("000009.png", tarfile.SYMTYPE) + special("dev.png", tarfile.CHRTYPE)
    raw = read(MemoryFiles({"d.tar": links + odd + packed(samples())}))
    codes = {item: code for item, code, _ in raw.problems}
    assert codes == {
        "d.tar/000009.png": "tar_special_file",
        "d.tar/dev.png": "tar_special_file",
        "d.tar/../out.png": "tar_path_escape",
        "d.tar//abs.png": "tar_path_escape",
        "d.tar/C:/x.png": "tar_path_escape",
        "d.tar/C:x.png": "member_name_invalid",
    }
    assert len(raw.rows) == 4


def test_a_zero_byte_in_a_long_name_is_named_and_the_others_are_read() -> None:
    member = tarfile.TarInfo("odd.png")
    member.pax_headers = {"path": "odd\0.png"}
    raw = read(MemoryFiles({"d.tar": member.tobuf(tarfile.PAX_FORMAT) + packed(samples())}))
    assert [(item, code) for item, code, _ in raw.problems] == [("d.tar/odd\\x00.png", "member_name_invalid")]
    assert len(raw.rows) == 4


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    (tmp_path / "d.tar").write_bytes(packed(samples(n=5)))
    told: list[tuple[int, int]] = []
    report = intake(
        Workspace(tmp_path / "w"),
        tmp_path / "d.tar",
        "c",
        progress=lambda done, total: told.append((done, total)),
    )
    assert report.taken == 5
    assert told[-1] == (5, 5)


def resized(content: bytes, at: int, size: bytes) -> bytes:
    """The archive with another size in the header at `at`, and a checksum that fits it."""
    header = bytearray(content[at : at + 512])
    header[124:136] = size.ljust(12, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return content[:at] + bytes(header) + content[at + 512 :]


@pytest.mark.parametrize("size", [b"77777777777", b"\xff" * 12, b"\x80" + b"\xff" * 11, b"-1", b"9z"])
def test_a_size_that_lies_ends_the_archive_there(size: bytes) -> None:
    content = packed(samples(n=2))
    whole = packed(samples(n=1))
    second = len(whole.rstrip(b"\0")) + 511 & ~511
    raw = read(MemoryFiles({"d.tar": resized(content, second, size)}))
    assert [(item, code) for item, code, _ in raw.problems] == [("d.tar", "tar_corrupt")]
    assert len(raw.rows) == 1
    with pytest.raises(Refused) as caught:
        read(MemoryFiles({"d.tar": resized(content, 0, size)}), layout="webdataset", table="d.tar")
    assert caught.value.code == "tar_corrupt"


def test_a_truncated_archive_gives_what_is_whole() -> None:
    content = packed(samples())
    raw = read(MemoryFiles({"d.tar": content[: len(content) // 2]}))
    assert 0 < len(raw.rows) < 4
    assert [code for _, code, _ in raw.problems] == ["tar_corrupt"]
