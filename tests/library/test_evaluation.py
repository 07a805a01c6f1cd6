"""`suture.evaluate`: the numbers of the shell, from arrays of any kind, and errors that say what to do."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from typer.testing import CliRunner

import suture
from suture.cli import app

Arrays = tuple[np.ndarray, np.ndarray]
FEW = {"resamples": 20}


def pair(n: int = 40, *, gap: float = 2.0, seed: int = 0) -> Arrays:
    """An image and a text matrix (n, 8), float32, apart by a constant."""
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(n, 8))
    image, text = (meaning + 0.5 * rng.normal(size=(n, 8)) for _ in range(2))
    return (image + gap).astype(np.float32), text.astype(np.float32)


def described(n: int = 40) -> dict[str, Any]:
    """Two studies a patient, two splits, a label, a few duplicates."""
    return {
        "ids": [f"s{i}" for i in range(n)],
        "groups": np.arange(n) // 2,
        "splits": ["train"] * (n // 2) + ["test"] * (n - n // 2),
        "labels": {"region": ["chest", "hand"] * (n // 2)},
        "duplicates": ["d", "d"] + [""] * (n - 2),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_the_numbers_are_those_of_the_shell(tmp_path: Path, dtype: type) -> None:  # 5 s: every metric, twice
    image, text = (x.astype(dtype) for x in pair())
    text[5] = text[4]  # the same text twice
    more = described()
    arrays = {
        **{"image": image, "text": np.asfortranarray(text)},
        **{"ids": more["ids"], "patient_id": more["groups"], "split": more["splits"]},
        **{"duplicate_group": more["duplicates"], "region": more["labels"]["region"]},
    }
    np.savez(tmp_path / "v.npz", **arrays)
    run = CliRunner()
    taken = run.invoke(
        app, ["import-vectors", str(tmp_path / "v.npz"), "--name", "v", "--home", str(tmp_path / "h")]
    )
    assert taken.exit_code == 0, taken.output
    shell = [
        "evaluate",
        "v",
        "--split",
        "test",
        "--full",
        "--resamples",
        "20",
        "--json",
        "--home",
        str(tmp_path / "h"),
    ]
    told = json.loads(run.invoke(app, shell).stdout)
    result = suture.evaluate(image, np.asfortranarray(text), **more, split="test", full=True, name="v", **FEW)
    assert json.loads(json.dumps(result.to_json())) == told
    of_set = suture.evaluate("v", split="test", full=True, home=tmp_path / "h", **FEW)
    assert json.loads(json.dumps(of_set.to_json())) == told
    assert of_set.embeddings.modalities == ["image", "text"]


def test_tensors_and_lists_give_the_same_as_arrays() -> None:
    image, text = pair()
    plain = suture.evaluate(image, text, **FEW).to_json()
    with_gradient = torch.tensor(image, requires_grad=True)
    assert suture.evaluate(with_gradient, torch.tensor(text), **FEW).to_json() == plain
    wide = suture.evaluate(image.astype(float), text.astype(float), **FEW).to_json()
    assert suture.evaluate(image.tolist(), text.tolist(), **FEW).to_json() == wide
    half = [torch.tensor(x).bfloat16() for x in (image, text)]
    rounded = suture.evaluate(*(h.float().numpy() for h in half), **FEW).to_json()
    assert suture.evaluate(*half, **FEW).to_json() == rounded


def test_modalities_by_name_images_first() -> None:
    image, report = pair()
    history = report + 0.1
    result = suture.evaluate({"report": report, "image": image, "history": history}, **FEW)
    assert result.modalities == ("image", "report", "history")
    assert result["centroid_gap", "image", "report"] > result["centroid_gap", "report", "history"]
    assert "centroid_gap_mean" in result


def test_the_same_text_twice_counts_as_right() -> None:
    image, text = pair()
    texts = [f"Report {i // 2}." for i in range(40)]
    alike = suture.evaluate(image, text, texts=texts, **FEW)
    apart = suture.evaluate(image, text, **FEW)
    assert alike["recall_at_1", "image->text"] > apart["recall_at_1", "image->text"]
    by_name = suture.evaluate({"image": image, "text": text}, texts={"text": texts}, **FEW)
    assert by_name.to_json() == alike.to_json()


def test_a_modality_that_some_lack() -> None:
    image, text = pair()
    image[3] = np.nan
    result = suture.evaluate(image, text, present={"image": np.arange(40) != 3}, **FEW)
    assert result["centroid_gap"].n == 39


def test_a_data_frame_of_labels() -> None:
    image, text = pair()
    frame = pd.DataFrame({"region": ["chest", "hand"] * 20})
    result = suture.evaluate(image, text, labels=frame, groups=pd.Series(range(40)), **FEW)
    assert any(m.label == "region" for m in result)


def test_a_number_is_a_float_with_its_interval() -> None:
    result = suture.evaluate(*pair(), resamples=50)
    gap = result["centroid_gap"]
    assert isinstance(gap, float)
    assert gap.low is not None
    assert gap.high is not None
    assert gap.low < gap < gap.high
    assert (gap.n, gap.better, gap.metric.name) == (40, "lower", "centroid_gap")
    assert json.dumps({"gap": gap}) == json.dumps({"gap": float(gap)})
    again = pickle.loads(pickle.dumps(gap))
    assert (again, again.low) == (gap, gap.low)


def test_an_undefined_number_is_nan_and_says_why() -> None:
    result = suture.evaluate(*pair(), groups=["one"] * 40, **FEW)
    floor = result["centroid_gap_floor"]
    assert math.isnan(floor)
    assert floor.metric.reason


def test_keys_choose_direction_protocol_and_modality() -> None:
    result = suture.evaluate(*pair(), full=True, **described(), **FEW)
    strict = result["recall_at_1:strict", "image->text"]
    assert strict.metric.protocol == "strict"
    assert result["recall_at_1", "image->text"].metric.protocol == "multi_positive"
    assert result["effective_rank", "text"].metric.modalities == ("text",)
    assert "recall_at_1" in result
    assert "nothing" not in result


def test_what_it_looks_like() -> None:
    image, text = pair()
    name = "<script>alert(1)</script>"
    result = suture.evaluate(image, text, labels={name: ["a", "b"] * 20}, name=name, full=True, **FEW)
    assert len(repr(suture.evaluate(image, text, **FEW))) < 120
    assert "\n" not in repr(result)
    page = result._repr_html_()
    assert "<table>" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert len(repr(result.embeddings)) < 200
    frame = result.to_frame()
    assert len(frame) == len(result) == len(result.to_json()["metrics"])
    row = frame[frame.metric == "centroid_gap"].iloc[0]
    assert row.value == result["centroid_gap"]
    assert row.of == "image · text"


@pytest.mark.parametrize("kind", ["cosines", "ranks", "map"])
def test_figures(kind: str) -> None:
    figure = suture.evaluate(*pair(), **FEW).figure(kind)
    assert isinstance(figure, go.Figure)
    assert len(figure.data)


def test_progress_is_told() -> None:
    told: list[float] = []
    suture.evaluate(*pair(), progress=lambda share, what: told.append(share), **FEW)
    assert told == sorted(told)
    assert told


IMAGE, TEXT = pair()
ZERO, NAN, OBJECTS = TEXT.copy(), TEXT.copy(), TEXT.astype(object)
TEXTS = ["x"] * 40
CLASH = {"split": ["a"] * 40}
ZERO[7], NAN[7, 0] = 0, np.inf
WRONG: list[tuple[str, str, Callable[[], object]]] = [
    ("embedding_count_mismatch", r"image \(40, 8\), text \(5, 8\)", lambda: suture.evaluate(IMAGE, TEXT[:5])),
    ("embedding_dim_mismatch", "same width", lambda: suture.evaluate(IMAGE, TEXT[:, :4])),
    ("embedding_shape", r"'image' has shape \(40,\)", lambda: suture.evaluate(IMAGE[:, 0], TEXT)),
    ("embedding_shape", "no array of one width", lambda: suture.evaluate([[1.0, 2.0], [1.0]], TEXT)),
    ("embedding_shape", "at least 2 dimensions", lambda: suture.evaluate(IMAGE[:, :1], TEXT[:, :1])),
    ("embedding_empty", "no vectors", lambda: suture.evaluate(IMAGE[:0], TEXT[:0])),
    ("embedding_zero", "1 of 40 rows .*ow 7 of 'text' is zero", lambda: suture.evaluate(IMAGE, ZERO)),
    ("embedding_not_finite", "ow 7 of 'text' has NaN or infinite", lambda: suture.evaluate(IMAGE, NAN)),
    ("embedding_dtype", "'text' has type object", lambda: suture.evaluate(IMAGE, OBJECTS)),
    ("embedding_dtype", "'image' has type int8", lambda: suture.evaluate(IMAGE.astype(np.int8), TEXT)),
    ("column_length", "'groups' must have one value", lambda: suture.evaluate(IMAGE, TEXT, groups=[1, 2])),
    ("column_length", "'groups' must have one value", lambda: suture.evaluate(IMAGE, TEXT, groups="patient")),
    ("column_length", "'groups'", lambda: suture.evaluate(IMAGE, TEXT, groups=np.ones((40, 2)))),
    ("duplicate_id", "same id", lambda: suture.evaluate(IMAGE, TEXT, ids=["a"] * 40)),
    (
        "label_name",
        "cannot be called 'split'",
        lambda: suture.evaluate(IMAGE, TEXT, labels=CLASH),
    ),
    ("unknown_modality", "'imge'", lambda: suture.evaluate(IMAGE, TEXT, present={"imge": [True] * 40})),
    ("not_found", "split called 'val'. There are: all", lambda: suture.evaluate(IMAGE, TEXT, split="val")),
    ("too_few_rows", "2 studies or more", lambda: suture.evaluate(IMAGE[:1], TEXT[:1])),
    ("too_few_modalities", "Two arrays are needed", lambda: suture.evaluate(IMAGE)),
    ("too_few_modalities", "Two or more", lambda: suture.evaluate({"image": IMAGE})),
    ("arguments_of_arrays", "not both", lambda: suture.evaluate({"image": IMAGE}, TEXT)),
    ("pair_invalid", "two different words", lambda: suture.evaluate(IMAGE, TEXT, names=("x", "x"))),
    ("resamples_invalid", "20 or more", lambda: suture.evaluate(IMAGE, TEXT, resamples=3)),
    ("resamples_invalid", "got 50.5", lambda: suture.evaluate(IMAGE, TEXT, resamples=50.5)),
    ("resamples_invalid", "got 'x'", lambda: suture.evaluate(IMAGE, TEXT, resamples="x")),
    ("resamples_invalid", "seed must be a whole number", lambda: suture.evaluate(IMAGE, TEXT, seed=1.5)),
    ("label_name", "labels must be columns by name", lambda: suture.evaluate(IMAGE, TEXT, labels=["x"])),
    ("unknown_modality", "columns by modality", lambda: suture.evaluate(IMAGE, TEXT, present=[True] * 40)),
    ("column_type", "True or False", lambda: suture.evaluate(IMAGE, TEXT, present={"text": ["no"] * 40})),
    ("column_type", "True or False", lambda: suture.evaluate(IMAGE, TEXT, present={"text": [np.nan] * 40})),
    ("masked_values", "present=", lambda: suture.evaluate(np.ma.masked_less(IMAGE, 0), TEXT)),
    (
        "texts_of_which",
        "which modality",
        lambda: suture.evaluate({"image": IMAGE, "t": TEXT}, texts=TEXTS),
    ),
]


@pytest.mark.parametrize(("code", "message", "call"), WRONG)
def test_wrong_input_is_a_user_error(code: str, message: str, call: Callable[[], object]) -> None:
    with pytest.raises(suture.UserError, match=message) as raised:
        call()
    assert raised.value.code == code


def test_unknown_sets_and_arguments_of_arrays(tmp_path: Path) -> None:
    suture.Workspace(tmp_path).add_vectors({"image": IMAGE, "text": TEXT}, name="mine @ clip")
    with pytest.raises(suture.NotFound, match=r"no set called 'mine @ clp'.*Did you mean 'mine @ clip'\?"):
        suture.evaluate("mine @ clp", home=tmp_path)
    with pytest.raises(suture.Refused, match="brings its own groups"):
        suture.evaluate("mine @ clip", groups=[1], home=tmp_path)
    with pytest.raises(suture.NotFound, match=r"no split called 'test'\. There are: all"):
        suture.evaluate("mine @ clip", split="test", home=tmp_path)


def test_unknown_and_ambiguous_metrics_list_what_there_is() -> None:
    result = suture.evaluate(IMAGE, TEXT, **FEW)
    with pytest.raises(suture.NotFound, match=r"Did you mean 'centroid_gap'\?"):
        result["centroid_gp"]
    for odd in (3, None, ()):
        with pytest.raises(suture.NotFound, match="There are: "):
            result[odd]
    with pytest.raises(suture.Refused, match=r"\['recall_at_10', 'image->text'\]"):
        result["recall_at_10"]
    with pytest.raises(suture.Refused, match=r"no value for chest"):
        result["recall_at_10", "chest"]
    with pytest.raises(suture.NotFound, match="There are: strict"):
        result["recall_at_10:loose", "image->text"]
    with pytest.raises(suture.NotFound, match="cosines, ranks, map"):
        result.figure("pie")
    with pytest.raises(suture.Refused, match="no modality 'history'"):
        result.figure("cosines", pair=("image", "history"))
