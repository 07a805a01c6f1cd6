"""The form that trains decoders: the recipe, its cost, and the job that trains and scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from suture import jobs
from suture.data.collections import storage
from suture.data.errors import UserError
from suture.models.captioner.config import CaptionerConfig, check, from_json, of_sets
from suture.models.captioner.plan import plan_captioner
from suture.pages.components.cards import cards
from suture.pages.components.shell import navigation, views
from suture.pages.components.shell.shared_choice import Choice
from suture.workflows.captions import caption_table
from suture.workflows.job_kinds import CaptionJob

READ = ("text", "image")


@st.fragment
def section(choice: Choice) -> None:
    """A form with sound defaults, and the button."""
    st.markdown(
        "A small decoder learns to write the reports **from text embeddings only**, then captions image "
        "embeddings. If the gap is closed, images work as well as texts. For comparison: the same decoder "
        "trained on image embeddings, the same decoder on images of other patients, and the nearest existing "
        "report."
    )
    config = _form(choice)
    problem = _problem(choice, config)
    if problem:
        st.error(cards.escape(problem), icon=":material/block:")
    sets = [view.name for view in choice.views]
    names = " and ".join(f"**{cards.escape(name)}**" for name in sets)
    st.caption(
        f"Trains {len(sets) * len(READ)} decoders, on texts and on images of {names}, one after the other: "
        "a few minutes each on two cores. Decoders already trained with this recipe are reused."
    )
    busy = any(job.kind == CaptionJob.kind for job in jobs.jobs(views.workspace(), active=True))
    if st.button(
        "Train and write captions",
        type="primary",
        key="captions_go",
        icon=":material/subject:",
        disabled=bool(problem) or busy,
    ):
        configs = [one.to_json() for one in of_sets(config, sets, READ)]
        jobs.start(views.workspace(), CaptionJob(configs, choice.a.split))
        st.rerun()
    if choice.b is None:
        st.info(
            "Choose B in the sidebar to see whether its images are captioned better than those of A.",
            icon=":material/info:",
        )
    navigation.page_link("train", "Close the gap first", ":material/model_training:")


def _form(choice: Choice) -> CaptionerConfig:
    texts = _of_kind(choice, "text")
    images = _of_kind(choice, "image")
    left, middle, right, last = st.columns(4)
    epochs = left.number_input("Epochs", 1, 1000, 20, key="captions_epochs")
    seed = middle.number_input("Seed", 0, 1_000_000, 0, key="captions_seed")
    text = right.selectbox("Text to write", texts, key="captions_text") if len(texts) > 1 else ""
    image = last.selectbox("Image to read", images, key="captions_image") if len(images) > 1 else ""
    with st.expander("More settings", icon=":material/tune:"):
        left, middle, right, last = st.columns(4)
        noise = left.number_input(
            "Noise",
            0.0,
            2.0,
            0.0,
            0.01,
            key="captions_noise",
            help="Standard deviation per dimension of the noise added in training, so that the decoder "
            "learns to read embeddings near its texts too. C3 uses 0.126.",
        )
        centre = middle.toggle(
            "Centre",
            key="captions_centre",
            help="Subtract the mean of each modality first: this removes the offset of the gap.",
        )
        width = right.select_slider("Width", [64, 96, 128, 192, 256, 384], 128, key="captions_width")
        layers = last.number_input("Layers", 1, 12, 3, key="captions_layers")
        tokens = left.number_input("Longest text (tokens)", 8, 512, 96, key="captions_tokens")
        batch = middle.number_input("Texts per step", 2, 1024, 64, key="captions_batch")
    return CaptionerConfig(
        set=choice.a.name,
        text="" if text in (None, *texts[:1]) else text,  # the first is the default of a recipe
        image="" if image in (None, *images[:1]) else image,
        epochs=int(epochs),
        seed=int(seed),
        noise=float(noise),
        centre=bool(centre),
        width=int(width),
        layers=int(layers),
        tokens=int(tokens),
        batch=int(batch),
    )


def _of_kind(choice: Choice, kind: str) -> list[str]:
    known = choice.a.collection.modalities if choice.a.collection else ()
    return [m.name for m in known if m.kind == kind and m.name in choice.a.set.modalities]


def _problem(choice: Choice, config: CaptionerConfig) -> str:
    """Why this cannot be trained and scored, in a sentence; "" if it can."""
    workspace = views.workspace()
    for view in choice.views:
        source = storage.source_collection(workspace, view.record)
        captioners = tuple(record.id for record in caption_table.captioners(workspace, view.record))
        ids = (view.record.id, source.id if source else "", *captioners)
        reason = _reason_against(replace(config, set=view.name).to_json(), view.split, ids)
        if reason:
            return reason
    return ""


@st.cache_data(show_spinner=False, max_entries=256)
def _reason_against(content: dict[str, Any], split: str, ids: tuple[str, ...]) -> str:
    """Keyed by the set, its collection and its captioners: texts are read once for all who look."""
    config = from_json(content)
    try:
        check(config)
        for one in of_sets(config, [config.set], READ):
            fit = plan_captioner(views.workspace(), one)
            if split in ("all", fit.config.fit_split):
                return (
                    f"The decoder is trained on the split {fit.config.fit_split!r}. Choose another split in "
                    "the sidebar to score it on."
                )
    except UserError as error:
        return error.message
    return ""
