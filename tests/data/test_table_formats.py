"""Tables in the formats of data sets: JSON, .gz, .xlsx, Parquet with images, no header, any encoding."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suture.data.errors import Refused
from suture.data.files.read_issues import ReadIssues
from suture.data.files.sources import FolderFiles, MemoryFiles
from suture.data.intake import Options, examine, intake
from suture.data.readers import read
from suture.data.readers.raw_studies import Roles
from suture.data.tables.reading import read_table
from suture.data.workspace import Workspace
from tests.data.reader_files import picture, pictures, write
from tests.data.workbooks import sheet, workbook

NAMES = ("a.png", "b.png", "c.png", "d.png")
TEXTS = ("The lungs are clear.", "A small effusion.", "The heart is large.", "A nodule of 8 mm.")
RECORDS = [{"image": image, "caption": text} for image, text in zip(NAMES, TEXTS, strict=True)]


def rows(content: object, name: str, issues: ReadIssues | None = None) -> list[dict[str, str]]:
    raw = (
        content
        if isinstance(content, bytes)
        else content
        if isinstance(content, str)
        else json.dumps(content)
    )
    return read_table(raw if isinstance(raw, bytes) else raw.encode(), name, issues).to_dict("records")


def code_of(content: object, name: str) -> str:
    with pytest.raises(Refused) as caught:
        rows(content, name)
    return caught.value.code


def lines(records: list[dict[str, object]]) -> str:
    return "\n".join(map(json.dumps, records)) + "\n"


def test_records_in_a_list_on_lines_and_by_id() -> None:
    assert rows(RECORDS, "t.json") == RECORDS
    assert rows(lines(RECORDS), "t.jsonl") == RECORDS
    assert rows(lines(RECORDS), "t.json") == RECORDS  # whatever the file is called
    by_id = {"s1": {"image": "a.png"}, "s2": {"image": "b.png"}}
    assert rows(by_id, "t.json") == [{"id": "s1", "image": "a.png"}, {"id": "s2", "image": "b.png"}]
    assert rows({"info": {}, "data": RECORDS}, "t.json") == RECORDS


def test_records_by_split_as_r2gen_keeps_them() -> None:
    annotation = {
        "train": [{"id": "x", "report": "Clear.", "image_path": ["x/0.png", "x/1.png"], "split": "train"}],
        "val": [{"id": "y", "report": "Large.", "image_path": ["y/0.png", "y/1.png"], "split": "val"}],
        "test": [],
    }
    read_as = rows({k: v for k, v in annotation.items() if v}, "annotation.json")
    assert [r["split"] for r in read_as] == ["train", "val"]
    assert json.loads(read_as[0]["image_path"]) == ["x/0.png", "x/1.png"]
    assert rows(annotation, "annotation.json") == read_as  # an empty split changes nothing


def test_captions_of_coco_are_rows_and_images_without_one_are_not_lost() -> None:
    coco = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}],
        "annotations": [
            {"id": 1, "image_id": 7, "caption": "Clear."},
            {"id": 2, "image_id": 7, "caption": "No effusion."},
        ],
    }
    read_as = rows(coco, "captions.json")
    assert [(r["file_name"], r["caption"]) for r in read_as] == [
        ("a.png", "Clear."),
        ("a.png", "No effusion."),
        ("b.png", ""),
    ]
    assert [r["id"] for r in read_as] == ["1", "2", "image 8"]


def test_the_answer_of_a_conversation_is_the_text() -> None:
    turns = [{"from": "human", "value": "<image>\nDescribe it."}, {"from": "gpt", "value": "Clear lungs."}]
    chat = [{"role": "user", "content": [{"type": "text", "text": "And this?"}]}]
    chat.append({"role": "assistant", "content": "A nodule."})  # type: ignore[dict-item]
    read_as = rows(
        [{"image": "a.png", "conversations": turns}, {"image": "b.png", "messages": chat}], "t.json"
    )
    assert [(r["text"], r["prompt"]) for r in read_as] == [
        ("Clear lungs.", "Describe it."),
        ("A nodule.", "And this?"),
    ]


def test_what_is_nested_becomes_columns_and_lists_stay_together() -> None:
    record = {
        "id": 1,
        "meta": {"age": 61, "sex": None},
        "findings": [
            {"sentence_en": "Clear lungs here.", "abnormal": False},
            {"sentence_en": "No effusion."},
        ],
        "labels": ["edema", "nodule"],
    }
    (read_as,) = rows([record], "t.json")
    assert read_as["meta.age"] == "61"
    assert read_as["meta.sex"] == ""
    assert read_as["findings.sentence_en"] == "Clear lungs here. No effusion."
    assert json.loads(read_as["labels"]) == ["edema", "nodule"]


def test_a_line_that_is_no_record_is_left_out_by_its_number() -> None:
    issues = ReadIssues()
    content = lines(RECORDS[:1]) + '[1]\n{"image": \n' + lines(RECORDS[1:2])
    assert rows(content, "t.jsonl", issues) == RECORDS[:2]
    assert [(i, c) for i, c, _ in issues.problems()] == [
        ("t.jsonl, line 2", "row_malformed"),
        ("t.jsonl, line 3", "row_malformed"),
    ]


@pytest.mark.parametrize(
    ("code", "name", "content"),
    [
        ("json_too_deep", "t.json", "[" * 100_000),
        ("json_too_deep", "t.jsonl", '{"a":' * 100_000),
        ("table_not_records", "t.json", "[1, 2]"),
        ("table_not_records", "t.json", '{"learning_rate": 0.1}'),
        ("table_not_records", "t.jsonl", "1\n2\n"),
        ("table_corrupt", "t.json", '[{"a": 1}'),
        ("table_corrupt", "t.csv.gz", b"\x1f\x8b\x08broken"),
        ("table_too_large", "t.csv.gz", gzip.compress(b"a,b\n" + b"0" * 30_000_000)),
        ("table_corrupt", "t.xlsx", b"PK\x03\x04broken"),
        ("table_corrupt", "t.xlsx", b"no archive"),
    ],
)
def test_what_cannot_be_read_has_its_own_reason(code: str, name: str, content: str | bytes) -> None:
    assert code_of(content, name) == code


def test_gzipped_tables_are_read() -> None:
    csv = "image,report\n" + "".join(f"{n},{t}\n" for n, t in zip(NAMES, TEXTS, strict=True))
    assert rows(gzip.compress(csv.encode()), "t.csv.gz")[3] == {"image": "d.png", "report": TEXTS[3]}
    assert rows(gzip.compress(csv.replace(",", "\t").encode()), "T.TSV.GZ")[0]["image"] == "a.png"
    assert rows(gzip.compress(lines(RECORDS).encode()), "t.jsonl.gz") == RECORDS


CELLS: list[list[object]] = [["id", "image", "report"], [7, "a.png", TEXTS[0]], [8, "b.png", TEXTS[1]]]


def test_a_workbook_is_read_and_whole_numbers_stay_whole() -> None:
    assert rows(workbook(sheet(CELLS)), "t.xlsx") == [
        {"id": "7", "image": "a.png", "report": TEXTS[0]},
        {"id": "8", "image": "b.png", "report": TEXTS[1]},
    ]


def test_of_several_sheets_the_first_that_looks_like_a_table_is_read_and_said_so() -> None:
    issues = ReadIssues()
    book = workbook(sheet([["Notes of the study"]]), sheet(CELLS), sheet(CELLS))
    assert len(rows(book, "t.xlsx", issues)) == 2
    assert issues.warnings() == {"warn_several_sheets": 1}


def test_a_workbook_that_unpacks_or_spans_too_much_is_refused_before_it_is_read() -> None:
    bomb = workbook(sheet(CELLS), extra={"xl/sharedStrings.xml": b" " * 30_000_000})
    assert code_of(bomb, "t.xlsx") == "table_too_large"
    wide = sheet(CELLS).replace('r="C3"', 'r="XFD3"').replace('<row r="3">', '<row r="1048576">')
    assert code_of(workbook(wide), "t.xlsx") == "table_too_large"
    assert code_of(workbook(sheet([])), "t.xlsx") == "table_empty"


def test_parquet_with_image_bytes_is_read_whatever_its_name(tmp_path: Path) -> None:
    images = [{"bytes": picture(10 * i + 10), "path": None} for i in range(4)]
    bare = [picture(10 * i + 10) for i in range(4)]
    checksums = [bytes([i]) * 16 for i in range(4)]  # bytes that are no images
    for number, column in enumerate((images, bare)):
        path = tmp_path / f"mine-{number}" / "data.parquet"
        path.parent.mkdir()
        pq.write_table(pa.table({"picture": column, "caption": TEXTS, "md5": checksums}), path)
        for source in (path.parent, path):
            report = intake(Workspace(tmp_path / "w"), source, f"c{number}{source.suffix}")
            assert (report.taken, report.refused) == (4, None)
    pq.write_table(pa.table({"image": NAMES, "caption": TEXTS, "md5": checksums}), tmp_path / "t.parquet")
    write(tmp_path, pictures(*NAMES))
    assert examine(tmp_path / "t.parquet").layout == "table"


def test_a_table_without_a_header_loses_no_row_and_names_no_column_after_a_report(tmp_path: Path) -> None:
    content = "".join(f"{n},{t}\n" for n, t in zip(NAMES, TEXTS, strict=True))
    source = write(tmp_path / "s", {"s.csv": content, **pictures(*NAMES)})
    described = examine(source)
    assert described.columns == ("column 1", "column 2")
    assert (described.roles.images, described.roles.texts) == (("column 1",), ("column 2",))
    report = intake(Workspace(tmp_path / "w"), source, "c")
    assert (report.taken, report.warnings["warn_no_header"]) == (4, 1)


@pytest.mark.parametrize(
    ("content", "is_header"),
    [
        ("a.png,Clear lungs\nb.png,Effusion\n", False),
        ("x1,No acute findings are seen today.\nx2,Effusion\n", False),
        ("1,train,PA\n2,train,PA\n3,train,PA\n", False),
        ("id,report\n1,Clear\nid,report\n2,Effusion\n", True),  # files that were joined
        ("Normal,Edema\nNormal,x\nNormal,y\n", True),
        ("0,1\na,b\nc,d\n", True),
    ],
)
def test_a_first_row_is_told_from_a_header(content: str, is_header: bool) -> None:
    assert read_table(content.encode(), "t.csv").columns[0].startswith("column") != is_header


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [
        ("gbk", ("双肺清晰。", "左侧胸腔积液。")),
        ("gb18030", ("双肺纹理清晰，未见明显实变。", "心影增大。")),
        ("big5", ("雙側肺野清晰。", "左側肋膜積液。")),
        ("shift_jis", ("両肺野は清明です。", "左胸水を認めます。")),
        ("euc_jp", ("両肺野は清明です。", "左胸水を認めます。")),
        ("euc_kr", ("양측 폐야는 깨끗합니다.", "좌측 흉수가 있습니다.")),
        ("cp1251", ("Легкие чистые. Выпота нет.", "Сердце увеличено.")),
        ("koi8_r", ("Легкие чистые. Выпота нет.", "Сердце увеличено.")),
        ("cp1252", ("Größe des Herzens normal.", "Épanchement pleural. Cœur élargi.")),
        ("cp1250", ("Płuca bez zmian ogniskowych. Żółte światło.", "Serce powiększone. Węzły.")),
        ("utf-16-le", ("Clear lungs", "双肺清晰。")),
        ("utf-16-be", ("Clear lungs", "Größe")),
    ],
)
def test_encodings_are_told_apart_and_reported(encoding: str, texts: tuple[str, str]) -> None:
    issues = ReadIssues()
    content = f"id,image,report\n1,a.png,{texts[0]}\n2,b.png,{texts[1]}\n".encode(encoding)
    assert [r["report"] for r in rows(content, "t.csv", issues)] == [*texts]
    assert issues.warnings() == {"warn_encoding": 1}


def test_a_column_of_volumes_is_named_as_what_is_in_the_way(tmp_path: Path) -> None:
    content = "id,image,report\n" + "".join(f"{i},vol/{i}.nii.gz,{TEXTS[0]}\n" for i in range(3))
    write(tmp_path, {"s.csv": content, **{f"vol/{i}.nii.gz": b"\x1f\x8b" for i in range(3)}})
    with pytest.raises(Refused, match=r"'image' names .nii.gz files, which are not read. Export each image"):
        read(FolderFiles(tmp_path))


@pytest.mark.parametrize("name", ["pmc.jsonl", "metadata.jsonl", "captions.json", "t.jsonl.gz"])
def test_a_list_of_records_beside_its_images_is_imported(tmp_path: Path, name: str) -> None:
    key = "file_name" if name == "metadata.jsonl" else "image"
    records = [{key: r["image"], "text": r["caption"]} for r in RECORDS]
    content = json.dumps(records) if name.endswith(".json") else lines(records)
    packed = gzip.compress(content.encode()) if name.endswith(".gz") else content.encode()
    source = write(tmp_path / "s", {name: packed, **pictures(*(f"images/{n}" for n in NAMES))})
    report = intake(Workspace(tmp_path / "w"), source, "c")
    assert (report.taken, report.skipped, report.refused) == (4, {}, None)


def test_a_workbook_beside_its_images_is_imported_through_the_child(tmp_path: Path) -> None:
    source = write(tmp_path / "s", {"s.xlsx": workbook(sheet(CELLS)), **pictures("a.png", "b.png")})
    named = Options(overrides=Roles(study_id="id"))
    report = intake(Workspace(tmp_path / "w"), source, "c", options=named)
    assert (report.taken, report.refused) == (2, None)


def test_a_config_beside_a_table_is_no_table() -> None:
    csv = pd.DataFrame({"image": NAMES, "report": TEXTS}).to_csv(index=False).encode()
    files = {"s.csv": csv, "config.json": b'{"learning_rate": 0.1}', **{n: picture() for n in NAMES}}
    raw = read(MemoryFiles(files))
    assert (raw.layout, len(raw.rows)) == ("table", 4)
    assert [(item, code) for item, code, _ in raw.problems] == [("config.json", "table_not_records")]


def test_the_encoding_of_a_report_is_reported_too(tmp_path: Path) -> None:
    files = {
        "a.txt": "双肺清晰。心影增大。".encode("gbk"),
        "b.txt": "Größe".encode(),
        **pictures("a.png", "b.png"),
    }
    raw = read(FolderFiles(write(tmp_path, files)))
    assert raw.rows["report"].tolist() == ["双肺清晰。心影增大。", "Größe"]
    assert raw.warnings["warn_encoding"] == 1


@pytest.mark.parametrize("stray", ['{"learning_rate": 0.1}', '[{"epoch": 1, "loss": 2.5}]', "[["])
def test_a_stray_json_beside_images_and_reports_does_not_matter_and_is_counted(stray: str) -> None:
    files = {"a.png": picture(), "a.txt": b"Clear.", "b.png": picture(9), "b.txt": b"Large."}
    raw = read(MemoryFiles(files | {"log.json": stray.encode()}))
    assert raw.rows["report"].tolist() == ["Clear.", "Large."]
    assert [item for item, _, _ in raw.problems] == ["log.json"]
