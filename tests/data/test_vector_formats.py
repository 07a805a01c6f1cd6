"""Vectors as people have them: CSV of numbers, tensors of torch, lists and coordinates in Parquet."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from suture.data import limits
from suture.data.embedding_set import EmbeddingSet, text_digest
from suture.data.vectors import import_vectors
from suture.data.workspace import SET, Workspace, embedding_sets

N, DIM = 30, 12
RANDOM = np.random.default_rng(5)
IMAGE, TEXT = RANDOM.normal(size=(N, DIM)), RANDOM.normal(size=(N, DIM))
IDS = [f"study {i}" for i in range(N)]
GROUPS = [f"p{i // 2}" for i in range(N)]
SPLITS = ["train", "test"] * (N // 2)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def taken(workspace: Workspace, *files: Path, name: str = "v") -> EmbeddingSet:
    report = import_vectors(workspace, [*files], name)
    assert report.refused is None, report.message
    return embedding_sets.load(workspace, name)


def refused(workspace: Workspace, *files: Path) -> tuple[str | None, str]:
    report = import_vectors(workspace, [*files], "r")
    assert not workspace.has(SET, "r")
    return report.refused, report.message


def check(kept: EmbeddingSet, atol: float = 1e-7) -> None:
    assert kept.modalities == ["image", "text"]
    np.testing.assert_allclose(kept.vectors["image"], unit(IMAGE), atol=atol)
    np.testing.assert_allclose(kept.vectors["text"], unit(TEXT), atol=atol)
    assert kept.rows["study_id"].tolist() == IDS
    assert kept.rows["group"].tolist() == GROUPS
    assert kept.rows["split"].tolist() == SPLITS
    assert kept.labels == ["finding"]


def described() -> dict[str, Any]:
    return {"id": IDS, "patient_id": GROUPS, "split": SPLITS, "finding": ["yes", "no"] * (N // 2)}


def coordinates(form: str = "{}_{}", first: int = 0) -> dict[str, np.ndarray]:
    parts = {"image": IMAGE, "text": TEXT}
    return {form.format(m, first + i): x[:, i] for m, x in parts.items() for i in range(DIM)}


@pytest.mark.parametrize("form", ["{}_{}", "{}{}", "{}.{}", "{}[{}]", "{} {}"])
@pytest.mark.parametrize("first", [0, 1])
def test_numbered_columns_of_a_csv_are_vectors(
    workspace: Workspace, tmp_path: Path, form: str, first: int
) -> None:
    frame = pd.DataFrame({**described(), **coordinates(form, first)})
    shuffled = frame[np.random.default_rng(0).permutation(frame.columns)]
    shuffled.to_csv(tmp_path / "v.csv", index=False)
    check(taken(workspace, tmp_path / "v.csv"), 1e-15)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.tsv", {"sep": "\t"}),
        ("v.csv.gz", {}),
        ("v.csv", {"sep": ";", "decimal": ","}),
        ("v.csv", {"encoding": "utf-16"}),
    ],
)
def test_tables_of_numbers_in_other_forms(
    workspace: Workspace, tmp_path: Path, name: str, options: dict
) -> None:
    pd.DataFrame({**described(), **coordinates()}).to_csv(tmp_path / name, index=False, **options)
    check(taken(workspace, tmp_path / name))


WRITTEN = {
    "json": lambda row: str(row.tolist()),
    "numpy": lambda row: np.array2string(row, precision=17),
    "plain": lambda row: " ".join(map(repr, row.tolist())),
    "commas": lambda row: ",".join(map(repr, row.tolist())),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_lists_in_cells_of_a_csv_are_vectors(workspace: Workspace, tmp_path: Path, form: str) -> None:
    lists = {m: [WRITTEN[form](row) for row in x] for m, x in (("image", IMAGE), ("text", TEXT))}
    pd.DataFrame({**described(), **lists}).to_csv(tmp_path / "v.csv", index=False)
    check(taken(workspace, tmp_path / "v.csv"))


def test_tables_of_numbers_alone_are_called_like_their_files(workspace: Workspace, tmp_path: Path) -> None:
    np.savetxt(tmp_path / "image.csv", IMAGE, delimiter=",")
    pd.DataFrame(TEXT).to_csv(tmp_path / "text.csv")  # an index, and the header 0, 1, 2, …
    kept = taken(workspace, tmp_path / "image.csv", tmp_path / "text.csv")
    np.testing.assert_allclose(kept.vectors["image"], unit(IMAGE), atol=1e-12)
    np.testing.assert_allclose(kept.vectors["text"], unit(TEXT), atol=1e-12)


def test_rows_without_numbers_lack_the_modality_and_odd_cells_are_counted(
    workspace: Workspace, tmp_path: Path
) -> None:
    frame = pd.DataFrame({**described(), **coordinates()}).astype(object)
    text = [c for c in frame if c.startswith("text_")]
    frame.loc[[3, 4], text] = ""
    frame.loc[5, text[2]] = ""
    frame.loc[6, text[3]] = "n/a"
    frame.to_csv(tmp_path / "v.csv", index=False)
    report = import_vectors(workspace, [tmp_path / "v.csv"], "v")
    assert (report.found, report.taken) == (N, N - 2)
    assert report.skipped == {"embedding_not_finite": 2}
    kept = embedding_sets.load(workspace, "v")
    assert np.flatnonzero(~kept.present("text")).tolist() == [3, 4]
    assert kept.labels == ["finding"]


def test_a_study_without_any_vector_is_skipped(workspace: Workspace, tmp_path: Path) -> None:
    lists = {"image": [None, *IMAGE[1:].tolist()], "text": [None, None, *TEXT[2:].tolist()]}
    pq.write_table(pa.table({**described(), **lists}), tmp_path / "v.parquet")
    report = import_vectors(workspace, [tmp_path / "v.parquet"], "v")
    assert (report.found, report.taken, report.skipped) == (N, N - 1, {"study_empty": 1})
    assert embedding_sets.load(workspace, "v").rows["study_id"].tolist() == IDS[1:]


def test_numbers_that_are_no_coordinates_describe_rows(workspace: Workspace, tmp_path: Path) -> None:
    """Columns with a gap, fewer than the vectors have, or of zeros and ones alone."""
    findings = {f"finding_{i}": np.arange(N) % 2 for i in range(10)}
    frame = pd.DataFrame(
        {**described(), **coordinates(), "grade_1": 1, "grade_2": 2, "visit_7": 3, "age": 60, **findings}
    )
    frame.to_csv(tmp_path / "v.csv", index=False)
    kept = taken(workspace, tmp_path / "v.csv")
    assert kept.modalities == ["image", "text"]
    assert kept.labels == ["finding", "grade_1", "grade_2", "visit_7", "age", *findings]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_called_like_numbered_vectors_is_their_text(
    workspace: Workspace, tmp_path: Path, ending: str
) -> None:
    said = [f"Report {i % 5}." for i in range(N)]
    frame = pd.DataFrame({**described(), "text": said, **coordinates()})
    if ending == "csv":
        frame.to_csv(tmp_path / "v.csv", index=False)
    else:
        frame.to_parquet(tmp_path / "v.parquet")
    kept = taken(workspace, tmp_path / f"v.{ending}")
    check(kept)
    assert kept.rows["key:text"].tolist() == [text_digest(t) for t in said]


def test_what_is_wrong_with_a_csv_is_said(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "v.csv"

    def written(text: str) -> tuple[str | None, str]:
        file.write_text(text)
        return refused(workspace, file)

    assert written("image_0,image_1\n1,2\n1,2,3\n")[0] == "table_corrupt"
    code, message = written('id,image,text\na,"[0.1 0.2 ... 0.9]","[0.1 0.2 ... 0.9]"\n')
    assert code == "embedding_shape"
    assert "cut off" in message
    code, message = written("id,report\na,one\n")
    assert code == "embedding_shape"
    assert "Expected two or more" in message
    assert written("\n\n")[0] == "table_empty"
    assert written("image_0,image_1,text_0,text_1\n")[0] in ("embedding_shape", "embedding_empty")
    lists = "\n".join(f'"[{i}, 2.5]","[1, {i}.5]"' for i in range(300))
    assert written(f'image,text\n{lists}\n"[1, 2, 3]","[1, 2]"\n')[0] == "embedding_shape"
    (tmp_path / "v.csv.gz").write_bytes(gzip.compress(b"image_0,image_1\n" + b"0,0\n" * 5_000_000))
    assert refused(workspace, tmp_path / "v.csv.gz")[0] == "table_too_large"
    monkeypatch.setenv(limits.SETTING, '{"table_rows": 10}')
    pd.DataFrame(coordinates()).to_csv(file, index=False)
    assert refused(workspace, file)[0] == "table_too_large"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_tensors_with_lists_that_describe_them(
    workspace: Workspace, tmp_path: Path, dtype: torch.dtype
) -> None:
    tensors = {"image": torch.tensor(IMAGE, dtype=dtype), "text": torch.tensor(TEXT, dtype=dtype)}
    tensors["image"].requires_grad_()
    torch.save({"embeddings": tensors, **described(), "epoch": 3}, tmp_path / "v.pt")
    atol = {torch.float64: 1e-15, torch.float32: 1e-6}.get(dtype, 1e-2)
    check(taken(workspace, tmp_path / "v.pt"), atol)


def test_a_tensor_a_file_is_called_like_it_and_goes_with_other_formats(
    workspace: Workspace, tmp_path: Path
) -> None:
    torch.save(torch.tensor(IMAGE), tmp_path / "image.pt")
    torch.save(torch.nn.Parameter(torch.tensor(TEXT).T).T, tmp_path / "text.pth")
    pd.DataFrame(described()).to_csv(tmp_path / "studies.csv", index=False)
    check(taken(workspace, *(tmp_path / f for f in ("image.pt", "text.pth", "studies.csv"))), 1e-15)
    np.save(tmp_path / "image.npy", IMAGE)
    code, message = refused(workspace, tmp_path / "image.pt", tmp_path / "image.npy")
    assert code == "duplicate_array"
    assert "'image'" in message


def test_a_modality_of_tensors_may_be_declared_missing(workspace: Workspace, tmp_path: Path) -> None:
    there = torch.arange(N) != 3
    content = {
        "image": torch.tensor(IMAGE),
        "text": torch.tensor(TEXT) * there[:, None],
        "present:text": there,
    }
    torch.save(content, tmp_path / "v.pt")
    assert np.flatnonzero(~taken(workspace, tmp_path / "v.pt").present("text")).tolist() == [3]


def test_torch_is_imported_only_where_its_files_are_read() -> None:
    code = "import sys, suture.data.vectors; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Opened:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (str(self.path), "w")


def test_files_of_torch_that_hold_more_than_tensors_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    file, opened = tmp_path / "v.pt", tmp_path / "opened"

    def saved(content: object) -> tuple[str | None, str]:
        torch.save(content, file)
        return refused(workspace, file)

    tensors = {"image": torch.tensor(IMAGE), "text": torch.tensor(TEXT)}
    assert saved({**tensors, "ids": Opened(opened)})[0] == "pt_unsafe"
    assert not opened.exists()
    for other in (IMAGE, [[1, 2]], [Path("x")]):
        code, message = saved({**tensors, "more": other})
        assert code in ("pt_not_tensors", "pt_unsafe"), message
        assert "torch.save({'image'" in message
    assert saved({"epoch": 3})[0] == "pt_not_tensors"
    assert saved({**tensors, "image": torch.tensor(IMAGE).to_sparse()})[0] == "embedding_dtype"
    assert saved({**tensors, "image": torch.zeros(1, 1).expand(10**6, 10**6)})[0] == "pt_corrupt"
    assert saved({**tensors, "image": torch.zeros(2, 2, 2)})[0] == "embedding_shape"
    file.write_bytes(file.read_bytes()[:-200])
    assert refused(workspace, file)[0] == "pt_corrupt"
    file.write_bytes(b"no tensors at all")
    assert refused(workspace, file)[0] == "pt_corrupt"


@pytest.mark.parametrize("kind", ["list", "fixed", "large"])
def test_lists_in_parquet_that_are_null_are_a_missing_modality(
    workspace: Workspace, tmp_path: Path, kind: str
) -> None:
    of = {
        "list": pa.list_(pa.float32()),
        "fixed": pa.list_(pa.float32(), DIM),
        "large": pa.large_list(pa.float32()),
    }
    rows: list = TEXT.tolist()
    rows[0] = rows[1] = rows[7] = None
    rows[9] = [None, *rows[9][1:]]
    table = pa.table({**described(), "image": IMAGE.tolist(), "text": pa.array(rows, of[kind])})
    pq.write_table(table, tmp_path / "v.parquet", row_group_size=2)
    report = import_vectors(workspace, [tmp_path / "v.parquet"], "v")
    assert (report.taken, report.skipped) == (N - 1, {"embedding_not_finite": 1})
    kept = embedding_sets.load(workspace, "v")
    assert np.flatnonzero(~kept.present("text")).tolist() == [0, 1, 7]
    np.testing.assert_allclose(kept.vectors["text"][2:7], unit(TEXT)[2:7], atol=1e-6)


def test_coordinates_in_parquet_are_vectors(workspace: Workspace, tmp_path: Path) -> None:
    frame = pd.DataFrame({**described(), **coordinates()})
    frame.to_parquet(tmp_path / "v.parquet")
    check(taken(workspace, tmp_path / "v.parquet"), 1e-15)
    frame.loc[4, [c for c in frame if c.startswith("text_")]] = None
    frame.loc[5, "text_3"] = None
    frame.convert_dtypes().to_parquet(tmp_path / "w.parquet")
    report = import_vectors(workspace, [tmp_path / "w.parquet"], "w")
    assert report.skipped == {"embedding_not_finite": 1}
    assert np.flatnonzero(~embedding_sets.load(workspace, "w").present("text")).tolist() == [4]


@pytest.mark.parametrize("form", ["lists", "coordinates"])
def test_damage_inside_parquet_is_called_that(workspace: Workspace, tmp_path: Path, form: str) -> None:
    """The footer is whole, so that only reading the pages finds it."""
    lists = {"image": IMAGE.tolist(), "text": TEXT.tolist()}
    file = tmp_path / "v.parquet"
    pq.write_table(pa.table({**described(), **(lists if form == "lists" else coordinates())}), file)
    content = bytearray(file.read_bytes())
    content[4:60] = b"\xff" * 56  # the header of the first page
    file.write_bytes(content)
    assert refused(workspace, file)[0] == "table_corrupt"


def test_a_folder_of_lancedb_is_answered_with_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("vectors.lance", "db"):
        (tmp_path / name).mkdir()
        code, message = refused(workspace, tmp_path / name)
        assert code == "file_type_not_allowed"
        assert "to_parquet" in message


def test_an_import_that_leaves_most_out_says_so(workspace: Workspace, tmp_path: Path) -> None:
    image = IMAGE.copy()
    image[: N - 2] = np.nan
    np.savez(tmp_path / "v.npz", image=image, text=TEXT)
    report = import_vectors(workspace, [tmp_path / "v.npz"], "v")
    assert (report.found, report.taken) == (N, 2)
    assert report.warnings == {"warn_most_skipped": N - 2}
    assert f"{N - 2} of {N} rows were skipped" in report.message
    np.savez(tmp_path / "w.npz", image=IMAGE, text=TEXT)
    assert import_vectors(workspace, [tmp_path / "w.npz"], "w").warnings == {}


def test_arrays_that_describe_no_row_are_named(workspace: Workspace, tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", image=IMAGE, text=TEXT, losses=np.zeros(7), scale=np.float32(3))
    report = import_vectors(workspace, [tmp_path / "v.npz"], "v")
    assert report.warnings == {"warn_array_not_used": 1}
    assert "'losses'" in report.message
