"""What several pages show: a metric with its interval, a study, downloads of metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.evaluate import Evaluation, Metric
from suture.analysis.figures import COLOUR_A, COLOUR_B
from suture.analysis.text_tables import csv_text
from suture.pages.components.cards.downloads import offer_download
from suture.pages.components.shell import views
from suture.pages.components.shell.views import View

COLOURS = (COLOUR_A, COLOUR_B)
MIN_WIDTH = 150  # pixels of a card; cards wrap where the page is narrow
COLOUR_NAMES = ("blue", "orange")  # of A and B in text


def escape(text: str) -> str:
    """Text from data inside Markdown, shown as it is: it makes no link, image or icon."""
    return re.sub(r"([\\`*_{}\[\]()#+.!:$~|<>-])", r"\\\1", text)


def metric_grid() -> DeltaGenerator:
    """A grid of metric cards: five in a row, fewer where the page is narrow."""
    return st.grid(5, min_column_width=MIN_WIDTH)


def metric_card(metrics: Sequence[Metric | None], *, percent: bool = False, subtitle: str = "") -> None:
    """One metric for A (and B): value, interval, direction, n and what it means."""
    defined = [m for m in metrics if m is not None]
    if not defined:
        return
    info = CATALOGUE[defined[0].name]
    with st.container(border=True, height="stretch", gap="small"):
        meaning = f"{info.meaning}\n\nConvention: {info.convention}. n = {defined[0].measured_on} studies in "
        meaning += f"{defined[0].n_groups:,} groups"
        meaning += "." if defined[0].low is None else "; 95 % bootstrap interval over groups."
        st.markdown(f"**{info.title}**" + (f"  \n{escape(subtitle)}" if subtitle else ""), help=meaning)
        for letter, word, metric in zip("AB", COLOUR_NAMES, metrics, strict=False):
            if metric is not None:
                value, interval = formatted(metric, percent), _interval(metric, percent)
                st.markdown(f":{word}-badge[{letter}] **{value}**  \n:gray[{interval}]")
        chance = _chance(defined[0])
        st.caption(f"{info.reading} · n = {defined[0].measured_on}{chance}")


def _chance(metric: Metric) -> str:
    """The recall of a random order: k of the gallery."""
    if not metric.n_gallery or not metric.name.startswith("recall_at_"):
        return ""
    return f" · chance {min(1, int(metric.name.rpartition('_')[2]) / metric.n_gallery):.1%}"


def formatted(metric: Metric, percent: bool) -> str:
    """The value in words."""
    if metric.value is None:
        return "undefined"
    return f"{metric.value:.1%}" if percent else f"{metric.value:.3f}"


def _interval(metric: Metric, percent: bool) -> str:
    if metric.low is None or metric.high is None:
        return ""
    low, high = (f"{v:.1%}" if percent else f"{v:.3f}" for v in (metric.low, metric.high))
    return f"{low} to {high}"


def metric_rows(evaluation: Evaluation) -> list[dict[str, object]]:
    """Every metric as a row for a table."""
    return [
        {
            "metric": CATALOGUE[m.name].title if m.name in CATALOGUE else m.name.replace("_", " "),
            "of": (m.direction or " · ".join(m.modalities)) + (f" by {m.label}" if m.label else ""),
            "protocol": m.protocol or "",
            "value": m.value,
            "low": m.low,
            "high": m.high,
            "n": m.n,
            "sampled": m.measured_on if m.sampled else "",
            "better": m.better,
            "convention": m.convention if m.value is not None else f"undefined: {m.reason}",
        }
        for m in evaluation.metrics
    ]


def metric_downloads(evaluation: Evaluation, label: str) -> None:
    """The numbers as JSON and CSV."""
    row = st.container(horizontal=True)
    name = evaluation.set
    files = (
        ("JSON", "application/json", lambda: json.dumps(evaluation.to_json(), indent=1)),
        ("CSV", "text/csv", lambda: csv_text(metric_rows(evaluation))),
    )
    for ending, kind, content in files:
        file = f"{label}.{ending.lower()}"
        offer_download(row, f"{name} ({ending})", content, file, kind, key=f"{ending.lower()}-{label}")


def study_card(view: View, row: int, *, caption: str = "") -> None:
    """Image, texts and labels of one study, as plain text."""
    study = view.study(row)
    st.markdown("**Study**")
    st.text(view.ids[row])
    if caption:
        st.caption(caption)
    if study is None or view.collection is None:
        st.caption("These vectors came without images or texts.")
        return
    for modality in view.collection.modalities:
        if modality.kind == "image":
            content = views.image_bytes(view, study, modality.name)
            if content is not None:
                st.image(content, width="content", alt=f"{modality.name} of {view.ids[row]}")
        elif modality.kind == "text" and study.values.get(modality.name):
            st.caption(escape(modality.name))
            st.text(study.values[modality.name])
    labels = {k: v for k, v in study.labels.items() if v}
    if labels:
        with st.expander("Labels"):
            st.dataframe({"label": [*labels], "value": [*labels.values()]}, hide_index=True, width="stretch")


def first_text(view: View, row: int, limit: int = 300) -> str:
    """The report of a study, cut for a hover card."""
    study = view.study(row)
    if study is None or view.collection is None:
        return ""
    for modality in view.collection.modalities:
        text = study.values.get(modality.name) if modality.kind == "text" else None
        if text:
            return text if len(text) <= limit else text[: limit - 1] + "…"
    return ""
