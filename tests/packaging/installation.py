"""A wheel of this checkout, an environment to install it into, and somebody else's repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("analysis", "cli", "data", "jobs", "models", "pages", "workflows")
SOURCES = (
    *FOLDERS,
    "suture",
    ".streamlit",
    "app.py",
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
)
FOREIGN = (
    """raise RuntimeError(f"{__name__} of the repository was imported instead of Suture's own module")"""
)
DEPENDENCIES = [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]


def copy_sources(target: Path) -> Path:
    """The files that a build reads, so that nothing of the build stays in the checkout."""
    target.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source,
                target / name,
                symlinks=True,
                ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
            )
        else:
            shutil.copyfile(source, target / name)
    return target


def pip(*arguments: str | Path) -> None:
    """`pip ...`, without a network."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def build_wheel(source: Path, target: Path) -> Path:
    """The wheel of a folder or of a source archive."""
    pip("wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", target, source)
    (wheel,) = target.glob("*.whl")
    return wheel


def names(wheel: Path) -> set[str]:
    """Files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def environment(folder: Path) -> Path:
    """A new virtual environment that sees today's dependencies but not Suture. Returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text("\n".join(DEPENDENCIES) + "\n")
    return folder / "bin" / "python"


@dataclass(frozen=True)
class Repository:
    """Somebody else's machine learning repository, and a Python in which Suture is installed."""

    folder: Path
    python: Path
    home: Path

    def run(
        self, *command: str, code: int = 0, timeout: float = 240, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """A command run from the repository, as its owner would; fails unless it ends with `code`."""
        ended = subprocess.run(
            [str(self.python.parent / command[0]), *command[1:]],
            cwd=self.folder,
            env=self.variables(**variables),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended

    def variables(self, **more: str) -> dict[str, str]:
        """Environment variables of its commands."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STREAMLIT"))
        }
        own = {"SUTURE_HOME": str(self.home), "HOME": str(self.home.parent), "HF_HUB_OFFLINE": "1"}
        return {**kept, **own, "OMP_NUM_THREADS": "1", **more}


def foreign_repository(folder: Path, fill: Callable[[Path], None] = lambda folder: None) -> Path:
    """A repository with folders and files of Suture's names; those but `models` raise when imported."""
    for name in (*FOLDERS, "tests"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("" if name == "models" else FOREIGN)
    for name in ("app.py", "utils.py", "config.py", "evaluate.py", "errors.py", "common.py"):
        (folder / name).write_text(FOREIGN)
    (folder / "models" / "resnet.py").write_text("class ResNet: ...\n")
    (folder / "models" / "losses.py").write_text("def focal_loss(): ...\n")
    (folder / "use_models.py").write_text(
        "import suture, suture.models.losses.config, suture.data.workspace\n"
        "import models.resnet\n"
        "from models.losses import focal_loss\n"
        "print(models.resnet.__file__)\n"
    )
    settings = folder / ".streamlit" / "config.toml"
    settings.parent.mkdir()
    settings.write_text(
        '[server]\naddress = "0.0.0.0"\nbaseUrlPath = "theirs"\n[theme.light]\nprimaryColor = "#ff0000"\n'
    )
    fill(folder)
    return folder
