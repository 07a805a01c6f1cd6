"""Uploaded studies: imported, compared with a reference, then saved or deleted without a trace."""

from __future__ import annotations

import io
import shutil
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from suture import jobs
from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval import out_of_distribution
from suture.data import images
from suture.data.collection import STUDY_ID
from suture.data.collections import storage
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.vectors import import_vectors
from suture.data.workspace import CHECKPOINT, COLLECTION, SET, Record, Workspace, embedding_sets
from suture.workflows.adapters import adapt
from suture.workflows.job_kinds import EmbedUploadsJob
from suture.workflows.neighbours import uploads as newcomers
from suture.workflows.neighbours.uploads import UploadedFiles, UploadResult

pytestmark = pytest.mark.usefixtures("forked_jobs")
A, B = "demo @ demo-clip", "demo @ demo-aligned"
RNG = np.random.default_rng(0)


def png(seed: int, side: int = 64) -> bytes:
    """A noise image."""
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side), dtype=np.uint8)
    return images.encode(Image.fromarray(pixels))


@pytest.fixture(scope="module")
def demo(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    home = tmp_path_factory.mktemp("newcomers") / "home"
    shutil.copytree(demo_home, home)
    return Workspace(home)


def of_demo(demo: Workspace, *rows: int) -> UploadedFiles:
    """Images of the reference with their reports, as a user would upload them."""
    collection, pack = storage.load(demo, "demo"), storage.image_pack(demo, "demo")
    assert pack is not None
    files = []
    for row in rows:
        study = collection.study(row)
        files += [(f"{study.id}.png", pack.read(study.values["image"]))]
        files += [(f"{study.id}.txt", study.values["report"].encode())]
    return files


def admitted(workspace: Workspace, source: Path | UploadedFiles) -> tuple[Record, UploadResult]:
    came = newcomers.add_upload(workspace, source)
    assert came.report.refused is None, came.report.message
    return newcomers.home(workspace).record(COLLECTION, came.visit), came


def embed(workspace: Workspace, visit: Record, *checkpoints: str) -> None:
    newcomers.embed(workspace, visit.name, checkpoints, progress=lambda share, message: None)


def guests_of(workspace: Workspace, visit: Record, name: str) -> EmbeddingSet:
    maker = newcomers.checkpoint_of(workspace, workspace.record(SET, name))
    found = newcomers.stored_embedding(workspace, visit, maker)
    assert found is not None
    return found


def outside(new: np.ndarray, known: np.ndarray, *, k: int = 10) -> np.ndarray:
    held = EmbeddingSet("known", {"image": known}, pd.DataFrame(index=range(len(known))))
    found = out_of_distribution.neighbours({"image": new}, held, k=k)["image", "image"]
    return out_of_distribution.out_of_distribution(
        found, out_of_distribution.reference_spread(known, k=k), k=k
    )


# --- out-of-distribution score, neighbours, shared labels


def test_outside_is_the_share_of_known_rows_with_a_smaller_distance_to_their_kth_neighbour() -> None:
    known, new = unit_rows(RNG.normal(size=(60, 6))), unit_rows(RNG.normal(size=(7, 6)))
    spread = out_of_distribution.reference_spread(known, k=4)
    slow = np.sort([np.sort(1 - known @ row)[4] for row in known])  # the first is the row itself
    np.testing.assert_allclose(spread, slow, atol=1e-6)
    scores = outside(new, known, k=4)
    for row, score in zip(new, scores, strict=True):
        assert score == np.mean(slow < np.sort(1 - known @ row)[3] - 1e-6)


def test_outside_is_high_far_out_low_in_the_middle_and_even_for_rows_like_the_known() -> None:
    rng = np.random.default_rng(1)
    centre = np.eye(16)[0]
    cloud = unit_rows(centre + 0.1 * rng.normal(size=(900, 16)))
    known, like = cloud[:600], cloud[600:]
    assert outside(np.eye(16)[5:6], known)[0] == 1
    assert outside(centre[None], known)[0] < 0.05
    even = outside(like, known)
    assert abs(np.mean(even) - 0.5) < 0.06
    assert abs(np.mean(even > 0.9) - 0.1) < 0.05


def test_outside_of_a_missing_row_or_a_reference_of_one_is_undefined() -> None:
    known = unit_rows(RNG.normal(size=(20, 4)))
    scores = outside(np.zeros((1, 4)), known)
    assert np.isnan(scores).all()
    assert np.isnan(outside(known[:1], known[:1])).all()


def reference(n: int = 50, **columns: object) -> EmbeddingSet:
    vectors = {m: unit_rows(RNG.normal(size=(n, 8))).astype(np.float32) for m in ("image", "report")}
    vectors["report"][3] = 0  # a study without a report
    rows = pd.DataFrame({STUDY_ID: [f"s{i}" for i in range(n)], "key:report": "k", **columns})
    return EmbeddingSet("reference", vectors, rows)


def test_neighbours_are_those_of_an_exhaustive_search_in_every_direction() -> None:
    held = reference()
    new = {m: unit_rows(RNG.normal(size=(5, 8))).astype(np.float32) for m in ("image", "report")}
    new["report"][2] = 0
    found = out_of_distribution.neighbours(new, held, k=4)
    assert set(found) == {(x, y) for x in new for y in new}
    for (x, y), answer in found.items():
        items = held.rows_with(y)
        assert answer.gallery == len(items) == (49 if y == "report" else 50)
        for row in range(5):
            if x == "report" and row == 2:
                assert (answer.rows[row] == -1).all()
                assert np.isnan(answer.cosines[row]).all()
                continue
            scores = held.vectors[y][items] @ new[x][row]
            assert answer.rows[row].tolist() == items[np.argsort(-scores)[:4]].tolist()
            np.testing.assert_allclose(answer.cosines[row], np.sort(scores)[::-1][:4], atol=1e-6)


def test_own_partner_is_ranked_among_the_gallery_and_itself() -> None:
    held = reference()
    new = {m: unit_rows(RNG.normal(size=(3, 8))).astype(np.float32) for m in ("image", "report")}
    new["report"][0] = new["image"][0]  # as near as possible
    new["report"][1] = -new["image"][1]  # as far as possible
    new["report"][2] = 0
    own = out_of_distribution.neighbours(new, held, k=4)["image", "report"].own
    assert own[0] == 1
    assert own[1] == 49 + 1
    assert np.isnan(own[2])
    assert np.isnan(out_of_distribution.neighbours(new, held, k=4)["image", "image"].own).all()


def test_k_is_cut_to_the_gallery() -> None:
    held = reference(5)
    found = out_of_distribution.neighbours(
        {"image": held.vectors["image"][:1]}, held, k=12, targets=["report"]
    )
    assert found["image", "report"].rows.shape == (1, 4)


def test_agreement_counts_the_majority_against_chance_and_leaves_blanks_out() -> None:
    labels = pd.DataFrame(
        {
            "finding": ["mass"] * 5 + ["none"] * 15,
            "sex": ["F", "M"] * 10,
            "sparse": ["x"] * 1 + [""] * 18 + ["y"],
            "id": [str(i) for i in range(20)],
            "only": ["same"] * 20,
        }
    )
    found = out_of_distribution.shared_labels(
        labels.assign(id=[f"{i}{'x' * i}" for i in range(20)]), np.arange(4)
    )
    first = found[0]
    assert first.label == "finding"
    assert (first.value, first.count, first.known, first.base) == ("mass", 4, 4, 0.25)
    assert {a.label for a in found} == {"finding", "sex", "id"}  # not: nearly blank, one value
    assert out_of_distribution.shared_labels(labels.iloc[:, :0], np.arange(4)) == []


def test_a_modality_of_another_name_is_held_against_the_first_of_its_kind() -> None:
    held = reference()
    rows = pd.DataFrame({STUDY_ID: ["a"], "key:findings": "k", "key:other": "k"})
    one = np.ones((1, 8), np.float32)
    guests = EmbeddingSet("guests", {"scan": one, "findings": one, "other": one}, rows)
    assert newcomers.match_modalities(guests, held) == {"image": "scan", "report": "findings"}


# --- on real checkpoints


@pytest.mark.parametrize("name", [A, B])
def test_a_copy_of_a_reference_study_finds_itself_and_noise_lies_out(demo: Workspace, name: str) -> None:
    rows = (7, 21, 33)
    visit, _ = admitted(demo, [*of_demo(demo, *rows), ("noise.png", png(3, 512))])
    embed(demo, visit, "demo-clip", "demo-aligned")
    whole, guests = embedding_sets.load(demo, name), guests_of(demo, visit, name)
    vectors = newcomers.in_space(demo, guests, whole)
    ids = guests.rows[STUDY_ID].tolist()
    copies = [ids.index(whole.rows[STUDY_ID][row]) for row in rows]
    found = out_of_distribution.neighbours(vectors, whole, k=3)
    same = found["image", "image"]
    assert same.rows[copies, 0].tolist() == [*rows]
    np.testing.assert_allclose(same.cosines[copies, 0], 1, atol=1e-4)
    for row, copy in zip(rows, copies, strict=True):
        text = found["report", "report"]
        assert whole.rows["key:report"][int(text.rows[copy, 0])] == whole.rows["key:report"][row]
        assert found["image", "report"].own[copy] >= 1
    scores = outside(vectors["image"], np.asarray(whole.vectors["image"]))
    assert scores[ids.index("noise")] > 0.9
    assert scores[copies].max() < scores[ids.index("noise")]
    assert (found["report", "image"].rows[ids.index("noise")] == -1).all()


def test_an_adapted_set_maps_the_newcomers_as_its_own(demo: Workspace) -> None:
    name = adapt(demo, A, method="mean-removal").name
    visit, _ = admitted(demo, of_demo(demo, 11))
    embed(demo, visit, "demo-clip")
    whole, guests = embedding_sets.load(demo, name), guests_of(demo, visit, name)
    vectors = newcomers.in_space(demo, guests, whole)
    for modality in ("image", "report"):
        np.testing.assert_allclose(vectors[modality][0], whole.vectors[modality][11], atol=1e-3)
    assert np.abs(vectors["image"] - guests.vectors["image"]).max() > 0.01


def test_studies_of_one_modality_are_embedded(demo: Workspace) -> None:
    for source, modality in (
        ([("a.png", png(4))], "image"),
        ([("a.txt", b"Left pleural effusion.")], "report"),
    ):
        visit, _ = admitted(demo, source)
        embed(demo, visit, "demo-clip")
        guests = guests_of(demo, visit, A)
        assert guests.modalities == [modality]
        np.testing.assert_allclose(np.linalg.norm(guests.vectors[modality], axis=1), 1, atol=1e-5)


def test_a_worker_embeds_with_both_and_the_main_workspace_shows_nothing(demo: Workspace) -> None:
    before = {kind: [r.name for r in demo.records(kind)] for kind in (COLLECTION, SET)}
    visit, _ = admitted(demo, [("w.png", png(5)), ("w.txt", b"Fracture of the hand.")])
    job_id = jobs.start(demo, EmbedUploadsJob(visit.name, ["demo-clip", "demo-aligned"]))
    while newcomers.embedding_job(demo, visit) is not None:
        time.sleep(0.2)
    done = jobs.job(demo, job_id)
    assert done is not None
    assert done.state == "done", done.message
    assert "1 visiting" in done.message
    assert len(guests_of(demo, visit, A)) == len(guests_of(demo, visit, B)) == 1
    assert {kind: [r.name for r in demo.records(kind)] for kind in before} == before


def test_discarding_stops_the_job_and_leaves_no_file_and_no_record(workspace: Workspace) -> None:
    visit, _ = admitted(workspace, [("d.png", png(6)), ("d.txt", b"No acute finding.")])
    embed(workspace, visit, "demo-clip")
    jobs.start(workspace, EmbedUploadsJob(visit.name, ["demo-aligned"]))
    guests = newcomers.home(workspace)
    assert guests.records(SET)
    newcomers.delete_upload(workspace, visit)
    assert newcomers.embedding_job(workspace, visit) is None
    assert newcomers.list_uploads(workspace) == guests.records(SET) == []
    left = [p for p in guests.home.rglob("*") if p.is_file() and not p.name.startswith("suture.sqlite")]
    assert left == []
    assert not [*(guests.home / "parts").iterdir()]


def test_keeping_makes_an_ordinary_collection_and_ends_the_visit(demo: Workspace) -> None:
    visit, _ = admitted(demo, of_demo(demo, 40, 41))
    with pytest.raises(Refused, match="already a collection called 'demo'"):
        newcomers.save_as_collection(demo, visit, "demo")
    assert visit.name in [v.name for v in newcomers.list_uploads(demo)]
    newcomers.save_as_collection(demo, visit, "my two")
    assert visit.name not in [v.name for v in newcomers.list_uploads(demo)]
    kept, pack = storage.load(demo, "my two"), storage.image_pack(demo, "my two")
    assert len(kept) == 2
    assert pack is not None
    assert pack.read(0) == dict(of_demo(demo, 40))[f"{kept.table[STUDY_ID][0]}.png"]
    demo.remove(COLLECTION, "my two")


def test_sets_without_their_checkpoint_say_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "v.npz", image=rng.normal(size=(30, 4)), text=rng.normal(size=(30, 4)))
    assert import_vectors(workspace, [tmp_path / "v.npz"], "vectors").refused is None
    with pytest.raises(Refused, match="came as vectors") as refused:
        newcomers.checkpoint_of(workspace, workspace.record(SET, "vectors"))
    assert refused.value.code == "no_checkpoint"


