"""Zero-shot classification of a set: prompts are embedded by the set's checkpoint, like a typed query."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import suture
from suture.analysis.evaluate import LABEL_VALUES
from suture.cli.zero_shot import commands
from suture.data.errors import NotFound, Refused
from suture.data.vectors import import_vectors, prompts
from suture.data.vectors.export import export_set
from suture.data.workspace import CHECKPOINT, SET, Workspace, embedding_sets
from suture.models import builtin
from suture.models.checkpoints import registry
from suture.models.embedding.embed import embed
from suture.workflows import demo
from suture.workflows.adapters import adapt, adapt_query
from suture.workflows.zero_shot import TEMPLATES, absence, classify

NAME = f"demo @ {builtin.TRAINED}"
FEW = {"resamples": 50}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 synthetic studies, embedded by the built-in baseline."""
    folder = tmp_path_factory.mktemp("zero-shot")
    demo.make_collection(Workspace(folder), lambda what, share: None, studies=300)
    embed(Workspace(folder), "demo", builtin.TRAINED)
    return folder


@pytest.fixture
def kept(home: Path) -> Workspace:
    return Workspace(home)


def encoded(workspace: Workspace, prompts: list[str]) -> np.ndarray:
    encoder = registry.load(workspace, builtin.TRAINED, device="cpu").encoders["text"]
    return encoder.encode(encoder.prepare(prompts)[0]).numpy()


def test_words_name_the_region_of_unseen_studies(kept: Workspace) -> None:
    """The checkpoint was trained on six regions; their names alone classify them."""
    found = classify(kept, NAME, label="region", **FEW)
    test = embedding_sets.load(kept, NAME).split("test")
    assert (found.split, found.modality, found.n) == ("test", "image", len(test))
    assert found.scores.zero_shot_accuracy.value > 0.8
    assert found.scores.zero_shot_accuracy.low > 1 / 6
    assert found.against_rest["hand"].value > 0.95
    assert found.against_rest.keys() == found.against_absence.keys() == set(test.rows["region"])


def test_it_is_what_prompts_by_hand_give(kept: Workspace) -> None:
    templates = ("{}", "film of the {}")
    found = classify(kept, NAME, label="region", templates=templates, **FEW)
    test = embedding_sets.load(kept, NAME).split("test")
    names = sorted(set(test.rows["region"]))
    means = [encoded(kept, [name, f"film of the {name}"]).mean(axis=0) for name in names]
    classes = np.stack([mean / np.linalg.norm(mean) for mean in means])
    named = np.array(names)[(test.vectors["image"] @ classes.T).argmax(axis=1)]
    assert found.scores.zero_shot_accuracy.value == pytest.approx(np.mean(named == test.rows["region"]))
    hand, none = (encoded(kept, [w, f"film of the {w}"]).mean(axis=0) for w in ("hand", "no hand"))
    unit = hand / np.linalg.norm(hand) - none / np.linalg.norm(none)
    scores, present = test.vectors["image"] @ unit, (test.rows["region"] == "hand").to_numpy()
    area = (scores[present][:, None] > scores[~present]).mean()
    assert found.against_absence["hand"].value == pytest.approx(area, abs=1e-3)


def test_values_studies_and_splits_without_a_label_are_left_out(kept: Workspace) -> None:
    """Most studies have no side label: a hand has one, a chest without a finding has none."""
    whole = embedding_sets.load(kept, NAME)
    found = classify(kept, NAME, label="side", split="val", **FEW)
    rows = whole.split("val").rows
    assert found.n == (rows["side"] != "").sum() < len(rows)
    assert "" not in found.absent


def test_texts_can_be_classified_too(kept: Workspace) -> None:
    found = classify(kept, NAME, label="region", modality="report", **FEW)
    assert found.modality == "report"
    assert found.scores.zero_shot_accuracy.value > 0.5


@pytest.mark.parametrize(("value", "words"), [("edema", "no edema"), ("No finding", "finding")])
def test_absence_of_a_finding_and_of_none(value: str, words: str) -> None:
    assert absence(value) == words


