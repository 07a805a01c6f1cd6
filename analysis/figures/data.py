"""The plotted data of a figure, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from itertools import chain
from typing import Any

import numpy as np
import plotly.graph_objects as go

Row = dict[str, object]


def data_of(figure: go.Figure) -> list[Row]:
    """One row for every mark of the figure, in drawing order; all rows have the same columns.

    Columns: `of` (which part of the figure), `series`, `x` and `y` under the titles of their axes, `low` and
    `high` of a mark with an interval; `row`, `column` and `value` of a heat map. A trace with
    transformed coordinates has its data in `customdata`, named by `meta["columns"]`; decorative traces
    (`theme.ORNAMENT`) are left out. Text is returned unescaped.
    """
    rows = list(chain.from_iterable(_rows(figure, trace) for trace in figure.data))
    titles = list(dict.fromkeys(title for row in rows for title in row))
    return [{title: row.get(title) for title in titles} for row in rows]


def _rows(figure: go.Figure, trace: Any) -> Iterator[Row]:
    about = trace.meta if isinstance(trace.meta, dict) else {}
    if about.get("ornament"):
        return
    head: Row = {"of": about["of"]} if "of" in about else {}
    head |= {"series": unescape(trace.name)} if trace.name else {}
    if "columns" in about:
        ends = about.get("closed", 0)
        for values in trace.customdata[ends : len(trace.customdata) - ends]:
            yield head | {name: _number(v) for name, v in zip(about["columns"], values, strict=True)}
    elif trace.type == "heatmap":
        yield from _cells(np.asarray(trace.z), about.get("rows"), head)
    else:
        yield from _marks(figure, trace, head)


def _cells(table: np.ndarray, names: list[str] | None, head: Row) -> Iterator[Row]:
    """A square matrix whose rows and columns have the same names."""
    for row, line in enumerate(table):
        for column, value in enumerate(line):
            places = (names[row], names[column]) if names else (row, column)
            yield {**head, "row": places[0], "column": places[1], "value": float(value)}


def _marks(figure: go.Figure, trace: Any, head: Row) -> Iterator[Row]:
    x, y = (_title(figure, trace, letter) for letter in "xy")
    spread: Any = getattr(trace, "error_x", None)
    ends = spread is not None and spread.array is not None
    for place, (across, up) in enumerate(zip(trace.x, trace.y, strict=True)):
        row = {**head, x: _plain(across), y: _plain(up)}
        if ends:
            row |= {"low": across - spread.arrayminus[place], "high": across + spread.array[place]}
        yield row


def _title(figure: go.Figure, trace: Any, letter: str) -> str:
    """Title of the axis of the trace, or of another axis of the same letter; else the letter."""
    own = figure.layout[f"{letter}axis{(getattr(trace, f'{letter}axis') or letter)[1:]}"]
    axes = [own, *(figure.select_xaxes() if letter == "x" else figure.select_yaxes())]
    return next((unescape(a.title.text) for a in axes if a.title.text), letter)


def _plain(value: Any) -> object:
    """A number, or unescaped text."""
    return unescape(value) if isinstance(value, str) else _number(value)


def _number(value: Any) -> object:
    return value.item() if isinstance(value, np.generic) else value
