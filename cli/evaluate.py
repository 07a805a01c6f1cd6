"""Measure an embedding set; list the metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from suture.cli.common import AsJson, Home, err, out, progress_callback, warn_if_trained_on
from suture.data.workspace import Workspace

if TYPE_CHECKING:
    from suture.analysis.evaluate import Control, Evaluation, Metric

commands = typer.Typer()


@commands.command()
def evaluate(
    set_name: Annotated[str, typer.Argument(metavar="SET")],
    split: Annotated[str, typer.Option(help="Split, or all.")] = "all",
    resamples: Annotated[int, typer.Option(help="Number of bootstrap resamples.", min=20)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    full: Annotated[bool, typer.Option("--full", help="All metrics, not only the default ones.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Measure the gap, the geometry and retrieval, with 95 % intervals."""
    from suture.workflows.evaluate import evaluation

    workspace = Workspace(home)
    with progress_callback(as_json) as progress:
        result = evaluation(
            workspace,
            set_name,
            split=split,
            resamples=resamples,
            seed=seed,
            extended=full,
            progress=lambda share, what: progress(share, f"Measuring {what}"),
        )
    warn_if_trained_on(workspace, split, set_name)
    if as_json:
        print(json.dumps(result.to_json()))
        return
    out.print(_table(result))
    for metric in result.metrics:
        if metric.value is None:
            err.print(f"Undefined: {metric.name} of {_of(metric)}. {metric.reason}", style="dim")
    for line in map(_control, result.controls):
        err.print(line, style="dim")
    for said in (f"Intervals: {result.interval}.", result.sampling):
        if said:
            err.print(said, style="dim")


@commands.command()
def metrics(as_json: AsJson = False) -> None:
    """List the metrics: meaning, direction and caveat of each."""
    from suture.analysis.catalogue import CATALOGUE
    from suture.analysis.catalogue.captions import CAPTION_METRICS

    known = [*CATALOGUE.values(), *CAPTION_METRICS.values()]
    if as_json:
        print(json.dumps([vars(info) for info in known]))
        return
    table = Table(show_lines=True)
    for column in ("metric", "meaning", "better", "caveat"):
        table.add_column(column)
    for info in known:
        table.add_row(info.name, info.meaning, info.better, info.pitfall)
    out.print(table)


def _table(result: Evaluation) -> Table:
    table = Table(title=f"{result.set} · {result.split} · {result.n:,} studies")
    for column in ("metric", "of", "value (95 % interval)", "n", "better", "protocol"):
        table.add_column(column, no_wrap=True, justify="right" if column == "n" else "left")
    for m in result.metrics:
        if m.value is not None:
            interval = "" if m.low is None else f" ({m.low:.3f} to {m.high:.3f})"
            table.add_row(
                m.name, _of(m), f"{m.value:.4f}{interval}", m.measured_on, m.better, m.protocol or ""
            )
    return table


def _of(metric: Metric) -> str:
    return (metric.direction or " · ".join(metric.modalities)) + (
        f" by {metric.label}" if metric.label else ""
    )


def _control(control: Control) -> str:
    """A permutation control in one line."""
    verdict = "as expected" if control.holds else "NOT as expected"
    of = control.direction or " · ".join(control.modalities)
    return (
        f"Control, partners shuffled: {control.name} of {of} {control.true:.3f} -> {control.shuffled:.3f}, "
        f"expected {control.expected:.3f}: {verdict}."
    )
