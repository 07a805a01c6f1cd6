"""The public collections, each in a small folder of its own shape."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suture.data import images, readers
from suture.data.errors import Refused, Skipped
from suture.data.files.sources import FolderFiles, ZipFiles
from suture.data.intake.options import Options
from suture.data.intake.reading import read_source
from suture.data.readers.layouts.openi import parse_report
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.readers.sections import sections
from suture.data.tables.gzip_limit import gunzip
from tests.data.reader_files import picture, pictures, write

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "medpix"


def read(root: Path, contents: Mapping[str, str | bytes], layout: str) -> RawStudies:
    raw = readers.read(FolderFiles(write(root, contents)))
    assert raw.layout == layout
    return raw


def records(raw: RawStudies, *columns: str) -> list[tuple[str, ...]]:
    return list(raw.rows[list(columns)].itertuples(index=False, name=None))


# ROCO


def test_roco_one(tmp_path: Path) -> None:
    contents = {
        "data/train/radiology/captions.txt": 'ROCO_00002\t A "small" nodule.\nROCO_00003\t Normal hand.\n',
        "data/train/radiology/licences.txt": "ROCO_ID,PMC_ID,CC\nROCO_00002,PMC4083729_AM-g002.jpg,CC BY\n",
        "data/train/radiology/cuis.txt": "ROCO_00002\tC0034571\tC0028259\n",
        "data/train/non-radiology/captions.txt": "ROCO_00001\t A drawing.\n",
        "data/validation/radiology/captions.txt": "ROCO_00020\t Pelvis.\n",
        **pictures(
            "data/train/radiology/images/ROCO_00002.jpg", "data/validation/radiology/images/ROCO_00020.jpg"
        ),
    }
    raw = read(tmp_path, contents, "roco")
    assert records(raw, "study_id", "caption", "image", "split", "group", "CUIs") == [
        (
            "ROCO_00002",
            'A "small" nodule.',
            "data/train/radiology/images/ROCO_00002.jpg",
            "train",
            "PMC4083729",
            "C0034571;C0028259",
        ),
        ("ROCO_00003", "Normal hand.", "ROCO_00003", "train", "ROCO_00003", ""),
        (
            "ROCO_00020",
            "Pelvis.",
            "data/validation/radiology/images/ROCO_00020.jpg",
            "validation",
            "ROCO_00020",
            "",
        ),
    ]
    assert raw.roles.texts == ("caption",)


def test_roco_one_as_tables(tmp_path: Path) -> None:
    contents = {
        "train/radiologytraindata.csv": "id,name,caption\nROCO_1,ROCO_1.jpg, One.\n",
        "test/radiologytestdata.csv": "id,name,caption\nROCO_2,ROCO_2.jpg, Two.\n",
        **pictures("train/radiology/images/ROCO_1.jpg", "test/radiology/images/ROCO_2.jpg"),
    }
    raw = read(tmp_path, contents, "roco")
    assert sorted(records(raw, "image", "caption", "split")) == [
        ("test/radiology/images/ROCO_2.jpg", "Two.", "test"),
        ("train/radiology/images/ROCO_1.jpg", "One.", "train"),
    ]


def test_roco_two(tmp_path: Path) -> None:
    link = "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC77/"
    contents = {
        "train_captions.csv": 'ID,Caption\nROCOv2_2023_train_000001,"Head CT, axial."\n',
        "valid_captions.csv": "ID,Caption\nROCOv2_2023_valid_000001,Chest X-ray.\n",
        "train_concepts.csv": "ID,CUIs\nROCOv2_2023_train_000001,C0040405;C0817096\n",
        "license_information.csv": f"ID,License,Link\nROCOv2_2023_train_000001,CC BY,{link}\n",
        **pictures("train_images/train/ROCOv2_2023_train_000001.jpg", "valid/ROCOv2_2023_valid_000001.jpg"),
    }
    raw = read(tmp_path, contents, "roco")
    assert records(raw, "image", "group", "split", "CUIs") == [
        ("train_images/train/ROCOv2_2023_train_000001.jpg", "PMC77", "train", "C0040405;C0817096"),
        ("valid/ROCOv2_2023_valid_000001.jpg", "ROCOv2_2023_valid_000001", "valid", ""),
    ]


def test_roco_without_captions_column(tmp_path: Path) -> None:
    write(tmp_path, {"train_captions.csv": "ID,Words\nROCO_1,One\n"})
    with pytest.raises(
        Refused, match=r"should have the columns ID and Caption. Columns found: 'ID', 'Words'"
    ):
        readers.read(FolderFiles(tmp_path))


# Open-i

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<eCitation><uId id="CXR7"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText>
<AbstractText Label="INDICATION">Cough.</AbstractText>
<AbstractText Label="FINDINGS">Heart is   large.</AbstractText>
<AbstractText Label="IMPRESSION">Cardiomegaly.</AbstractText>
</Abstract></Article></MedlineCitation>
<MeSH><major>Cardiomegaly/mild</major><major>Lung/hypoinflation</major><automatic>heart</automatic></MeSH>
<parentImage id="CXR7_IM-2263-2001"/><parentImage id="CXR7_IM-2263-1001"/></eCitation>"""


