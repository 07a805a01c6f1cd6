"""What can be passed on, in one file?"""

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
from suture.pages.components.cards.downloads import offer
from suture.pages.components.jobs import measuring
from suture.pages.components.shell import navigation, shared_choice, views
from suture.pages.components.shell.shared_choice import Choice
from suture.workflows.report.report_data import gather

KEPT = "report_built"


@dataclass(frozen=True)
class Wish:
    """What the report is asked to hold."""

    full: bool
    texts: bool
    pictures: bool


@dataclass(frozen=True)
class Built:
    """A report of one choice, ready to be taken away."""

    of: tuple[object, ...]
    evidence: ReportData
    page: str
    record: str
    tables: bytes


def main() -> None:
    navigation.open_page("Report", "What can be passed on, in one file?")
    choice = shared_choice.choose()
    st.markdown(
        "One HTML file that opens anywhere without a network: verdict, numbers with intervals, figures, "
        "single studies, the permutation control, hashes, versions and seeds. It prints well."
    )
    wish = options(choice)
    for shown in choice.views:
        measuring.beforehand(shown, extended=wish.full)
    key = (*(v.record.fingerprint for v in choice.views), choice.labels, choice.a.split, choice.pair, wish)
    if st.button("Build the report", key="report_go", type="primary", icon=":material/lab_profile:"):
        built = build(choice, wish, key)
        if built is not None:
            st.session_state[KEPT] = built
    kept = st.session_state.get(KEPT)
    if isinstance(kept, Built) and kept.of == key:
        preview(kept.evidence)
        downloads(kept)
    elif kept is not None:
        st.caption("The last report was of another choice. Build it anew.")


def options(choice: Choice) -> Wish:
    """What goes in."""
    of = " against ".join(cards.escape(v.name) for v in choice.views)
    st.markdown(f"**{of}** · {cards.escape(choice.a.split)} split")
    with st.container(horizontal=True):
        full = st.checkbox(
            "Every metric", value=True, key="report_full", help="Else the default numbers alone."
        )
        known = choice.a.collection is not None
        texts = st.checkbox(
            "Texts of single studies",
            value=True,
            key="report_texts",
            disabled=not known,
            help="The start of each text of the studies that are named: worst pairs, won and lost, moved.",
        )
        pictures = st.checkbox(
            "Pictures of single studies", value=False, key="report_pictures", disabled=not known
        )
    return Wish(full, texts and known, pictures and known)


def build(choice: Choice, wish: Wish, key: tuple[object, ...]) -> Built | None:
    """Measure what is missing, and draw; None where the sets cannot be reported on, which is said."""
    place = st.empty()

    def progress(share: float, stage: str) -> None:
        place.progress(min(1.0, share), text=stage)

    try:
        evidence = gather(
            views.workspace(),
            choice.a.name,
            choice.b.name if choice.b else None,
            split=choice.a.split,
            pair=choice.pair,
            extended=wish.full,
            texts=wish.texts,
            pictures=wish.pictures,
            progress=progress,
        )
    except UserError as error:
        place.error(cards.escape(error.message))
        return None
    built = Built(key, evidence, html(evidence), record_json(evidence), packed(table_files(evidence)))
    place.empty()
    return built


def preview(evidence: ReportData) -> None:
    """The verdict, and what the file holds of patients."""
    if evidence.paired:
        found = evidence.paired.verdict
        st.markdown(f"#### {cards.escape(found.headline)}")
        st.markdown("\n".join(f"- {cards.escape(reason)}" for reason in found.reasons))
    for letter, word, side in zip("AB", cards.COLOUR_NAMES, evidence.sides, strict=False):
        alone = gap_summary(side.evaluation, evidence.pair)
        if alone is not None:
            st.markdown(f":{word}-badge[{letter}] {cards.escape(f'{alone.headline} {alone.explanation}')}")
    tell = st.info if evidence.synthetic else st.warning
    tell(cards.escape(evidence.holds), icon=":material/privacy_tip:")


def downloads(built: Built) -> None:
    """Page, JSON and tables. The name bears the content's hash, so that no two files are taken for one."""
    stem = re.sub(r"[^\w-]+", "-", built.evidence.title).strip("-")
    files = (
        ("HTML", "html", "text/html", built.page.encode()),
        ("JSON", "json", "application/json", built.record.encode()),
        ("Tables (CSV and LaTeX)", "zip", "application/zip", built.tables),
    )
    row = st.container(horizontal=True)
    for label, ending, kind, content in files:
        offer(
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
