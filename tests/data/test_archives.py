"""ZIP archives that strangers made: refused, or read without what is not to be read."""

from __future__ import annotations

import bz2
import io
import os
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.sources import FolderFiles, ZipFiles

NAME, TEXT = "a.png", b"some bytes of a picture" * 10
PACKED = [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def of_kind(mode: int, name: str = NAME) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    return member


def directory(content: bytes, at: int, form: str, value: int) -> bytes:
    """A field of the first entry of the directory, overwritten. 8: flags, 10: method, 16: CRC, 24: size."""
    changed = bytearray(content)
    struct.pack_into(form, changed, content.index(b"PK\x01\x02") + at, value)
    return bytes(changed)


@pytest.mark.parametrize(
    "name",
    [
        "../x.png",
        "a/../../x.png",
        "/x.png",
        "//host/x.png",
        "..\\x.png",
        "a\\x.png",
        "C:/x.png",
        "a/..",
    ],
)
def test_a_name_that_leaves_the_archive_refuses_it(name: str) -> None:
    with pytest.raises(Refused) as caught:
        ZipFiles(zipped((NAME, TEXT), (name, TEXT)))
    assert caught.value.code == "zip_path_escape"


ODD_NAMES = {
    "aX/b.png": (b"a\x00/b.png", "zero byte"),
    "aX.png/": (b"a/\x00.png", "zero byte"),
    "CX.png": (b"C:.png", "letter and a colon"),
    "XXXXCOM1": (b"\\\\.\\COM1", "device"),
}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_skips_its_file_alone_and_the_reason_is_the_true_one(name: str) -> None:
    plain = name.replace("/", "_")
    odd, why = ODD_NAMES[name]
    files = ZipFiles(zipped((NAME, TEXT), (plain, TEXT)).replace(plain.encode(), odd))
    assert files.names() == {NAME}
    ((item, code, message),) = files.issues.problems()
    assert code == "member_name_invalid"
    assert why in message
    assert item == odd.decode().replace("\x00", "\\x00")
    assert files.read(NAME) == TEXT


@pytest.mark.parametrize(("name", "fault"), [("../x.png", "leads out"), ("a\\x.png", "has a backslash")])
def test_the_message_names_the_fault_that_the_path_has(name: str, fault: str) -> None:
    with pytest.raises(Refused) as caught:
        ZipFiles(zipped((NAME, TEXT), (name, TEXT)))
    assert fault in caught.value.message
    assert repr(name) in caught.value.message


BROKEN: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty": ("empty_file", lambda: b""),
    "another kind": ("not_a_zip", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(60)),
    "cut off": ("zip_corrupt", lambda: zipped((NAME, TEXT))[:-30]),
    "a picture before it": ("zip_corrupt", lambda: b"\xff\xd8\xff" + zipped((NAME, TEXT))),
    "two in a row": ("zip_corrupt", lambda: zipped((NAME, TEXT)) + zipped((NAME, TEXT))),
    "a link": ("zip_symlink", lambda: zipped((of_kind(stat.S_IFLNK | 0o777), b"/etc/passwd"))),
    "a link to a folder": (
        "zip_symlink",
        lambda: zipped((of_kind(stat.S_IFLNK, "d"), b"/tmp"), ("d/x", b"")),
    ),
    "a password": ("zip_encrypted", lambda: directory(zipped((NAME, TEXT)), 8, "<H", 1)),
    "a ratio": ("zip_too_large", lambda: zipped((NAME, bytes(20_000_000)))),
    "many small ratios": (
        "zip_too_large",
        lambda: zipped(*((f"{i}.png", bytes(1_000_000)) for i in range(20))),
    ),
    "a declared size": ("zip_too_large", lambda: directory(zipped((NAME, TEXT)), 24, "<I", 2**32 - 2)),
    "an overlap": ("zip_corrupt", lambda: overlapping()),
}


def overlapping() -> bytes:
    """Two entries of the directory, one body."""
    content = zipped((NAME, TEXT), ("b.png", TEXT))
    second = content.rindex(b"PK\x01\x02")
    return content[: second + 42] + bytes(4) + content[second + 46 :]


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_archives_are_refused(kind: str) -> None:
    code, made = BROKEN[kind]
    with pytest.raises(Refused) as caught:
        ZipFiles(made())
    assert caught.value.code == code, caught.value.message


@pytest.mark.parametrize("method", PACKED)
def test_a_member_that_outgrows_its_declared_size_is_stopped(method: int) -> None:
    content = zipped((NAME, bytes(30_000_000)), method=method)
    files = ZipFiles(directory(content, 24, "<I", 70_000))
    with pytest.raises(Refused) as caught:
        files.read(NAME)
    assert caught.value.code == "zip_too_large"


@pytest.mark.parametrize("method", PACKED)
def test_every_method_gives_what_was_packed_and_knows_it(method: int) -> None:
    content = os.urandom(300_000) + bytes(300_000)
    packed = zipped((NAME, content), ("b.png", b""), method=method)
    assert [ZipFiles(packed).read(name) for name in (NAME, "b.png")] == [content, b""]
    with pytest.raises(Skipped, match="cannot be decompressed"):
        ZipFiles(directory(packed, 16, "<I", 1)).read(NAME)


def test_no_method_unpacks_more_than_is_counted() -> None:
    """Zeros in bzip2, of which a few bytes become many megabytes in one step."""
    content = zipped((NAME, bytes(200_000_000)), method=zipfile.ZIP_BZIP2)
    files = ZipFiles(directory(content, 24, "<I", 70_000))
    tracemalloc.start()
    with pytest.raises(Refused, match="grows beyond"):
        files.read(NAME)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 50_000_000


