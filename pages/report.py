"""Report: verdict, metrics, figures and single studies of A and B in one file."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass

import streamlit as st

from suture.analysis.gap.verdict import gap_summary
from suture.analysis.report import ReportData, html, record_json, table_files
from suture.data.errors import UserError
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import offer_download
from suture.pages.components.jobs import measuring
from suture.pages.components.shell import navigation, shared_choice, views
from suture.pages.components.shell.shared_choice import Choice
from suture.workflows.report.report_data import gather

STATE_KEY = "report_built"


@dataclass(frozen=True)
class Contents:
    """What the report contains."""

    full: bool
    texts: bool
    images: bool


@dataclass(frozen=True)
class Built:
    """A report of one choice, ready to download."""

    key: tuple[object, ...]
    data: ReportData
    page: str
    record: str
    tables: bytes


def main() -> None:
    navigation.open_page("Report", "Export verdict, metrics, figures and provenance as one file.")
    choice = shared_choice.choose()
    st.markdown(
        "One HTML file that opens offline: verdict, metrics with intervals, figures, single studies, "
        "the permutation control, hashes, versions and seeds. It prints well."
    )
    contents = options(choice)
    for shown in choice.views:
        measuring.measure_first(shown, extended=contents.full)
    key = (
        *(v.record.fingerprint for v in choice.views),
        choice.labels,
        choice.a.split,
        choice.pair,
        contents,
    )
    if st.button("Build report", key="report_go", type="primary", icon=":material/lab_profile:"):
        built = build(choice, contents, key)
        if built is not None:
            st.session_state[STATE_KEY] = built
    kept = st.session_state.get(STATE_KEY)
    if isinstance(kept, Built) and kept.key == key:
        preview(kept.data)
        downloads(kept)
    elif kept is not None:
        st.caption("The last report shows another choice. Build it again.")


def options(choice: Choice) -> Contents:
    """Choose the contents."""
    of = " against ".join(cards.escape(v.name) for v in choice.views)
    st.markdown(f"**{of}** · {cards.escape(choice.a.split)} split")
    with st.container(horizontal=True):
        full = st.checkbox(
            "All metrics", value=True, key="report_full", help="Otherwise the headline metrics only."
        )
        has_collection = choice.a.collection is not None
        texts = st.checkbox(
            "Texts of single studies",
            value=True,
            key="report_texts",
            disabled=not has_collection,
            help="The start of the texts of listed studies: worst pairs, rank changes, studies that moved.",
        )
        images = st.checkbox(
            "Images of single studies", value=False, key="report_pictures", disabled=not has_collection
        )
    return Contents(full, texts and has_collection, images and has_collection)


def build(choice: Choice, contents: Contents, key: tuple[object, ...]) -> Built | None:
    """Compute missing metrics and build the report; None with the reason on the page."""
    place = st.empty()

    def progress(share: float, stage: str) -> None:
        place.progress(min(1.0, share), text=stage)

    try:
        data = gather(
            views.workspace(),
            choice.a.name,
            choice.b.name if choice.b else None,
            split=choice.a.split,
            pair=choice.pair,
            extended=contents.full,
            texts=contents.texts,
            pictures=contents.images,
            progress=progress,
        )
    except UserError as error:
        place.error(cards.escape(error.message))
        return None
    built = Built(key, data, html(data), record_json(data), packed(table_files(data)))
    place.empty()
    return built


def preview(data: ReportData) -> None:
    """The verdict, and what patient data the file contains."""
    if data.paired:
        verdict = data.paired.verdict
        st.markdown(f"#### {cards.escape(verdict.headline)}")
        st.markdown("\n".join(f"- {cards.escape(reason)}" for reason in verdict.reasons))
    for letter, word, side in zip("AB", cards.COLOUR_NAMES, data.sides, strict=False):
        alone = gap_summary(side.evaluation, data.pair)
        if alone is not None:
            st.markdown(f":{word}-badge[{letter}] {cards.escape(f'{alone.headline} {alone.explanation}')}")
    show = st.info if data.synthetic else st.warning
    show(cards.escape(data.holds), icon=":material/privacy_tip:")


def downloads(built: Built) -> None:
    """HTML, JSON and tables."""
    stem = re.sub(r"[^\w-]+", "-", built.data.title).strip("-")
    files = (
        ("HTML", "html", "text/html", built.page.encode()),
        ("JSON", "json", "application/json", built.record.encode()),
        ("Tables (CSV and LaTeX)", "zip", "application/zip", built.tables),
    )
    row = st.container(horizontal=True)
    for label, ending, kind, content in files:
        offer_download(
            row,
            f"{label}, {len(content) / 1e6:.1f} MB",
            content,
            f"{stem}.{ending}",
            kind,
            key=f"report-{ending}",
            icon=":material/download:",
        )


def packed(files: dict[str, str]) -> bytes:
    """A ZIP whose bytes depend on the files alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(re.sub(r"[^\w.-]+", "-", name)), content)
    return buffer.getvalue()


main()
