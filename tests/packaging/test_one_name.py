"""All of Suture is inside the package `suture`: nothing is imported by a bare name, and nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.packaging.installation import FOLDERS, ROOT

IMPORT_ALL = """
import importlib, json, pkgutil, sys, warnings
warnings.simplefilter("ignore")
import suture
skipped = []
for module in pkgutil.walk_packages(suture.__path__, "suture.", onerror=lambda name: None):
    page = module.name.startswith("suture.pages.") and module.name.count(".") == 2 and not module.ispkg
    if page or module.name.endswith("__main__"):
        skipped.append(module.name)  # scripts: they run when they are imported
    else:
        importlib.import_module(module.name)
files = {}
for name, module in [*sys.modules.items()]:
    if getattr(module, "__file__", None) and name != "__main__":
        files.setdefault(module.__file__, []).append(name)
print(json.dumps({"modules": [*sys.modules], "skipped": skipped,
                  "twice": [names for names in files.values() if len(names) > 1 and
                            any(name.startswith("suture") for name in names)]}))
"""


def test_no_module_of_ours_is_loaded_under_a_bare_name_or_twice() -> None:
    """From the checkout, where `data` and `suture.data` are the same files."""
    command = [sys.executable, "-c", IMPORT_ALL]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = json.loads(ended.stdout.splitlines()[-1])
    assert {name.partition(".")[0] for name in loaded["modules"]} & {*FOLDERS, "app"} == set()
    assert loaded["twice"] == []
    ours = [name for name in loaded["modules"] if name.startswith("suture.")]
    assert len(ours) > 300
    assert len(loaded["skipped"]) < 15


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize(
    "line", ["import {}", "from {} import x", "from {}.losses import x", "import {}.x as y"]
)
def test_ruff_refuses_bare_imports(name: str, line: str) -> None:
    assert "TID251" in _ruff(line.format(name))


def test_ruff_accepts_imports_from_the_package() -> None:
    assert "TID251" not in _ruff("".join(f"import suture.{name}\n" for name in FOLDERS))


def _ruff(source: str) -> str:
    options = ("--no-cache", "--stdin-filename", "analysis/snippet.py")
    command = [sys.executable, "-m", "ruff", "check", *options, "-"]
    ended = subprocess.run(
        command, input=source + "\n", cwd=ROOT, capture_output=True, text=True, check=False
    )
    return ended.stdout
