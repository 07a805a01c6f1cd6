"""The wheel holds one package and all its files, and works inside a repository with the same folder names."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import NewSession
from websockets.sync.client import connect

from tests.e2e.serving import free_port, wait
from tests.packaging.installation import (
    FOLDERS,
    ROOT,
    Repository,
    build_wheel,
    copy_sources,
    environment,
    foreign_repository,
    names,
    pip,
)

pytestmark = pytest.mark.timeout(600)
NOT_SHIPPED = ("README.md", ".gitignore", "build/build.mjs", "build/package.json")
DATA_FILES = (
    *("py.typed", ".streamlit/config.toml", "analysis/report/page.html", "analysis/report/page.css"),
    *(
        "models/builtin/bpe.txt.gz",
        "models/builtin/demo-clip.safetensors",
        "models/builtin/demo-clip.probe.npz",
    ),
    *("models/captioner/demo/texts.sha256", "models/captioner/demo/words/tokenizer.json"),
    *("pages/components/linked_map/js/map.js", "pages/components/linked_map/js/vendor/regl.js"),
    *("pages/components/shell/icon.png", "data/intake/reasons.txt"),
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sources(tmp_path_factory.mktemp("sources") / "suture")


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(sources, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def repository(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("installed")
    python = environment(folder / "venv")
    pip("--python", python, "install", "--no-index", "--no-deps", wheel)
    return Repository(foreign_repository(folder / "repository", _fill), python, folder / "home")


def _fill(folder: Path) -> None:
    """Vectors with a known value, and twenty small studies in a table with images beside it."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(40, 8))
    np.savez(folder / "v.npz", image=image, text=image + 1)
    (folder / "images").mkdir()
    lines = ["image,report,patient,split"]
    for number in range(20):
        name = f"images/{number}.png"
        Image.fromarray(rng.integers(0, 255, (64, 64), np.uint8)).save(folder / name)
        split = "val" if number >= 16 else "train"
        lines.append(f"{name},Finding {number} in the left lung,patient {number},{split}")
    (folder / "studies.csv").write_text("\n".join(lines) + "\n")


def test_the_wheel_holds_one_package_with_all_its_files(wheel: Path) -> None:
    held = names(wheel)
    assert {name.partition("/")[0] for name in held} == {"suture", f"{wheel.name.split('-py3')[0]}.dist-info"}
    assert {f"suture/{name}" for name in DATA_FILES} <= held
    checkout = {
        f"suture/{path.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not str(path).endswith(NOT_SHIPPED)
    }
    packaged = {name for name in held if name.split("/")[1] in FOLDERS}
    assert packaged == checkout


def test_the_source_archive_gives_the_same_wheel(sources: Path, wheel: Path, tmp_path: Path) -> None:
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=sources, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    assert names(build_wheel(archive, tmp_path / "wheel")) == names(wheel)


