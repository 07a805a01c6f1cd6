"""The page My studies: from an upload to neighbours, and back to nothing."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from suture import jobs
from suture.analysis.text_tables import csv_text
from suture.data import images
from suture.data.collections import storage
from suture.data.vectors import import_vectors
from suture.data.workspace import CHECKPOINT, COLLECTION, SET, Workspace
from suture.pages.components.studies import uploaded
from suture.workflows.neighbours import neighbour_search, uploads
from tests.app.test_pages import opened, words
from tests.models.test_newcomers import A, B, of_demo, png

Files = list[tuple[str, bytes, str]]


@pytest.fixture
def demo(demo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    shutil.copytree(demo_home, tmp_path / "home")
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path / "home"))
    return Workspace(tmp_path / "home")


def files_of(demo: Workspace, *rows: int) -> Files:
    return [(name, content, "") for name, content in of_demo(demo, *rows)]


def offered(app: AppTest, files: Files) -> AppTest:
    """Upload and press the button."""
    app.file_uploader[0].set_value(files).run()
    return app.button(key="studies_go").click().run()


def answered(app: AppTest, demo: Workspace) -> AppTest:
    """Wait for the worker, then look again."""
    while jobs.jobs(demo, active=True):
        time.sleep(0.2)
    app.run()
    assert not app.exception
    return app


def looked_at(demo: Workspace, files: Files, **state: object) -> AppTest:
    app = opened("my_studies")
    for key, value in state.items():
        app.session_state[key] = value
    return answered(offered(app.run(), files), demo)


def test_nothing_uploaded_says_what_is_possible_and_what_happens_to_the_data(demo: Workspace) -> None:
    app = opened("my_studies").run()
    assert not app.exception
    text = words(app)
    assert "No studies yet" in text
    assert "stay on this machine" in text
    assert app.button(key="studies_go").disabled


def answers(app: AppTest) -> pd.DataFrame:
    """The table with a line for each study."""
    return next(d.value for d in app.dataframe if "study" in d.value)


def test_an_upload_is_answered_by_a_and_b(demo: Workspace) -> None:
    app = looked_at(demo, [*files_of(demo, 5, 6), ("<i>odd.png", png(1), "")], kept_split="all")
    ids = storage.load(demo, "demo").table["study_id"]
    text = words(app)
    assert "3 studies taken" in text
    assert text.count("#1 · cosine 1.000") == 0  # the first row is the odd one
    table = answers(app).set_index("study")
    for letter in "AB":
        assert table.loc[ids[5], f"nearest, {letter}"] == ids[5]
        assert table.loc[ids[6], f"cosine, {letter}"] == pytest.approx(1, abs=1e-3)
    assert "Place on the map" in [s.value for s in app.subheader]
    assert text.count("Further out than") == 2


def test_another_direction_ranks_the_own_partner(demo: Workspace) -> None:
    app = looked_at(demo, files_of(demo, 5))
    app.segmented_control(key="studies_direction").set_value("image → report").run()
    assert not app.exception
    assert "Its own report has rank" in words(app)
    assert "rank of own partner, A" in answers(app)
    app.slider(key="studies_k").set_value(2).run()
    assert "#3 · cosine" not in words(app)
    app.segmented_control(key="studies_map").set_value("UMAP").run()
    assert not app.exception


def test_downloads_hold_every_neighbour_and_no_formula(demo: Workspace) -> None:
    app = looked_at(demo, [("=1+1.png", png(2), "")])
    assert not app.exception
    kept = app.session_state["studies_visit"]
    visit = uploads.home(demo).record(COLLECTION, kept)
    from suture.pages.components.studies import table as studies_table
    from suture.pages.components.studies.search import UploadNeighbours

    maker = uploads.checkpoint_of(demo, demo.record(SET, "demo @ demo-clip"))
    assert uploads.stored_embedding(demo, visit, maker) is not None
    sets = {"A": A, "B": B}
    held = {
        letter: neighbour_search.search(demo, visit, name, split="test", k=12)
        for letter, name in sets.items()
    }
    neighbours = UploadNeighbours(("image", "image"), 5, held)
    rows = [*csv.DictReader(io.StringIO(csv_text(studies_table.neighbour_rows(neighbours))))]
    assert len(rows) == 2 * 3 * 12  # two sets; what has a picture alone asks three modalities
    assert rows[0]["study"] == "'=1+1"
    assert rows[0]["rank_elsewhere"].isdecimal()
    told = json.loads(studies_table.as_json(neighbours))["studies"][0]["answers"]["A"]["neighbours"]
    assert [len(told[d]) for d in ("image->image", "image->report")] == [12, 12]


def test_a_typed_report_beside_one_picture_and_alone(demo: Workspace) -> None:
    app = opened("my_studies").run()
    app.file_uploader[0].set_value([("one.png", png(3), "image/png")]).run()
    app.text_area[0].set_value("Large right pleural effusion.").run()
    app = answered(app.button(key="studies_go").click().run(), demo)
    assert "Large right pleural effusion." in words(app)
    assert "report → image" in app.segmented_control(key="studies_direction").options
    app.text_area[0].set_value("Fracture.").run()
    app = answered(app.button(key="studies_go").click().run(), demo)
    assert app.segmented_control(key="studies_direction").options == ["report → image", "report → report"]


def test_skipped_files_are_told_and_a_useless_upload_is_refused(demo: Workspace) -> None:
    app = opened("my_studies").run()
    offered(app, [("a.png", b"no picture", "")])
    assert not app.exception
    assert "No study could be imported" in words(app)
    app = answered(offered(app, [("a.png", b"no picture", ""), ("b.png", png(4), "")]), demo)
    assert "1 study taken, 1 skipped" in words(app)
    assert any("not_an_image" in d.value.to_string() for d in app.dataframe)


def test_a_visit_is_found_again_and_discarding_leaves_nothing(demo: Workspace) -> None:
    looked_at(demo, files_of(demo, 8))
    app = opened("my_studies").run()
    assert not app.exception
    assert "1 study from an earlier visit" in words(app)
    app.button(key="studies_discard").click().run()
    assert not app.exception
    assert "No studies yet" in words(app)
    assert uploads.list_uploads(demo) == uploads.home(demo).records(SET) == []


def test_adding_to_the_library_makes_a_collection(demo: Workspace) -> None:
    app = looked_at(demo, files_of(demo, 8, 9))
    name = next(t for t in app.text_input if str(t.key).startswith("studies_name_"))
    name.set_value("demo").run()
    app.button(key="studies_keep").click().run()
    assert "There is already a collection" in words(app).replace("\\", "")
    next(t for t in app.text_input if str(t.key).startswith("studies_name_")).set_value("new ones").run()
    app.button(key="studies_keep").click().run()
    assert not app.exception
    assert "new ones was added to the library" in words(app)
    assert len(storage.load(demo, "new ones")) == 2


def test_adding_behind_the_studies_of_a_makes_a_new_collection(demo: Workspace) -> None:
    app = looked_at(demo, files_of(demo, 8))
    app.radio(key="studies_how_kept").set_value(uploaded.APPENDED).run()
    next(t for t in app.text_input if str(t.key).startswith("studies_name_")).set_value("more").run()
    app.button(key="studies_keep").click().run()
    assert not app.exception
    first, more = storage.load(demo, "demo"), storage.load(demo, "more")
    assert len(more) == len(first) + 1
    assert more.splits()["added"] == 1
    assert more.table["report"].iloc[-1] == first.table["report"][8]


def test_a_stopped_job_says_so_and_goes_on_when_asked(demo: Workspace) -> None:
    app = offered(opened("my_studies").run(), files_of(demo, 12))
    job = jobs.jobs(demo, active=True)[0]
    jobs.cancel(demo, job.id)
    app.run()
    assert not app.exception
    assert "Stopped by the user" in words_and_warnings(app)
    assert not jobs.jobs(demo, active=True)
    app = answered(app.button(key="studies_again").click().run(), demo)
    assert "Further out than" in words(app)


def words_and_warnings(app: AppTest) -> str:
    return "\n".join([words(app), *(str(w.value) for w in app.warning)])


def test_without_b_there_is_one_side(demo: Workspace) -> None:
    app = looked_at(demo, files_of(demo, 5), kept_b="none")
    assert not app.exception
    assert words(app).count("Further out than") == 1


def test_a_checkpoint_that_is_gone_is_told_and_the_other_answers(demo: Workspace) -> None:
    demo.remove(CHECKPOINT, "demo-aligned")
    app = looked_at(demo, files_of(demo, 5))
    assert "is not here any more" in words_and_warnings(app)
    assert words(app).count("Further out than") == 1


def test_vectors_without_a_checkpoint_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Workspace(tmp_path / "home")
    monkeypatch.setenv("SUTURE_HOME", str(home.home))
    x = np.random.default_rng(0).normal(size=(40, 6))
    np.savez(tmp_path / "v.npz", image=x + 1, text=x - 1)
    assert import_vectors(home, [tmp_path / "v.npz"], "mine").refused is None
    app = offered(opened("my_studies").run(), [("a.png", png(1), "")])
    assert not app.exception
    assert "came as vectors" in words_and_warnings(app)
    assert not jobs.jobs(home)


def test_a_dicom_file_is_seen_through_the_window_that_is_chosen(demo: Workspace) -> None:
    app = opened("my_studies").run()
    app.file_uploader[0].set_value([("a.dcm", ct(), "")]).run()
    assert not app.exception
    app.selectbox(key="dicom_window_studies_0").set_value("lung").run()
    answered(app.button(key="studies_go").click().run(), demo)
    [visit] = uploads.list_uploads(demo)
    pack = storage.image_pack(uploads.home(demo), visit.name)
    assert pack is not None
    pixels = np.asarray(pack.decode(0))
    assert pixels[0, 0] == 0  # -1350 and less is black in the lung window, 150 and more white
    assert pixels[-1, -1] == 255
    assert 118 < pixels[32, 32] < 138  # -600 is its middle


def ct() -> bytes:
    """A CT whose Hounsfield units rise from -2000 to 800, -600 in the middle."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    file = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    file.SOPClassUID, file.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    file.Modality, file.PhotometricInterpretation, file.SamplesPerPixel = "CT", "MONOCHROME2", 1
    file.Rows = file.Columns = 65
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit, file.PixelRepresentation = 15, 1
    file.RescaleSlope, file.RescaleIntercept = 1, 0
    file.PixelData = np.linspace(-2000, 800, 65 * 65).astype("<i2").tobytes()
    buffer = io.BytesIO()
    file.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_the_intake_report_adds_up_and_tells_what_to_look_at(demo: Workspace) -> None:
    from suture.pages.components.cards import intake_report

    flat = images.encode(Image.new("L", (64, 64), 128))
    came = uploads.add_upload(demo, [("flat.png", flat), ("bad.png", b"no picture")]).report
    rows = {(row["what"], row["reason"]): row["count"] for row in intake_report.table(came)}
    assert rows["found", ""] == rows["taken", ""] + rows["skipped", "not_an_image"] == 2
    assert rows["warning", "image_constant"] == 1
    app = answered(offered(opened("my_studies").run(), [("flat.png", flat, ""), ("b.png", b"no", "")]), demo)
    assert "All pixels of the image have the same value" in words(app)