def test_prompts_of_an_adapted_set_take_the_way_of_its_texts(kept: Workspace) -> None:
    """Mean removal moves images and texts; prompts that are not adapted would be far from both."""
    made = adapt(kept, NAME, method="mean-removal", name="closer").name
    found = classify(kept, made, label="region", templates=["{}"], **FEW)
    test = embedding_sets.load(kept, made).split("test")
    names = sorted(set(test.rows["region"]))
    words = adapt_query(kept, made, "report", encoded(kept, names))
    named = np.array(names)[(test.vectors["image"] @ words.T).argmax(axis=1)]
    assert found.scores.zero_shot_accuracy.value == pytest.approx(np.mean(named == test.rows["region"]))
    for split in ("train", "all"):
        with pytest.raises(Refused, match="such scores leak") as refused:
            classify(kept, made, label="region", split=split)
        assert refused.value.code == "fit_is_score"


def test_what_is_missing_is_named(kept: Workspace) -> None:
    with pytest.raises(NotFound, match=r"no label called 'colour'.*region"):
        classify(kept, NAME, label="colour")
    with pytest.raises(NotFound, match="no split called 'later'"):
        classify(kept, NAME, label="region", split="later")
    with pytest.raises(NotFound, match="no modality called 'lateral'"):
        classify(kept, NAME, label="region", modality="lateral")
    with pytest.raises(Refused, match=r"2 to 30 values is needed; 'age' has \d+ among") as refused:
        classify(kept, NAME, label="age", split="all")
    assert refused.value.code == "label_values"
    assert LABEL_VALUES[-1] == 30
    with pytest.raises(Refused, match=r"needs {} where the value goes, got 'a film'") as refused:
        classify(kept, NAME, label="region", templates=["a film"])
    assert refused.value.code == "template"
    with pytest.raises(Refused, match="got none"):
        classify(kept, NAME, label="region", templates=[])


def test_vectors_without_a_checkpoint_have_no_words(workspace: Workspace, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40, 8))
    np.savez(tmp_path / "v.npz", image=x, text=y, finding=np.where(np.arange(40) % 2, "a", "b"))
    assert import_vectors(workspace, [tmp_path / "v.npz"], "v").refused is None
    with pytest.raises(Refused, match="came without a checkpoint") as refused:
        classify(workspace, "v", label="finding", split="all")
    assert refused.value.code == "no_checkpoint"


def with_prompts(folder: Path, labels: list[str] | None, words: list[str]) -> Path:
    """Forty studies of two findings around two directions, and a prompt for each of the words."""
    rng = np.random.default_rng(1)
    ways = {"edema": np.eye(8)[0], "mass": np.eye(8)[1], "no edema": np.eye(8)[2]}
    finding = np.where(np.arange(40) % 2, "edema", "mass")
    image = np.stack([ways[f] for f in finding]) + 0.3 * rng.normal(size=(40, 8))
    vectors = np.stack([ways[(labels or words)[i].replace("there is ", "")] for i in range(len(words))])
    arrays = {"image": image, "text": image + 0.1, "finding": finding}
    arrays |= {"prompts": np.array(words), "prompt_vectors": 3 * vectors}
    if labels:
        arrays["prompt_labels"] = np.array(labels)
    np.savez(folder / "v.npz", **arrays)
    return folder / "v.npz"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, ["Edema", "mass"]),
        (None, ["there is edema", "edema", "mass", "no edema"]),
        (["edema", "edema", "mass"], ["fluid in the lung", "swollen", "a tumour"]),
    ],
)
def test_prompts_that_came_with_the_vectors_need_no_checkpoint(
    workspace: Workspace, tmp_path: Path, labels: list[str] | None, words: list[str]
) -> None:
    words = [w.lower() for w in words] if not labels else words
    report = import_vectors(workspace, [with_prompts(tmp_path, labels, words)], "v")
    assert report.refused is None, report.message
    assert f"{len(words)} prompts came along" in report.message
    assert report.taken == 40
    found = classify(workspace, "v", label="finding", split="all", resamples=50)
    image = embedding_sets.load(workspace, "v").vectors["image"]
    right = (image[:, 0] > image[:, 1]) == (np.arange(40) % 2 == 1)
    assert found.scores.zero_shot_accuracy.value == pytest.approx(right.mean())
    assert [*found.against_absence] == (["edema"] if "no edema" in words else [])
    assert {*found.templates} == {*words}
    result = found.to_json()
    assert result["zero_shot_rest_auroc"].keys() == result["recall"].keys() == {"edema", "mass"}
    shown = CliRunner().invoke(
        commands, ["v", "--label", "finding", "--split", "all", "--home", str(workspace.home)]
    )
    assert shown.exit_code == 0, shown.output
    assert "mass" in shown.output