def test_openi_xml(tmp_path: Path) -> None:
    contents = {
        "ecgen-radiology/7.xml": REPORT,
        "ecgen-radiology/8.xml": "<eCitation><broken>",
        **pictures("png/CXR7_IM-2263-1001.png", "png/CXR7_IM-2263-2001.png"),
    }
    raw = read(tmp_path, contents, "openi")
    assert raw.rows.to_dict("records") == [
        {
            "study_id": "CXR7",
            "frontal": "png/CXR7_IM-2263-1001.png",
            "lateral": "png/CXR7_IM-2263-2001.png",
            "report": "Heart is large.\nCardiomegaly.",
            "history": "Cough.",
            "group": "CXR7",
            "problems": "Cardiomegaly;Lung",
        }
    ]
    assert [p[:2] for p in raw.problems] == [("ecgen-radiology/8.xml", "xml_corrupt")]
    assert "assumed" in str(raw.notes["views"])


def test_openi_tables(tmp_path: Path) -> None:
    contents = {
        "indiana_reports.csv": (
            "uid,MeSH,Problems,image,indication,comparison,findings,impression\n"
            "1,normal,normal,Xray,TB test,None.,Clear.,Normal chest.\n"
            "2,normal,normal,Xray,,None.,,Normal.\n"
        ),
        "indiana_projections.csv": (
            "uid,filename,projection\n"
            "1,1_IM-0001-4001.dcm.png,Frontal\n1,1_IM-0001-3001.dcm.png,Lateral\n2,2_IM-1.dcm.png,Lateral\n"
        ),
        **pictures("images/1_IM-0001-3001.dcm.png", "images/1_IM-0001-4001.dcm.png", "images/2_IM-1.dcm.png"),
    }
    raw = read(tmp_path, contents, "openi")
    assert records(raw, "study_id", "frontal", "lateral", "report", "history") == [
        (
            "1",
            "images/1_IM-0001-4001.dcm.png",
            "images/1_IM-0001-3001.dcm.png",
            "Clear.\nNormal chest.",
            "TB test",
        ),
        ("2", "", "images/2_IM-1.dcm.png", "Normal.", ""),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "xml_unsafe"),
        ("<a/>".encode("utf-16"), "xml_unsafe"),
        (b"<a>" + b" " * 2**20 + b"</a>", "xml_too_large"),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', "xml_corrupt"),
    ],
)
def test_openi_refuses_xml_that_no_report_needs(content: bytes, code: str) -> None:
    with pytest.raises(Skipped) as skipped:
        parse_report(content, "1.xml")
    assert skipped.value.code == code


# MIMIC-CXR

NOTE = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___F with fever

 FINDINGS:

 Heart size is
 normal.

 IMPRESSION:

 No pneumonia.
