"""Vectors without a model: formats, what describes the rows, and everything that can be wrong."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suture.data.errors import Refused
from suture.data.files import uploads
from suture.data.metadata import ImportReport
from suture.data.vectors import import_vectors, reading
from suture.data.workspace import SET, Workspace, embedding_sets


def rows(n: int = 20, dim: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim))


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_npz_keeps_double_precision_and_what_describes_rows(workspace: Workspace, tmp_path: Path) -> None:
    x, y = rows(), rows(seed=1)
    ids = np.array([f"s{i}" for i in range(20)])
    path = save(
        tmp_path / "v.npz",
        text=y,
        image=x,
        ids=ids,
        split=np.array(["train", "test"] * 10),
        patient_id=np.arange(20) // 2,
        finding=np.array(["a", "b"] * 10),
        params=np.zeros(3),
    )
    report = import_vectors(workspace, [path], "v")
    assert (report.found, report.taken, report.refused) == (20, 20, None)
    assert report.adds_up
    kept = embedding_sets.load(workspace, "v")
    assert kept.modalities == ["image", "text"]
    np.testing.assert_allclose(
        kept.vectors["image"], x / np.linalg.norm(x, axis=1, keepdims=True), atol=1e-15
    )
    assert kept.rows["study_id"].tolist() == ids.tolist()
    assert kept.rows["group"].nunique() == 10
    assert kept.labels == ["finding"]
    assert len(kept.split("test")) == 10


def test_npy_pair_and_parquet_give_the_same(workspace: Workspace, tmp_path: Path) -> None:
    x, y = rows(), rows(seed=1)
    np.save(tmp_path / "image.npy", x)
    np.save(tmp_path / "text.npy", y)
    pair = [tmp_path / "image.npy", tmp_path / "text.npy"]
    assert import_vectors(workspace, pair, "npy").refused is None
    pd.DataFrame({"image": list(x), "text": list(y), "id": [str(i) for i in range(20)]}).to_parquet(
        tmp_path / "v.parquet"
    )
    assert import_vectors(workspace, [tmp_path / "v.parquet"], "parquet").refused is None
    a, b = (embedding_sets.load(workspace, n) for n in ("npy", "parquet"))
    for m in ("image", "text"):
        np.testing.assert_array_equal(a.vectors[m], b.vectors[m])


def test_rows_with_nan_or_zero_are_left_out_and_counted(workspace: Workspace, tmp_path: Path) -> None:
    x, y = rows(), rows(seed=1)
    x[3, 0], y[7, 2], y[9] = np.nan, np.inf, 0
    report = import_vectors(workspace, [save(tmp_path / "v.npz", image=x, text=y)], "v")
    assert report.taken == 17
    assert report.skipped == {"embedding_not_finite": 2, "embedding_zero": 1}
    assert report.adds_up
    assert "Row 3 of 'image'" in report.message
    assert np.isfinite(embedding_sets.load(workspace, "v").vectors["text"]).all()


def test_a_length_that_no_number_tells_is_not_finite(workspace: Workspace, tmp_path: Path) -> None:
    image, text = rows(), rows().astype(np.float16)
    image[3] *= 1e200
    text[4] = 60_000
    report = import_vectors(workspace, [save(tmp_path / "v.npz", image=image, text=text)], "v")
    assert (report.taken, report.skipped) == (19, {"embedding_not_finite": 1})
    kept = embedding_sets.load(workspace, "v").vectors
    assert all(np.allclose(np.linalg.norm(v, axis=1), 1) for v in kept.values())


BAD = {
    "embedding_dim_mismatch": {"image": rows(dim=6), "text": rows(dim=7)},
    "embedding_count_mismatch": {"image": rows(20), "text": rows(19)},
    "embedding_shape": {"image": rows()},
    "embedding_dtype": {"image": rows().astype(np.int8), "text": rows().astype(np.int8)},
    "embedding_not_finite": {"image": np.full((5, 3), np.nan), "text": rows(5, 3)},
    "npy_object_dtype": {"image": np.array([{}, []], dtype=object), "text": rows(2)},
}


@pytest.mark.parametrize("code", BAD)
def test_refusals_say_why_and_keep_nothing(workspace: Workspace, tmp_path: Path, code: str) -> None:
    path = tmp_path / "v.npz"
    np.savez(path, **BAD[code])
    report = import_vectors(workspace, [path], "v")
    assert report.refused == code, report.message
    assert report.message
    assert not workspace.has(SET, "v")


def test_three_dimensions_and_bombs(workspace: Workspace, tmp_path: Path) -> None:
    path = save(tmp_path / "v.npz", image=np.ones((4, 2, 2)), text=rows(4))
    assert import_vectors(workspace, [path], "v").refused == "embedding_shape"
    np.savez_compressed(tmp_path / "bomb.npz", image=np.zeros((4000, 1000)), text=np.zeros((4000, 1000)))
    assert import_vectors(workspace, [tmp_path / "bomb.npz"], "v").refused == "zip_too_large"
    (tmp_path / "cut.npy").write_bytes((tmp_path / "v.npz").read_bytes()[:50])
    assert import_vectors(workspace, [tmp_path / "cut.npy"], "v").refused == "npy_corrupt"
    (tmp_path / "x.faiss").write_bytes(b"IxFI")
    assert import_vectors(workspace, [tmp_path / "x.faiss"], "v").refused == "file_type_not_allowed"


def npy(shape: object, content: bytes, descr: str = "'<f4'") -> bytes:
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + content


LIES = {
    "larger than the file": npy((10**6, 10**6), bytes(16)),
    "smaller than the file": npy((1, 2), bytes(16)),
    "negative": npy((-1, 2), bytes(8)),
    "no numbers": npy("('a', 2)", bytes(8)),
    "code": npy("__import__('os').getpid()", bytes(8)),
    "nothing each": npy((10**9, 2), b"", "'<U0'"),
    "version": b"\x93NUMPY\x09\x00" + bytes(20),
    "deep": npy("(" * 4000 + ")" * 4000, b""),
    "deep signs": npy("(" + "-" * 9000 + "1,)", b""),
    "a long header": b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little") + b"{" * 1000,
    "a header cut off": b"\x93NUMPY\x01\x00\x10",
    "a side beyond any": npy((0, 2**70), b""),
    "sides beyond any": npy((2**62, 0), b""),
    "70 dimensions": npy((1,) * 70, bytes(4)),
    "a truth for a side": npy((20, True), bytes(80)),
    "arrays in an array": npy((2,), bytes(128), "'(16,)f4'"),
}


@pytest.mark.parametrize("lie", LIES)
def test_headers_are_not_believed(tmp_path: Path, lie: str) -> None:
    (tmp_path / "image.npy").write_bytes(LIES[lie])
    with pytest.raises(Refused) as refused:
        sent(tmp_path / "image.npy")
    assert refused.value.code == "npy_corrupt"


def sent(path: Path) -> dict:
    """What the child would answer."""
    found: dict = {}
    reading.task(
        {"files": [[path.name, str(path)]]},
        lambda header, arrays=(): found.update({header["name"]: arrays[0] if arrays else header["cells"]}),
    )
    return found


def test_a_header_of_the_third_version_is_read(tmp_path: Path) -> None:
    with (tmp_path / "image.npy").open("wb") as file:
        np.lib.format.write_array(file, rows(), version=(3, 0))
    np.testing.assert_array_equal(sent(tmp_path / "image.npy")["image"], rows())


def test_columns_come_as_text_that_can_be_stored(tmp_path: Path) -> None:
    path = save(tmp_path / "v.npz", a=np.array([b"x\xff", b"y"]), b=np.array(["\ud800", "z"]), c=np.arange(2))
    assert sent(path) == {"a": ["x\ufffd", "y"], "b": ["?", "z"], "c": ["0", "1"]}


ODD = {"complex": rows().astype(complex), "text": np.full((2, 2), "x"), "dates": np.zeros((2, 2), "M8[s]")}


@pytest.mark.parametrize("kind", ODD)
def test_kinds_that_are_no_numbers_are_refused(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "image.npy", ODD[kind])
    with pytest.raises(Refused) as refused:
        sent(tmp_path / "image.npy")
    assert refused.value.code == "embedding_dtype"


@pytest.mark.parametrize("dtype", [">f4", "<f8", "f2", np.longdouble])
def test_floats_of_every_kind_keep_their_values(tmp_path: Path, dtype: object) -> None:
    x = rows().astype(dtype)
    np.save(tmp_path / "image.npy", np.asfortranarray(x))
    np.testing.assert_array_equal(sent(tmp_path / "image.npy")["image"], x.astype(float))


def test_parquet_lists_keep_their_kind_and_must_be_equally_long(tmp_path: Path) -> None:
    def write(**columns: pa.Array) -> Path:
        pq.write_table(pa.table(columns), tmp_path / "v.parquet")
        return tmp_path / "v.parquet"

    x = rows(5, 3).astype(np.float32)
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 3)
    came = sent(write(image=fixed, id=pa.array(["a", None, "c", "d", "e"])))
    np.testing.assert_array_equal(came["image"], x)
    assert came["id"][1] == ""
    nothing = pa.array([], pa.list_(pa.float32()))
    bad = {"embedding_shape": [[1.0], [1.0, 2.0]], "embedding_dtype": [["a"]], "embedding_empty": nothing}
    for code, cells in bad.items():
        with pytest.raises(Refused) as refused:
            sent(write(image=pa.array(cells)))
        assert refused.value.code == code


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.duration("s")], ids=str)
def test_times_that_python_does_not_know_are_numbers(tmp_path: Path, kind: pa.DataType) -> None:
    far = 2 ** (kind.bit_width - 2)
    column = pa.array([far, 1], pa.int32() if kind.bit_width == 32 else pa.int64()).cast(kind)
    pq.write_table(pa.table({"when": column}), tmp_path / "v.parquet")
    assert sent(tmp_path / "v.parquet")["when"][0] == str(far)


def test_parquet_that_claims_too_much_or_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "v.parquet"
    pq.write_table(pa.table({"image": pa.array(np.zeros(20_000_000, bool))}), path)
    with pytest.raises(Refused) as refused:
        sent(path)
    assert refused.value.code == "table_too_large"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Refused) as refused:
        sent(path)
    assert refused.value.code == "table_corrupt"


def test_an_upload_is_one_source_and_keeps_its_labels(workspace: Workspace) -> None:
    files = []
    for name, seed in (("image", 0), ("text", 1)):
        buffer = io.BytesIO()
        np.save(buffer, rows(seed=seed))
        files.append((f"{name}.npy", buffer.getvalue()))
    report = import_vectors(workspace, [uploads.spool(workspace, files)], "v")
    assert (report.refused, report.taken) == (None, 20)
    assert embedding_sets.load(workspace, "v").modalities == ["image", "text"]


def test_taken_name_keeps_the_first(workspace: Workspace, tmp_path: Path) -> None:
    path = save(tmp_path / "v.npz", image=rows(), text=rows(seed=1))
    import_vectors(workspace, [path], "v")
    before = workspace.record(SET, "v").fingerprint
    assert import_vectors(workspace, [path], "v").refused == "name_taken"
    assert workspace.record(SET, "v").fingerprint == before


def test_what_is_not_known_of_a_row_is_its_own(workspace: Workspace, tmp_path: Path) -> None:
    frame = pd.DataFrame({"image": list(rows(6)), "text": list(rows(6, seed=1))})
    frame["patient_id"] = ["p", None, None, "p", None, "q"]
    frame["caption_group"] = [None, "c", "c", None, None, None]
    frame.to_parquet(tmp_path / "v.parquet")
    assert import_vectors(workspace, [tmp_path / "v.parquet"], "v").refused is None
    kept = embedding_sets.load(workspace, "v").rows
    assert kept["group"].nunique() == 5
    assert kept["duplicate_group"].tolist() == ["", "c", "c", "", "", ""]


def test_rows_follow_their_collection_by_id_and_through_a_rename(
    workspace: Workspace, tmp_path: Path
) -> None:
    from suture.data.collection import Collection, Modality
    from suture.data.collections import storage
    from suture.data.workspace import COLLECTION

    table = pd.DataFrame({"study_id": ["a", "b", "c"], "group": ["p", "p", "q"], "split": "train"})
    table = table.assign(duplicate_group="", report=["one", "two", "three"])
    with workspace.staging() as folder:
        storage.publish(
            workspace, Collection("c", table, (Modality("report", "text"),)), folder, report=ImportReport()
        )
    x = rows(3)
    x[0] = np.nan
    path = save(tmp_path / "v.npz", image=x, report=rows(3, seed=1))
    assert import_vectors(workspace, [path], "v", collection="c").taken == 2
    kept = embedding_sets.load(workspace, "v")
    assert kept.rows["study_id"].tolist() == ["b", "c"]  # by order of the source, before rows were left out
    assert kept.provenance.collection_id == workspace.record(COLLECTION, "c").id


def test_different_widths_are_refused_and_the_refusal_tells_of_features(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = save(tmp_path / "v.npz", image=rows(dim=6), text=rows(dim=7))
    report = import_vectors(workspace, [path], "v")
    assert report.refused == "embedding_dim_mismatch"
    assert "use --features" in report.message
    assert import_vectors(workspace, [path], "v", features=True).refused is None
    assert not embedding_sets.load(workspace, "v").comparable


def test_features_must_still_be_finite_and_more_than_nothing(workspace: Workspace, tmp_path: Path) -> None:
    x, y = rows(dim=6), rows(dim=7)
    x[3, 0], y[7] = np.nan, 0
    report = import_vectors(workspace, [save(tmp_path / "v.npz", image=x, text=y)], "v", features=True)
    assert report.skipped == {"embedding_not_finite": 1, "embedding_zero": 1}
    thin = save(tmp_path / "w.npz", image=x, text=y[:, :1])
    assert import_vectors(workspace, [thin], "w", features=True).refused == "embedding_shape"


def test_a_modality_may_be_declared_missing(workspace: Workspace, tmp_path: Path) -> None:
    y = rows(seed=1)
    y[[3, 4]], y[5] = 0, np.nan
    there = ~np.isin(np.arange(20), [3, 5])
    path = save(tmp_path / "v.npz", image=rows(), text=y, **{"present:text": there})
    report = import_vectors(workspace, [path], "v")
    assert report.skipped == {"embedding_zero": 1}
    kept = embedding_sets.load(workspace, "v")
    assert np.flatnonzero(~kept.present("text")).tolist() == [3, 4]  # 4 was left out, 5 moved up
    assert kept.labels == []


def test_a_modality_that_reads_like_a_direction_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(20, 4))
    np.savez(tmp_path / "v.npz", **{"image": x, "a->b": x + 1})
    report = import_vectors(workspace, [tmp_path / "v.npz"], "odd")
    assert report.refused == "modality_name"
    assert "'a->b'" in report.message


def test_block_by_block_is_as_whole(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad rows, missing ones and equal texts lie in different blocks; the bytes are those of numpy.save."""
    x, y = rows(50), rows(50, seed=1)
    x[7], y[30:33] = np.nan, y[2]
    there = np.arange(50) != 20
    path = save(tmp_path / "v.npz", image=x, text=y, **{"present:image": there})
    monkeypatch.setattr("suture.data.vectors.blocks.BLOCK", 3 * x.shape[1] * x.itemsize)
    report = import_vectors(workspace, [path], "v")
    assert (report.taken, report.skipped) == (49, {"embedding_not_finite": 1})
    x[20] = 0
    for number, matrix in enumerate((x, y)):
        kept = np.delete(matrix, 7, axis=0)
        lengths = np.linalg.norm(kept, axis=1, keepdims=True)
        np.save(tmp_path / "expected.npy", kept / np.where(lengths == 0, 1, lengths))
        made = workspace.record(SET, "v").path(f"vectors-{number}.npy")
        assert made.read_bytes() == (tmp_path / "expected.npy").read_bytes()
    keys = embedding_sets.load(workspace, "v").rows["key:text"]
    assert len({keys[2], *keys[29:32]}) == 1


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet"])
def test_the_reader_sends_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    x = rows(50).astype(np.float32)
    monkeypatch.setattr("suture.data.vectors.blocks.BLOCK", 7 * x.shape[1] * x.itemsize)
    monkeypatch.setattr("suture.data.vectors.parquet.BATCH", 7)
    path = tmp_path / f"image.{kind}"
    if kind == "npy":
        np.save(path, x)
    elif kind == "npz":
        np.savez_compressed(path, image=x)
    else:
        pq.write_table(pa.table({"image": [*x]}), path)
    came: list[np.ndarray] = []
    reading.task({"files": [[path.name, str(path)]]}, lambda header, arrays=(): came.extend(arrays))
    assert [len(block) for block in came] == [7] * 7 + [1]
    np.testing.assert_array_equal(np.concatenate(came), x)


