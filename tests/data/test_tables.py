"""Tables that strangers made: every row is read as it is written, or left out by its line."""

from __future__ import annotations

import gzip
import io
import json
import pickle
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suture.data import limits
from suture.data.errors import Refused
from suture.data.files.names import printable_id
from suture.data.files.read_issues import ReadIssues
from suture.data.files.sources import MemoryFiles
from suture.data.readers import read
from suture.data.readers.layouts import unpaired
from suture.data.tables.reading import read_table
from suture.data.workspace import check_name
from tests.conftest import beside
from tests.data.reader_files import picture

HEADER = "study_id,image,report\r\n"
ROWS = 'S0,a.png,Clear lungs.\r\nS1,b.png,"Opacity, right."\r\n'


def reports(content: bytes | str, name: str = "t.csv", issues: ReadIssues | None = None) -> list[str]:
    content = content.encode() if isinstance(content, str) else content
    return read_table(content, name, issues)["report"].tolist()


def left(content: bytes | str, name: str = "t.csv") -> tuple[list[str], list[str]]:
    """Reports that are read, and places of the rows that are not."""
    issues = ReadIssues()
    kept = reports(content, name, issues)
    assert {code for _, code, _ in issues.problems()} <= {"row_malformed"}
    return kept, [item.removeprefix(f"{name}, ") for item, _, _ in issues.problems()]


def refused(content: bytes | str, name: str = "t.csv") -> str:
    with pytest.raises(Refused) as caught:
        reports(content, name)
    return caught.value.code


def parquet(columns: dict[str, object], **options: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_ends_and_separators(encoding: str, end: str, separator: str) -> None:
    rows = [("study_id", "report"), ("007", "Größe 1,5 cm; é"), ("1e5", '"Zwei\nZeilen\x85 \u2028hier"')]
    rows = rows[: 2 if encoding == "cp1252" else 3]
    quoted = [f'{a}{separator}"{b}"' if b[0] != '"' else f"{a}{separator}{b}" for a, b in rows]
    table = read_table(end.join(["", *quoted, ""]).encode(encoding), "t.csv")
    assert table["study_id"].tolist() == [r[0] for r in rows[1:]]
    assert table["report"].tolist() == [r[1].strip('"') for r in rows[1:]]


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\r\na;report\r\n1;x, y\r\n",
        '"sep=\t"\n\na\treport\n1\tx, y\n',
        'a;"report, free, long";report\n1;u;x, y\n2;v;x, y\n',
        "a;b,c,d,e;report\n1;u;x, y\n2;v;x, y\n",
        'a,b|c,report\n1,u,"x, y"\n',
        "a;report\n   \n1;x, y\n;  \n",
    ],
)
def test_the_separator_is_that_which_fits_the_rows(content: str) -> None:
    assert {*reports(content)} == {"x, y"}


def test_lines_are_counted_from_the_first_of_the_file() -> None:
    assert left("\nsep=;\n\na;report\n1;x\n2\n") == (["x"], ["line 6"])


def test_another_encoding_is_told_and_not_taken_for_broken_quotes() -> None:
    issues = ReadIssues()
    reports((HEADER + ROWS).encode() + b"S9,c.png,Gr\xf6\xdfe \x81\r\n", issues=issues)
    assert [m for _, _, m in issues.problems() if "UTF-8" in m and "quote" not in m]


def test_ids_are_never_numbers_and_formulas_never_run() -> None:
    ids = ["007", "1e5", "NA", "true", "1.0", "2020-01-02", "=1+1", "../x", "<b>", "-1", "+1", "@x", "nan"]
    table = read_table(("study_id,report\n" + "".join(f"{i},x\n" for i in ids)).encode(), "t.csv")
    assert table["study_id"].tolist() == ids


def test_a_row_that_does_not_fit_is_left_by_its_line() -> None:
    kept, lines = left(HEADER + "S0,a.png,heart, lungs\r\n" + ROWS + "S4,b.png\r\n,,\r\nS5,c.png,x,,\r\n")
    assert kept == ["Clear lungs.", "Opacity, right.", "x"]
    assert lines == ["line 2", "line 5"]


@pytest.mark.parametrize(
    ("bad", "lines"),
    [
        ('S9,c.png,"never closed\r\nS8,d.png,swallowed\r\n', ["lines 4 to 5"]),
        ('S9,c.png,"He said "fine" today"\r\n', ["line 4"]),
        (
            'S9,c.png,"open\r\nS8,d.png,swallowed\r\nS7,e.png,"closed, here"\r\nS6,f.png,\r\n',
            ["lines 4 to 6"],
        ),
    ],
)
def test_quotes_that_do_not_close_lose_only_what_they_swallow(bad: str, lines: list[str]) -> None:
    kept, told = left(HEADER + ROWS + bad)
    assert kept[:2] == ["Clear lungs.", "Opacity, right."]
    assert told == lines
    assert not any("swallowed" in k for k in kept)