def test_prompts_are_exported_and_imported_again(workspace: Workspace, tmp_path: Path) -> None:
    import_vectors(workspace, [with_prompts(tmp_path, ["edema", "mass"], ["fluid", "tumour"])], "v")
    given = prompts.load(workspace.record(SET, "v"))
    assert given is not None
    export_set(embedding_sets.load(workspace, "v"), tmp_path / "out.npz", given)
    assert import_vectors(workspace, [tmp_path / "out.npz"], "w").refused is None
    again = prompts.load(workspace.record(SET, "w"))
    assert again is not None
    assert (
        (again.texts, again.labels) == (("fluid", "tumour"), ("edema", "mass")) == (given.texts, given.labels)
    )
    np.testing.assert_array_equal(again.vectors, given.vectors)


def test_prompts_that_do_not_fit_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    import_vectors(workspace, [with_prompts(tmp_path, None, ["edema"])], "v")
    with pytest.raises(Refused, match=r"No prompt came along for 'mass'") as refused:
        classify(workspace, "v", label="finding", split="all")
    assert refused.value.code == "prompt_missing"
    rng = np.random.default_rng(0)
    image, text = rng.normal(size=(2, 40, 8))
    wrong = {
        "prompts_invalid": [
            {"prompt_vectors": np.eye(3, 8)},
            {"prompt_vectors": np.eye(3, 8), "prompts": np.array(["a", "b"])},
            {"prompt_vectors": np.zeros((1, 8)), "prompts": np.array(["a"])},
            {
                "prompt_vectors": np.eye(1, 8),
                "prompts": np.array(["a"]),
                "prompt_labels": np.array(["a", "b"]),
            },
        ],
        "embedding_dim_mismatch": [{"prompt_vectors": np.eye(1, 5), "prompts": np.array(["a"])}],
    }
    for code, cases in wrong.items():
        for number, arrays in enumerate(cases):
            np.savez(tmp_path / "w.npz", image=image, text=text, **arrays)
            report = import_vectors(workspace, [tmp_path / "w.npz"], f"w{number}")
            assert report.refused == code, report.message


def test_a_label_of_the_studies_may_be_called_prompts(workspace: Workspace, tmp_path: Path) -> None:
    image, text = np.random.default_rng(0).normal(size=(2, 40, 8))
    np.savez(tmp_path / "v.npz", image=image, text=text, prompts=np.full(40, "x"))
    assert import_vectors(workspace, [tmp_path / "v.npz"], "v").refused is None
    assert embedding_sets.load(workspace, "v").labels == ["prompts"]


def test_the_library_takes_prompts_with_arrays(tmp_path: Path) -> None:
    home = suture.Workspace(tmp_path)
    finding = np.where(np.arange(40) % 2, "edema", "mass")
    image = np.where(finding[:, None] == "edema", np.eye(8)[0], np.eye(8)[1])
    home.add_vectors(
        {"image": image, "text": image},
        name="v",
        labels={"finding": finding},
        prompts=["fluid", "tumour"],
        prompt_vectors=np.eye(2, 8),
        prompt_labels=["edema", "mass"],
    )
    found = classify(home, "v", label="finding", split="all", resamples=20)
    assert found.scores.zero_shot_accuracy.value == 1


def test_a_checkpoint_that_is_gone_is_said(kept: Workspace) -> None:
    embed(kept, "demo", builtin.UNTRAINED, name="orphan")
    kept.remove(CHECKPOINT, builtin.UNTRAINED)
    with pytest.raises(Refused, match="is not here any more") as refused:
        classify(kept, "orphan", label="region")
    assert refused.value.code == "checkpoint_gone"


def test_the_command_prints_a_table_or_json(home: Path) -> None:
    asked = [NAME, "--label", "region", "--resamples", "50", "--home", str(home)]
    shown = CliRunner().invoke(commands, asked)
    assert shown.exit_code == 0, shown.output
    assert "chest frontal" in shown.output
    assert "balanced accuracy" in shown.output
    result = json.loads(CliRunner().invoke(commands, [*asked, "--json", "--template", "{} film"]).stdout)
    assert result["templates"] == ["{} film"] != list(TEMPLATES)
    assert {"zero_shot_accuracy", "zero_shot_balanced_accuracy", "recall"} <= result.keys()
    for name in ("zero_shot_auroc", "zero_shot_rest_auroc", "recall"):
        assert result[name].keys() == result["absent"].keys()
        for estimate in result[name].values():
            assert (estimate["value"] is None) == bool(estimate["reason"])
