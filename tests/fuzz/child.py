"""Reads cases in one limited process: `python -m tests.fuzz.child FILE...`, a line before and after each.

The same limits as `suture.data.sandbox` sets and the same functions that its child calls, without a new
process for every case, so that thousands fit into minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suture.data import readers  # noqa: F401  # before the limits hold
from suture.data.errors import UserError
from suture.data.files.sources import MemoryFiles, ZipFiles
from suture.data.intake.options import Options
from suture.data.intake.reading import read_source, studies
from suture.data.sandbox import Budget
from suture.data.sandbox.confinement import apply_confinement, extend_cpu_limit
from suture.data.vectors import reading as vector_files
from suture.data.weights import archive, safetensors_file, torch_file

BUDGET = Budget(memory=2 * 2**30, cpu=20)
VISIT = Options(unpaired=True, loose=True)


def _studies(path: Path) -> str:
    files = ZipFiles(path) if path.suffix == ".zip" else MemoryFiles({path.name: path.read_bytes()})
    raw = read_source(files, VISIT)
    codes = {code for _, code, _ in raw.problems}
    codes |= {header.get("code", "taken") for header, _ in studies(raw, VISIT)}
    return ",".join(sorted(codes))


def _vectors(path: Path) -> str:
    return _told(vector_files.task, {"files": [[path.name, str(path)]]})


def _safetensors(path: Path) -> str:
    return _told(safetensors_file.task, {"path": str(path), "label": path.name, "values": True})


def _torch(path: Path) -> str:
    """As `suture.data.weights` asks: the archive is checked first, and says what torch may expect."""
    request = {"path": str(path), "label": path.name, "values": True}
    checked: dict[str, Any] = {}
    archive.task(request, lambda header, values=(): checked.update(header))
    return _told(torch_file.task, {**request, **checked})


def _told(task: Callable[..., None], request: dict[str, Any]) -> str:
    arrays: list[np.ndarray] = []
    task(request, lambda header, values=(): arrays.extend(values))
    return f"{len(arrays)} arrays"


PARSERS: dict[str, Callable[[Path], str]] = {
    ".safetensors": _safetensors,
    **dict.fromkeys((".pt", ".pth", ".ckpt"), _torch),
    **dict.fromkeys((".npy", ".npz"), _vectors),
}


def read(path: Path) -> str:
    """What came of one case; "BROKEN ..." names an error that no user should meet."""
    try:
        return PARSERS.get(path.suffix, _studies)(path)
    except UserError as error:
        return error.code
    except MemoryError:
        return "parser_out_of_memory"  # answered so by the child of `suture.data.sandbox`
    except BaseException as error:
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        where = f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else ""
        return f"BROKEN {type(error).__name__} at {where}"


def main(paths: Sequence[str]) -> None:
    """Read every case."""
    apply_confinement(BUDGET)
    for path in paths:
        print("begin", path, flush=True)
        print("end", read(Path(path)), flush=True)
        extend_cpu_limit(BUDGET.cpu)


if __name__ == "__main__":
    main(sys.stdin.read().split("\n"))
