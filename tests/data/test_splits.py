"""What the words of a split mean: one rule for commands, pages and training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import NotFound
from suture.data.splits import named_split, standard_splits, validation_split


@pytest.mark.parametrize(
    ("values", "meaning"),
    [
        (["train", "valid", "test"], ["train", "val", "test"]),
        (["TRAINING", "Validate", "Testing"], ["train", "val", "test"]),
        (["train", "dev", "holdout"], ["train", "val", "test"]),
        (["0", "1", "2"], ["train", "val", "test"]),
        (["0.0", "1.0"], ["train", "test"]),
        (["entraînement", "validación", "prueba"], ["train", "val", "test"]),
        (["训练集", "验证集", "测试集"], ["train", "val", "test"]),
    ],
)
def test_words_and_numbers_have_a_stated_meaning(values: list[str], meaning: list[str]) -> None:
    assert [*standard_splits(values).values()] == meaning


def test_a_held_out_split_is_the_test_split_only_where_no_other_is() -> None:
    assert standard_splits(["train", "test", "holdout"]) == {"train": "train", "test": "test"}
    assert standard_splits(["0", "1", "2", "3"]) == {}  # four folds say nothing of what they are for


@pytest.mark.parametrize(
    ("name", "splits", "found"),
    [
        ("test", ["train", "Test"], "Test"),
        ("test", ["train", "TESTING"], "TESTING"),
        ("test", ["train", "Hold-out"], "Hold-out"),
        ("train", ["Training", "x"], "Training"),
        ("test", ["testing", "tst"], "test"),  # two: nothing is chosen
        ("dev", ["train", "val"], "dev"),  # another word of the same meaning is not what was named
        ("Fold 1", ["fold_1", "fold_2"], "fold_1"),
        ("all", ["All"], "all"),
    ],
)
def test_a_split_is_found_by_name_case_or_meaning(name: str, splits: list[str], found: str) -> None:
    assert named_split(name, splits) == found


def test_the_validation_split_is_found_in_any_words() -> None:
    assert validation_split(["train", "validate", "test"]) == "validate"
    assert validation_split(["dev", "val"]) == "val"
    assert validation_split(["train", "val"], leave=["val"]) == ""


def test_a_set_gives_its_test_split_whatever_it_is_called() -> None:
    splits = ["Train", "Testing", "Testing"]
    rows = pd.DataFrame({"study_id": ["a", "b", "c"], "group": ["a", "b", "c"], "split": splits})
    made = EmbeddingSet("s", {"image": np.eye(3, dtype=np.float32)}, rows)
    assert made.split("test").rows["study_id"].tolist() == ["b", "c"]
    assert made.find_split("test") == "Testing"
    with pytest.raises(NotFound, match="Train, Testing"):
        made.split("val")
