"""`suture.compare`: what changed between two evaluations, as `suture compare` tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suture.analysis.compare import MetricChange, headline
from suture.analysis.compare.cells import headline_rows, number_cells, text_cells
from suture.data.errors import NotFound, Refused
from suture.data.workspace import Workspace
from suture.library import notebook
from suture.library.evaluation import EvaluationResult, Progress, evaluate_set
from suture.workflows.compare import Compared, compared, compared_sets

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

FIGURES = ("differences", "cosines", "ranks", "movement")


@dataclass(frozen=True)
class VerdictInWords:
    """What to read first.

    word      about the gap: closed, narrowed, worse, unchanged, "not decidable at this N" or "no interval";
              "undefined" where there is no gap
    headline  the same as a sentence, with the numbers
    reasons   why, what it cost, and what stays open
    """

    word: str
    headline: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"- {reason}" for reason in self.reasons)])


@dataclass(frozen=True, repr=False)
class ComparisonResult:
    """What `suture.compare` found; in a notebook it is a table.

    compared       the whole record: `table`, `rank_changes`, `movement`, `neighbours`, `slices` and more
    before, after  the evaluations that were compared
    """

    compared: Compared
    before: EvaluationResult
    after: EvaluationResult

    @property
    def rows(self) -> tuple[MetricChange, ...]:
        """Every metric of both sets with its paired difference."""
        return self.compared.table.rows

    @property
    def verdict(self) -> VerdictInWords:
        """The word and the sentences. `print` it, or test `.verdict.word`."""
        table, pair = self.compared.table, self.compared.pair
        rows = [table.find(name, *pair) for name in ("centroid_gap_debiased", "centroid_gap")]
        gap = next((r for r in rows if r is not None and r.low is not None), rows[1])
        said = self.compared.verdict
        return VerdictInWords(gap.verdict if gap else "undefined", said.headline, said.reasons)

    def __iter__(self) -> Iterator[MetricChange]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: str | tuple[str, ...]) -> MetricChange:
        """A row by the name of its metric; the same keys as of an evaluation. The row has `.difference`."""
        metric = self.before[key].metric
        row = next((r for r in self.rows if r.a.key == metric.key), None)
        if row is None:
            raise NotFound("metric of both", metric.name, [*dict.fromkeys(r.name for r in self.rows)])
        return row

    def __repr__(self) -> str:
        a, b = self.compared.a, self.compared.b
        return f"<{a} → {b}: {len(self.compared.study_ids):,} studies. {self.compared.verdict.headline}>"

    def _repr_html_(self) -> str:
        first = headline_rows(self.rows, self.compared.pair)
        rest = [row for row in self.rows if row not in first and row.difference is not None]
        reasons = "".join(map(notebook.paragraph, self.compared.verdict.reasons))
        return "".join(
            [
                notebook.paragraph(self.compared.verdict.headline, strong=True),
                notebook.table([text_cells(row) for row in first]),
                notebook.folded("Why", reasons),
                notebook.folded(
                    f"{len(rest)} more metrics", notebook.table([text_cells(row) for row in rest])
                ),
                notebook.paragraph(
                    f"A = {self.compared.a}, B = {self.compared.b}, {self.compared.split}. Differences: "
                    "paired bootstrap over groups, 95 %. p: after Holm over the headline numbers. "
                    f"{self.compared.sampling}"
                ),
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, exactly as `suture compare --json` prints it; ready for `json.dumps`."""
        return {**self.compared.to_json(), "failed": []}

    to_dict = to_json

    def to_frame(self, *, headline_only: bool = False) -> pd.DataFrame:
        """One row per metric: name, of, A value, B value, B - A, low, high, p, margin, verdict and more."""
        import pandas as pd

        rows = headline(self.compared.table) if headline_only else self.rows
        return pd.DataFrame([number_cells(row) for row in rows])

    def figure(self, kind: str = "differences", *, pair: tuple[str, str] | None = None) -> go.Figure:
        """A figure as the Compare page draws it.

        kind  "differences": every headline number's B - A with its interval, in units of the smallest change
              worth naming; "cosines": of the true pairs, A over B; "ranks": recall at every k, A over B;
              "movement": how far each study moved (of the first modality of the pair)
        pair  for "ranks" the direction, for "movement" whose; default: the pair that was compared

        `NotFound` for another kind.
        """
        from suture.analysis import figures
        from suture.analysis.evaluate.retrieval import pair_rank_curve

        if kind not in FIGURES:
            raise NotFound("figure", kind, [*FIGURES])
        labels = [self.compared.a, self.compared.b]
        if kind == "differences":
            return figures.forest_plot(headline_rows(self.rows, self.compared.pair))
        if kind == "cosines":
            return figures.pair_cosines(*self.compared.cosines, labels)
        x, y = pair or self.compared.pair
        for modality in (x, y):
            if modality not in self.before.modalities:
                raise NotFound("modality", modality, [*self.before.modalities])
        if kind == "movement":
            if x not in self.compared.movement:
                raise Refused("too_few_rows", "Too few studies to tell which of them moved: 20 are needed.")
            return figures.movement_histogram(self.compared.movement[x])
        parts = [self.before.embeddings, self.after.embeddings]
        curves = {label: pair_rank_curve(part, x, y) for label, part in zip(labels, parts, strict=True)}
        return figures.rank_curves(curves, f"{x} → {y}")


