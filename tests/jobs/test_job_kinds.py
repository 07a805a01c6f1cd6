"""Job kinds: one declaration each, checked arguments, and rows of older versions that still run."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from suture import jobs
from suture.data.errors import Refused
from suture.data.workspace import Workspace
from suture.jobs.job_kind import find_kind
from suture.workflows import worker
from suture.workflows.job_kinds import EmbedJob, LayoutJob, MeasureJob

LANES = {
    "embed": "heavy",
    "import": "heavy",
    "layout": "heavy",
    "measure": "heavy",
    "checkpoint": "heavy",
    "guess": "light",
    "train": "heavy",
    "caption": "heavy",
    "newcomers": "light",
}
OLDER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("embed", {"collection": "c", "checkpoint": "d"}),
    ("embed", {"collection": "c", "checkpoint": "d", "name": "n", "cluster": {"address": "auto"}}),
    ("import", {"source": "/x", "name": "n", "options": {}}),
    ("layout", {"sets": ["a"], "start": "a"}),
    ("layout", {"sets": ["a"], "split": "test", "method": "pca"}),
    ("layout", {"sets": ["a", "b"], "start": "a", "method": "aligned"}),
    ("measure", {"set": "a", "split": "test", "extended": False}),
    ("checkpoint", {"location": "ViT-B-32", "pretrained": "t", "download": False, "name": "n"}),
    ("checkpoint", {"source": "/x", "location": "/x/f", "label": "f", "architecture": "a", "name": "n"}),
    ("guess", {"location": "/x", "label": ""}),
    ("train", {"runs": [{"collection": "c"}]}),
    ("caption", {"configs": [{}], "split": "test"}),
    ("newcomers", {"visit": "v", "checkpoints": ["c"]}),
)


def test_every_kind_has_its_lane_and_a_title() -> None:
    kinds = {name: find_kind(name) for name in LANES}
    assert {name: kind and kind.lane for name, kind in kinds.items()} == LANES
    assert all(kind and kind.title for kind in kinds.values())
    assert find_kind("of tomorrow") is None


@pytest.mark.parametrize(("name", "arguments"), OLDER)
def test_rows_of_older_versions_are_read(name: str, arguments: dict[str, Any]) -> None:
    kind = find_kind(name)
    assert kind is not None
    read = kind.from_json(arguments)
    assert arguments.items() >= {k: v for k, v in read.to_json().items() if k in arguments}.items()
    assert kind.from_json(read.to_json()) == read


def test_arguments_that_are_wrong_are_named() -> None:
    with pytest.raises(Refused, match="'checkpoint' is missing; 'n' is unknown") as error:
        EmbedJob.from_json({"collection": "c", "n": 1})
    assert error.value.code == "job_invalid"
    with pytest.raises(Refused, match="'extended' must be true or false, got 'yes'"):
        MeasureJob.from_json({"set": "a", "split": "b", "extended": "yes"})
    with pytest.raises(Refused, match="'method' must be '' or 'umap' or 'aligned' or 'pca', got 'tsne'"):
        LayoutJob.from_json({"sets": ["a"], "method": "tsne"})
    with pytest.raises(Refused, match="'sets' must be a list, got 'a'"):
        LayoutJob.from_json({"sets": "a"})


def test_optional_arguments_that_are_empty_are_left_out() -> None:
    assert LayoutJob(("a", "b"), start="a").to_json() == {"sets": ["a", "b"], "start": "a"}
    assert MeasureJob("a", "test").to_json() == {"set": "a", "split": "test", "extended": False}


def test_a_job_that_this_version_does_not_know_fails_and_says_so(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_quiet", lambda: None)
    with workspace.transaction() as db:
        columns = "INSERT INTO jobs (id, kind, args, state, created, heartbeat, owner) VALUES (?,?,?,?,?,?,?)"
        db.execute(columns, ("j", "of tomorrow", "{}", "queued", time.time(), time.time(), ""))
    worker.main(str(workspace.home), "j")
    job = jobs.job(workspace, "j")
    assert job is not None
    assert (job.state, job.lane, job.title) == ("failed", "heavy", "of tomorrow")
    assert "knows no job 'of tomorrow'" in job.message


def test_the_kinds_are_known_without_loading_a_model() -> None:
    heavy = "[m for m in ('torch', 'pandas', 'sklearn') if m in sys.modules]"
    code = f"import sys, suture.workflows.job_kinds; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
