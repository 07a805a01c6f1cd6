"""Weights from strangers: what is taken, what each kind of bad file is called, and that nothing runs."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from suture.data import weights
from suture.data.errors import Refused
from suture.data.weights import archive, pickles, safetensors_file, torch_file
from suture.data.weights.state_dict import find_state_dict

STATE = OrderedDict({"visual.proj.weight": torch.arange(6.0).reshape(2, 3), "logit_scale": torch.tensor(2.5)})


def read_here(path: Path) -> None:
    """As the child does it, without starting one."""
    weights.check_file(path, path.name)
    request = {"path": str(path), "label": path.name, "values": True}
    if path.suffix == ".safetensors":
        safetensors_file.task(request, ignored)
    else:
        torch_file.task({**request, "beside": archive.check(path, path.name)}, ignored)


def ignored(header: dict, arrays: tuple = ()) -> None:
    """Nobody asks for the answer."""


class Payload:
    """Makes a file when somebody opens it in an unsafe way."""

    def __init__(self, call: Callable, *arguments: object) -> None:
        self.parts = (call, arguments)

    def __reduce__(self) -> tuple:
        return self.parts


def touching(canary: Path) -> Payload:
    return Payload(os.system, f"touch {canary}")


def legacy(path: Path, canary: Path) -> None:
    """torch's old format, with the payload in its third pickle."""
    magic = 0x1950A86A20F9469CFC6C
    parts = [pickle.dumps(part, 2) for part in (magic, 1001, touching(canary))]
    path.write_bytes(b"".join(parts))


def packed(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def appended(path: Path, content: bytes) -> None:
    path.write_bytes(path.read_bytes() + content)


EVIL = {
    "beside good tensors": lambda path, canary: torch.save({**STATE, "x": touching(canary)}, path),
    "plain pickle": lambda path, canary: path.write_bytes(pickle.dumps(touching(canary))),
    "protocol 4": lambda path, canary: path.write_bytes(pickle.dumps(touching(canary), 4)),
    "protocol 0": lambda path, canary: path.write_bytes(pickle.dumps(touching(canary), 0)),
    "broken after it": lambda path, canary: path.write_bytes(pickle.dumps(touching(canary))[:-1] + b"\xff"),
    "third pickle": legacy,
    "behind a decoy": lambda path, canary: packed(
        path, **{"a/b/data.pkl": b"\x80\x02}.", "a/data.pkl": pickle.dumps(touching(canary), 2)}
    ),
    "under other names": lambda path, canary: path.write_bytes(
        b"\x80\x04\x8c\x02os\x8c\x06system\x8c\x05torch\x8c\x06Tensor00\x93\x8c"
        + bytes([len(f"touch {canary}")])
        + f"touch {canary}\x85R.".encode("latin1")
    ),
    "through a library": lambda path, canary: path.write_bytes(
        b"\x80\x02ctorch\nserialization.os.system\nX%b%bq\0\x85R."
        % (struct.pack("<I", len(f"touch {canary}")), f"touch {canary}".encode())
    ),
    "eval": lambda path, canary: torch.save(Payload(eval, f"open({str(canary)!r}, 'w')"), path),
}


@pytest.mark.parametrize("kind", EVIL)
def test_what_would_run_code_is_refused_and_does_not_run(tmp_path: Path, kind: str) -> None:
    path, canary = tmp_path / "evil.pt", tmp_path / "canary"
    EVIL[kind](path, canary)
    with pytest.raises(Refused) as refused:
        read_here(path)
    assert refused.value.code == "checkpoint_unsafe"
    assert not canary.exists()


def test_the_child_refuses_it_too_and_says_what_to_do(tmp_path: Path) -> None:
    torch.save({**STATE, "x": touching(tmp_path / "canary")}, tmp_path / "evil.pt")
    with pytest.raises(Refused, match=r"safetensors\.torch\.save_file") as refused:
        weights.read(tmp_path / "evil.pt")
    assert refused.value.code == "checkpoint_unsafe"
    assert not (tmp_path / "canary").exists()


def test_the_payload_works_where_it_is_opened_unsafely(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(touching(canary)))
    assert canary.exists()


def rewritten(path: Path, compression: int = zipfile.ZIP_STORED, **more: bytes) -> None:
    """torch's archive, packed again."""
    torch.save({"x": torch.zeros(200_000)}, path)
    with zipfile.ZipFile(path) as packed:
        members = {n: packed.read(n) for n in packed.namelist()}
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, content in {**members, **more}.items():
            packed.writestr(name, content)


def scripted(path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)


def whole_module(path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), path)


def far_view(path: Path) -> None:
    torch.save({"x.weight": torch.zeros(1).expand(10**6, 10**6)}, path)


def shared_view(path: Path) -> None:
    one = torch.zeros(10_000)
    torch.save({f"x{i}.weight": one for i in range(100)}, path)


def nested() -> torch.Tensor:
    return torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(4, 3)])


