"""Compare two embedding sets over the same studies: paired differences, verdicts, a gate for CI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from suture.cli.common import (
    AsJson,
    Home,
    TestSplit,
    err,
    out,
    parse_pair,
    progress_callback,
    warn_if_trained_on,
)
from suture.data.workspace import Workspace

if TYPE_CHECKING:
    from suture.analysis.compare import MetricChange
    from suture.analysis.evaluate import Metric

commands = typer.Typer()
BROKEN = 3  # exit code when a condition of --fail-on holds
STYLES = {"closed": "green", "narrowed": "green", "better": "green", "worse": "red"}


@commands.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    split: TestSplit = "",
    pair: Annotated[
        str | None,
        typer.Option(help="Two modalities for the verdict and the rank changes, e.g. image,report."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All metrics, not only the headline ones.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="The extended metrics too; implies --all.")] = False,
    resamples: Annotated[int, typer.Option(help="Number of bootstrap resamples.", min=20)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            help='Exit with 3 when a difference B - A meets this, e.g. "recall_at_10<-0.02". Repeatable; '
            "recall by the multi-positive protocol unless one is named: recall_at_10:strict."
        ),
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Compare two sets over the same studies: paired differences, intervals and verdicts."""
    from suture.analysis.compare import headline
    from suture.analysis.compare.gate import parse_condition, violations
    from suture.workflows.compare import compared

    conditions = [parse_condition(text) for text in fail_on or ()]
    workspace = Workspace(home)
    with progress_callback(as_json) as progress:
        result = compared(
            workspace,
            a,
            b,
            split=split,
            pair=parse_pair(pair),
            resamples=resamples,
            seed=seed,
            extended=full,
            progress=progress,
        )
    warn_if_trained_on(workspace, result.split, a, b)
    failures = [line for c in conditions for line in violations(c, result.table)]
    if as_json:
        print(json.dumps({**result.to_json(), "failed": failures}))
    else:
        err.print(result.verdict.headline, style="bold")
        for reason in result.verdict.reasons:
            err.print(f"- {reason}")
        rows = result.table.rows if everything or full else headline(result.table)
        out.print(_table(f"A = {a} · B = {b} · {result.split}", rows))
        err.print(
            "Differences: paired bootstrap over groups, 95 %. p: after Holm over the headline numbers.",
            style="dim",
        )
        if result.sampling:
            err.print(result.sampling, style="dim")
        for line in failures:
            err.print(f"Failed: {line}", style="red")
    if failures:
        raise typer.Exit(BROKEN)


def _table(title: str, rows: tuple[MetricChange, ...]) -> Table:
    table = Table(title=title)
    for column in ("metric", "of", "A", "B", "B - A (95 % interval)", "p", "verdict"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        of = row.direction or " · ".join(row.modalities)
        detail = " ".join(part for part in (of, row.label or "", row.protocol or "") if part)
        change = "" if row.difference is None else f"{row.difference:+.3f}"
        if row.low is not None and row.high is not None:
            change += f" ({row.low:+.3f} to {row.high:+.3f})"
        p = "" if row.p_holm is None else f"{row.p_holm:.3f}"
        style = STYLES.get(row.verdict, "")
        table.add_row(
            row.title, detail, _value(row.a), _value(row.b), change, p, row.verdict, style=style or None
        )
    return table


def _value(metric: Metric) -> str:
    return "" if metric.value is None else f"{metric.value:.3f}"