def test_a_checkpoint_that_was_removed_is_named(demo_home: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_home, tmp_path / "home")
    workspace = Workspace(tmp_path / "home")
    workspace.remove(CHECKPOINT, "demo-clip")
    with pytest.raises(Refused, match="'demo-clip' that made 'demo @ demo-clip' is not here any more"):
        newcomers.checkpoint_of(workspace, workspace.record(SET, A))


# --- importing uploads


def test_files_as_they_lie(workspace: Workspace) -> None:
    same = png(1)
    visit, came = admitted(
        workspace,
        [
            ("a.png", same), ("a.txt", b"Report of a."), ("twin.png", png(2)), ("twin of twin.png", png(2)),
            ("alone.txt", b"A report without a picture."), ("broken.png", b"\x89PNG no"), ("note.docx", b"?"),
            ("empty.txt", b""),
        ],
    )  # fmt: skip
    table = storage.load(newcomers.home(workspace), visit.name).table.set_index(STUDY_ID)
    assert came.report.adds_up
    assert came.report.skipped == {
        "duplicate_file": 1, "not_an_image": 1, "file_type_not_allowed": 1, "study_empty": 1
    }  # fmt: skip
    assert set(table.index) == {"a", "alone", "twin of twin"}  # the first by name is used
    assert table.loc["a", "report"] == "Report of a."
    assert table.loc["alone", "image"] == -1
    assert came.report.message == "3 studies taken, 4 skipped."


