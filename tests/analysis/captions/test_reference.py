"""Caption scores agree with public implementations on fixed pairs (`write_reference.py` made the values)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from suture.analysis.captions import score

HERE = Path(__file__).parent
PAIRS = json.loads((HERE / "pairs.json").read_text())
KNOWN = json.loads((HERE / "reference.json").read_text())
SCORES = score(**PAIRS, groups=np.arange(len(PAIRS["references"])), resamples=50)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bleu_is_that_of_sacrebleu(order: int) -> None:
    assert SCORES.metrics[f"bleu_{order}"].value == pytest.approx(KNOWN[f"bleu_{order}"], abs=1e-9)


@pytest.mark.parametrize("name", ["rouge_l", "meteor_exact_stem", "chrf", "cider"])
def test_each_study_is_that_of_the_public_code(name: str) -> None:
    """rouge-score, nltk, sacrebleu, pycocoevalcap."""
    assert SCORES.per_study[name] == pytest.approx(np.array(KNOWN[name]), abs=1e-9)
    assert SCORES.metrics[name].value == pytest.approx(np.mean(KNOWN[name]), abs=1e-9)