def past_the_end(path: Path) -> None:
    """The directory says that the pickle is longer than the file."""
    packed(path, **{"a/data.pkl": b"\x80\x02}."})
    content = bytearray(path.read_bytes())
    struct.pack_into("<II", content, content.index(b"PK\x01\x02") + 20, len(content), len(content))
    path.write_bytes(content)


def cut(path: Path) -> None:
    torch.save(dict(STATE), path)
    path.write_bytes(path.read_bytes()[:-200])


BAD = {
    "whole module": ("checkpoint_not_weights_only", whole_module),
    "settings": (
        "checkpoint_not_weights_only",
        lambda p: torch.save({**STATE, "a": argparse.Namespace(lr=1)}, p),
    ),
    "TorchScript": ("checkpoint_is_torchscript", scripted),
    "deflated": ("checkpoint_too_large", lambda p: rewritten(p, zipfile.ZIP_DEFLATED)),
    "numpy's scalar": (
        "checkpoint_not_weights_only",
        lambda p: torch.save({"state_dict": STATE, "best": np.float64(3)}, p),
    ),
    "empty bytes of any length": (
        "checkpoint_not_weights_only",
        lambda p: p.write_bytes(b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\0\0\0\0\2\x85R."),
    ),
    "past the end": ("checkpoint_corrupt", past_the_end),
    "nine axes": ("checkpoint_shape_mismatch", lambda p: torch.save({"x.weight": torch.zeros([1] * 9)}, p)),
    "no values, any shape": (
        "checkpoint_shape_mismatch",
        lambda p: torch.save({"x.weight": torch.zeros(0).as_strided((0, 2**62), (1, 1))}, p),
    ),
    "two pickles": ("checkpoint_corrupt", lambda p: rewritten(p, **{"other/data.pkl": b"\x80\x02}."})),
    "stride 0": ("checkpoint_shape_mismatch", far_view),
    "one storage for all": ("checkpoint_shape_mismatch", shared_view),
    "cut": ("checkpoint_corrupt", cut),
    "text": ("checkpoint_corrupt", lambda p: p.write_text("epoch 3\n" * 50)),
    "page": ("checkpoint_corrupt", lambda p: p.write_text("<!DOCTYPE html><title>Sign in</title>")),
    "empty": ("empty_file", lambda p: p.touch()),
    "LFS": ("checkpoint_lfs_pointer", lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\n")),
    "a list": ("checkpoint_keys_missing", lambda p: torch.save([1, 2], p)),
    "no tensors": ("checkpoint_keys_missing", lambda p: torch.save({"state_dict": {"lr": 0.1}}, p)),
    "infinite": (
        "checkpoint_not_finite",
        lambda p: torch.save({"x.weight": torch.tensor([1, torch.inf])}, p),
    ),
    "bfloat16 nan": (
        "checkpoint_not_finite",
        lambda p: torch.save({"x": torch.tensor([torch.nan]).bfloat16()}, p),
    ),
    "whole numbers": ("checkpoint_dtype", lambda p: torch.save({"x.weight": torch.ones(3).long()}, p)),
    "complex": ("checkpoint_dtype", lambda p: torch.save({"x.weight": torch.ones(3).cfloat()}, p)),
    "nested": ("checkpoint_dtype", lambda p: torch.save({"x.weight": nested()}, p)),
    "on no device": ("checkpoint_dtype", lambda p: torch.save({"x": torch.empty(2, device="meta")}, p)),
    "sparse": ("checkpoint_dtype", lambda p: torch.save({"x.weight": torch.eye(3).to_sparse()}, p)),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_torch_files_are_called_what_they_are(tmp_path: Path, kind: str) -> None:
    code, make = BAD[kind]
    make(tmp_path / "run.pt")
    with pytest.raises(Refused) as refused:
        read_here(tmp_path / "run.pt")
    assert refused.value.code == code, refused.value.message


def header(entries: str, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(entries)) + entries.encode() + data


def entry(dtype: str = "F32", shape: tuple = (1,), offsets: tuple = (0, 4)) -> str:
    return json.dumps({"dtype": dtype, "shape": shape, "data_offsets": offsets})


BAD_HEADERS = {
    "twice": header(f'{{"a": {entry()}, "a": {entry()}}}', bytes(4)),
    "hole": header(f'{{"a": {entry(offsets=(4, 8))}}}', bytes(8)),
    "behind": header(f'{{"a": {entry()}}}', bytes(9)),
    "overflow": header(f'{{"a": {entry(shape=(2**40, 2**40))}}}', bytes(4)),
    "negative": header(f'{{"a": {entry(shape=(-1,))}}}', bytes(4)),
    "too long": struct.pack("<Q", 2**62) + b"{}",
    "short": b"\x01",
    "deep": header('{"a":' * 5000 + "1" + "}" * 5000),
    "unknown": header(f'{{"a": {entry("PICKLE")}}}', bytes(4)),
    "no header": header("[]"),
    "pickle": pickle.dumps({"a": 1}),
}


@pytest.mark.parametrize("kind", BAD_HEADERS)
def test_bad_safetensors_headers(tmp_path: Path, kind: str) -> None:
    (tmp_path / "w.safetensors").write_bytes(BAD_HEADERS[kind])
    with pytest.raises(Refused) as refused:
        read_here(tmp_path / "w.safetensors")
    assert refused.value.code == "safetensors_header"


def test_too_many_tensors_and_odd_kinds(tmp_path: Path) -> None:
    save_file({str(i): torch.zeros(0) for i in range(5001)}, tmp_path / "many.safetensors")
    (tmp_path / "f8.safetensors").write_bytes(header(f'{{"a": {entry("F8_E4M3", (4,))}}}', bytes(4)))
    for name, code in (("many", "checkpoint_shape_mismatch"), ("f8", "checkpoint_dtype")):
        with pytest.raises(Refused) as refused:
            read_here(tmp_path / f"{name}.safetensors")
        assert refused.value.code == code


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_both_formats_give_the_values_that_were_saved(tmp_path: Path, dtype: torch.dtype) -> None:
    state = {
        "a.weight": torch.randn(5, 3).to(dtype).T,
        "n": torch.arange(4),
        "s": torch.tensor(1.5).to(dtype),
    }
    torch.save(state, tmp_path / "w.pth")
    save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / "w.safetensors")
    for file in ("w.pth", "w.safetensors"):
        came = weights.read(tmp_path / file).tensors
        assert came.keys() == state.keys()
        assert all(np.array_equal(came[k], v.double().numpy()) for k, v in state.items())
        assert weights.read_shapes(tmp_path / file).shapes == {"a.weight": (3, 5), "n": (4,), "s": ()}


@pytest.mark.parametrize("shape", [[1] * 9, [1] * 70, [0, 2**62], [2**62, 0], [0, 2**63 + 5]])
@pytest.mark.parametrize("ask", [weights.read, weights.read_shapes])
def test_shapes_that_no_array_has(tmp_path: Path, shape: list[int], ask: Callable) -> None:
    size = 0 if 0 in shape else 4
    entries = f'{{"a": {entry(shape=tuple(shape), offsets=(0, size))}}}'
    (tmp_path / "w.safetensors").write_bytes(header(entries, bytes(size)))
    with pytest.raises(Refused) as refused:
        ask(tmp_path / "w.safetensors")
    assert refused.value.code in ("checkpoint_shape_mismatch", "safetensors_header")


def test_a_view_with_its_sign_turned_is_read(tmp_path: Path) -> None:
    torch.save({"a.weight": torch._neg_view(torch.arange(3.0))}, tmp_path / "w.pt")
    np.testing.assert_array_equal(weights.read(tmp_path / "w.pt").tensors["a.weight"], [0, -1, -2])


def test_tied_weights_come_twice(tmp_path: Path) -> None:
    one = torch.randn(300, 20)
    torch.save({"a.weight": one, "b.weight": one}, tmp_path / "w.pt")
    came = weights.read(tmp_path / "w.pt").tensors
    np.testing.assert_array_equal(came["a.weight"], came["b.weight"])


NESTED = {
    "Lightning": {"epoch": 3, "state_dict": {f"model.{k}": v for k, v in STATE.items()}},
    "open_clip": {
        "epoch": 3,
        "state_dict": {f"module.{k}": v for k, v in STATE.items()},
        "optimizer": {"step": 1},
    },
    "compiled": {"model": {f"_orig_mod.module.{k}": v for k, v in STATE.items()}},
    "averaged": {"ema": dict(STATE)},
    "bare": STATE,
}


@pytest.mark.parametrize("kind", NESTED)
def test_the_state_dict_is_found_where_programs_put_it(kind: str) -> None:
    found, notes = find_state_dict(NESTED[kind], "w")
    assert found == STATE
    assert bool(notes) == (kind != "bare")


def test_a_file_is_called_what_its_owner_calls_it(tmp_path: Path) -> None:
    save_file(dict(STATE), tmp_path / "000000")
    assert len(weights.read(tmp_path / "000000", "mine.safetensors").tensors) == 2
    for label in ("mine.bin", "mine"):
        with pytest.raises(Refused, match=label) as refused:
            weights.read(tmp_path / "000000", label)
        assert refused.value.code == "file_type_not_allowed"


def test_names_that_are_nothing_but_a_prefix_stay() -> None:
    assert find_state_dict({"model.": np.zeros(1)}, "w")[0].keys() == {"model."}


def test_calls_hidden_in_libraries_of_training_are_foreign() -> None:
    known = {"argparse.Namespace", "__main__.Config", "torch.nn.modules.linear.Linear", "builtins.set"}
    assert not pickles.unsafe_names(known)
    calls = {"collections._sys.modules", "enum.sys.exit", "datetime.sys", "pytorch_lightning.os.system"}
    calls |= {"builtins.eval", "torch.hub.load", "posix.system", "runpy._run_code", "numpy.load", "?"}
    assert pickles.unsafe_names(known | calls) == calls