def test_the_same_name_twice_with_other_contents_is_two_studies(workspace: Workspace) -> None:
    visit, came = admitted(workspace, [("x.png", png(1)), ("x.png", png(2)), ("x.jpg", png(3))])
    ids = storage.load(newcomers.home(workspace), visit.name).table[STUDY_ID]
    assert came.report.taken == 3
    assert ids.is_unique


def test_the_same_upload_again_is_the_same_visit(workspace: Workspace) -> None:
    uploads = [("a.png", png(1)), ("b.png", png(2)), ("c.png", b"no")]
    first, again = newcomers.add_upload(workspace, uploads), newcomers.add_upload(workspace, uploads[::-1])
    assert first == again
    assert len(newcomers.list_uploads(workspace)) == 1


@pytest.mark.parametrize(
    ("uploads", "reason", "said"),
    [
        ([], "no_usable_files", "Nothing was uploaded"),
        ([("a.png", b"no"), ("b.png", b"")], "no_usable_files", "No study could be imported"),
        ([("a.docx", b"1")], "file_type_not_allowed", "Expected images"),
        ([("a.zip", b"PK"), ("a.png", b"1")], "zip_among_files", "A ZIP was given with other files"),
        ([("a.zip", b"no")], "not_a_zip", "not a ZIP archive"),
    ],
)
def test_nothing_usable_is_refused_with_the_reason(
    workspace: Workspace, uploads: UploadedFiles, reason: str, said: str
) -> None:
    came = newcomers.add_upload(workspace, uploads)
    assert (came.visit, came.report.refused) == ("", reason)
    assert said in came.report.message
    assert newcomers.list_uploads(workspace) == []


