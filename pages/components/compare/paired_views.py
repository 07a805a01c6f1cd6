"""The comparison of A and B, made once for all parts of a page, with its rows in the views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from suture.pages.components.jobs import measuring
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View
from suture.workflows import compare as compare_workflow
from suture.workflows.compare import Compared


@dataclass(frozen=True)
class PairedViews:
    """A and B and their comparison. rows[i] is the row in either view of study i of the comparison."""

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


def compare(choice: Choice) -> PairedViews:
    """Compare A and B; slow parts show their progress and are stored in the workspace.

    ValueError without B; `UserError` where the two cannot be compared.
    """
    if choice.b is None:
        raise ValueError("There is no B to compare with.")
    for shown in (choice.a, choice.b):
        measuring.evaluation(shown)
    a, b = choice.a, choice.b
    compared = _compared(a.record.fingerprint, b.record.fingerprint, a.name, b.name, a.split, choice.pair)
    place = {study: row for row, study in enumerate(a.ids)}
    rows = np.array([place[study] for study in compared.study_ids], dtype=int)
    return PairedViews(a, b, choice.pair, compared, rows)


@st.cache_resource(show_spinner="Comparing study by study…", max_entries=8)
def _compared(
    fingerprint_a: str, fingerprint_b: str, a: str, b: str, split: str, pair: tuple[str, str]
) -> Compared:
    return compare_workflow.compared(views.workspace(), a, b, split=split, pair=pair)
