"""The choice of frame and window for DICOM files."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from suture.data.dicom.view import MIDDLE, DicomView


def _page() -> None:
    import streamlit as st

    from suture.pages.components.library import dicom_choice

    st.session_state.made = dicom_choice.choose("x")


def test_frame_and_window_are_chosen() -> None:
    page = AppTest.from_function(_page, default_timeout=60).run()
    assert page.session_state.made == MIDDLE
    assert "JPEG-LS" in page.caption[1].value
    page.selectbox(key="dicom_window_x").set_value("lung").run()
    page.checkbox(key="dicom_middle_x").uncheck().run()
    page.number_input(key="dicom_frame_x").set_value(3).run()
    assert page.session_state.made == DicomView(3, "lung")
    page.selectbox(key="dicom_window_x").set_value("centre and width").run()
    page.number_input(key="dicom_width_x").set_value(80).run()
    assert page.session_state.made == DicomView(3, (40.0, 80.0))