@pytest.mark.parametrize(
    "command",
    [
        ("suture", "--version"),
        ("python", "-m", "suture", "--version"),
        ("python", "-m", "suture.cli", "--version"),
        ("python", "use_models.py"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("path", ["", "."], ids=["installed", "PYTHONPATH=."])
def test_every_way_to_start_it_beside_folders_of_the_same_names(
    repository: Repository, command: tuple[str, ...], path: str
) -> None:
    said = repository.run(*command, **({"PYTHONPATH": path} if path else {})).stdout.strip()
    assert said == (
        str(repository.folder / "models" / "resnet.py") if command[-1].endswith(".py") else "0.1.0"
    )


@pytest.mark.slow  # numba compiles its kernels anew for the new place: 20 s of processor time
def test_vectors_are_imported_and_evaluated(repository: Repository) -> None:
    repository.run("suture", "import-vectors", "v.npz", "--name", "v")
    result = json.loads(repository.run("suture", "evaluate", "v", "--resamples", "20", "--json").stdout)
    assert result["n"] == 40
    assert {"centroid_gap", "recall_at_1"} <= {metric["name"] for metric in result["metrics"]}


def test_importing_the_app_module_starts_and_ends_nothing(repository: Repository, tmp_path: Path) -> None:
    """Also from a folder without `data/`, and without setting the hub offline for the importing program."""
    program = (
        "import os; os.environ.pop('HF_HUB_OFFLINE', None); import suture.app; "
        "print('alive', 'HF_HUB_OFFLINE' in os.environ)"
    )
    elsewhere = Repository(tmp_path, repository.python, repository.home)
    assert elsewhere.run("python", "-W", "ignore", "-c", program).stdout.split() == ["alive", "False"]


@contextmanager
def _serving(repository: Repository) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [str(repository.python.parent / "suture"), "app", "--port", str(port)],
        cwd=repository.folder,
        env=repository.variables(SUTURE_TOKEN=""),
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _first_session(url: str) -> tuple[NewSession, str]:
    """What a browser that opens "/" is told, up to the end of the run; the title of the page that it gets."""
    session, titles = None, []
    with connect(
        f"{url.replace('http', 'ws')}/_stcore/stream", origin=url, subprotocols=["streamlit"]
    ) as line:
        asked = BackMsg()
        asked.rerun_script.query_string = ""
        line.send(asked.SerializeToString())
        while not titles:
            told = ForwardMsg()
            told.ParseFromString(line.recv(timeout=120))
            if told.WhichOneof("type") == "new_session":
                session = told.new_session
            if told.WhichOneof("type") == "delta" and told.delta.new_element.heading.body:
                titles.append(told.delta.new_element.heading.body)
    assert session is not None
    return session, titles[0]


def test_the_app_serves_its_pages_with_its_own_theme_and_settings(repository: Repository) -> None:
    """The repository's config.toml has another theme, an open address and a base path; Suture's wins."""
    with _serving(repository) as url:
        session, title = _first_session(url)
    assert title == "Overview"
    assert session.custom_theme.light.primary_color == "#0B6E99"
    assert session.custom_theme.base_radius == "0.5rem"
    assert session.config.disable_data_export
    assert session.config.hide_sidebar_nav


JOB = """
import sys, time
from suture import jobs
from suture.data.workspace import Workspace
from suture.workflows.job_kinds import EmbedJob
workspace = Workspace(sys.argv[1])
job = jobs.start(workspace, EmbedJob(collection="mine", checkpoint="demo-clip"))
while jobs.job(workspace, job).state in jobs.ACTIVE:
    time.sleep(0.2)
print(jobs.job(workspace, job).state, jobs.job(workspace, job).message)
"""


@pytest.fixture(scope="module")
def collection(repository: Repository) -> str:
    """A collection that the installed program has read from a table, by a path relative to the repository."""
    report = json.loads(repository.run("suture", "import", "studies.csv", "--name", "mine", "--json").stdout)
    assert (report["taken"], report["refused"]) == (20, None)
    return "mine"


@pytest.mark.slow  # torch, open_clip and transformers are loaded by a worker: a minute on a busy machine
@pytest.mark.timeout(1200)
def test_a_job_embeds_studies_in_its_worker(repository: Repository, collection: str) -> None:
    assert repository.run("python", "-c", JOB, str(repository.home), timeout=900).stdout.startswith("done ")
    sets = json.loads(repository.run("suture", "sets", "--json").stdout)
    assert f"{collection} @ demo-clip" in {found["name"] for found in sets}


@pytest.mark.slow  # as above, by three processes
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("processes", [1, 2])
def test_a_checkpoint_is_trained_for_an_epoch(
    repository: Repository, collection: str, processes: int
) -> None:
    several = (
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "--",
        "suture.cli",
    )
    start = ("suture",) if processes == 1 else ("python", *several)
    name = f"by {processes}"
    options = ("--start", "demo-start", "--objective", "clip", "--epochs", "1", "--batch", "8", "--no-embed")
    options += ("--device", "cpu", "--name", name, "--json")
    trained = repository.run(*start, "train", collection, *options, timeout=900)
    assert json.loads(trained.stdout.splitlines()[-1])["checkpoint"] == name


def test_an_editable_installation_adds_no_other_name(sources: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv")
    arguments = ("install", "--no-index", "--no-deps", "--no-build-isolation", "--editable")
    pip("--python", python, *arguments, copy_sources(tmp_path / "checkout"))
    repository = Repository(foreign_repository(tmp_path / "repository"), python, tmp_path / "home")
    assert repository.run("python", "use_models.py").stdout.startswith(str(repository.folder))
    assert repository.run("suture", "--version").stdout == "0.1.0\n"
    program = f"import importlib.util as u; print([n for n in {FOLDERS!r} if u.find_spec(n)])"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert Repository(empty, python, repository.home).run("python", "-c", program).stdout == "[]\n"
