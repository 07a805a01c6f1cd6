"""Splits: what the values of a given split mean, and seeded splits by group.

The values of a split are kept and shown as the source gives them. Whatever needs to know which of them is the
training, validation or test split asks `standard_splits`; `named_split` finds the split that a user or a
default names. Splits that Suture draws are by group: no patient is in two of them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

import numpy as np
import pandas as pd

TRAIN, VALIDATION, TEST = "train", "val", "test"
WORDS = {
    TRAIN: (
        *("train", "training", "trn", "tr", "entrainement", "entrenamiento", "treino", "treinamento"),
        *("训练", "训练集", "訓練", "訓練集", "学習", "훈련", "학습"),
    ),
    VALIDATION: (
        *("val", "valid", "validation", "validate", "dev", "devel", "development"),
        *("validierung", "validacion", "validacao", "验证", "验证集", "驗證", "驗證集", "検証", "검증"),
    ),
    TEST: (
        *("test", "testing", "tst", "te", "prueba", "teste"),
        *("测试", "测试集", "測試", "測試集", "テスト", "테스트", "시험"),
    ),
}
IN_PATHS = ("train", "training", "val", "valid", "validation", "validate", "dev", "test", "testing")
USUAL_VALIDATION = ("val", "validation", "valid", "dev")  # the order, where several are there
HELD_OUT = ("holdout", "held_out", "hold_out", "heldout")  # the test split where no other value names one
NUMBERS = {"0": TRAIN, "1": VALIDATION, "2": TEST}  # where 0, 1 and 2 all occur; 0 and 1 alone: train, test

SHARES = (("train", 0.7), ("val", 0.1), ("test", 0.2))


def standard_splits(values: Iterable[str]) -> dict[str, str]:
    """Each value that has a known meaning -> "train", "val" or "test".

    Without regard to case, hyphens and spaces. Held-out studies are the test split unless a value says test.
    Values that are only the numbers 0, 1 and 2 mean train, val and test; only 0 and 1 mean train and test.
    """
    known = dict.fromkeys(values)
    keys = {value: _key(value) for value in known if value.strip()}
    if {*keys.values()} == {*NUMBERS}:
        return {value: NUMBERS[key] for value, key in keys.items()}
    if {*keys.values()} == {"0", "1"}:
        return {value: TRAIN if key == "0" else TEST for value, key in keys.items()}
    meaning = {v: name for v, key in keys.items() for name, words in WORDS.items() if key in words}
    if TEST not in meaning.values():
        meaning |= {value: TEST for value, key in keys.items() if key in HELD_OUT}
    return meaning


def meaning_of_numbers(values: Iterable[str]) -> str:
    """What a split given in numbers is taken for, as "0 = train, 1 = val, 2 = test"; "" for words."""
    meaning = standard_splits(values)
    numbers = {value: name for value, name in meaning.items() if _key(value) in NUMBERS}
    return ", ".join(f"{value} = {numbers[value]}" for value in sorted(numbers))


def is_split_word(value: str) -> bool:
    """Whether the word alone names a split: train, Valid, testing, holdout; numbers do not."""
    return any(_key(value) in words for words in (*WORDS.values(), HELD_OUT))


def splits_in(values: Iterable[str]) -> bool:
    """Whether every filled value is a word that names a split."""
    return all(not value.strip() or is_split_word(value) for value in values)


def named_split(name: str, splits: Iterable[str]) -> str:
    """The one of `splits` that `name` means, else `name` itself.

    An equal value comes first, then one that differs only in case. The names train, val and test also find
    the only value of that meaning: "test" finds "TESTING" and "holdout".
    """
    known = list(dict.fromkeys(splits))
    if name in known or name == "all":
        return name
    alike = [value for value in known if _key(value) == _key(name)]
    if not alike:
        alike = [value for value, meaning in standard_splits(known).items() if meaning == _key(name)]
    return alike[0] if len(alike) == 1 else name


def validation_split(splits: Iterable[str], *, leave: Iterable[str] = ()) -> str:
    """The split that chooses an epoch where none is named: the first that means validation; "" if none.

    leave  splits that are used for something else
    """
    known = list(dict.fromkeys(splits))
    meaning, left = standard_splits(known), {*leave}
    usual = [v for v in USUAL_VALIDATION if v in known]
    found = [*usual, *(v for v in known if meaning.get(v) == VALIDATION)]
    return next((v for v in found if v not in left), "")


def _key(value: str) -> str:
    plain = unicodedata.normalize("NFKD", value.strip().lower())
    plain = unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", plain))  # é is e, が stays が
    return re.sub(r"[\s-]+", "_", re.sub(r"^(\d)\.0$", r"\1", plain))


def split_by_group(groups: pd.Series, *, seed: int) -> pd.Series:
    """train / val / test (70 / 10 / 20 % of groups) from a hash of seed and group.

    A group's split depends only on its name and the seed, so adding studies later moves no group.
    """
    return groups.map(lambda group: _split_of_hash(f"{seed}:{group}"))


def _split_of_hash(text: str) -> str:
    position = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    for name, share in SHARES:
        if position < share:
            return name
        position -= share
    return SHARES[-1][0]


def validation_mask(groups: pd.Series, *, seed: int) -> np.ndarray:
    """Studies of one group in ten: (n_studies,) bool. Used where a source has no validation split."""
    return groups.map(lambda group: _split_of_hash(f"validation:{seed}:{group}") == "val").to_numpy(bool)