def test_memory_does_not_grow_with_the_vectors(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two vectors of 4,096 bytes a row, what describes it stays in memory and they do not."""
    monkeypatch.setattr("suture.data.vectors.blocks.BLOCK", 2**16)

    def peak(n: int) -> int:
        files = [tmp_path / "image.npy", tmp_path / "report.npy"]
        for file in files:
            np.save(file, np.random.default_rng(0).normal(size=(n, 512)))
        tracemalloc.start()
        try:
            assert import_vectors(workspace, files, f"of {n}").taken == n
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(64)
    assert (peak(6000) - peak(2000)) / 4000 < 1500


def test_a_reader_that_sends_what_does_not_fit_is_not_believed(tmp_path: Path) -> None:
    from suture.data.sandbox import ParserDied
    from suture.data.vectors.requests import Arrays, _append

    arrays: Arrays = {"text": np.array(["a"], dtype=object)}
    _append(arrays, "image", np.ones((2, 3)), tmp_path)
    for name, block in (
        ("image", np.ones((1, 4))),
        ("image", np.ones((1, 3), np.float32)),
        ("image", np.ones(3)),
        ("text", np.ones((1, 3))),
        ("cube", np.ones((1, 1, 1))),
    ):
        with pytest.raises(ParserDied):
            _append(arrays, name, block, tmp_path)


def test_what_is_done_is_told_step_by_step(workspace: Workspace, tmp_path: Path) -> None:
    path, told = save(tmp_path / "v.npz", image=rows(), text=rows(seed=1)), []
    report = import_vectors(
        workspace, [path], "told", progress=lambda share, what: told.append((share, what))
    )
    assert report.refused is None
    assert list(dict.fromkeys(what for _, what in told)) == ["Reading", "Checking", "Writing"]
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] == 1


def test_one_long_text_needs_no_room_for_each(workspace: Workspace, tmp_path: Path) -> None:
    """4 bytes a character for every row would be 2.4 GB."""
    n, path = 30_000, tmp_path / "v.parquet"
    x = rows(n, seed=3)
    told = ["no finding"] * n
    told[17] = "x" * 20_000
    pd.DataFrame({"image": list(x), "report": list(x), "told": told}).to_parquet(path)
    report = import_vectors(workspace, [path], "v")
    assert report.refused is None, report.message
    assert embedding_sets.load(workspace, "v").rows["told"].map(len).tolist() == [*map(len, told)]
