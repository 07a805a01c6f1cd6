"""Conditions and words find what they say, and what cannot be read is told with the place and the columns."""

from __future__ import annotations

import operator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.data.errors import UserError
from suture.data.query import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    contains_words,
    lowercase_texts,
    rows_matching,
    rows_with_words,
)

TABLE = pd.DataFrame(
    {
        "study_id": ["s1", "s2", "s3", "s4", "s5"],
        "finding": ["effusion", "fracture", "effusion", "", "Effusion"],
        "age": ["61", "9", "60", "", "unknown"],
        "score": [0.5, np.nan, 2.0, 10.0, -1.0],
        "date": ["2020-01-02", "2019-12-31", "2021-05-05", "", "2020-01-02"],
        "size in mm": ["8", "8.0", "12", "", "x"],
        "report": ["Left pleural effusion.", "A left fracture", "pleural; effusion", "", "No EFFUSION, left"],
    }
)


SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def ids(expression: str) -> str:
    return " ".join(TABLE["study_id"][rows_matching(TABLE, expression)])


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ('finding == "effusion" and age > 60', "s1"),
        ("finding = 'effusion'", "s1 s3"),
        ('finding in ("fracture", "effusion")', "s1 s2 s3"),
        ('finding not in ["effusion",]', "s2 s4 s5"),
        ('not finding == "effusion"', "s2 s4 s5"),
        ('finding != "effusion"', "s2 s4 s5"),
        ("age > 9", "s1 s3"),
        ('age > "9"', "s1 s3"),
        ("9 < age <= 60", "s3"),
        ("60 >= age", "s2 s3"),
        ('age == ""', "s4"),
        ("age < 1000 or age >= 1000", "s1 s2 s3"),
        ("score >= 2", "s3 s4"),
        ("score == -1", "s5"),
        ('score == ""', "s2"),
        ('date >= "2020-01-02"', "s1 s3 s5"),
        ("`size in mm` == 8", "s1 s2"),
        ('`size in mm` == "8"', "s1"),
        ("`size in mm` in (8, 12)", "s1 s2 s3"),
        ('report contains "PLEURAL eff"', "s1"),
        ('report not contains "left"', "s3 s4"),
        ('age == 61 or age == 9 and finding == "none"', "s1"),
        ('(age == 61 or age == 9) and not (finding == "fracture")', "s1"),
        ("not not age == 9", "s2"),
        ("age == score", ""),
    ],
)
def test_condition_finds(expression: str, found: str) -> None:
    assert ids(expression) == found


@given(
    st.lists(st.floats(-100, 100).map(lambda v: round(v, 2)), min_size=1, max_size=20),
    st.sampled_from([*SIGNS]),
    st.floats(-100, 100).map(lambda v: round(v, 2)),
)
def test_numbers_compare_as_python_compares_them(cells: list[float], sign: str, value: float) -> None:
    compare = SIGNS[sign]
    found = rows_matching(pd.DataFrame({"x": [str(c) for c in cells]}), f"x {sign} {value:.2f}")
    assert found.tolist() == [compare(c, value) for c in cells]


@pytest.mark.parametrize(
    ("expression", "code", "said"),
    [
        ("", "query_empty", "Write for example"),
        ("fnding == 1", "query_column", "no column 'fnding'. Did you mean 'finding'"),
        ("finding == effusion", "query_column", "put it in quotes. Columns: study_id, finding, age"),
        ('"finding" == "x"', "query_no_column", "'finding' at character 1 is not compared with a column"),
        ('"a" in ("a",)', "query_no_column", "without quotes"),
        ("age ** 2", "query_operator", "'**' at character 5 is not an operator. Use: ==, !="),
        ("age > 6 & score > 1", "query_operator", "'&' at character 9"),
        ("age.real == 1", "query_operator", "'.' at character 4"),
        ("age >", "query_syntax", "ends too early: expected a column"),
        ("(age > 1", "query_syntax", "expected ')'"),
        ("age > 1)", "query_syntax", "found ')' at character 8"),
        ("age in 5", "query_syntax", 'values in brackets, as ("val", "test")'),
        ("age not 5", "query_syntax", "one of =="),
        ("report contains age", "query_syntax", "a number or text in quotes"),
        ('finding == "x', "query_syntax", "at character 12 is not closed"),
        ("__import__('os').system('true')", "query_column", "no column '__import__'"),
        ("age == 1 " * 400, "query_too_long", f"{MAX_CHARACTERS:,} characters"),
        ("(" * 100 + "age == 1" + ")" * 100, "query_too_deep", f"{MAX_DEPTH} brackets"),
    ],
)
def test_what_cannot_be_read_is_told(expression: str, code: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        rows_matching(TABLE, expression)
    assert error.value.code == code
    assert said in error.value.message


@given(st.text(alphabet=st.sampled_from(list("ages_ ()[],'\"`<>=!&.019 andornt\n\\é")), max_size=60))
def test_no_text_does_more_than_a_mask_or_a_told_error(expression: str) -> None:
    try:
        found = rows_matching(TABLE, expression)
    except UserError:
        return
    assert found.dtype == bool
    assert found.shape == (len(TABLE),)


def test_brackets_may_nest_as_deep_as_is_said() -> None:
    depth = MAX_DEPTH - 1
    assert ids("(" * depth + "age == 9" + ")" * depth) == "s2"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("effusion", "s1 s3 s5"),
        ("EFFUSION left", "s1 s5"),
        ('"pleural effusion"', "s1"),
        ("effusion -left", "s3"),
        ('left -"pleural effusion"', "s2 s5"),
        ("-left", "s3 s4"),
        ("effus", "s1 s3 s5"),
        ('"left pleural', "s1"),
        (".", "s1"),
        ("", ""),
        (' - "" ', ""),
    ],
)
def test_words_find(text: str, found: str) -> None:
    assert " ".join(TABLE["study_id"][rows_with_words(TABLE, ["report"], text)]) == found


def test_words_may_lie_in_different_columns_but_a_phrase_lies_in_one() -> None:
    texts = lowercase_texts(TABLE, ["finding", "report"])
    assert contains_words(texts, "fracture left")[1]
    assert not contains_words(texts, '"fracture a"')[1]


def test_a_table_of_any_index_and_missing_cells() -> None:
    table = pd.DataFrame({"x": ["a", None, "b"]}, index=[7, 7, 9])
    assert rows_matching(table, 'x == "" or x == "b"').tolist() == [False, True, True]
    assert rows_with_words(table, ["x"], "a").tolist() == [True, False, False]
