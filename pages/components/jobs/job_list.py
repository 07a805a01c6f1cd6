"""Long work as pages show it: what runs and waits, what came of it, and what there was before."""

from __future__ import annotations

import json
import time
from pathlib import Path

import streamlit as st

from suture import jobs
from suture.data.intake.report import IntakeReport
from suture.jobs.queue import Job
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import offer
from suture.pages.components.shell import views

NAMES = {
    "embed": "Embedding",
    "import": "Taking studies in",
    "layout": "Laying out a map",
    "measure": "Measuring",
    "checkpoint": "Adding a checkpoint",
    "guess": "Recognising an architecture",
    "train": "Training",
    "caption": "Captions",
    "newcomers": "Embedding visiting studies",
}
ICONS = {
    "queued": ":material/hourglass_empty:",
    "running": ":material/sync:",
    "done": ":material/check_circle:",
    "failed": ":material/block:",
    "cancelled": ":material/stop_circle:",
}
QUIET = ("guess",)  # whoever asked is told in place
RECENT = 60  # seconds that the end of a job is told above the page
SHOWN = 30  # jobs of the past


def now() -> None:
    """What runs and waits, and what came of it. The page runs again when all is done."""
    jobs.wake(views.workspace())
    active = bool(jobs.jobs(views.workspace(), active=True))
    st.fragment(_bars, run_every=1.0 if active else None)(active)
    for job in jobs.jobs(views.workspace()):
        if job.kind not in QUIET and job.state not in jobs.ACTIVE and time.time() - job.heartbeat < RECENT:
            _end(job)


def _bars(was_active: bool) -> None:
    jobs.wake(views.workspace())  # for a job whose dispatcher has died
    active = jobs.jobs(views.workspace(), active=True)
    for job in active:
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        left.progress(job.progress, text=f"{_name(job)}: {cards.escape(jobs.said(views.workspace(), job))}")
        mine = jobs.mine(views.workspace(), job)
        if mine and right.button("Stop", key=f"stop-{job.id}", icon=":material/stop:", width="stretch"):
            jobs.cancel(views.workspace(), job.id)
            st.rerun()
    if was_active and not active:
        st.rerun()


def _end(job: Job) -> None:
    show = {"done": st.success, "failed": st.error}.get(job.state, st.info)
    show(cards.escape(job.message), icon=ICONS[job.state])
    report = _report(job)
    if report is not None and not report.refused:
        _counts(report, job.id)


def history() -> None:
    """The newest jobs, with what came of them and a way to start again what was stopped or failed."""
    known = jobs.jobs(views.workspace())[:SHOWN]
    if not known:
        st.info("No job has run yet.", icon=":material/potted_plant:")
    for job in known:
        with st.container(border=True):
            left, right = st.columns([5, 1], vertical_alignment="center")
            words = cards.escape(
                jobs.said(views.workspace(), job) if job.state in jobs.ACTIVE else job.message
            )
            left.markdown(f"{ICONS[job.state]} **{_name(job)}**, {job.state}. {words}")
            began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.created))
            left.caption(f"Asked for {began}; last sign of life {job.heartbeat - job.created:,.0f} s later.")
            if _repeatable(job) and right.button(
                "Try again", key=f"again-{job.id}", icon=":material/replay:"
            ):
                jobs.again(views.workspace(), job.id)
                st.rerun()
            report = _report(job)
            if report is not None:
                with st.expander("Intake report"):
                    _counts(report, f"past-{job.id}")


def _name(job: Job) -> str:
    return NAMES.get(job.kind, cards.escape(job.kind))


def _repeatable(job: Job) -> bool:
    """Whether it was stopped or failed, is ours, and what it was given is still here."""
    source = job.args.get("source")
    there = source is None or Path(source).exists()
    return job.state in jobs.STOPPED and jobs.mine(views.workspace(), job) and there


def _report(job: Job) -> IntakeReport | None:
    return IntakeReport(**job.result) if job.kind == "import" and job.result else None


def _counts(report: IntakeReport, key: str) -> None:
    """Found, taken, skipped: the counts add up. To take away."""
    skipped = sum(report.skipped.values())
    st.caption(f"Found {report.found:,}, taken {report.taken:,}, skipped {skipped:,}.")
    if report.warnings:
        listed = ", ".join(f"{code} {count:,}" for code, count in report.warnings.items())
        st.caption(f"Taken, but look at them: {cards.escape(listed)}.")
    rows = [{"item": item, "reason": code, "what to do": text} for item, code, text in report.problems]
    if rows:
        st.dataframe(rows, hide_index=True, width="stretch", key=f"problems-{key}")
    content = json.dumps({**report.to_json(), "problems": rows}, indent=1)
    place = st.container()
    offer(place, "Intake report (JSON)", content, "intake.json", "application/json", key=f"intake-{key}")
