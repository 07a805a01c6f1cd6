"""Train: start training runs, follow their curves and maps, and compare them."""

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
from suture.pages.components.cards.downloads import offer_download
from suture.pages.components.shell import navigation, notices, views
from suture.pages.components.train import curves, epoch_slider
from suture.pages.components.train import form as training_form
from suture.workflows.job_kinds import TrainJob

RESUMABLE = 7 * 24 * 3600  # seconds that the state of a stopped run is kept


def main() -> None:
    navigation.open_page(
        "Train", "Train checkpoints that close the gap, and follow the training epoch by epoch."
    )
    collections = [c for c in views.workspace().records(COLLECTION) if c.intact]
    notices.about_collections(collections)
    jobs.wake(views.workspace())
    active = bool(active_trainings())
    moving = active or record.any_active(views.workspace())
    st.session_state.setdefault("train_follow", st.query_params.get_all("run") or newest())
    with st.expander("A new run", expanded=not active and not all_runs(), icon=":material/add:"):
        new_run(collections)
    st.fragment(jobs_and_stopped, run_every=1.0 if active else None)(active)
    st.fragment(show_curves, key="train_watch", run_every=2.0 if moving else None)()
    st.fragment(show_map, key="train_look", run_every=3.0 if moving else None)()
    history()


def new_run(collections: list[Record]) -> None:
    """The form and its buttons."""
    if not collections:
        st.info(
            "Training needs a collection of images and texts. There is none yet.",
            icon=":material/potted_plant:",
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


def buttons(config: TrainingConfig, invalid: bool) -> None:
    row = st.container(horizontal=True)
    if row.button("Train", type="primary", key="train_go", disabled=invalid, icon=":material/play_arrow:"):
        launch([config])
    other = "gap-closing" if config.preset == "clip" else "the CLIP baseline"
    help = f"Also trains {other} with the same settings, then embeds and evaluates both."
    if row.button("Train both and compare", key="train_both", disabled=invalid, help=help):
        launch([*training_form.pair(config)])
    offer_download(
        row,
        "Download config (TOML)",
        to_toml(config),
        "run.toml",
        "application/toml",
        key="train_toml",
        disabled=invalid,
        help="The same run on the command line: suture train --config run.toml",
    )


def launch(runs: list[TrainingConfig]) -> None:
    jobs.start(views.workspace(), TrainJob([config.to_json() for config in runs]))
    follow([config.label for config in runs])
    st.rerun()


def follow(names: list[str]) -> None:
    """Show these runs as A and B, also before they appear; the link names them."""
    st.session_state["train_follow"] = names
    st.query_params["run"] = names


def trainings() -> list[Job]:
    """Jobs that train, newest first."""
    return [j for j in jobs.jobs(views.workspace()) if j.kind == TrainJob.kind]


def active_trainings() -> list[Job]:
    return [j for j in trainings() if j.state in jobs.ACTIVE]


def names_of(job: Job) -> list[str]:
    return [from_json(content).label for content in job.args["runs"]]


def newest() -> list[str]:
    """The runs to show first: those of the newest job, else the two newest, the older one as A."""
    return next((names_of(j) for j in trainings()), [*all_runs()][:2][::-1])


def all_runs() -> dict[str, TrainingRun | Record]:
    """Every run by name: unfinished ones, then finished ones; newest first."""
    unfinished = {run.name: run for run in record.unfinished_runs(views.workspace())}
    return {**unfinished, **{r.name: r for r in record.trained_checkpoints(views.workspace())}}


def jobs_and_stopped(was_active: bool) -> None:
    """Active jobs with a button to stop them, and stopped jobs with a button to resume them."""
    active = active_trainings()
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
    """The last attempt of each training that failed or was stopped and can resume."""
    last: dict[str, Job] = {}
    for job in trainings():
        last.setdefault(json.dumps(job.args, sort_keys=True), job)
    dismissed = st.session_state.get("train_dismissed", set())
    recent = [j for j in last.values() if time.time() - j.heartbeat < RESUMABLE and j.id not in dismissed]
    return [j for j in recent if j.state in jobs.STOPPED][:3]


def show_curves() -> None:
    """The choice of runs, their curves, and links to their embedding sets."""
    options = all_runs()
    if not options:
        if active_trainings():
            st.info(
                "Loading. Curves appear after the first evaluation on the validation studies.",
                icon=":material/hourglass:",
            )
        elif views.workspace().records(COLLECTION):
            st.info("No runs yet. Choose settings above and press Train.", icon=":material/potted_plant:")
        return
    st.session_state["train_runs"] = [n for n in st.session_state["train_follow"] if n in options][:2]
    st.multiselect(
        "Runs to show (A, B)", [*options], key="train_runs", max_selections=2, on_change=follow_chosen
    )
    runs = shown_runs()
    if runs:
        links([run for run in runs if run.done])
        curves.show(runs)


def follow_chosen() -> None:
    follow(st.session_state["train_runs"])
    st.rerun(["train_watch", "train_look"])


def shown_runs() -> list[TrainingRun]:
    """The runs that are A and B."""
    options = all_runs()
    chosen = [options[n] for n in st.session_state["train_follow"] if n in options][:2]
    return [finished(r.id, r.name) if isinstance(r, Record) else r for r in chosen]


@st.cache_resource(show_spinner=False, max_entries=8)
def finished(record_id: str, name: str) -> TrainingRun:
    return record.finished_run(views.workspace(), name)


def links(done: list[TrainingRun]) -> None:
    """Links to the embedding sets of the runs: two runs, or one and its start checkpoint."""
    sets = [s for run in done if (s := set_of(run.name, run)) is not None]
    if not sets:
        return
    before = set_of(done[0].config["start"], done[0])
    if len(done) == 1 and before is not None:
        sets = [before, *sets]
    query = dict(zip("ab", sets, strict=False))
    label = "Compare on Overview" if len(sets) == 2 else "Open on Overview"
    navigation.page_link("overview", label, ":material/explore:", query=query)


def set_of(checkpoint: str, run: TrainingRun) -> str | None:
    """The embedding set of the run's collection by a checkpoint, if it is there."""
    ids = {r.name: r.id for r in views.workspace().records(CHECKPOINT)}
    source = (run.manifest["collection"], ids.get(checkpoint))
    sets = [s for s in views.workspace().records(SET) if made_by(s) == source and source[1]]
    return sets[-1].name if sets else None


def made_by(made: Record) -> tuple[Any, Any]:
    return made.meta.collection, made.meta.checkpoint_id


def show_map() -> None:
    """The map with a slider over the epochs."""
    runs = shown_runs()
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
    st.caption("Gap, cosine of true pairs and R@10 of the kept epoch, on its validation studies.")
    files(records)


@st.cache_data(show_spinner=False, max_entries=1000)
def row_of(record_id: str, name: str) -> dict[str, Any]:
    """The result of a run, at the epoch whose weights were kept."""
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
    """Downloads of the files of a run."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Files of", [r.name for r in records], key="train_files", width=360)
        chosen = next(r for r in records if r.name == name)
        for file in (record.STEPS_CSV, record.EPOCHS_CSV, record.MANIFEST):
            kind = "application/json" if file.endswith(".json") else "text/csv"
            offer_download(
                st.container(), file, chosen.path(file).read_bytes(), file, kind, key=f"train_{file}"
            )


main()