@pytest.mark.parametrize("path", ["nowhere", "x" * 5000, "~nobody-of-that-name/x", "a\0b"])
def test_a_path_that_is_none_is_refused(workspace: Workspace, path: str) -> None:
    came = newcomers.add_upload(workspace, Path(path))
    assert came.report.refused == "source_missing"


def test_a_folder_and_a_zip_on_this_machine(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(png(number))
    with zipfile.ZipFile(tmp_path / "studies.zip", "w") as archive:
        for number in range(2):
            archive.writestr(f"in/{number}.png", png(number + 10))
    assert admitted(workspace, folder)[1].report.taken == 3
    assert admitted(workspace, tmp_path / "studies.zip")[1].report.taken == 2
    (folder / "3.png").write_bytes(png(4))
    assert admitted(workspace, folder)[1].report.taken == 4  # the folder has changed


def test_a_table_beside_pictures_is_read_and_what_it_does_not_name_is_told(workspace: Workspace) -> None:
    table = b"image,report,finding\na.png,Clear lungs.,none\nb.png,,mass\ngone.png,Effusion.,mass\n"
    _, came = admitted(workspace, [("t.csv", table), ("a.png", png(1)), ("b.png", png(2)), ("c.png", png(3))])
    assert came.report.taken == 2
    assert came.report.skipped == {"image_missing": 1, "not_in_table": 1}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (("t.csv", table), ("a.png", png(1)), ("b.png", png(2))):
            archive.writestr(name, content)
    assert admitted(workspace, [("all.zip", buffer.getvalue())])[1].report.taken == 2


def test_a_table_of_reports_alone_is_studies_of_text(workspace: Workspace) -> None:
    rows = "".join(f"s{i},The heart is of size {i} today.\n" for i in range(4))
    visit, _ = admitted(workspace, [("r.csv", f"study_id,report\n{rows}".encode())])
    held = storage.load(newcomers.home(workspace), visit.name)
    assert [m.name for m in held.modalities] == ["report"]
    assert held.table[STUDY_ID].tolist() == ["s0", "s1", "s2", "s3"]
    came = newcomers.add_upload(workspace, [("r.csv", b"a,b\n1,2\n3,4\n")])
    assert came.report.refused == "table_columns_missing"
    assert "name it report" in came.report.message


def test_a_table_without_texts_does_not_keep_the_pictures_out(workspace: Workspace) -> None:
    _, came = admitted(workspace, [("t.csv", b"image,age\na.png,60\n"), ("a.png", png(1))])
    assert came.report.taken == 1
    assert came.report.problems[0][:2] == ("t.csv", "table_columns_missing")


def test_the_import_of_a_collection_still_refuses_what_has_no_partner(
    workspace: Workspace, tmp_path: Path
) -> None:
    from suture.data.intake import intake

    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "b.png").write_bytes(png(2))
    (tmp_path / "b.txt").write_text("A report.")
    report = intake(workspace, tmp_path, "mine")
    assert (report.taken, report.skipped) == (1, {"report_empty": 1})


def test_pages_may_import_newcomers_without_torch() -> None:
    import subprocess

    code = "import sys, suture.workflows.neighbours.uploads; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
