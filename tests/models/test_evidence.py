"""Reports from a workspace: what they contain, what they leave out, and that they are reproducible."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from suture.analysis import report
from suture.analysis.report import html, record_json, table_files
from suture.cli.report import commands
from suture.data.errors import NotFound, Refused
from suture.data.intake import intake
from suture.data.vectors import import_vectors
from suture.data.workspace import CHECKPOINT, COLLECTION, SET, Workspace
from suture.models import builtin
from suture.models.embedding.embed import embed
from suture.workflows.report.report_data import gather, refuse_target, write
from tests.hostile import CELL, FORMULA, LABEL, MARKED, TEX, Page, texts

A, B = "mine @ demo-untrained", "mine @ demo-clip"
MADE = "2026-01-02T03:04:05+0000"
N = 40
QUICK = {"split": "all", "resamples": 40, "extended": False, "made": MADE}


def _picture(seed: int) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (6, 6), dtype=np.uint8)
    Image.fromarray(noise).resize((48, 40)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Forty studies with malicious texts and labels, and two sets of them."""
    folder = tmp_path_factory.mktemp("evidence")
    made = Workspace(folder / "home")
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["image", "report", "patient", "kind", "weight"])
    for i, text in enumerate(texts(N)):
        (folder / f"{i}.png").write_bytes(_picture(i))
        writer.writerow([f"{i}.png", text, f"p{i // 2}", LABEL if i % 2 else FORMULA, i])
    (folder / "studies.csv").write_text(table.getvalue())
    taken = intake(made, folder / "studies.csv", "mine")
    assert taken.refused is None, taken.message
    for checkpoint in (builtin.UNTRAINED, builtin.TRAINED):
        embed(made, "mine", checkpoint)
    return made


def test_what_strangers_wrote_is_text_and_nothing_else(home: Workspace) -> None:
    evidence = gather(home, A, B, pictures=True, **QUICK)
    shown = [text for study in evidence.studies.values() for text in study.texts.values()]
    assert any(CELL in text for text in shown), "the hostile texts must be among those shown"
    page = Page.of(html(evidence))
    assert page.scripts == ["application/json"] * 3 + [""] * 2, "only the page's own scripts"
    assert not page.handlers
    assert all(address.startswith(("#", "data:image/jpeg;base64,")) for address in page.addresses)
    assert CELL in page.text, "it is shown as it was written"
    assert not set(page.tags) - _own_tags()
    files = table_files(evidence)
    for name, content in files.items():
        if name.endswith(".csv"):
            cells = [cell for row in csv.reader(io.StringIO(content)) for cell in row]
            assert not [c for c in cells if c.startswith(("=", "+", "-", "@")) and not _is_number(c)], name
    assert any(rf"'{FORMULA}" in content for content in files.values())
    assert not any(TEX in content for name, content in files.items() if name.endswith(".tex"))


def _own_tags() -> set[str]:
    """The HTML tags of the report's own template."""
    template = (Path(report.__file__).parent / "page.html").read_text()
    return set(re.findall("<([a-z0-9]+)", template))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_json_is_inside_and_beside_and_says_the_same(home: Workspace, tmp_path: Path) -> None:
    evidence = gather(home, A, B, **QUICK)
    page, beside = write(evidence, tmp_path / "report.html")
    record = json.loads(beside.read_text())
    assert json.loads(Page.of(page.read_text()).record) == record
    assert record["comparison"]["verdict"]["headline"] == evidence.paired.verdict.headline
    assert [e["set"] for e in record["evaluations"]] == [A, B]
    assert record["evaluations"][0] == json.loads(json.dumps(evidence.sides[0].evaluation.to_json()))
    assert {c["name"] for c in record["evaluations"][0]["controls"]} >= {"centroid_gap", "recall_at_10"}


def test_the_same_sets_give_the_same_bytes_but_for_the_date(home: Workspace) -> None:
    first, second = (gather(home, A, B, pictures=True, **QUICK) for _ in range(2))
    assert html(first) == html(second)
    other = gather(home, A, B, pictures=True, **{**QUICK, "made": "2027-12-31T00:00:00+0000"})
    assert record_json(other) != record_json(first)
    assert record_json(other).replace(other.made, MADE) == record_json(first)
    assert html(other).replace(other.made, MADE) == html(first)


