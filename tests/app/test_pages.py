"""Every page runs, alone and cold, on a demo, on vectors only, and on nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from suture.data.vectors import import_vectors
from suture.data.workspace import CHECKPOINT, SET, Workspace, embedding_sets
from tests.app import maps
from tests.models.test_embed import wait

ROOT = Path(__file__).parents[2]
PAGES = (
    "overview",
    "map",
    "gap",
    "retrieval",
    "compare",
    "captions",
    "report",
    "my_studies",
    "library",
    "train",
)
LOOKING = PAGES[:8]


def opened(page: str) -> AppTest:
    return AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=120)


def words(app: AppTest) -> str:
    blocks = (*app.markdown, *app.caption, *app.info, *app.text, *app.error, *app.success, *app.title)
    return "\n".join(str(b.value) for b in blocks)


@pytest.fixture
def demo(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    return Workspace(demo_home)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path))
    return Workspace(tmp_path)


@pytest.fixture
def vectors_only(empty: Workspace, tmp_path: Path) -> Workspace:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 8))
    np.savez(tmp_path / "v.npz", image=x + 1, text=x - 1, third=x, kind=np.array(["a", "b"] * 30))
    assert import_vectors(empty, [tmp_path / "v.npz"], "three").refused is None
    return empty


@pytest.mark.parametrize("page", PAGES)
def test_page_runs_on_the_demo_and_says_that_it_is_synthetic(demo: Workspace, page: str) -> None:
    app = opened(page).run()
    assert not app.exception
    assert "ynthetic" in words(app)
    assert "Not for diagnosis" in words(app)


@pytest.mark.parametrize("page", PAGES)
def test_page_runs_on_vectors_without_collection(vectors_only: Workspace, page: str) -> None:
    app = opened(page).run()
    assert not app.exception


@pytest.mark.parametrize("page", LOOKING)
def test_empty_workspace_shows_a_way_forward(empty: Workspace, page: str) -> None:
    app = opened(page).run()
    assert not app.exception
    assert "Nothing has been embedded yet" in words(app)
    assert "suture demo" in words(app)


def study(workspace: Workspace, row: int) -> str:
    """Id of a study of the test split, which pages show first."""
    rows = embedding_sets.load(workspace, workspace.records(SET)[0].name).rows
    return rows.loc[rows["split"] == "test", "study_id"].iloc[row]


def test_overview_states_angle_gap_and_both_checkpoints(demo: Workspace) -> None:
    app = opened("overview").run()
    text = words(app)
    assert "degrees apart" in text
    assert [p["title"][:2] for p in maps.shown(app)[0]["panels"]] == ["A:", "B:"]
    assert "Centroid gap" in text


def test_shared_choice_of_set_and_split(demo: Workspace) -> None:
    app = opened("overview").run()
    assert app.selectbox(key="choose_split").value == "test"
    app.selectbox(key="choose_split").set_value("val").run()
    assert not app.exception
    assert "val split" in words(app)
    app.selectbox(key="choose_b").set_value("none").run()
    assert "demo @ demo-aligned, val split" not in words(app)


def test_third_modality_changes_the_pair(demo: Workspace) -> None:
    app = opened("gap").run()
    app.selectbox(key="choose_pair").set_value("report and history").run()
    assert not app.exception
    assert "Cosines" in [h.value for h in app.subheader]


def test_selection_shows_study_and_neighbours_in_a_and_b(demo: Workspace) -> None:
    app = opened("map")
    app.query_params["study"] = study(demo, 3)
    app.run()
    assert not app.exception
    assert "nearest report to its image" in words(app)
    assert sum("cosine" in c.value for c in app.caption) >= 10


def test_find_selects_studies_by_words(demo: Workspace) -> None:
    app = opened("map").run()
    app.text_input(key="find").set_value("fracture")
    app.button(key="find_go").click().run()
    assert not app.exception
    assert len(maps.shown(app)[0]["command"]["rows"]) > 1
    assert "nearest report to its image" in words(app)


def test_umap_comes_from_the_worker(demo: Workspace) -> None:
    app = opened("map").run()
    app.segmented_control(key="map_method").set_value("UMAP").run()
    assert not app.exception
    assert "UMAP keeps neighbours" in words(app)


def test_typed_words_find_pictures(demo: Workspace) -> None:
    app = opened("retrieval").run()
    app.text_input(key="q").set_value("right pleural effusion").run()
    assert not app.exception
    assert words(app).count("#1 · cosine") == 2  # from A and from B


def test_study_as_query_says_where_its_partner_stands(demo: Workspace) -> None:
    app = opened("retrieval")
    app.query_params["study"] = study(demo, 3)
    app.run()
    app.selectbox(key="direction").set_value("report → image").run()
    assert not app.exception
    assert "The true partner has rank" in words(app)


def test_library_refuses_an_unreadable_table_and_keeps_all(demo: Workspace) -> None:
    before = [r.name for r in demo.records(SET)]
    app = opened("library").run()
    app.file_uploader(key="collection_file_0").set_value([("bad.csv", b"\xff\x00\x01\x02" * 50, "text/csv")])
    app.text_input(key="collection_name").set_value("bad").run()
    assert not app.exception
    assert app.error
    assert "is not text" in app.error[0].value
    assert [r.name for r in demo.records(SET)] == before


def test_library_shows_the_columns_also_when_it_cannot_tell_what_they_are(empty: Workspace) -> None:
    from suture import jobs
    from suture.data.collections import storage

    table = "甲,乙\nA1,x\nB2,y\n".encode()
    app = opened("library").run()
    app.file_uploader(key="collection_file_0").set_value([("mine.csv", table, "text/csv")])
    app.text_input(key="collection_name").set_value("mine").run()
    assert not app.exception
    assert "no column that names images" in app.warning[0].value
    assert "Choose two columns or more" in words(app)
    assert "collection_go" not in [button.key for button in app.button]
    (texts,) = [choice for choice in app.multiselect if str(choice.key).startswith("role_texts")]
    texts.set_value(["甲", "乙"]).run()
    app.button(key="collection_go").click().run()
    wait(empty, jobs.jobs(empty)[0].id)
    assert len(storage.load(empty, "mine")) == 2


def test_library_takes_an_upload_in_as_a_job_and_deletes_the_copy(empty: Workspace) -> None:
    from suture import jobs
    from suture.data.collections import storage
    from tests.models.test_embed import wait

    table = b"study_id,findings,impression\n1,clear lungs,normal chest\n2,a fracture,broken wrist\n"
    app = opened("library").run()
    app.file_uploader(key="collection_file_0").set_value([("mine.csv", table, "text/csv")])
    app.text_input(key="collection_name").set_value("mine").run()
    assert "2 rows" in words(app)
    app.button(key="collection_go").click().run()
    wait(empty, jobs.jobs(empty)[0].id)
    app.run()
    assert not app.exception
    assert "2 studies taken" in words(app)
    assert len(storage.load(empty, "mine")) == 2
    assert not [*(empty.home / "uploads").iterdir()]


def test_library_embeds_on_the_ray_cluster_that_is_named(
    demo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suture import jobs
    from tests.models.test_embed import wait

    pytest.importorskip("ray")
    assert "embed_ray" not in [toggle.key for toggle in opened("library").run().toggle]
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    app = opened("library").run()
    app.selectbox(key="embed_checkpoint").set_value("demo-untrained")
    app.button(key="embed_go").click().run()
    job = wait(demo, jobs.jobs(demo)[0].id)
    assert (job.state, "no Ray cluster at '127.0.0.1:1'" in job.message) == ("failed", True)
    app.run()
    assert "no Ray cluster" in words(app)


def test_library_reports_vectors_with_nan(demo: Workspace, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(20, 4))
    bad = x.copy()
    bad[3] = np.nan
    np.savez(tmp_path / "v.npz", image=bad, text=x)
    app = opened("library").run()
    content = (tmp_path / "v.npz").read_bytes()
    app.file_uploader(key="vector_files").set_value([("v.npz", content, "application/octet-stream")])
    app.text_input(key="vector_name").set_value("with nan").run()
    app.button(key="vector_go").click().run()
    assert not app.exception
    assert "19 of 20 rows imported" in words(app)
    assert "NaN" in words(app)
    demo.remove(SET, "with nan")


def test_library_says_why_a_checkpoint_does_not_fit(empty: Workspace, tmp_path: Path) -> None:
    from suture import jobs

    save_file({"visual.proj": torch.ones(3, 3)}, tmp_path / "w.safetensors")
    app = opened("library").run()
    app.radio(key="ck_how").set_value("File on this machine").run()
    app.text_input(key="ck_path").set_value(str(tmp_path / "w.safetensors")).run()
    wait(empty, jobs.jobs(empty)[0].id)
    app.run()
    assert "which does not fit" in words(app)
    choice = app.selectbox(key=f"ck_confirmed_{jobs.jobs(empty)[0].id}")
    choice.set_value("suture-tiny").run()
    app.text_input(key="ck_name").set_value("misfit").run()
    app.button(key="ck_go").click().run()
    wait(empty, jobs.jobs(empty)[0].id)
    app.run()
    assert not app.exception
    assert "Sizes differ" in words(app)
    assert "must be (160, 128)" in words(app).replace("\\", "")


def test_library_recognises_uploaded_weights_and_keeps_no_upload(empty: Workspace, tmp_path: Path) -> None:
    from suture import jobs
    from suture.models import builtin

    (tmp_path / "made").mkdir()
    builtin.write(builtin.UNTRAINED, tmp_path / "made")
    (weights,) = (tmp_path / "made").glob("*.safetensors")
    app = opened("library").run()
    file = ("mine.safetensors", weights.read_bytes(), "application/octet-stream")
    app.file_uploader(key="ck_file_0").set_value(file).run()
    wait(empty, jobs.jobs(empty)[0].id)
    app.run()
    assert "fit suture-tiny exactly" in words(app).replace("\\", "")
    app.text_input(key="ck_name").set_value("mine").run()
    app.button(key="ck_go").click().run()
    wait(empty, jobs.jobs(empty)[0].id)
    assert empty.record(CHECKPOINT, "mine").meta.architecture == "suture-tiny"
    assert empty.record(CHECKPOINT, "mine").meta.source == "mine.safetensors"
    deadline = time.monotonic() + 60  # it is let go of after the job is said to be done
    while (left := [*(empty.home / "uploads").iterdir()]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


def test_rename_and_delete(vectors_only: Workspace) -> None:
    record = vectors_only.record(SET, "three")
    app = opened("library").run()
    app.text_input(key=f"new-{record.id}").set_value("renamed").run()
    app.button(key=f"rename-{record.id}").click().run()
    assert vectors_only.has(SET, "renamed")
    app.button(key=f"delete-{record.id}").click().run()
    assert not vectors_only.records(SET)
    assert not app.exception


def test_nothing_of_a_deleted_collection_stays_on_a_page(empty: Workspace) -> None:
    """Deleted from a shell while the app runs: no text in a page, no thumbnail from a cache."""
    from suture.data.workspace import COLLECTION
    from suture.models import builtin
    from suture.models.embedding.embed import embed
    from suture.pages.components.serving import study_files
    from suture.workflows import demo

    demo.make_collection(empty, lambda what, share: None, studies=40)
    embed(empty, "demo", builtin.UNTRAINED)
    record = empty.records(SET)[0]
    client = TestClient(Starlette(routes=study_files.routes()))
    assert client.get(f"/thumb/{record.id}/0/3.jpg").content.startswith(b"\xff\xd8")
    assert client.get(f"/card/{record.id}/0/3.json").json()["text"]
    app = opened("map")
    app.query_params["study"] = study(empty, 3)
    assert "report" in words(app.run())
    text = app.text[1].value
    empty.remove(COLLECTION, "demo")
    assert client.get(f"/thumb/{record.id}/0/3.jpg").status_code == 404
    assert client.get(f"/card/{record.id}/0/3.json").json()["text"] == ""
    assert text not in words(app.run())
    app.query_params["study"] = study(empty, 4)
    assert "without images or texts" in words(app.run())


def test_pages_keep_heavy_libraries_out_of_the_web_process() -> None:
    code = (
        "import sys, suture.app, suture.pages.components.shell.shared_choice\n"
        "import suture.pages.components.cards.cards\n"
        "heavy = {'torch', 'open_clip', 'umap', 'sklearn', 'transformers'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_running_a_page_loads_no_model(demo: Workspace) -> None:
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"for page in {[*LOOKING, 'train']}:\n"
        "    app = AppTest.from_file(f'pages/{page}.py', default_timeout=120).run()\n"
        "    assert not app.exception, page\n"
        "    if 'torch' in sys.modules or 'umap' in sys.modules: sys.exit(page)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-500:]


def test_library_exports_vectors_that_come_back(demo: Workspace, tmp_path: Path) -> None:
    app = opened("library").run()
    assert not app.exception
    name = demo.records(SET)[0].name
    (tmp_path / "set.npz").write_bytes(_exported(name))
    home = Workspace(tmp_path / "home")
    assert import_vectors(home, [tmp_path / "set.npz"], "back").refused is None
    before, after = embedding_sets.load(demo, name), embedding_sets.load(home, "back")
    for modality in before.modalities:
        np.testing.assert_allclose(after.vectors[modality], before.vectors[modality], atol=1e-7)


def _exported(name: str) -> bytes:
    """What the download button hands out."""
    from suture.pages.components.cards.downloads import export_vectors, packed_bytes
    from suture.pages.components.shell import views

    return packed_bytes(partial(export_vectors, views.workspace()), name)
