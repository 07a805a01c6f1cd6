"""A and B compared once for all parts of the Compare page, and where its rows lie in the views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from suture.pages.components.jobs import measuring
from suture.pages.components.shell import views
from suture.pages.components.shell.shell import Choice
from suture.pages.components.shell.views import View
from suture.workflows import compare
from suture.workflows.compare import Compared

LINK = {"bind": "query-params", "persist_state": "session"}  # a link restores what a widget shows


@dataclass(frozen=True)
class Both:
    """What is compared. rows[i] is the place in either view of study i of the comparison."""

    a: View
    b: View
    pair: tuple[str, str]
    compared: Compared
    rows: np.ndarray

    @property
    def views(self) -> tuple[View, View]:
        """A and B."""
        return self.a, self.b

    @property
    def labels(self) -> list[str]:
        """Titles of A and B for figures."""
        return [f"A: {self.a.name}", f"B: {self.b.name}"]

    @property
    def ids(self) -> tuple[str, ...]:
        """Study ids, by row of the comparison."""
        return self.compared.study_ids


def both(choice: Choice) -> Both:
    """Compare the choice; what takes long shows its progress and is kept in the workspace.

    ValueError without B; `UserError` where the two cannot be compared.
    """
    if choice.b is None:
        raise ValueError("There is no B to compare with.")
    for shown in (choice.a, choice.b):
        measuring.evaluation(shown)
    a, b = choice.a, choice.b
    found = _compared(a.record.fingerprint, b.record.fingerprint, a.name, b.name, a.split, choice.pair)
    place = {study: row for row, study in enumerate(a.ids)}
    return Both(a, b, choice.pair, found, np.array([place[study] for study in found.study_ids], dtype=int))


@st.cache_resource(show_spinner="Comparing study by study…", max_entries=8)
def _compared(
    fingerprint_a: str, fingerprint_b: str, a: str, b: str, split: str, pair: tuple[str, str]
) -> Compared:
    return compare.compared(views.workspace(), a, b, split=split, pair=pair)
