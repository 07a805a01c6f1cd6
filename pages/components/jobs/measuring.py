"""All metrics of a view: read where they are known, else measured, by a worker where that takes minutes."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from suture.analysis.evaluate import Evaluation
from suture.pages.components.jobs import waiting
from suture.pages.components.shell import views
from suture.pages.components.shell.views import View
from suture.workflows import evaluate
from suture.workflows.job_kinds import MeasureJob

NOTE = "minutes; other pages can be looked at meanwhile"


def evaluation(shown: View) -> Evaluation:
    """All metrics of a view; computed once with a progress bar, then read from the workspace.

    What takes minutes waits until it is asked for, and the page ends there.
    """
    place = st.empty()  # there with or without a bar: what follows stays the same element of the page
    try:
        return _evaluation(shown.record.id, shown.name, shown.split)
    except views.NotMeasured:
        _measure(shown, place)
    return _evaluation(shown.record.id, shown.name, shown.split)


def known(shown: View) -> bool:
    """Whether `evaluation` returns without asking or measuring."""
    return evaluate.measured(views.workspace(), shown.name, shown.split)


def beforehand(shown: View, *, extended: bool) -> None:
    """End the page, unless what is left to measure takes no longer than a person waits."""
    large = len(shown.set) > views.SLOW_ABOVE
    if large and not evaluate.measured(views.workspace(), shown.name, shown.split, extended=extended):
        by_worker(shown, extended=extended)


@st.cache_resource(show_spinner=False, max_entries=32)
def _evaluation(record_id: str, name: str, split: str) -> Evaluation:
    if not evaluate.measured(views.workspace(), name, split):
        raise views.NotMeasured
    return evaluate.evaluation(views.workspace(), name, split=split)


def _measure(shown: View, place: DeltaGenerator) -> None:
    if len(shown.set) > views.SLOW_ABOVE:
        by_worker(shown)

    def progress(share: float, what: str) -> None:
        place.progress(share, text=f"Measuring {what} of {shown.name}, with intervals")

    evaluate.evaluation(views.workspace(), shown.name, split=shown.split, progress=progress)
    place.empty()


def by_worker(shown: View, *, extended: bool = False) -> None:
    """Have a worker measure when that is asked for, and end the page."""
    asked = MeasureJob(shown.name, shown.split, extended)
    key = f"measure-{shown.record.fingerprint}-{shown.split}"
    if waiting.busy(MeasureJob):
        waiting.watch(MeasureJob, NOTE, "measure")
    elif waiting.failure(asked):
        waiting.wait(asked, NOTE, key="measure")
    else:
        which = "by every metric yet" if extended else "yet"
        st.info(
            f"The {len(shown.set):,} studies of this split are not measured {which}. It takes minutes, once, "
            "in the background.",
            icon=":material/timer:",
        )
        if st.button("Measure now", key=f"{key}-go", type="primary"):
            waiting.wait(asked, NOTE, key="measure")
    st.stop()