"""


def mimic_files() -> dict[str, str | bytes]:
    metadata = (
        "dicom_id,subject_id,study_id,ViewPosition,Rows\n"
        "aa,10000032,50414267,PA,3056\nbb,10000032,50414267,LATERAL,3056\ncc,10000764,57375967,AP,2544\n"
        "dd,10000999,59999999,PA,1\n"
    )
    splits = "dicom_id,study_id,subject_id,split\naa,50414267,10000032,train\ncc,57375967,10000764,validate\n"
    chexpert = "subject_id,study_id,Edema,Fracture\n10000032,50414267,-1.0,\n10000764,57375967,1.0,0.0\n"
    return {
        "mimic-cxr-2.0.0-metadata.csv.gz": gzip.compress(metadata.encode()),
        "mimic-cxr-2.0.0-split.csv": splits,
        "mimic-cxr-2.0.0-chexpert.csv.gz": gzip.compress(chexpert.encode()),
        "files/p10/p10000032/s50414267.txt": NOTE,
        "files/p10/p10000764/s57375967.txt": "FINAL REPORT\n\n Lines in place. No edema.\n",
        **pictures(
            "files/p10/p10000032/s50414267/aa.jpg",
            "files/p10/p10000032/s50414267/bb.jpg",
            "files/p10/p10000764/s57375967/cc.jpg",
        ),
    }


def test_mimic(tmp_path: Path) -> None:
    raw = read(tmp_path, mimic_files(), "mimic")
    folder = "files/p10/p10000032/s50414267"
    assert raw.rows.to_dict("records") == [
        {
            "study_id": "50414267",
            "frontal": f"{folder}/aa.jpg",
            "lateral": f"{folder}/bb.jpg",
            "report": "Heart size is normal.\nNo pneumonia.",
            "history": "___F with fever",
            "group": "10000032",
            "split": "train",
            "Edema": "uncertain",
            "Fracture": "",
        },
        {
            "study_id": "57375967",
            "frontal": "files/p10/p10000764/s57375967/cc.jpg",
            "lateral": "",
            "report": "Lines in place. No edema.",
            "history": "",
            "group": "10000764",
            "split": "validate",
            "Edema": "positive",
            "Fracture": "negative",
        },
    ]
    assert raw.notes["studies_without_files"] == 1
    assert raw.roles.labels == ("Edema", "Fracture")


def test_sections_of_a_combined_heading() -> None:
    said = sections("REASON FOR EXAM: cough\nFINDINGS AND IMPRESSION: Clear.\n")
    assert (said.indication, said.findings, said.impression) == ("cough", "Clear.", "")


def test_gunzip_counts_what_it_inflates() -> None:
    assert gunzip(gzip.compress(b"ab", mtime=0) + gzip.compress(b"c"), "x") == b"abc"
    with pytest.raises(Refused, match="decompresses to more than 1,000 bytes"):
        gunzip(gzip.compress(bytes(10**7)), "x", limit=1000)
    with pytest.raises(Refused, match="is truncated"):
        gunzip(gzip.compress(b"abc" * 100, mtime=0)[:-9], "x")


# MedPix


def test_medpix_table(tmp_path: Path) -> None:
    table = (
        "image_id,image,modality,plane,caption,caption_group,history,findings,case_id,split,width\n"
        "M1_a,images/M1_a.jpg,CT,Axial,A cyst.,M1_c1,Pain.,Cyst.,M1,train,256\n"
        "M1_b,images/M1_b.jpg,CT,,A cyst.,M1_c1,Pain.,Cyst.,M1,train,256\n"
    )
    raw = read(tmp_path, {"studies.csv": table, **pictures("images/M1_a.jpg", "images/M1_b.jpg")}, "medpix")
    assert raw.roles == Roles(
        study_id="image_id",
        images=("image",),
        texts=("caption", "history", "findings"),
        labels=("modality", "plane"),
        group="case_id",
        split="split",
        duplicate_group="caption_group",
    )


def test_any_other_studies_csv_is_a_table(tmp_path: Path) -> None:
    read(
        tmp_path,
        {"studies.csv": "image_id,image,report\na,a.png,Words here.\n", **pictures("a.png")},
        "table",
    )


def test_medpix_as_published(tmp_path: Path) -> None:
    about = {"Caption": "A  cyst.", "Plane": "Axial", "Sex": "male", "Figure Part": None}
    one = {"Type": "CT", "U_id": "M1", "image": "M1_a", "Description": about, "Location": "Head"}
    other = one | {"image": "M1_b", "Description": about | {"Caption": None}}
    case = {"U_id": "M1", "Case": {"Title": "Cyst", "History": "N/A", "Findings": "Round."}}
    contents = {
        "Descriptions.json": json.dumps([one, other]),
        "Case_topic.json": json.dumps([case]),
        "splitted_dataset/data_dev.jsonl": json.dumps(case) + "\n",
        **pictures("images/M1_a.png", "images/M1_b.png"),
    }
    raw = read(tmp_path, contents, "medpix")
    columns = ("image_id", "image", "caption", "history", "findings", "split", "diagnosis", "caption_group")
    assert records(raw, *columns) == [
        ("M1_a", "images/M1_a.png", "A cyst.", "", "Round.", "dev", "Cyst", "c0"),
        ("M1_b", "images/M1_b.png", "", "", "Round.", "dev", "Cyst", "M1_b"),
    ]


def test_medpix_with_halves_of_characters(tmp_path: Path) -> None:
    one = {"U_id": "M\ud8001", "image": "a\udfff", "Description": {"Caption": "A \ud800 cyst."}}
    contents = {"Descriptions.json": json.dumps([one]), **pictures("b.png")}
    raw = read(tmp_path, contents, "medpix")
    assert records(raw, "case_id", "image", "caption") == [("M?1", "a?", "A ? cyst.")]


UNREADABLE = {"deep": "[" * 100_000, "no list": "{}", "a long number": "[" + "9" * 6_000 + "]"}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_medpix_that_cannot_be_read_is_told_by_its_own_reason(tmp_path: Path, kind: str) -> None:
    alone, visit = {"Descriptions.json": UNREADABLE[kind]}, Options(unpaired=True, loose=True)
    beside = FolderFiles(write(tmp_path / "b", {**alone, **pictures("a.png")}))
    problems = read_source(beside, visit).problems
    assert [p[:2] for p in problems] == [("Descriptions.json", "table_corrupt")]
    with pytest.raises(Refused) as refused:
        read_source(FolderFiles(write(tmp_path / "a", alone)), visit)
    assert refused.value.code == "table_corrupt"


@pytest.mark.real
@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the real studies are not part of the project")
def test_medpix_real() -> None:
    files = FolderFiles(SAMPLE)
    raw = readers.read(files)
    assert (raw.layout, len(raw.rows)) == ("medpix", 2009)
    assert set(raw.rows["image"]) <= set(files.names())
    assert set(raw.rows["split"]) == {"train", "dev", "test"}


# Hugging Face datasets

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
INFO = {
    "info": {
        "features": {"label": {"names": ["ct", "mr"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    }
}


def scans(split: str, n: int) -> pa.Table:
    """Rows as `datasets` stores them; the second picture is missing."""
    cells = [{"bytes": picture(10 * k + 10), "path": f"{k}.jpg"} if k != 1 else None for k in range(n)]
    columns = {
        "image": pa.array(cells, IMAGE),
        "image_id": [f"{split}_{k}" for k in range(n)],
        "caption": [f"A scan of {split}, number {k}" for k in range(n)],
        "cui": [["C1", "C2"]] * n,
        "label": [k % 2 for k in range(n)],
    }
    return pa.table(columns).replace_schema_metadata({"huggingface": json.dumps(INFO)})


def arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=2)
    return sink.getvalue()


def saved(**splits: bytes) -> dict[str, str | bytes]:
    state = json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]})
    contents: dict[str, str | bytes] = {"ds/dataset_dict.json": json.dumps({"splits": list(splits)})}
    for split, content in splits.items():
        contents[f"ds/{split}/state.json"] = state
        contents[f"ds/{split}/data-00000-of-00001.arrow"] = content
        contents[f"ds/{split}/cache-0123.arrow"] = b"not data"
    return contents


def shade(raw: RawStudies, name: str) -> int:
    return int(images.decode(raw.files.read(name), name).getpixel((0, 0)))  # type: ignore[arg-type]


@pytest.mark.parametrize("zipped", [False, True])
def test_saved_dataset_dict(tmp_path: Path, zipped: bool) -> None:
    contents = saved(train=arrow(scans("train", 6)), test=arrow(scans("test", 4)))
    files: FolderFiles | ZipFiles = FolderFiles(write(tmp_path, contents))
    if zipped:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        files = ZipFiles(stream.getvalue())
    raw = readers.read(files)
    assert raw.layout == "hf_datasets"
    rows = raw.rows.set_index("image_id")
    assert rows.loc["train_1", "image"] == ""
    assert rows.loc["train_5"].to_dict() == {
        "caption": "A scan of train, number 5",
        "cui": "C1; C2",
        "label": "mr",
        "image": "train/5.jpg",
        "split": "train",
    }
    assert shade(raw, "train/5.jpg") == 60
    assert (raw.roles.study_id, raw.roles.texts, raw.roles.split) == ("image_id", ("caption",), "split")


def test_saved_single_dataset_has_no_split(tmp_path: Path) -> None:
    contents: dict[str, str | bytes] = {
        "state.json": json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}),
        "data-00000-of-00001.arrow": arrow(scans("all", 4)),
    }
    raw = read(tmp_path, contents, "hf_datasets")
    assert raw.roles.split == ""
    assert raw.rows["image"].tolist() == ["data/0.jpg", "", "data/2.jpg", "data/3.jpg"]


def test_hub_snapshot_of_parquet_shards(tmp_path: Path) -> None:
    contents = {
        "data/train-00000-of-00002.parquet": parquet(scans("train", 5)),
        "data/train-00001-of-00002-0a1b.parquet": parquet(scans("more", 3)),
        "data/test-00000-of-00001.parquet": parquet(scans("test", 2)),
    }
    raw = read(tmp_path, contents, "hf_datasets")
    rows = raw.rows.set_index("image_id")
    assert list(rows.loc["more_0", ["image", "split"]]) == ["train/5.jpg", "train"]
    assert [shade(raw, n) for n in ("train/4.jpg", "train/5.jpg", "train/7.jpg")] == [50, 10, 30]


def test_pictures_stored_as_paths_are_found_beside(tmp_path: Path) -> None:
    table = pa.table(
        {"image": pa.array([{"bytes": None, "path": "/far/x.png"}] * 2, IMAGE), "text": ["one", "two"]}
    )
    raw = read(
        tmp_path, {"data/train-00000-of-00001.parquet": parquet(table), **pictures("x.png")}, "hf_datasets"
    )
    assert shade(raw, "train/0.png") == 10


def test_damaged_and_unlike_shards(tmp_path: Path) -> None:
    good, other = scans("train", 2), scans("test", 2).drop_columns("label")
    with pytest.raises(Refused, match="is not a readable Arrow or Parquet file"):
        readers.read(FolderFiles(write(tmp_path / "a", saved(train=arrow(good)[:100], test=arrow(good)))))
    with pytest.raises(Refused, match="have different columns"):
        readers.read(FolderFiles(write(tmp_path / "b", saved(train=arrow(good), test=arrow(other)))))


def test_linked_shards_say_how_to_copy_them(tmp_path: Path) -> None:
    blob = write(tmp_path, {"blobs/1": parquet(scans("train", 2))}) / "blobs" / "1"
    (tmp_path / "snapshot" / "data").mkdir(parents=True)
    (tmp_path / "snapshot" / "data" / "train-00000-of-00001.parquet").symlink_to(blob)
    with pytest.raises(Refused, match="is a link out of the folder"):
        readers.read(FolderFiles(tmp_path / "snapshot"))


def test_rows_are_strings(tmp_path: Path) -> None:
    raw = read(tmp_path, mimic_files(), "mimic")
    assert all(isinstance(cell, str) for row in raw.rows.to_numpy() for cell in row)
    assert isinstance(raw.rows, pd.DataFrame)


def test_a_date_beyond_the_calendar_is_a_number_and_in_a_list_refuses_its_table(tmp_path: Path) -> None:
    def dated(folder: str, when: pa.Array) -> FolderFiles:
        content = parquet(scans("train", 3).append_column("when", when))
        return FolderFiles(write(tmp_path / folder, {"data/train-00000-of-00001.parquet": content}))

    far = pa.array([2**31 - 1] * 3, pa.int32()).cast(pa.date32())
    assert readers.read(dated("cells", far)).rows["when"].tolist() == [str(2**31 - 1)] * 3
    with pytest.raises(Refused) as refused:
        readers.read(dated("lists", pa.ListArray.from_arrays([0, 1, 2, 3], far)))
    assert refused.value.code == "table_corrupt"
