"""Training configs: bad ones are refused before anything starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from suture import cli
from suture.data.collection import GROUP, SPLIT, Collection, Modality
from suture.data.collections import storage
from suture.data.errors import UserError
from suture.data.splits import validation_mask
from suture.data.workspace import Workspace
from suture.models.losses.config import PRESETS
from suture.models.training.config import TrainingConfig, from_mapping, from_toml
from suture.models.training.config import config_from as asked_for
from suture.models.training.plan import plan_training
from suture.models.training.run import train
from tests.models.training_runs import NAME, asked, left, variant


@pytest.fixture(scope="module", autouse=True)
def other_collections(tiny_home: Path) -> None:
    """Collections without reports in train, without a validation split, with a table as third modality."""
    workspace = Workspace(tiny_home)

    def no_reports(made: Collection) -> Collection:
        return replace(
            made, table=made.table.assign(report=made.table["report"].where(made.table[SPLIT] != "train", ""))
        )

    def no_val(made: Collection) -> Collection:
        groups = [f"patient {i // 3}" for i in range(len(made))]
        splits = made.table[SPLIT].replace({"val": "train"})
        return replace(made, table=made.table.assign(**{SPLIT: splits, GROUP: groups}))

    variant(workspace, "no reports", no_reports)
    variant(workspace, "no val", no_val)
    table = Modality("numbers", "tabular", ("age", "sex"))
    variant(workspace, "table", lambda c: replace(c, modalities=(*c.modalities, table)))


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"objective": "clop"}, "objective_unknown", "There is no objective 'clop'. There are: clip, "),
    ({"objective": 5}, "config_invalid", "objective must be a name or a table; got 5"),
    (
        {"objective": {"apt": 1.0}},
        "config_unknown_key",
        "Unknown setting 'objective.apt'. Known: anchor, atp",
    ),
    (
        {"objective": {"atp": -1.0}},
        "objective_invalid",
        "atp must be a finite number of at least 0; got -1.0",
    ),
    ({"objective": {"anchor": "labs"}}, "anchor_unknown", "one of image, report, history; got 'labs'"),
    ({"epoch": 3}, "config_unknown_key", "Unknown setting 'epoch'. Known: accumulate, augment"),
    ({"epochs": "three"}, "config_invalid", "epochs must be int; got 'three'"),
    ({"epochs": True}, "config_invalid", "epochs must be int; got True"),
    ({"modalities": 3}, "config_invalid", "modalities must be a list of names; got 3"),
    ({"lock_image": 1}, "config_invalid", "lock_image must be bool; got 1"),
    ({"learning_rate": float("nan")}, "config_invalid", "learning_rate must be 1e-09 to 10; got nan"),
    ({"batch": 1}, "config_invalid", "batch must be 2 to 1e+06; got 1"),
    ({"batch": 100}, "batch_too_large", "A batch of 100 needs as many studies; train has 85"),
    ({"accumulate": 9}, "config_invalid", "accumulate (9) must leave 2 studies or more of 16 a chunk"),
    ({"keep": "first"}, "config_invalid", "keep must be one of best, last; got 'first'"),
    ({"precision": "float16"}, "config_invalid", "precision must be one of auto, float32, bfloat16"),
    ({"fit_splits": []}, "config_invalid", "fit_splits is empty"),
    ({"fit_splits": ["trian"]}, "not_found", "There is no split called 'trian'. There are: "),
    ({"val_split": "dev"}, "not_found", "There is no split called 'dev'"),
    ({"val_split": "train"}, "val_is_fit", "'train' is trained on, so it cannot choose the epoch"),
    ({"modalities": ["image", "labs"]}, "not_found", "There is no modality called 'labs'. There are: image"),
    ({"modalities": ["image"]}, "modalities_missing", "two modalities or more; got image (image)"),
    ({"collection": ""}, "config_invalid", "Say which collection to train on"),
    ({"start": ""}, "config_invalid", "Say which start to train from"),
    ({"collection": "nowhere"}, "not_found", "There is no collection called 'nowhere'. There are: "),
    ({"start": "nothing"}, "not_found", "There is no checkpoint called 'nothing'"),
    ({"name": "a/b"}, "name_invalid", "'a/b' cannot be a name"),
    ({"collection": "no reports"}, "modality_empty", "No study of train has a report: all of them are empty"),
    (
        {"collection": "table", "modalities": ["image", "numbers"]},
        "modalities_missing",
        "'demo-untrained' has no encoder for numbers; it has image, text",
    ),
]


@pytest.mark.parametrize(("changes", "code", "message"), BAD, ids=[str(b[0]) for b in BAD])
def test_bad_configs_are_refused_before_anything_starts(
    tiny: Workspace, changes: dict[str, Any], code: str, message: str
) -> None:
    before = left(tiny)
    with pytest.raises(UserError) as refused:
        train(tiny, asked(**{"name": "never", **changes}), device="cpu")
    assert refused.value.code == code
    assert message in refused.value.message
    assert left(tiny) == before


def test_a_device_that_is_not_here_is_refused(tiny: Workspace) -> None:
    before = left(tiny)
    with pytest.raises(UserError, match="There is no device 'abacus' here") as refused:
        train(tiny, asked(name="never"), device="abacus")
    assert refused.value.code == "device_missing"
    assert left(tiny) == before


def test_locking_everything_is_refused(tiny: Workspace) -> None:
    before = left(tiny)
    with pytest.raises(UserError, match="Every weight is locked") as refused:
        train(tiny, asked(name="never", lock_image=True, lock_text=True), device="cpu")
    assert refused.value.code == "nothing_to_train"
    assert left(tiny) == before


SHELL: list[tuple[str, list[str], str, str]] = [
    ("", ["--objective", "clop"], "objective_unknown", "There is no objective 'clop'."),
    ("epochs = [3\n", [], "config_unreadable", "'run.toml' is not TOML: "),
    ("epochs = 3\nbatches = 8\n", ["--epochs", "1"], "config_unknown_key", "Unknown setting 'batches'."),
]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(("toml", "flags", "code", "message"), SHELL)
def test_the_shell_says_it_in_one_sentence(
    tiny: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    toml: str,
    flags: list[str],
    code: str,
    message: str,
    as_json: bool,
) -> None:
    (tmp_path / "run.toml").write_text(toml)
    before = left(tiny)
    given = ["train", NAME, "--start", "demo-untrained", "--config", str(tmp_path / "run.toml"), *flags]
    home = ["--home", str(tiny.home)]
    monkeypatch.setattr(sys, "argv", ["suture", *given, *home, *(["--json"] if as_json else [])])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    if as_json:
        answer = json.loads(out)
        assert answer["refused"] == code
        assert answer["message"].startswith(message)
    else:
        assert f"Refused ({code}): {message}" in " ".join(err.split())
    assert left(tiny) == before


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(
        'collection = "a"\nepochs = 7\nbatch = 64\nmodalities = ["image", "report"]\n'
        '[objective]\npreset = "cuaxu"\ntemperature_start = 0.2\n'
    )
    config = asked_for({"epochs": 2, "start": "b"}, file=file, anchor="report")
    assert (config.collection, config.start, config.epochs, config.batch) == ("a", "b", 2, 64)
    assert config.modalities == ("image", "report")
    assert config.preset == "cuaxu"
    assert config.objective == replace(PRESETS["cuaxu"], temperature_start=0.2, anchor="report")
    assert asked_for({}, file=file, objective="clip").objective == PRESETS["clip"]
    with pytest.raises(UserError, match="cannot be read: No such file") as refused:
        from_toml(tmp_path / "absent.toml")
    assert refused.value.code == "source_missing"


def test_a_config_survives_json() -> None:
    config = asked(objective={"preset": "cuaxu", "atp": 2}, modalities=["image", "report"], seed=4)
    assert from_mapping(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda c: replace(c, name="other", save_seconds=1.0), True),
        (lambda c: replace(c, seed=1), False),
        (lambda c: replace(c, objective=replace(c.objective, atp=0.5)), False),
        (lambda c: replace(c, precision="bfloat16"), False),
    ],
)
def test_runs_with_the_same_outcome_have_the_same_key(
    change: Callable[[TrainingConfig], TrainingConfig], same: bool
) -> None:
    assert (change(asked()).key() == asked().key()) == same


def test_without_a_validation_split_whole_groups_are_held_back(tiny: Workspace) -> None:
    collection = storage.load(tiny, "no val")
    todo = plan_training(tiny, asked(collection="no val", seed=3))
    groups = collection.table[GROUP].to_numpy()
    splits = collection.table[SPLIT].to_numpy()
    fit, back = set(groups[todo.fit]), set(groups[todo.validation])
    assert len(todo.validation) > 1
    assert not fit & back
    assert set(splits[todo.fit]) == set(splits[todo.validation]) == {"train"}
    sides = validation_mask(collection.table[GROUP], seed=3)
    for group in np.unique(groups):
        assert len(set(sides[groups == group])) == 1
    many = pd.Series([f"patient {i}" for i in range(2000)])
    shares = [validation_mask(many, seed=seed).mean() for seed in range(10)]
    assert np.mean(shares) == pytest.approx(0.1, abs=0.007)
    assert set(plan_training(tiny, asked(collection="no val", seed=4)).validation) != set(todo.validation)


def test_a_plan_trains_on_studies_with_two_modalities_and_looks_at_the_validation_split(
    tiny: Workspace,
) -> None:
    todo = plan_training(tiny, asked(modalities=["report", "history"]))
    table = storage.load(tiny, NAME).table
    assert (table[SPLIT].to_numpy()[todo.fit] == "train").all()
    assert (table[SPLIT].to_numpy()[todo.validation] == "val").all()
    both = (table["history"] != "") & (table["report"] != "")
    assert len(todo.fit) == (both & (table[SPLIT] == "train")).sum() < (table[SPLIT] == "train").sum()
    assert todo.config.objective.anchor == "report"


def test_splits_are_found_in_the_words_of_the_collection(tiny_home: Path) -> None:
    workspace = Workspace(tiny_home)
    words = {"train": "TRAINING", "val": "validate", "test": "holdout"}
    variant(
        workspace,
        "other words",
        lambda made: replace(made, table=made.table.assign(split=made.table[SPLIT].map(words))),
    )
    plan, usual = (plan_training(workspace, asked(collection=name)) for name in ("other words", NAME))
    assert plan.config.fit_splits == ("TRAINING",)
    assert plan.fit.tolist() == usual.fit.tolist()
    assert plan.validation.tolist() == usual.validation.tolist()
