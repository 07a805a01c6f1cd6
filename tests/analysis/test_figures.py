"""Figures: `data_of` returns the plotted data for every kind, and names are escaped."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest

from suture.analysis import figures, gap
from suture.analysis.compare import Movement, NeighbourChanges, Slice
from suture.analysis.figures.static import StaticFigure
from suture.analysis.retrieval import Ranks, rank_curve
from suture.analysis.statistics.bootstrap import Estimate
from tests.analysis.planted import pair

RAW = '<b>a & b</b> &lt; <a href="x">c</a>'  # a name that Plotly would read as HTML
N = 60
X, Y = pair(N, 8, 1)
GROUPS = np.arange(N) // 2
BY = np.where(np.arange(N) % 3 == 0, RAW, "plain")
COSINES = np.einsum("nd,nd->n", X, Y)
SAMPLES = gap.cosine_samples(X, Y)
CURVE = rank_curve(Ranks(np.arange(N) % 20, np.ones(N, int), np.ones(N, int)), GROUPS, N)
EPOCHS = [{"epoch": e, "gap": 0.5 - 0.1 * e, "loss": 3.0 - e} for e in range(4)]
GAPS, LOSSES = (figures.curve_of(EPOCHS, name) for name in ("gap", "loss"))
MOVED = Movement(np.linspace(0.1, 1.4, N), np.linspace(1, 0, N), np.arange(N) > 50, "null", 0.9)
NEAR = NeighbourChanges(5, np.arange(3), (), (), np.array([0.2, 0.2, 1.0]), 0.1)
SLICES = [
    Slice(RAW, 40, 20, 0.1, 0.3, 0.2, 0.1, 0.25, 0.01, "better"),
    Slice("few", 3, 2, 0.1, 0.2, 0.1, None, None, None, "not decidable at this N"),
]
MEAN = gap.LabelMean(RAW, Estimate(0.4, 0.3, 0.6, 9, 9, 10))
ORDER = gap.study_order(BY.tolist())
ROW = SimpleNamespace(
    title=RAW, name="x", modalities=(), direction=None, protocol=None, label=None,
    margin=0.02, difference=0.1, low=0.05, high=0.2, verdict="better",
)  # fmt: skip


def ridgeline() -> go.Figure:
    return figures.ridgeline(gap.ridges([COSINES, COSINES + 0.1], BY, GROUPS, resamples=20), (RAW, "B"))


def heat() -> go.Figure:
    table = gap.cosine_blocks(X[ORDER.rows], Y[ORDER.rows])
    ids = [f"{RAW}{row}" for row in ORDER.rows]
    return figures.cosine_heatmap(table, ORDER, (RAW, "report"), table.reach(), ids=ids)


DRAWN: dict[str, Callable[[], go.Figure]] = {
    "all kinds": lambda: figures.cosine_histograms({RAW: SAMPLES}, RAW, "report"),
    "one kind": lambda: figures.kind_histograms({RAW: COSINES, "B": COSINES}, f"cosine, {RAW}"),
    "true pairs": lambda: figures.pair_cosines(COSINES, COSINES + 0.01, (RAW, "B")),
    "by group": lambda: figures.means_by_label({RAW: [MEAN]}, ("#0072B2",), "cosine"),
    "ridges": ridgeline,
    "heat map": heat,
    "rank curves": lambda: figures.rank_curves({RAW: CURVE}, RAW),
    "changes": lambda: figures.movement_histogram(MOVED),
    "overlaps": lambda: figures.neighbour_overlap(NEAR.overlap, NEAR.k, NEAR.by_chance),
    "slices": lambda: figures.slice_differences(SLICES, "B − A"),
    "forest": lambda: figures.forest_plot([ROW]),  # type: ignore[list-item]
    "curves": lambda: figures.curves({RAW: LOSSES}, ["#0072B2"], over="epoch"),
    "against the gap": lambda: figures.loss_against_gap({RAW: (GAPS, LOSSES)}, ["#0072B2"], cost=RAW),
    "map": lambda: figures.small_map({RAW: X[:, :2], "report": Y[:, :2]}, colours=("#0072B2", "#D55E00")),
}


def shown(figure: go.Figure) -> str:
    """All words that Plotly would read as HTML."""
    axes = [*figure.select_xaxes(), *figure.select_yaxes()]
    words = [t.name or "" for t in figure.data] + [t.hovertemplate or "" for t in figure.data]
    words += [a.text for a in figure.layout.annotations] + [a.title.text or "" for a in axes]
    words += [str(t) for a in axes for t in a.ticktext or ()]
    words += [str(y) for t in figure.data if t.type == "scatter" for y in (t.y if t.y is not None else ())]
    return "\n".join(words)


@pytest.mark.parametrize("kind", [*DRAWN])
def test_a_strangers_markup_stays_text(kind: str) -> None:
    figure = DRAWN[kind]()
    words = shown(figure)
    assert "<b>" not in words
    assert "<a " not in words
    if RAW in str(figures.data_of(figure)):  # told, so drawn
        assert "&amp; b&lt;/b> &amp;lt;" in words


@pytest.mark.parametrize("kind", [*DRAWN])
def test_every_row_of_the_data_has_the_same_columns(kind: str) -> None:
    rows = figures.data_of(DRAWN[kind]())
    assert rows
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert not any(isinstance(value, np.generic) for row in rows for value in row.values())


def column(rows: list[dict[str, object]], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows], dtype=float)


def test_histograms_tell_every_bin_once() -> None:
    rows = figures.data_of(DRAWN["all kinds"]())
    assert [*rows[0]] == ["of", "series", "cosine", "density"]
    assert {row["of"] for row in rows} == {RAW}
    assert {row["series"] for row in rows} == {
        "True pairs", "Random pairs", f"Within {RAW}", "Within report"
    }  # fmt: skip
    true = [row for row in rows if row["series"] == "True pairs"]
    assert column(true, "cosine") == pytest.approx(np.arange(-0.99, 1, 0.02))
    assert column(true, "density").sum() * 0.02 == pytest.approx(1)


def test_the_last_bin_is_as_wide_as_the_others() -> None:
    """Cosines of nearly 1 fill a whole bin, whose outline comes down inside the axis."""
    figure = figures.kind_histograms({"A": np.full(10, 0.999)}, "cosine")
    (trace,) = figure.data
    assert trace.x[-4:] == (0.97, 0.99, 1.0, 1.0)
    assert trace.y[-4:] == pytest.approx((0, 50, 50, 0))
    assert figure.layout.xaxis.range[1] > 1
    assert figures.data_of(figure)[-1]["density"] == pytest.approx(50)


def test_true_pairs_are_counted_for_a_and_for_b() -> None:
    rows = figures.data_of(DRAWN["true pairs"]())
    names = [*dict.fromkeys(row["series"] for row in rows)]
    assert names == [
        f"{RAW} · median {np.median(COSINES):.3f}",
        f"B · median {np.median(COSINES) + 0.01:.3f}",
    ]
    for name in names:
        assert column([r for r in rows if r["series"] == name], "studies").sum() == N


def test_one_kind_has_a_rule_at_each_median() -> None:
    figure = figures.kind_histograms({"A": np.array([0.1, 0.2, 0.6]), "B": np.array([0.4, 0.5])}, "cosine")
    lines = [(line.x0, line.line.color) for line in figure.layout.shapes]
    assert lines == [(0.2, figures.COLOUR_A), (pytest.approx(0.45), figures.COLOUR_B)]
    assert [trace.line.color for trace in figure.data] == [figures.COLOUR_A, figures.COLOUR_B]


def test_intervals_are_told_as_ends() -> None:
    (row,) = figures.data_of(DRAWN["by group"]())
    assert (row["y"], row["cosine"]) == (f"{RAW} (9)", 0.4)
    assert (row["low"], row["high"]) == (pytest.approx(0.3), pytest.approx(0.6))


def test_ridges_are_told_as_cosine_and_density_not_as_places_on_the_page() -> None:
    rows = figures.data_of(ridgeline())
    values = [*dict.fromkeys((row["series"], row["value"], row["studies"]) for row in rows)]
    assert values == [(s, v, n) for v, n in values_of() for s in (RAW, "B")]
    one = [row for row in rows if row["series"] == "B" and row["value"] == RAW]
    assert np.trapezoid(column(one, "density"), column(one, "cosine")) == pytest.approx(1, abs=0.03)


def values_of() -> list[tuple[str, int]]:
    """Values and their studies, in the order of the rows."""
    return [(row.name, row.n) for row in gap.ridges([COSINES], BY, GROUPS, resamples=2).rows]


def test_the_heat_map_tells_whose_cosine_each_cell_is() -> None:
    rows = figures.data_of(heat())
    assert len(rows) == (2 * N) ** 2
    first, other = ORDER.rows[0], ORDER.rows[5]
    ((found),) = [
        row["value"]
        for row in rows
        if (row["row"], row["column"]) == (f"{RAW}: {RAW}{first}", f"report: {RAW}{other}")
    ]
    assert found == pytest.approx(X[first] @ Y[other], abs=1e-6)


def test_rank_curves_tell_interval_and_chance_of_every_k() -> None:
    rows = figures.data_of(DRAWN["rank curves"]())
    for name in ("k", "recall", "low", "high", "chance"):
        assert column(rows, name) == pytest.approx(getattr(CURVE, name))


def test_changes_count_every_study_once_beside_the_expected_ones() -> None:
    rows = figures.data_of(DRAWN["changes"]())
    per = {name: column([r for r in rows if r["series"] == name], "studies").sum() for name in
           ("stayed (51)", "moved (9)", "expected if none moved")}  # fmt: skip
    assert (per["stayed (51)"], per["moved (9)"]) == (51, 9)
    assert per["expected if none moved"] == pytest.approx(N, rel=0.1)


def test_overlaps_count_the_kept_neighbours() -> None:
    rows = figures.data_of(DRAWN["overlaps"]())
    assert [row["studies"] for row in rows] == [0, 2, 0, 0, 0, 1]


def test_slices_and_forest_tell_their_numbers_and_verdicts() -> None:
    rows = figures.data_of(DRAWN["slices"]())
    assert [tuple(row.values()) for row in rows] == [
        (RAW, 40, 0.1, 0.3, 0.2, 0.1, 0.25, "better"),
        ("few", 3, 0.1, 0.2, 0.1, None, None, "not decidable at this N"),
    ]
    (row,) = figures.data_of(DRAWN["forest"]())
    assert [*row.values()][1:] == [0.1, 0.05, 0.2, 0.02, "better"]


def test_a_path_goes_through_the_epochs_that_have_both_numbers() -> None:
    late = figures.curve_of(EPOCHS[1:], "loss")
    figure = figures.loss_against_gap({"run": (GAPS, late)}, ["#0072B2"], cost="Loss")
    (path,) = figure.data
    assert (path.mode, path.x, path.y) == ("lines+markers", (0.4, 0.3, pytest.approx(0.2)), (2.0, 1.0, 0.0))
    assert path.marker.symbol == ("arrow", "arrow", "circle-open-dot")
    assert figures.data_of(figure)[0] == {"series": "run", "epoch": 1, "centroid gap": 0.4, "Loss": 2.0}


def test_losses_of_steps_become_means_of_epochs() -> None:
    steps = [{"epoch": 1, "loss": 4.0}, {"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}, {"epoch": 3}]
    assert figures.epoch_means(steps, "loss") == [{"epoch": 1, "loss": 3.0}, {"epoch": 2, "loss": 1.0}]


def test_curves_tell_the_line_and_not_its_band() -> None:
    rows = [{"epoch": e, "r": 0.5, "r_half": 0.1} for e in range(3)]
    figure = figures.curves({"run": figures.curve_of(rows, "r", warned=[2])}, ["#0072B2"], over="epoch")
    assert len(figure.data) == 3  # band, line, cross
    assert figures.data_of(figure) == [{"series": "run", "epoch": e, "y": 0.5} for e in range(3)]


def test_a_still_figure_tells_the_same_once() -> None:
    figure = figures.pair_cosines(np.linspace(0, 1, 50), np.linspace(0.5, 1, 50), ["A", "B"])
    still = StaticFigure(figure)
    assert still.to_json() == figure.to_json()
    assert still.to_dict() is still.to_dict()
    assert figures.data_of(still) == figures.data_of(figure)
