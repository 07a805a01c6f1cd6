"""Close the gap: train, and watch it happen."""

from __future__ import annotations

import json
import time
from typing import Any

import streamlit as st

from suture import jobs
from suture.data.workspace import CHECKPOINT, COLLECTION, SET, Record
from suture.jobs import Job
from suture.models.training import record
from suture.models.training.config import TrainingConfig, from_json, to_toml
from suture.models.training.record import TrainingRun
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import offer
from suture.pages.components.shell import navigation, notices, views
from suture.pages.components.train import curves, epoch_slider
from suture.pages.components.train import form as training_form
from suture.workflows.job_kinds import TrainJob

RESUMABLE = 7 * 24 * 3600  # seconds that the state of a stopped run is kept


def main() -> None:
    navigation.open_page("Train", "Close the gap: train, and watch it happen.")
    collections = [c for c in views.workspace().records(COLLECTION) if c.intact]
    notices.about_collections(collections)
    jobs.wake(views.workspace())
    active = bool(working())
    moving = active or record.any_active(views.workspace())
    st.session_state.setdefault("train_follow", st.query_params.get_all("run") or newest())
    with st.expander("A new run", expanded=not active and not known(), icon=":material/add:"):
        ask(collections)
    st.fragment(work, run_every=1.0 if active else None)(active)
    st.fragment(watch, key="train_watch", run_every=2.0 if moving else None)()
    st.fragment(look, key="train_look", run_every=3.0 if moving else None)()
    history()


def ask(collections: list[Record]) -> None:
    """The form and its buttons; the first collection stands for a newcomer's choice."""
    if not collections:
        st.info(
            "Training needs images and texts, and there is no collection yet.", icon=":material/potted_plant:"
        )
        st.markdown("- `suture demo` makes a synthetic collection.\n- **Library** takes in your own studies.")
        navigation.page_link("library", "Open the Library", ":material/inventory_2:")
        return
    form = training_form.form(collections)
    if form.problem:
        st.error(form.problem, icon=":material/block:")
    else:
        st.markdown(form.cost)
    buttons(form.config, bool(form.problem))


def buttons(config: TrainingConfig, wrong: bool) -> None:
    row = st.container(horizontal=True)
    if row.button("Train", type="primary", key="train_go", disabled=wrong, icon=":material/play_arrow:"):
        launch([config])
    other = "gap-closing" if config.preset == "clip" else "the CLIP baseline"
    help = f"Trains {other} with the same settings, one after the other, and embeds and measures both."
    if row.button("Train both and compare", key="train_both", disabled=wrong, help=help):
        launch([*training_form.pair(config)])
    offer(
        row,
        "Download this run as TOML",
        to_toml(config),
        "run.toml",
        "application/toml",
        key="train_toml",
        disabled=wrong,
        help="The same run in a shell: suture train --config run.toml",
    )


def launch(runs: list[TrainingConfig]) -> None:
    jobs.start(views.workspace(), TrainJob([config.to_json() for config in runs]))
    follow([config.label for config in runs])
    st.rerun()


def follow(names: list[str]) -> None:
    """Show these runs as A and B, also those that are still to appear; the link names them."""
    st.session_state["train_follow"] = names
    st.query_params["run"] = names


def trainings() -> list[Job]:
    """Jobs that train, newest first."""
    return [j for j in jobs.jobs(views.workspace()) if j.kind == TrainJob.kind]


def working() -> list[Job]:
    return [j for j in trainings() if j.state in jobs.ACTIVE]


def names_of(job: Job) -> list[str]:
    return [from_json(content).label for content in job.args["runs"]]


def newest() -> list[str]:
    """What to show first: the runs of the newest job, else the two newest runs, the older one as A."""
    return next((names_of(j) for j in trainings()), [*known()][:2][::-1])


def known() -> dict[str, TrainingRun | Record]:
    """Every run by its name: those at work or stopped, then those that are finished; newest first."""
    unfinished = {run.name: run for run in record.unfinished_runs(views.workspace())}
    return {**unfinished, **{r.name: r for r in record.trained_checkpoints(views.workspace())}}


def work(was_active: bool) -> None:
    """Jobs at work with a way to stop them, and jobs that stopped with a way to go on."""
    active = working()
    for job in active:
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        left.progress(job.progress, text=cards.escape(jobs.status_text(views.workspace(), job)))
        mine = jobs.may_stop(views.workspace(), job)
        if mine and right.button("Stop", key=f"stop-{job.id}", icon=":material/stop:", width="stretch"):
            jobs.cancel(views.workspace(), job.id)
            st.rerun()
    for job in stopped():
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{cards.escape(' and '.join(names_of(job)))}**  \n{cards.escape(job.message)}")
            if st.button("Resume", key=f"resume-{job.id}", icon=":material/resume:"):
                jobs.start(views.workspace(), TrainJob.from_json(job.args))
                follow(names_of(job))
                st.rerun()
            if st.button("Dismiss", key=f"dismiss-{job.id}"):
                st.session_state.setdefault("train_dismissed", set()).add(job.id)
                st.rerun()
    if was_active and not active:
        st.rerun()