@pytest.mark.parametrize("bad", [b"a\x00b", b"caf\xe9 \xff\xfe", b"\x81\x8d", b"\xff"])
def test_bytes_that_nothing_explains_leave_one_row(bad: bytes) -> None:
    kept, lines = left((HEADER + ROWS).encode() + b"S9,c.png," + bad + b"\r\n")
    assert (kept, lines) == (["Clear lungs.", "Opacity, right."], ["line 4"])


def test_a_broken_line_of_utf8_does_not_make_the_rest_latin() -> None:
    kept, lines = left("study_id,report\nS0,Größe\nS1,Süd\n".encode() + b"S2,caf\xe9\n")
    assert (kept, lines) == (["Größe", "Süd"], ["line 4"])


def test_windows_text_is_read_and_said_so() -> None:
    issues = ReadIssues()
    assert reports((HEADER + "S0,a.png,Größe “x” þ\r\n").encode("cp1252"), issues=issues) == ["Größe “x” þ"]
    assert issues.warnings() == {"warn_encoding": 1}


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("empty_file", b""),
        ("table_empty", b"\r\n\n\r\r\n"),
        ("table_empty", HEADER.encode()),
        ("table_not_text", gzip.compress(HEADER.encode(), mtime=0)),
        ("table_not_text", pickle.dumps({"a": 1}, protocol=2)),
        ("table_empty", HEADER.encode("utf-16-le")),
        ("table_not_text", bytes(range(256)) * 9),
        ("table_encoding", b"\xff\xfea"),
        ("table_encoding", b"a,b\n1,\xff\xfe\xfd\xff\x81\n2,\xff\x8d\xfe\xff\n"),
        ("table_encoding", b"a,\xff\x81\xfe\x8d\xff\n1,2\n"),
        ("table_empty", b"a,b\n   \n,,\n"),
        ("table_empty", b"sep=;\n\n"),
        ("table_columns_ambiguous", b"study_id,report,report\n1,a,b\n"),
        ("table_corrupt", b"a,b\n1\n2\n"),
        ("table_corrupt", b'a,"b\n1,2\n'),
        ("table_too_large", b",".join(b"%d" % i for i in range(2_001)) + b"\n1\n"),
    ],
)
def test_what_is_no_table_is_refused(code: str, content: bytes) -> None:
    assert refused(content) == code


def test_rows_and_bytes_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.SETTING, '{"table_rows": 1}')
    assert refused(HEADER + ROWS) == "table_too_large"
    assert refused(parquet({"report": ["a", "b"]}), "t.parquet") == "table_too_large"
    monkeypatch.setenv(limits.SETTING, '{"table_bytes": 30}')
    assert refused(HEADER + ROWS) == "table_too_large"


def test_parquet_cells_are_strings_and_ids_stay_whole() -> None:
    table = pa.table(
        {"study_id": [7, None], "report": ["a", "b"], "score": [0.5, float("nan")], "raw": [b"x", b"y"]}
    )
    stream = io.BytesIO()
    pq.write_table(table, stream)
    read = read_table(stream.getvalue(), "t.parquet")
    assert read.to_dict("list") == {"study_id": ["7", ""], "report": ["a", "b"], "score": ["0.5", ""]}


def test_a_time_that_python_does_not_know_costs_no_row() -> None:
    far = pa.array([2**62, 0], pa.int64())
    columns = {"a": far.cast(pa.timestamp("us")), "b": far.cast(pa.duration("s"))}
    columns["c"] = pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32())
    columns["d"] = pa.array([0, 0], pa.timestamp("us", "No/Where"))
    rows = read_table(parquet(columns), "t.parquet")
    assert rows.iloc[0].tolist() == [str(2**62), str(2**62), str(2**31 - 1), "0"]


def test_too_many_columns_are_told_by_their_own_limit() -> None:
    with pytest.raises(Refused, match="2,000 columns"):
        read_table(parquet({f"c{i}": [1] for i in range(2_001)}), "t.parquet")


def test_a_parquet_bomb_is_refused_by_its_footer() -> None:
    content = parquet({"report": ["x" * 40_000_000]}, compression="gzip", use_dictionary=False)
    assert len(content) < 400_000
    assert refused(content, "t.parquet") == "table_too_large"


