"""What a command may load before it works: help, version and usage errors answer at once.

The tests look at the modules that were loaded, not at the clock, so they hold on a busy machine too.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    *("torch", "torchvision", "open_clip", "timm", "transformers", "streamlit", "ray", "lightning_fabric"),
    *("pandas", "numpy", "scipy", "sklearn", "numba", "umap", "faiss", "pyarrow", "plotly", "pydicom", "PIL"),
}
SHELL = """
import json, sys
from suture.cli import main
sys.argv = ["suture", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit as ended:
    print(json.dumps([ended.code or 0, [*sys.modules]]), file=sys.stderr)
"""


def loaded_by(*arguments: str) -> tuple[int, set[str]]:
    """Exit code of `suture ...`, and the top-level packages that it loaded."""
    command = [sys.executable, "-c", SHELL, json.dumps(arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    code, modules = json.loads(ended.stderr.splitlines()[-1])
    return code, {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("--version",), 0),
        (("evaluate", "--help"), 0),
        (("train", "--help"), 0),
        (("evalaute",), 2),
        (("compare", "only-one"), 2),
        (("evaluate", "a", "--resamples", "3"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_help_and_usage_errors_load_no_heavy_package(arguments: tuple[str, ...], code: int) -> None:
    ended, packages = loaded_by(*arguments)
    assert ended == code
    assert packages & HEAVY == set()


def test_the_metrics_load_no_storage_and_nothing_that_only_some_of_them_need() -> None:
    program = "import json, sys, suture.analysis.evaluate; print(json.dumps([*sys.modules]))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = {*json.loads(ended.stdout)}
    assert modules & {"sqlite3", "suture.data.workspace", "suture.data.intake"} == set()
    needed = {"numpy", "pandas", "pyarrow"}  # a set is arrays and a table
    assert {name.partition(".")[0] for name in modules} & (HEAVY - needed) == set()


def test_the_check_can_fail() -> None:
    assert {"numpy", "pandas"} <= loaded_by("selection", "add", "x", "--collection", "y", "--words", "z")[1]
