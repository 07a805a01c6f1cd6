"""`suture.Workspace`: names, adding, embedding and searching by the ways of the shell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import suture
from suture.workflows.demo import make_collection
from suture.workflows.neighbours import uploads
from tests.library.test_evaluation import FEW, pair

IMAGE, TEXT = pair()


def test_sets_by_name(tmp_path: Path) -> None:  # 3 s: vectors are read in a sandboxed child
    home = suture.Workspace(tmp_path / "home")
    assert repr(home.sets) == "<no set yet>"
    added = home.add_vectors({"image": IMAGE, "text": TEXT}, name="mine", groups=np.arange(40) // 2)
    np.savez(tmp_path / "v.npz", image=IMAGE, text=TEXT)
    home.add_vectors(tmp_path / "v.npz", name="again")
    assert [*home.sets] == home.sets.names == ["mine", "again"]
    assert len(home.sets) == 2
    assert "mine" in home.sets
    assert home.sets.get("other") is None
    assert np.array_equal(home.sets["mine"].vectors["image"], added.vectors["image"])
    assert repr(home.sets) == "<2 sets: 'mine', 'again'>"
    assert home.evaluate("mine", **FEW).n == 40
    with pytest.raises(suture.NotFound, match="Did you mean 'mine'"):
        home.sets["mien"]
    with pytest.raises(suture.Refused, match="already"):
        home.add_vectors({"image": IMAGE, "text": TEXT}, name="mine")
    with pytest.raises(suture.Refused, match="bring their own groups"):
        home.add_vectors(tmp_path / "v.npz", name="x", groups=[1])
    with pytest.raises(suture.Refused, match="is zero"):
        home.add_vectors({"image": IMAGE * 0, "text": TEXT}, name="x")
    with pytest.raises(suture.Refused, match="without a checkpoint"):
        home.search("mine", words="effusion")
    with pytest.raises(suture.UserError, match="nowhere"):
        home.add(tmp_path / "nowhere", name="x")
    with pytest.raises(suture.NotFound, match="picture"):
        home.add(tmp_path, name="x", columns={"picture": "file"})


def test_embed_and_search(tmp_path: Path) -> None:  # 10 s: an encoder embeds 24 studies and two questions
    home = suture.Workspace(tmp_path)
    make_collection(home, lambda what, share: None, studies=24, name="studies")
    assert len(home.collections["studies"]) == 24
    made = home.embed("studies", "demo-clip")
    assert (made.name, [*home.checkpoints]) == ("studies @ demo-clip", ["demo-clip"])
    found = home.search(made.name, words="pleural effusion on the right", k=2)
    assert list(found) == ["from", "to", "rank", "study", "cosine"]
    assert {*found["from"]} == {"report"}
    assert {*found["study"]} <= {*made.rows["study_id"]}
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    assert {*home.search(made.name, image=noise, k=2)["from"]} == {"image"}
    assert uploads.list_uploads(home) == [], "nothing of what was asked stays"
    with pytest.raises(suture.Refused, match="or both"):
        home.search(made.name)
    with pytest.raises(suture.Refused, match="uint8"):
        home.search(made.name, image=np.zeros((2, 2)))
    with pytest.raises(suture.UserError, match="split 'nope'"):
        home.search(made.name, words="effusion", split="nope")