def test_many_copies_of_one_long_cell_are_counted_while_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = parquet({"report": ["x" * 100_000] * 3_000})
    assert len(content) < 200_000
    monkeypatch.setenv(limits.SETTING, '{"table_bytes": 150000000}')
    assert refused(content, "t.parquet") == "table_too_large"


@pytest.mark.parametrize("keep", [8, 20, 0.5, 0.95])
def test_parquet_that_is_cut_off_is_refused(keep: float) -> None:
    content = parquet({"report": [f"report {i}" for i in range(50)]})
    assert (
        refused(content[: int(keep * len(content)) if keep < 1 else int(keep)], "t.parquet")
        == "table_corrupt"
    )


def test_no_flipped_bit_of_parquet_does_more_than_change_a_cell() -> None:
    content = parquet({"report": [f"report {i}" for i in range(20)]})
    for at in np.random.default_rng(0).integers(4, len(content), 300):
        changed = bytearray(content)
        changed[at] ^= 1 << int(at) % 8
        with suppress(Refused):  # anything else is an error
            read_table(bytes(changed), "t.parquet")


def test_a_text_that_is_not_utf8_in_parquet_leaves_one_row() -> None:
    column = pa.array([b"good", b"caf\xe9"], pa.binary()).view(pa.string())
    assert left(parquet({"report": column}), "t.parquet") == (["good"], ["row 2"])


def test_messages_quote_nothing_of_the_rows() -> None:
    issues = ReadIssues()
    reports(HEADER + 'S0,a.png,"DOE^JANE\r\nS1,b.png,"x\r\n' + ROWS + "S2,DOE^JANE\r\n", issues=issues)
    assert issues.problems()
    assert "DOE" not in str(issues.problems())


def test_reports_alone_are_studies_and_empty_words_are_none() -> None:
    cells = ["nan", "None", " N/A ", "", "   ", "\u200b", "Clear.", "$$"]
    table = "study_id,image,report\n" + "".join(f"S{i},{i}.png,{c}\n" for i, c in enumerate(cells))
    raw = unpaired.without_missing_images(read(MemoryFiles({"t.csv": table.encode()})))
    assert raw.rows["report"].tolist() == ["Clear.", "$$"]
    assert [code for _, code, _ in raw.problems] == ["report_empty"] * 6
    assert raw.warnings == {"warn_no_pictures": 2}


def test_pictures_that_have_come_keep_their_table_whole() -> None:
    table = "study_id,image,report\nS0,a.png,Clear.\nS1,b.png,\n"
    raw = read(MemoryFiles({"t.csv": table.encode(), "a.png": picture()}))
    assert unpaired.without_missing_images(raw) is raw


def test_rows_left_of_a_table_reach_the_studies() -> None:
    table = HEADER + ROWS + "S9,c.png\r\n"
    files = MemoryFiles({"t.csv": table.encode(), "a.png": picture(), "b.png": picture(50)})
    assert [(i, c) for i, c, _ in read(files).problems] == [("t.csv, line 4", "row_malformed")]


def test_other_files_beside_pictures_are_told_apart_by_content() -> None:
    contents = {
        "scan\u202egnp.exe": picture(),
        "setup.py": b"import os",
        "notes.json": b"[]",
        "a.png": picture(9),
    }
    raw = unpaired.read(MemoryFiles(contents))
    assert raw.rows["study_id"].tolist() == [
        "a",
        "scan\\u202egnp",
        "setup",
    ]  # setup.py is no picture: intake says so
    assert [(i, c) for i, c, _ in raw.problems] == [("notes.json", "file_type_not_allowed")]
    codes = {"x.json": "json_too_deep", "x.csv.gz": "table_corrupt"}
    for name in ("x.json", "x.pkl", "x.csv.gz", "x.yaml", "x.svg"):
        with pytest.raises(Refused) as caught:
            unpaired.read(MemoryFiles({name: b"[" * 100_000}))
        assert caught.value.code == codes.get(name, "file_type_not_allowed")


def test_labels_are_printable_short_and_apart() -> None:
    names = ["d/" * 2_000 + "x", "d/" * 2_001 + "x", "a\u200bb", "a\nb"]
    assert len({printable_id(n) for n in names}) == 4
    assert all(printable_id(n).isprintable() and len(printable_id(n)) <= 200 for n in names)


def test_no_hostile_name_becomes_the_name_of_a_collection() -> None:
    names = json.loads(beside("hostile", "names", "collection_names.json").read_text())
    kept = []
    for name in names:
        with suppress(Refused):
            check_name(name)
            kept.append(name)
    assert not any(set(name) & set("/\\<>$;`|\x00\n\u202e\u200b") or name in ("", ".", "..") for name in kept)
    assert all(name[0].isalnum() and len(name) <= 80 for name in kept)