def test_texts_and_pictures_are_there_only_as_asked(home: Workspace) -> None:
    known, some = texts(N), gather(home, A, **QUICK)
    excerpts = [t for study in json.loads(record_json(some))["texts"].values() for t in study.values()]
    assert len(excerpts) == 10
    assert all(any(text.startswith(e[:40]) for text in known) for e in excerpts)
    assert "texts of 10 studies" in some.holds
    assert "pictures" not in some.holds
    none = gather(home, A, texts=False, **QUICK)
    assert "no text and no image" in none.holds
    assert MARKED not in html(none) + record_json(none), "a text slipped in"
    bare, full = (Page.of(html(e)).addresses for e in (none, gather(home, A, pictures=True, **QUICK)))
    assert not [address for address in bare if address.startswith("data:")]
    assert len([address for address in full if address.startswith("data:image/jpeg")]) == 10


def test_provenance_has_the_hashes_of_the_workspace(home: Workspace) -> None:
    (side,) = gather(home, A, **QUICK).sides
    for kind, name, what in (
        (SET, A, "set"),
        (COLLECTION, "mine", "collection"),
        (CHECKPOINT, builtin.UNTRAINED, "checkpoint"),
    ):
        record = home.record(kind, name)
        assert side.provenance[f"fingerprint of the {what}"] == record.fingerprint
        expected = {file: sha for file, (_, sha) in record.files.items()}
        assert side.provenance[f"SHA-256 of the {what}"] == expected
    assert side.provenance["groups"] == N // 2
    assert side.provenance["texts longer than the context, cut"]["report"] >= 0
    assert str(home.home) not in html(gather(home, A, **QUICK)), "a path of this machine"


def test_vectors_without_a_collection_give_a_report(workspace: Workspace, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(30, 8))
    np.savez(tmp_path / "v.npz", image=z + 2, text=z + rng.normal(size=z.shape), third=z)
    assert import_vectors(workspace, [tmp_path / "v.npz"], "plain").refused is None
    evidence = gather(workspace, "plain", pair=("text", "third"), **QUICK)
    assert evidence.pair == ("text", "third")
    assert not evidence.studies
    assert "no text and no image" in evidence.holds
    assert "degrees apart" in Page.of(html(evidence)).text


def test_one_study_is_too_few_for_a_report(workspace: Workspace, tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", image=np.ones((1, 4)), text=np.eye(4)[:1])
    assert import_vectors(workspace, [tmp_path / "v.npz"], "one").refused is None
    with pytest.raises(Refused, match="2 studies or more"):
        gather(workspace, "one", **QUICK)


def test_refusals_say_what_to_do(home: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no set called 'x'"):
        gather(home, "x", **QUICK)
    with pytest.raises(Refused, match=r"has no modality 'sound'\. Expected: image, report"):
        gather(home, A, pair=("image", "sound"), **QUICK)
    with pytest.raises(Refused, match=r"expected a name ending in \.html, got 'report.pdf'"):
        refuse_target(tmp_path / "report.pdf")
    with pytest.raises(Refused, match="Make it first"):
        refuse_target(tmp_path / "absent" / "report.html")
    (tmp_path / "report.json").write_text("mine")
    with pytest.raises(Refused, match=r"'report\.json' would be overwritten.*--force"):
        write(gather(home, A, **QUICK), tmp_path / "report.html")
    assert (tmp_path / "report.json").read_text() == "mine"
    write(gather(home, A, **QUICK), tmp_path / "report.html", force=True)
    assert json.loads((tmp_path / "report.json").read_text())["split"] == "all"


def test_shell_writes_both_files(home: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "out.html"
    options = ["--split", "all", "--quick", "--resamples", "40", "--no-texts", "--home", str(home.home)]
    asked = [A, B, "--out", str(target), "--pair", "image,report", "--json", *options]
    result = CliRunner().invoke(commands, asked)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["html"], said["json"]) == (str(target), str(target.with_suffix(".json")))
    assert "no text and no image" in said["holds"]
    again = CliRunner().invoke(commands, asked)
    assert isinstance(again.exception, Refused)
    assert again.exception.code == "file_exists"
