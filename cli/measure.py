"""Measure and compare embedding sets."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from analysis.compare import Row
from analysis.evaluate import Metric
from cli.common import AsJson, Home, bar, err, out
from data.workspace import Workspace

commands = typer.Typer()


@commands.command()
def evaluate(
    set_name: Annotated[str, typer.Argument(metavar="SET")],
    split: Annotated[str, typer.Option(help="One split, or all.")] = "all",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=20)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Measure the gap, the geometry and retrieval, with 95 % intervals."""
    from models.results import evaluation

    workspace = Workspace(home)
    with bar(as_json) as shown:
        task = shown.add_task("Measuring", total=100)
        result = evaluation(
            workspace,
            set_name,
            split=split,
            resamples=resamples,
            seed=seed,
            progress=lambda share, what: shown.update(
                task, completed=round(100 * share), description=f"Measuring {what}"
            ),
        )
    _warn(workspace, split, set_name)
    if as_json:
        print(json.dumps(result.to_json()))
        return
    table = Table(title=f"{result.set} · {result.split} · {result.n:,} studies")
    for column in ("metric", "of", "value (95 % interval)", "n", "better", "protocol"):
        table.add_column(column, no_wrap=True, justify="right" if column == "n" else "left")
    for m in result.metrics:
        interval = "" if m.low is None else f" ({m.low:.3f} to {m.high:.3f})"
        where = (m.direction or " · ".join(m.modalities)) + (f" by {m.label}" if m.label else "")
        table.add_row(m.name, where, f"{m.value:.4f}{interval}", f"{m.n:,}", m.better, m.protocol or "")
    out.print(table)
    err.print(f"Intervals: {result.interval}.", style="dim")


@commands.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    split: Annotated[str, typer.Option(help="One split, or all.")] = "test",
    everything: Annotated[bool, typer.Option("--all", help="Every metric, not only the headline.")] = False,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=20)] = 1000,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Two embedding sets of the same studies, side by side with their intervals."""
    from analysis.compare import compare as beside
    from analysis.compare import headline
    from models.results import comparable, evaluation

    workspace = Workspace(home)
    comparable(workspace, a, b, split)
    _warn(workspace, split, a, b)
    with bar(as_json) as shown:
        task = shown.add_task("Measuring", total=2)
        found = []
        for name in (a, b):
            shown.update(task, description=f"Measuring {name}")
            found.append(evaluation(workspace, name, split=split, resamples=resamples))
            shown.advance(task)
    comparison = beside(*found)
    if as_json:
        print(json.dumps(comparison.to_json()))
        return
    table = Table(title=f"A = {a} · B = {b} · {split}")
    for column in ("metric", "of", "A", "B", "B - A", "better"):
        table.add_column(column, no_wrap=True)
    for row in comparison.rows if everything else headline(comparison):
        of = row.direction or " · ".join(row.modalities)
        detail = " ".join(part for part in (of, row.label or "", row.protocol or "") if part)
        change = f"{row.difference:+.3f}"
        table.add_row(row.title, detail, _with_interval(row.a), _with_interval(row.b), change, _better(row))
    out.print(table)
    note = "In brackets: the 95 % intervals of A and of B overlap, or there are none. No paired tests yet."
    err.print(note, style="dim")


def _warn(workspace: Workspace, split: str, *names: str) -> None:
    """Say which sets would be scored on studies that their checkpoint was trained on."""
    from models.results import trained_on

    for name in names:
        seen = trained_on(workspace, name, split)
        if seen:
            err.print(f"Mind: {seen}", style="yellow")


def _better(row: Row) -> str:
    """Which is better; in brackets where the intervals overlap or there are none."""
    known = row.better if row.better in ("A", "B") else ""
    return known if row.separate or not known else f"({known})"


def _with_interval(metric: Metric) -> str:
    low, high = metric.low, metric.high
    return f"{metric.value:.3f}" + ("" if low is None or high is None else f" ({low:.3f} to {high:.3f})")
