"""Data sets as they are published, from the files to the numbers: import, embed, evaluate.

Each has the header or the keys of its release, a few studies with made texts, and the number of rows and
files that must be taken or told. Each takes about half a second, as the encoders run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import suture
from suture.data.intake import Options, intake
from suture.data.readers.raw_studies import Roles
from tests.data.dicom_files import dicom
from tests.data.test_intake import png

N = 6
SENTENCES = (
    "The lungs are clear.",
    "There is a small left pleural effusion.",
    "The heart is enlarged.",
    "A nodule is seen in the right upper lobe.",
    "No pneumothorax is present.",
    "The tip of the catheter is in the right atrium.",
)
FINDINGS = ("Atelectasis", "Cardiomegaly", "Edema")


@dataclass(frozen=True)
class Published:
    """What a data set must give.

    make     writes it into a folder
    taken    studies
    skipped  reason -> how many
    roles    column of the collection -> value of the first study
    options  as a user would name them
    """

    make: Callable[[Path], None]
    taken: int = N
    skipped: dict[str, int] = field(default_factory=dict)
    modalities: tuple[str, ...] = ("image", "report")
    groups: int = N
    splits: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)


def image(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(number))


def table(path: Path, rows: list[dict[str, Any]], **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False, **how)


def chexpert(folder: Path) -> None:
    rows = []
    for i in range(N):
        path = f"CheXpert-v1.0-small/train/patient{i // 2:05d}/study{i % 2 + 1}/view1_frontal.jpg"
        image(folder / path, i)
        flags = {finding: float((i + k) % 2) for k, finding in enumerate(FINDINGS)}
        row = {"Path": path, "Sex": "Female", "Age": 60 + i, "Frontal/Lateral": "Frontal", "AP/PA": "AP"}
        rows.append({**row, "No Finding": 1.0 if i == 0 else "", **flags})
    table(folder / "train.csv", rows)


def chexpert_plus(folder: Path) -> None:
    rows = []
    for i in range(N):
        path = f"train/patient{i // 2:05d}/study{i % 2 + 1}/view1_frontal"
        image(folder / "PNG" / f"{path}.png", i)
        rows.append(
            {
                "path_to_image": f"{path}.jpg", "path_to_dcm": f"{path}.dcm", "frontal_lateral": "Frontal",
                "ap_pa": "PA", "deid_patient_id": f"patient{i // 2:05d}",
                "patient_report_date_order": i % 2 + 1,
                "report": f"NARRATIVE: {SENTENCES[i]}", "section_findings": SENTENCES[i],
                "section_impression": f"{SENTENCES[i]} Compare.", "age": 50 + i, "sex": "Male",
                "split": "train" if i < 4 else "valid",
            }
        )  # fmt: skip
    table(folder / "df_chexpert_plus_240401.csv", rows)


def padchest(folder: Path) -> None:
    rows = []
    for i in range(N):
        image(folder / "0" / f"2168402{i}.png", i)
        rows.append(
            {
                "": i, "ImageID": f"2168402{i}.png", "ImageDir": 0, "StudyDate_DICOM": 20140915,
                "StudyID": f"2023{i}", "PatientID": f"8391{i // 2}", "PatientBirth": 1930,
                "PatientSex_DICOM": "F", "Projection": "PA", "Pediatric": "No", "Modality_DICOM": "CR",
                "ReportID": f"470{i}", "Report": f"{SENTENCES[i]} .", "MethodLabel": "Physician",
                "Labels": "['pulmonary fibrosis', 'unchanged']" if i % 2 else "['normal']",
            }
        )  # fmt: skip
    table(folder / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", rows)


def padchest_gr(folder: Path) -> None:
    records = []
    for i in range(N):
        image(folder / "PadChest_GR" / f"{i}.png", i)
        said = [
            {"sentence_en": SENTENCES[i], "sentence_es": f"Frase {i}.", "abnormal": bool(i % 2), "boxes": []},
            {"sentence_en": "No effusion.", "sentence_es": "Sin derrame.", "abnormal": False, "boxes": []},
        ]
        records.append({"StudyID": f"s{i}", "ImageID": f"{i}.png", "PreviousStudyID": None, "findings": said})
    (folder / "grounded_reports_20240819.json").write_text(json.dumps(records))


def rexgradient(folder: Path) -> None:
    records = {}
    for i in range(N):
        path = f"deid_png/GRDN{i:02d}/studies/1.2.{i}/instances/1.4.{i}.png"
        image(folder / path, i)
        records[f"p{i}"] = {
            "id": f"p{i}", "PatientID": f"GRDN{i // 2:02d}", "Indication": "Cough.", "Comparison": "None.",
            "Findings": SENTENCES[i], "Impression": f"{SENTENCES[i]} Stable.", "ImagePath": [f"../{path}"],
        }  # fmt: skip
    (folder / "metadata").mkdir()
    (folder / "metadata" / "train_metadata.json").write_text(json.dumps(records))


def nih(folder: Path) -> None:
    rows = []
    for i in range(N):
        image(folder / "images" / f"0000000{i}_000.png", i)
        rows.append(
            {
                "Image Index": f"0000000{i}_000.png",
                "Finding Labels": ("Cardiomegaly|Emphysema", "No Finding", "Hernia")[i % 3], "Follow-up #": 0,
                "Patient ID": i // 2 + 1, "Patient Age": 58, "Patient Gender": "M", "View Position": "PA",
            }
        )  # fmt: skip
    table(folder / "Data_Entry_2017.csv", rows)


def vindr(folder: Path) -> None:
    rows = []
    for i in range(N):
        name = f"{i:032x}"
        (folder / "train").mkdir(exist_ok=True)
        ramp = np.add.outer(np.arange(64), np.arange(64) * (i + 1)).astype(np.uint16)
        (folder / "train" / f"{name}.dicom").write_bytes(dicom(ramp, SOPInstanceUID=f"1.2.3.{i}"))
        rows.append(
            {
                "image_id": name,
                "rad_id": "R1",
                **{f: (i + k) % 2 for k, f in enumerate(FINDINGS)},
                "No finding": 0,
            }
        )
    table(folder / "image_labels_train.csv", rows)


def rsna(folder: Path) -> None:
    rows = []
    for i in range(N):
        name = f"0004cfab-{i}"
        (folder / "stage_2_train_images").mkdir(exist_ok=True)
        ramp = np.add.outer(np.arange(64), np.arange(64) * (i + 1)).astype(np.uint16)
        file = folder / "stage_2_train_images" / f"{name}.dcm"
        file.write_bytes(dicom(ramp, SOPInstanceUID=f"1.2.3.{i}"))
        rows.append({"patientId": name, "class": ("Lung Opacity", "Normal")[i % 2]})
    table(folder / "stage_2_detailed_class_info.csv", rows)


def pmc_oa(folder: Path) -> None:
    lines = []
    for i in range(N):
        image(folder / "images" / f"PMC21{i}_Fig1.jpg", i)
        lines.append(
            json.dumps({"image": f"PMC21{i}_Fig1.jpg", "caption": SENTENCES[i], "pmcid": f"PMC21{i}"})
        )
    (folder / "pmc_oa.jsonl").write_text("\n".join(lines))


def llava_med(folder: Path) -> None:
    records = []
    for i in range(N):
        image(folder / "images" / f"{i}.jpg", i)
        said = [{"from": "human", "value": "Describe it.\n<image>"}, {"from": "gpt", "value": SENTENCES[i]}]
        records.append({"id": f"{i}", "image": f"{i}.jpg", "pair_id": f"{i}", "conversations": said})
    (folder / "llava_med_alignment.json").write_text(json.dumps(records))


def r2gen(folder: Path) -> None:
    parts: dict[str, list[dict[str, Any]]] = {"train": [], "val": [], "test": []}
    for i in range(N):
        image(folder / "images" / f"CXR{i}" / "0.png", i)
        part = ("train", "val", "test")[i % 3]
        record = {"id": f"CXR{i}", "report": SENTENCES[i], "image_path": [f"CXR{i}/0.png"], "split": part}
        parts[part].append(record)
    (folder / "annotation.json").write_text(json.dumps(parts))


def mimic_sectioned(folder: Path) -> None:
    metadata, sections = [], []
    for i in range(N):
        study, patient = f"5041426{i}", f"1000003{i // 2}"
        image(folder / "files" / "p10" / f"p{patient}" / f"s{study}" / f"02aa804e-{i}.jpg", i)
        row = {"dicom_id": f"02aa804e-{i}", "subject_id": patient, "study_id": study, "ViewPosition": "PA"}
        metadata.append(row)
        said = {"impression": SENTENCES[i], "findings": f"{SENTENCES[i]} Unchanged.", "last_paragraph": ""}
        sections.append({"study": f"s{study}", **said, "comparison": ""})
    table(folder / "mimic-cxr-2.0.0-metadata.csv", metadata)
    table(folder / "mimic_cxr_sectioned.csv", sections)


def dicom_tree(folder: Path) -> None:
    for i in range(N):
        study = folder / "files" / "p10" / f"p1000003{i // 2}" / f"s5041426{i}"
        study.mkdir(parents=True)
        ramp = np.add.outer(np.arange(64), np.arange(64) * (i + 1)).astype(np.uint16)
        (study / f"a{i}.dcm").write_bytes(dicom(ramp, SOPInstanceUID=f"1.2.{i}", PatientID=f"{i // 2}"))
        (study.parent / f"{study.name}.txt").write_text(f"FINDINGS: {SENTENCES[i]}")


def folder_a_study(folder: Path) -> None:
    for i in range(N):
        study = folder / f"case{i}"
        study.mkdir()
        ramp = np.add.outer(np.arange(64), np.arange(64) * (i + 1)).astype(np.uint16)
        (study / "img0.dcm").write_bytes(dicom(ramp, SOPInstanceUID=f"1.2.{i}", PatientID=f"{i // 2}"))
        (study / "report.txt").write_text(SENTENCES[i])


PROMPTS = Options(prompts="A chest radiograph with {}.")
FROM_FINDINGS = Options(prompts=PROMPTS.prompts, overrides=Roles(labels=("Finding Labels",)))
PUBLISHED = {
    "CheXpert": Published(
        chexpert, modalities=("Path", "prompt"), groups=3, options=PROMPTS, labels=FINDINGS
    ),
    "CheXpert Plus": Published(
        chexpert_plus, modalities=("path_to_image", "report"), groups=3, splits=("train", "valid")
    ),
    "PadChest": Published(padchest, modalities=("ImageID", "Report"), groups=3),
    "PadChest-GR": Published(
        padchest_gr, modalities=("ImageID", "findings.sentence_en", "findings.sentence_es")
    ),
    "ReXGradient": Published(rexgradient, modalities=("ImagePath", "Findings", "Impression"), groups=3),
    "NIH14": Published(nih, modalities=("Image Index", "prompt"), groups=3, options=FROM_FINDINGS),
    "VinDr-CXR": Published(vindr, modalities=("image", "prompt"), options=PROMPTS, labels=FINDINGS),
    "RSNA": Published(rsna, modalities=("image", "prompt"), options=PROMPTS, labels=("class",)),
    "PMC-OA": Published(pmc_oa, modalities=("image", "caption")),
    "LLaVA-Med": Published(llava_med, modalities=("image", "text")),
    "R2Gen": Published(r2gen, modalities=("image_path", "report"), splits=("train", "val", "test")),
    "MIMIC-CXR-JPG with sections": Published(mimic_sectioned, modalities=("frontal", "report"), groups=3),
    "MIMIC-CXR": Published(dicom_tree, groups=3),
    "a folder a study": Published(folder_a_study, groups=3),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> suture.Workspace:
    return suture.Workspace(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_from_the_published_files_to_the_numbers(home: suture.Workspace, tmp_path: Path, name: str) -> None:
    wanted = PUBLISHED[name]
    wanted.make(tmp_path)
    report = intake(home, tmp_path, name, options=wanted.options)
    assert (report.taken, report.skipped) == (wanted.taken, wanted.skipped), report
    assert report.adds_up
    collection = home.collections[name]
    assert {*wanted.modalities} <= {m.name for m in collection.modalities}
    assert collection.table["group"].nunique() == wanted.groups
    assert {*wanted.splits} <= {*collection.table["split"]}
    assert {*wanted.labels} <= {*collection.labels}
    made = home.embed(name, "demo-clip")
    result = home.evaluate(made.name, resamples=20)
    assert result["centroid_gap", made.modalities[0], made.modalities[1]].n == wanted.taken


@pytest.mark.parametrize("name", ["CT-RATE", "Merlin"])
def test_tables_of_volumes_name_the_files_in_the_way(
    home: suture.Workspace, tmp_path: Path, name: str
) -> None:
    if name == "CT-RATE":
        rows = [
            {"VolumeName": f"train_{i}_a_1.nii.gz", "Findings_EN": SENTENCES[i], "Impressions_EN": "No."}
            for i in range(N)
        ]
        table(tmp_path / "train_reports.csv", rows)
    else:
        rows = [{"study id": f"AC4{i}.nii.gz", "Findings": SENTENCES[i], "Split": "train"} for i in range(N)]
        table(tmp_path / "reports_final.csv", rows)
    report = intake(home, tmp_path, name)
    assert report.refused == "table_columns_missing"
    assert ".nii.gz files, which are not read" in report.message
