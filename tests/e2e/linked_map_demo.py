"""A small Streamlit page with two linked maps of seeded random studies, for the browser tests."""

import os

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from suture.analysis.projection import Region
from suture.pages.components.linked_map import Cards, Colouring, Moment, Panel, linked_map, selected_rows
from suture.pages.components.linked_map.payload import MOST
from suture.pages.components.serving import columns, scripts

N = int(os.environ.get("LINKED_MAP_STUDIES", "500"))
FINDINGS = ["No finding", "Cardiomegaly", "Effusion", "Pneumonia", "Pneumothorax", "Atelectasis"]
MODALITIES, SHAPES = ["Image", "Report"], ["triangle", "diamond"]


def layouts():
    """Six clusters; in A texts stand apart from images, in B they mingle; some are missing."""
    random = np.random.default_rng(3)
    codes = random.choice(6, N, p=[0.34, 0.18, 0.16, 0.14, 0.06, 0.12])
    centres = np.stack([np.cos(np.arange(6) * 1.05) * 4, np.sin(np.arange(6) * 1.05) * 3], axis=1)
    place = centres[codes] + random.normal(0, 1.0, (N, 2))
    baseline = [place * 0.55, place * 0.5 + [6.0, 3.4] + random.normal(0, 0.5, (N, 2))]
    aligned = [place, place + random.normal(0, 0.45, (N, 2))]
    for images, texts in (baseline, aligned):
        images[10:15] = np.nan
        texts[20:30] = np.nan
    return codes, centres, baseline, aligned


def between(start, end, count):
    """Frames on the straight way from one layout to another."""
    return [[a + (b - a) * t for a, b in zip(start, end, strict=True)] for t in np.linspace(0, 1, count)]


def heard() -> None:
    """The page owns the selection: it keeps what the maps tell and asks for it at every run."""
    st.session_state["calls"] = st.session_state.get("calls", 0) + 1
    st.session_state["asked"] = selected_rows("map")


def main() -> None:
    st.set_page_config(page_title="Linked map", layout="wide")
    codes, centres, baseline, aligned = layouts()
    distance = np.linalg.norm(aligned[0] - aligned[1], axis=1)

    left, middle, right, far = st.columns(4)
    mode = left.selectbox("Colour", ["finding", "distance", "modality"], key="colour")
    lines = middle.selectbox("Lines", ["none", "all", "selected", "worst"], key="lines")
    which = right.selectbox("Layout", ["both", "one", "moved", "frames", "more frames"], key="layout")
    if far.button("Show 3 and 5", key="ask"):
        st.session_state["asked"] = [3, 5]

    colours = {
        "finding": Colouring.by_category(codes, FINDINGS, name="Finding"),
        "distance": Colouring.by_value(distance, name="Pair distance"),
        "modality": Colouring.by_modality(),
    }[mode]
    steps = {"frames": 3, "more frames": 5}.get(which, 1)
    first = between(baseline, aligned, steps) if steps > 1 else [aligned if which == "moved" else baseline]
    regions = [
        Region(float(x), float(y), f"<i>{name}</i>", int(n), 0.9)
        for (x, y), name, n in zip(centres, FINDINGS, np.bincount(codes, minlength=6), strict=True)
    ]
    panels = [
        Panel("A · Baseline", "#0072B2", MODALITIES, SHAPES, first),
        Panel("B · Aligned", "#D55E00", MODALITIES, SHAPES, [aligned] * steps, regions=regions),
    ]
    worst = np.zeros(N, bool)
    worst[np.argsort(-np.nan_to_num(distance))[:25]] = True
    texts = [
        f"<b>FINDINGS</b> {FINDINGS[code].lower()} in study {i}. The heart is normal in size. "
        "Lungs are well expanded."
        for i, code in enumerate(codes)
    ]
    result = linked_map(
        panels[:1] if which == "one" else panels,
        cards=Cards(thumb="/thumb/demo/{i}.png", studies=[f"study-{i:04d}" for i in range(N)], captions=texts)
        if N < 5000
        else Cards(),
        colours=colours,
        moments=[Moment(f"epoch {k}", f"gap {1 - k / steps:.2f}") for k in range(steps)] if steps > 1 else [],
        lines=lines,
        worst=worst,
        most=int(st.query_params.get("most", MOST)),
        key="map",
        selected=st.session_state.get("asked"),
        on_select=heard,
    )
    calls = st.session_state.get("calls", 0)
    st.text(f"Selected: {result.selected[:20]} of {len(result.selected)}; calls {calls}")


app = st.App("linked_map_demo.py", routes=[*columns.routes(), *scripts.routes()])

if get_script_run_ctx(suppress_warning=True) is not None:
    main()
