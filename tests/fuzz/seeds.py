"""Small sound inputs of every kind that the door knows, made here."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.data import dicom_files
from tests.data.workbooks import sheet, workbook

TABLE = pd.DataFrame(
    {
        "study_id": [f"{i:03d}" for i in range(6)],
        "image": [f"{i}.png" for i in range(6)],
        "report": [f'Findings: "clear", no. {i}; é. Impression: normal.' for i in range(6)],
    }
)


def seeds() -> Iterator[tuple[str, bytes]]:
    """(name, content); the ending of the name says which parser it is for."""
    yield from _pictures()
    yield from _tables()
    yield from _archives()
    yield from dicom_seeds()
    yield from _vectors()


def _pictures() -> Iterator[tuple[str, bytes]]:
    random = np.random.default_rng(0)
    grey = Image.fromarray(random.integers(0, 255, (40, 30), dtype=np.uint8))
    colour = Image.fromarray(random.integers(0, 255, (40, 30, 3), dtype=np.uint8))
    deep = Image.fromarray(random.integers(0, 65535, (40, 30), dtype=np.uint16))
    alike = {"a.png": grey, "b.png": colour, "deep.png": deep, "c.jpg": colour, "d.tif": deep, "e.bmp": grey}
    for name, picture in (alike | {"f.webp": colour, "g.gif": grey}).items():
        buffer = io.BytesIO()
        picture.save(buffer, Image.registered_extensions()["." + name.rsplit(".", 1)[1]])
        yield name, buffer.getvalue()


def _tables() -> Iterator[tuple[str, bytes]]:
    yield "t.csv", TABLE.to_csv(index=False).encode()
    yield "t.tsv", TABLE.to_csv(index=False, sep="\t").encode("utf-16")
    buffer = io.BytesIO()
    TABLE.to_parquet(buffer)
    yield "t.parquet", buffer.getvalue()
    records = TABLE.to_dict("records")
    more = {"meta": {"age": 61}, "conversations": [{"from": "gpt", "value": "Clear."}]}
    yield "t.json", json.dumps([record | more for record in records]).encode()
    yield "t.jsonl", "\n".join(map(json.dumps, records)).encode()
    yield "t.csv.gz", gzip.compress(TABLE.to_csv(index=False).encode(), mtime=0)
    yield "gbk.csv", "image,报告\n0.png,双肺清晰。\n1.png,左侧胸腔积液。\n".encode("gbk")
    yield "bare.csv", b"0.png,The lungs are clear.\n1.png,A small effusion is seen.\n"
    yield "t.xlsx", workbook(sheet([[*TABLE], *TABLE.to_numpy().tolist()]))
    picture = next(content for name, content in _pictures() if name == "a.png")
    buffer = io.BytesIO()
    pq.write_table(pa.table({"picture": [picture] * 3, "caption": ["Clear.", "Large.", "Nodule."]}), buffer)
    yield "images.parquet", buffer.getvalue()
    kinds = {"png": picture, "txt": b"Clear."}
    yield "d.tar", _tar({f"{i}.{kind}": content for i in range(3) for kind, content in kinds.items()})


def _tar(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _archives() -> Iterator[tuple[str, bytes]]:
    picture = next(content for name, content in _pictures() if name == "a.png")
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", kind) as archive:
            archive.writestr("studies.csv", TABLE.to_csv(index=False))
            for i in range(6):
                archive.writestr(f"{i}.png", picture)
        yield f"z{kind}.zip", buffer.getvalue()


def dicom_seeds() -> Iterator[tuple[str, bytes]]:
    """Files of several syntaxes, depths and numbers of frames."""
    signed = np.linspace(-900, 900, 576).astype(np.int16).reshape(24, 24)
    window = {"RescaleSlope": 1, "RescaleIntercept": -24, "WindowCenter": 40, "WindowWidth": 400}
    yield "plain.dcm", dicom_files.dicom()
    yield "implicit.dcm", dicom_files.dicom(signed, syntax=ImplicitVRLittleEndian, **window)
    yield "frames.dcm", dicom_files.dicom(np.stack([dicom_files.RAMP] * 4), syntax=ExplicitVRLittleEndian)
    yield "named.dcm", dicom_files.dicom(PatientName="Planted^Jane", PatientID="P1", StudyDescription="Chest")


def _vectors() -> Iterator[tuple[str, bytes]]:
    rows = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    plain, packed = io.BytesIO(), io.BytesIO()
    np.save(plain, rows)
    np.savez(packed, image=rows, text=rows[::-1], ids=np.array([f"{i}" for i in range(8)]))
    yield "v.npy", plain.getvalue()
    yield "v.npz", packed.getvalue()
    yield "w.safetensors", _safetensors({"visual.proj": rows, "text.proj": rows})
    weights = io.BytesIO()
    torch.save({"state_dict": {"visual.proj": torch.ones(4, 4), "text.proj": torch.zeros(2)}}, weights)
    yield "w.pt", weights.getvalue()


def _safetensors(tensors: dict[str, np.ndarray]) -> bytes:
    head, body = {}, b""
    for name, values in tensors.items():
        place = [len(body), len(body) + values.nbytes]
        head[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": place}
        body += values.tobytes()
    content = json.dumps(head).encode()
    return len(content).to_bytes(8, "little") + content + body