def stopped() -> list[Job]:
    """The last try of each training, where it failed or was stopped and can go on."""
    last: dict[str, Job] = {}
    for job in trainings():
        last.setdefault(json.dumps(job.args, sort_keys=True), job)
    dismissed = st.session_state.get("train_dismissed", set())
    recent = [j for j in last.values() if time.time() - j.heartbeat < RESUMABLE and j.id not in dismissed]
    return [j for j in recent if j.state in jobs.STOPPED][:3]


def watch() -> None:
    """Which runs are A and B, their curves, and where to go from here."""
    options = known()
    if not options:
        if working():
            st.info(
                "Loading. Curves appear with the first look at the validation studies.",
                icon=":material/hourglass:",
            )
        elif views.workspace().records(COLLECTION):
            st.info("No run yet. Choose above and press Train.", icon=":material/potted_plant:")
        return
    st.session_state["train_runs"] = [n for n in st.session_state["train_follow"] if n in options][:2]
    st.multiselect(
        "Runs to look at (A, B)", [*options], key="train_runs", max_selections=2, on_change=taken_over
    )
    runs = shown()
    if runs:
        links([run for run in runs if run.done])
        curves.show(runs)


def taken_over() -> None:
    follow(st.session_state["train_runs"])
    st.rerun(["train_watch", "train_look"])


def shown() -> list[TrainingRun]:
    """The runs that are A and B."""
    options = known()
    chosen = [options[n] for n in st.session_state["train_follow"] if n in options][:2]
    return [finished(r.id, r.name) if isinstance(r, Record) else r for r in chosen]


@st.cache_resource(show_spinner=False, max_entries=8)
def finished(record_id: str, name: str) -> TrainingRun:
    return record.finished_run(views.workspace(), name)


def links(done: list[TrainingRun]) -> None:
    """The pages that show what came out: two runs side by side, or one beside its start."""
    sets = [s for run in done if (s := set_of(run.name, run)) is not None]
    if not sets:
        return
    before = set_of(done[0].config["start"], done[0])
    if len(done) == 1 and before is not None:
        sets = [before, *sets]
    query = dict(zip("ab", sets, strict=False))
    label = "Compare on Overview" if len(sets) == 2 else "See on Overview"
    navigation.page_link("overview", label, ":material/explore:", query=query)


def set_of(checkpoint: str, run: TrainingRun) -> str | None:
    """The embedding set of the run's collection by a checkpoint, if it is there."""
    known = {r.name: r.id for r in views.workspace().records(CHECKPOINT)}
    wanted = (run.manifest["collection"], known.get(checkpoint))
    found = [s for s in views.workspace().records(SET) if made_by(s) == wanted and wanted[1]]
    return found[-1].name if found else None


def made_by(made: Record) -> tuple[Any, Any]:
    return made.meta.collection, made.meta.checkpoint_id


def look() -> None:
    """The epoch scrubber."""
    runs = shown()
    if not runs:
        return
    st.subheader("Epoch by epoch")
    epoch_slider.show(runs)


def history() -> None:
    records = record.trained_checkpoints(views.workspace())
    if not records:
        return
    st.subheader("Runs")
    rows = [row_of(r.id, r.name) for r in records]
    columns = {
        "name": st.column_config.TextColumn(width="medium"),
        "R@10": st.column_config.NumberColumn(format="percent"),
        "gap": st.column_config.NumberColumn(format="%.3f"),
        "cosine": st.column_config.NumberColumn(format="%.3f"),
    }
    st.dataframe(rows, hide_index=True, width="stretch", column_config=columns)
    st.caption("Gap, cosine of true pairs and R@10 of the epoch that was kept, on its validation studies.")
    files(records)


@st.cache_data(show_spinner=False, max_entries=1000)
def row_of(record_id: str, name: str) -> dict[str, Any]:
    """What a run came to, at the epoch whose weights were kept."""
    run = record.finished_run(views.workspace(), name)
    kept = next((e for e in run.history.epochs if e["epoch"] == run.history.best), run.history.epochs[-1])
    return {
        "name": run.name,
        "objective": run.config["preset"],
        "start": run.config["start"],
        "collection": run.config["collection"],
        "epochs": len(run.history.epochs) - 1,
        "kept": run.history.best,
        "gap": kept.get("centroid_gap"),
        "cosine": kept.get("cos_true_pairs"),
        "R@10": kept.get("recall_at_10"),
        "minutes": round(run.history.seconds / 60, 1),
    }


def files(records: list[Record]) -> None:
    """What a run wrote, for other tools."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Files of", [r.name for r in records], key="train_files", width=360)
        chosen = next(r for r in records if r.name == name)
        for file in (record.STEPS_CSV, record.EPOCHS_CSV, record.MANIFEST):
            kind = "application/json" if file.endswith(".json") else "text/csv"
            offer(st.container(), file, chosen.path(file).read_bytes(), file, kind, key=f"train_{file}")


main()