def test_a_dictionary_beyond_any_member_leaves_the_member() -> None:
    packed = bytearray(zipped((NAME, TEXT), ("b.png", TEXT), method=zipfile.ZIP_LZMA))
    struct.pack_into("<I", packed, 30 + len(NAME) + 5, 2**32 - 1)
    files = ZipFiles(bytes(packed))
    with pytest.raises(Skipped) as caught:
        files.read(NAME)
    assert caught.value.code == "member_corrupt"
    assert files.read("b.png") == TEXT


def test_an_archive_of_nothing_has_no_names() -> None:
    assert not ZipFiles(zipped()).names()


@pytest.mark.parametrize(("at", "value"), [(16, 1), (24, 100), (24, 300)], ids=["CRC", "less", "more"])
def test_a_damaged_member_is_left_and_the_others_are_read(at: int, value: int) -> None:
    files = ZipFiles(directory(zipped((NAME, TEXT), ("b.png", TEXT)), at, "<I", value))
    with pytest.raises(Skipped) as caught:
        files.read(NAME)
    assert caught.value.code == "member_corrupt"
    assert files.read("b.png") == TEXT


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("zip_special_file", lambda: zipped((of_kind(stat.S_IFIFO), b""), ("b.png", TEXT))),
        ("zip_special_file", lambda: zipped((of_kind(stat.S_IFCHR), b""), ("b.png", TEXT))),
        ("nested_archive", lambda: zipped(("x.tar.gz", TEXT), ("b.png", TEXT))),
        ("nested_archive", lambda: zipped(("X.ZIP", TEXT), ("b.png", TEXT))),
        ("zip_encrypted", lambda: directory(zipped((NAME, TEXT), ("b.png", TEXT)), 8, "<H", 1)),
        (
            "member_unsupported_compression",
            lambda: directory(zipped((NAME, TEXT), ("b.png", TEXT)), 10, "<H", 9),
        ),
    ],
)
def test_what_is_no_plain_file_is_left_by_name(code: str, content: Callable[[], bytes]) -> None:
    files = ZipFiles(content())
    assert files.names() == {"b.png"}
    assert [problem for _, problem, _ in files.issues.problems()] == [code]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_one_name_the_first_is_read_and_the_other_told() -> None:
    files = ZipFiles(zipped((NAME, TEXT), (NAME, b"another"), ("A.PNG", b"third")))
    assert files.names() == {NAME, "A.PNG"}
    assert files.read(NAME) == TEXT
    assert [code for _, code, _ in files.issues.problems()] == ["duplicate_member"]


def test_what_systems_leave_behind_counts_once() -> None:
    names = ("__MACOSX/._a.png", "s/.DS_Store", "s/Thumbs.db", "s/desktop.ini", "s/._a.png", "s/a.png")
    files = ZipFiles(zipped(*((name, TEXT) for name in names)))
    assert files.names() == {"s/a.png"}
    assert files.issues.warnings() == {"ignored_system_file": 5}


def test_a_japanese_name_of_an_old_archive_has_no_backslash() -> None:
    name = "ソ.png".encode("cp932").decode("cp437")  # its second byte is that of a backslash
    content = zipped(("XY.png", TEXT)).replace(b"XY.png", name.encode("cp437"))
    assert ZipFiles(content).names() == {"ソ.png"}


def test_long_and_deep_names_and_many_are_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["d/" * 2_000 + "x.png", "n" * 60_000 + ".png", "CON.png", "con./nul.png"]
    files = ZipFiles(zipped(*((name, TEXT) for name in names)))
    assert all(files.read(name) == TEXT for name in names)
    monkeypatch.setenv(limits.SETTING, '{"members": 3}')
    with pytest.raises(Refused, match="lists 4 files; the limit is 3"):
        ZipFiles(zipped(*((name, TEXT) for name in names)))


def test_a_bzip2_bomb_is_refused_from_what_it_declares() -> None:
    assert len(bz2.compress(bytes(20_000_000))) < 1_000
    with pytest.raises(Refused, match="declares 20,000,000 bytes"):
        ZipFiles(zipped((NAME, bytes(20_000_000)), method=zipfile.ZIP_BZIP2))


def test_a_folder_gives_its_files_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("beside")
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "a.txt").write_text("here")
    (inside / ".DS_Store").write_text("")
    (inside / "link.txt").symlink_to("../out.txt")
    os.mkfifo(inside / "pipe.txt")
    files = FolderFiles(inside)
    assert files.names() == {"a.txt", "link.txt"}
    assert [code for _, code, _ in files.issues.problems()] == ["special_file"]
    assert files.issues.warnings() == {"ignored_system_file": 1}
    with pytest.raises(Skipped, match="is a link out of the folder"):
        files.read("link.txt")


def test_a_name_that_is_no_text_is_left_and_the_others_are_read(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(bytes(tmp_path) + b"/bad\xff.png")).write_bytes(TEXT)
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    (tmp_path / NAME).write_bytes(TEXT)
    files = FolderFiles(tmp_path)
    assert files.names() == {NAME}
    assert [problem[:2] for problem in files.issues.problems()] == [("bad\\udcff.png", "name_invalid")]


def test_limits_are_settings_that_say_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ("rows of one table", "2,000,000") in limits.describe()
    for setting in ("[", "[1]", '{"rows": 1}', '{"table_rows": -1}', '{"table_rows": "many"}'):
        monkeypatch.setenv(limits.SETTING, setting)
        with pytest.raises(Refused, match="SUTURE_LIMITS should"):
            limits.current()
