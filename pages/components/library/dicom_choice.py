"""The choice of frame and window for DICOM files."""

from __future__ import annotations

import streamlit as st

from suture.data.dicom.view import PRESETS, DicomView

OWN = "centre and width"


def choose(key: str) -> DicomView:
    """The choice; by default the middle frame through the window that each file names."""
    with st.expander("DICOM: frame and window", icon=":material/contrast:"):
        left, middle, right = st.columns(3)
        window = left.selectbox("Window", ["file", *PRESETS, OWN], key=f"dicom_window_{key}")
        if window == OWN:
            centre = middle.number_input("Centre", value=40.0, key=f"dicom_centre_{key}")
            width = right.number_input("Width", value=400.0, min_value=1.0, key=f"dicom_width_{key}")
        st.caption("Presets are in Hounsfield units, for CT; other modalities keep the window of the file.")
        is_middle = st.checkbox("Middle frame", value=True, key=f"dicom_middle_{key}")
        frame = 0
        if not is_middle:
            frame = st.number_input("Frame, from 0", min_value=0, value=0, key=f"dicom_frame_{key}")
        st.caption(f"Supported transfer syntaxes: {', '.join(_syntaxes())}.")
    return DicomView("middle" if is_middle else int(frame), (centre, width) if window == OWN else window)


@st.cache_data
def _syntaxes() -> tuple[str, ...]:
    from suture.data.dicom.pixels import syntaxes

    return syntaxes()
