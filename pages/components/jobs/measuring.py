"""The metrics of a view: read if they are stored, else computed, by a worker where that takes minutes."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from suture.analysis.evaluate import Evaluation
from suture.data.errors import UserError
from suture.pages.components.cards import cards
from suture.pages.components.jobs import waiting
from suture.pages.components.shell import views
from suture.pages.components.shell.views import View
from suture.workflows import evaluate
from suture.workflows.job_kinds import MeasureJob

NOTE = "takes minutes; the other pages stay usable"


def evaluation(shown: View) -> Evaluation:
    """All metrics of a view; computed once with a progress bar, then read from the workspace.

    Where that takes minutes, it starts on a click, and the page ends there; also where it cannot be measured,
    with the reason.
    """
    place = st.empty()  # there with or without a bar: what follows stays the same element of the page
    try:
        try:
            return _evaluation(shown.record.id, shown.name, shown.split)
        except views.NotMeasured:
            _measure(shown, place)
        return _evaluation(shown.record.id, shown.name, shown.split)
    except UserError as error:
        place.warning(f"{cards.escape(shown.name)}: {cards.escape(error.message)}")
        st.stop()


def is_measured(shown: View) -> bool:
    """Whether `evaluation` returns at once."""
    return evaluate.measured(views.workspace(), shown.name, shown.split)


def measure_first(shown: View, *, extended: bool) -> None:
    """End the page, unless what is left to compute takes seconds."""
    large = len(shown.set) > views.SLOW_ABOVE
    if large and not evaluate.measured(views.workspace(), shown.name, shown.split, extended=extended):
        measure_in_background(shown, extended=extended)


@st.cache_resource(show_spinner=False, max_entries=32)
def _evaluation(record_id: str, name: str, split: str) -> Evaluation:
    if not evaluate.measured(views.workspace(), name, split):
        raise views.NotMeasured
    return evaluate.evaluation(views.workspace(), name, split=split)


def _measure(shown: View, place: DeltaGenerator) -> None:
    if len(shown.set) > views.SLOW_ABOVE:
        measure_in_background(shown)

    def progress(share: float, what: str) -> None:
        place.progress(share, text=f"Computing {what} of {shown.name}, with intervals")

    evaluate.evaluation(views.workspace(), shown.name, split=shown.split, progress=progress)
    place.empty()


def measure_in_background(shown: View, *, extended: bool = False) -> None:
    """Have a worker compute the metrics on a click, and end the page."""
    request = MeasureJob(shown.name, shown.split, extended)
    key = f"measure-{shown.record.fingerprint}-{shown.split}"
    if waiting.busy(MeasureJob):
        waiting.watch(MeasureJob, NOTE, "measure")
    elif waiting.failure(request):
        waiting.wait(request, NOTE, key="measure")
    else:
        which = "every metric" if extended else "the metrics"
        st.info(
            f"Computing {which} of the {len(shown.set):,} studies of this split takes minutes, once, in the "
            "background.",
            icon=":material/timer:",
        )
        if st.button("Compute metrics", key=f"{key}-go", type="primary"):
            waiting.wait(request, NOTE, key="measure")
    st.stop()
