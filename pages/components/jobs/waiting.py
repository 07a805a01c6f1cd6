"""Work too long for a page: a worker does it, the page looks in on it and runs again when it is done."""

from __future__ import annotations

import streamlit as st

from suture import jobs
from suture.jobs import JobKind
from suture.pages.components.cards import cards
from suture.pages.components.shell import views


def wait(request: JobKind, note: str, *, key: str) -> None:
    """Have a job done, and show how far it is. One that failed or was stopped starts again when asked.

    note: how long it takes, and what can be seen meanwhile
    """
    failed = failure(request)
    if failed:
        st.error(cards.escape(failed), icon=":material/block:")
        if not st.button("Try again", key=f"{key}_again"):
            return
    if not busy(type(request)):
        jobs.start(views.workspace(), request)
    watch(type(request), note, key)


def watch(kind: type[JobKind], note: str, key: str) -> None:
    """Polls the worker, which can be stopped; runs the page again when it is done."""
    st.fragment(_watched, run_every=1.0)(kind, note, key)


def _watched(kind: type[JobKind], note: str, key: str) -> None:
    jobs.wake(views.workspace())
    active = [j for j in jobs.jobs(views.workspace(), active=True) if j.kind == kind.kind]
    if not active:
        st.rerun()
    left, right = st.columns([5, 1], vertical_alignment="center")
    said = cards.escape(jobs.status_text(views.workspace(), active[0]))
    left.progress(active[0].progress, text=f"{said}, in the background ({note}).")
    if jobs.may_stop(views.workspace(), active[0]) and right.button(
        "Stop", key=f"{key}_stop", width="stretch"
    ):
        jobs.cancel(views.workspace(), active[0].id)
        st.rerun()


def busy(kind: type[JobKind]) -> bool:
    """Whether such a job waits or runs."""
    return any(j.kind == kind.kind for j in jobs.jobs(views.workspace(), active=True))


def failure(request: JobKind) -> str:
    """Why the last worker that was asked for this failed; "" if it did not."""
    asked = (request.kind, request.to_json())
    last = next((j for j in jobs.jobs(views.workspace()) if (j.kind, j.args) == asked), None)
    return last.message if last and last.state in jobs.STOPPED else ""
