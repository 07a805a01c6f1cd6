"""Malicious files from the external collection: each gets the expected response."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from suture.data.errors import UserError
from suture.models.checkpoints.add_checkpoint import try_encoders
from suture.models.checkpoints.weights_file import read_weights
from suture.models.checkpoints.weights_match import load_matching
from tests.conftest import BESIDE, beside

TABLE = BESIDE / "hostile" / "expected.csv"
ROWS = [r for r in csv.DictReader(TABLE.open()) if r["file"].startswith("ckpt/")] if TABLE.exists() else []


class Reference(nn.Module):
    """The small network that the collection's weights belong to."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = nn.ModuleDict({"proj": nn.Linear(16, 8)})
        self.text = nn.ModuleDict({"emb": nn.Embedding(32, 8)})
        self.logit_scale = nn.Parameter(torch.zeros(1))

    def encode_image(self) -> Tensor:
        return self.visual["proj"](torch.eye(16)[:2])

    def encode_text(self) -> Tensor:
        return self.text["emb"](torch.tensor([1, 2]))


def answer(path: Path) -> str:
    model = Reference()
    try:
        load_matching(model, read_weights(path)[0], path.name, "reference")
        try_encoders({"image": model.encode_image, "text": model.encode_text})
    except UserError as error:
        return error.code
    return "accept"


@pytest.mark.skipif(not ROWS, reason="the collection is not beside this checkout")
@pytest.mark.parametrize("row", ROWS, ids=[r["file"] for r in ROWS])
def test_every_checkpoint_gets_its_answer(
    row: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    monkeypatch.setenv("HOSTILE_CANARY", str(canary))
    assert answer(beside("hostile", row["file"])) == (row["reason"] or "accept")
    assert not canary.exists()