def compare(
    before: EvaluationResult | str,
    after: EvaluationResult | str,
    *,
    pair: tuple[str, str] | None = None,
    names: tuple[str, str] | None = None,
    split: str | None = None,
    full: bool = False,
    resamples: int = 1000,
    seed: int = 0,
    home: Path | str | None = None,
    progress: Progress | None = None,
) -> ComparisonResult:
    """What changed from A (before) to B (after) over the same studies: paired differences and a verdict.

    before, after  results of `suture.evaluate`, or names of sets of the workspace
    pair           two modalities that the verdict is about; default: the first two
    names          what A and B are called; default: their own names, "before" and "after" if these are one
    split, full, resamples, seed, home    for sets given by name; results have them. Default split: the test
                   split, or all where there is none

    Both must hold the same studies in the same order, with the same groups: `Refused` says what differs.

    >>> import numpy as np, suture
    >>> rng = np.random.default_rng(0)
    >>> meaning = rng.normal(size=(80, 8))
    >>> image, text = (meaning + 0.5 * rng.normal(size=(80, 8)) for _ in range(2))
    >>> before = suture.evaluate(image + 2, text, resamples=100)
    >>> after = suture.evaluate(image, text, resamples=100)
    >>> change = suture.compare(before, after)
    >>> change.verdict.word
    'closed'
    >>> change["centroid_gap"].difference < 0
    True
    """
    if isinstance(before, str) and isinstance(after, str):
        workspace = Workspace(home)
        options: dict[str, Any] = {"resamples": resamples, "seed": seed, "extended": full}
        return compare_sets(
            workspace, before, after, split=split or "", pair=pair, progress=progress, **options
        )
    known = before if isinstance(before, EvaluationResult) else after
    if not isinstance(known, EvaluationResult):
        raise Refused("not_an_evaluation", "Give two results of suture.evaluate, or two names of sets.")
    first, second = (_result(one, known, home) for one in (before, after))
    _same_settings(first, second)
    here = first.workspace
    if here is not None and second.workspace is not None and here.home == second.workspace.home:
        found = compared(
            here,
            first.name,
            second.name,
            split=first.split,
            pair=pair,
            resamples=first.evaluation.resamples,
            seed=first.evaluation.seed,
            extended=first.extended,
            progress=progress,
        )
        return ComparisonResult(found, first, second)
    called = names or ((first.name, second.name) if first.name != second.name else ("before", "after"))
    first, second = (_called(one, name) for one, name in zip((first, second), called, strict=True))
    found = compared_sets(
        first.embeddings,
        second.embeddings,
        (first.evaluation, second.evaluation),
        pair=pair,
        resamples=first.evaluation.resamples,
        seed=first.evaluation.seed,
        progress=progress,
    )
    return ComparisonResult(found, first, second)


def compare_sets(
    workspace: Workspace, a: str, b: str, *, split: str = "", **options: Any
) -> ComparisonResult:
    """Two sets of a workspace compared; what was measured of each is kept there."""
    found = compared(workspace, a, b, split=split, **options)
    measured = {k: options[k] for k in ("resamples", "seed", "extended") if k in options}
    first, second = (evaluate_set(workspace, name, split=found.split, **measured) for name in (a, b))
    return ComparisonResult(found, first, second)


def _result(
    one: EvaluationResult | str, other: EvaluationResult, home: Path | str | None
) -> EvaluationResult:
    """A set given by name is measured as the other was."""
    if isinstance(one, EvaluationResult):
        return one
    if not isinstance(one, str):
        raise Refused("not_an_evaluation", "Give two results of suture.evaluate, or two names of sets.")
    of = other.evaluation
    workspace = other.workspace or Workspace(home)
    options = {"resamples": of.resamples, "seed": of.seed, "extended": other.extended}
    return evaluate_set(workspace, one, split=of.split, **options)


def _called(one: EvaluationResult, name: str) -> EvaluationResult:
    return replace(
        one, evaluation=replace(one.evaluation, set=name), embeddings=replace(one.embeddings, name=name)
    )


def _same_settings(first: EvaluationResult, second: EvaluationResult) -> None:
    """`Refused` where the resamples are not the same draws, or one has metrics that the other lacks."""
    for what in ("split", "resamples", "seed"):
        a, b = (getattr(one.evaluation, what) for one in (first, second))
        if a != b:
            raise Refused(
                "other_settings", f"Both must be measured alike: {what} is {a!r} in A and {b!r} in B."
            )
    if first.extended != second.extended:
        raise Refused("other_settings", "Both must be measured alike: one has full=True, the other has not.")
