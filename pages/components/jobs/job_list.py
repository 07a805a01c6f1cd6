"""Jobs on pages: those that run or wait, the outcome of recent ones, and the history."""

from __future__ import annotations

import time

import streamlit as st

from suture import jobs
from suture.data.intake.report import IntakeReport
from suture.jobs import Job
from suture.pages.components.cards import cards, intake_report
from suture.pages.components.shell import views
from suture.workflows.job_kinds import ImportJob

ICONS = {
    "queued": ":material/hourglass_empty:",
    "running": ":material/sync:",
    "done": ":material/check_circle:",
    "failed": ":material/block:",
    "cancelled": ":material/stop_circle:",
}
RECENT = 60  # seconds that the outcome of a job stays above the page
SHOWN = 30  # jobs of the history


def show_current() -> None:
    """Jobs that run or wait, and the outcome of recent ones. The page reruns when all are done."""
    jobs.wake(views.workspace())
    active = bool(jobs.jobs(views.workspace(), active=True))
    st.fragment(_bars, run_every=1.0 if active else None)(active)
    for job in jobs.jobs(views.workspace()):
        if not job.quiet and job.state not in jobs.ACTIVE and time.time() - job.heartbeat < RECENT:
            _outcome(job)


def _bars(was_active: bool) -> None:
    jobs.wake(views.workspace())  # for a job whose dispatcher has died
    active = jobs.jobs(views.workspace(), active=True)
    for job in active:
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        left.progress(
            job.progress,
            text=f"{cards.escape(job.title)}: {cards.escape(jobs.status_text(views.workspace(), job))}",
        )
        mine = jobs.may_stop(views.workspace(), job)
        if mine and right.button("Stop", key=f"stop-{job.id}", icon=":material/stop:", width="stretch"):
            jobs.cancel(views.workspace(), job.id)
            st.rerun()
    if was_active and not active:
        st.rerun()


def _outcome(job: Job) -> None:
    show = {"done": st.success, "failed": st.error}.get(job.state, st.info)
    show(cards.escape(job.message), icon=ICONS[job.state])
    report = _report(job)
    if report is not None and not report.refused:
        intake_report.show(report, job.id)


def history() -> None:
    """The newest jobs with their outcome, and a button to start again those that stopped or failed."""
    newest = jobs.jobs(views.workspace())[:SHOWN]
    if not newest:
        st.info("No jobs yet.", icon=":material/potted_plant:")
    for job in newest:
        with st.container(border=True):
            left, right = st.columns([5, 1], vertical_alignment="center")
            words = cards.escape(
                jobs.status_text(views.workspace(), job) if job.state in jobs.ACTIVE else job.message
            )
            left.markdown(f"{ICONS[job.state]} **{cards.escape(job.title)}**, {job.state}. {words}")
            began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.created))
            left.caption(f"Created {began}; last update {job.heartbeat - job.created:,.0f} s later.")
            if _repeatable(job) and right.button(
                "Try again", key=f"again-{job.id}", icon=":material/replay:"
            ):
                jobs.retry(views.workspace(), job.id)
                st.rerun()
            report = _report(job)
            if report is not None:
                with st.expander("Intake report"):
                    intake_report.show(report, f"past-{job.id}")


def _repeatable(job: Job) -> bool:
    """Whether it stopped or failed, is ours, and its upload still exists."""
    upload_exists = job.upload is None or job.upload.exists()
    return job.state in jobs.STOPPED and jobs.may_stop(views.workspace(), job) and upload_exists


def _report(job: Job) -> IntakeReport | None:
    return IntakeReport(**job.result) if job.kind == ImportJob.kind and job.result else None
