"""Work too long for a page: a worker does it, the page shows its progress and reruns when it is done."""

from __future__ import annotations

import streamlit as st

from suture import jobs
from suture.jobs import JobKind
from suture.pages.components.cards import cards
from suture.pages.components.shell import views


def wait(request: JobKind, note: str, *, key: str) -> None:
    """Run a job and show its progress. One that failed or was stopped starts again on a click.

    note: how long it takes, and what the page shows meanwhile
    """
    reason = failure(request)
    if reason:
        st.error(cards.escape(reason), icon=":material/block:")
        if not st.button("Try again", key=f"{key}_again"):
            return
    if not busy(type(request)):
        jobs.start(views.workspace(), request)
    watch(type(request), note, key)


def watch(kind: type[JobKind], note: str, key: str) -> None:
    """Polls the worker, with a button to stop it; reruns the page when it is done."""
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
    """Whether a job of this kind waits or runs."""
    return any(j.kind == kind.kind for j in jobs.jobs(views.workspace(), active=True))


def failure(request: JobKind) -> str:
    """Why the last such job failed; "" if it did not."""
    wanted = (request.kind, request.to_json())
    last = next((j for j in jobs.jobs(views.workspace()) if (j.kind, j.args) == wanted), None)
    return last.message if last and last.state in jobs.STOPPED else ""
