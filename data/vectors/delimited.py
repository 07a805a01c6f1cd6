"""In the child: CSV and TSV of numbers, also gzipped. Numbered columns and lists in cells become arrays.

image_0, image_1, … are the vectors `image`; a column of cells such as "[0.1, 0.2]" is the vectors of its
name; all other columns are texts that describe the rows. A table of numbers alone, with or without the header
0, 1, 2, …, is called like its file. A row without any number of a modality lacks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path, PurePosixPath

import numpy as np

from suture.data import limits
from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.tables.delimited import ADVICE, records_of
from suture.data.tables.encodings import without_surrogates
from suture.data.tables.reading import unpacked
from suture.data.vectors.numbered import WIDE, column_name, coordinates

PEEKED = 200  # rows that tell which columns are numbers and which are lists
CELLS = 2**18  # cells held as text
MAX_COLUMNS = 50_000
BETWEEN = re.compile(r"[\s,;]+")
CUT = "..."  # what numpy and pandas write in place of the middle of a long array
Cells = list[str]


@dataclass
class _Vectors:
    """One modality: the columns of its coordinates, or one column of lists."""

    name: str
    places: list[int]
    width: int
    lists: bool
    blocks: list[np.ndarray] = field(default_factory=list)
    absent: list[np.ndarray] = field(default_factory=list)

    def take(self, rows: list[Cells]) -> None:
        """Add the numbers of rows. `Refused` for a list of another length."""
        if self.lists:
            cells: list[Sequence[str]] = [_tokens(row[self.places[0]]) for row in rows]
            if any(tokens and len(tokens) != self.width for tokens in cells):
                raise Refused("embedding_shape", f"Rows of {quoted(self.name)} differ in length.")
        else:
            cells = [*map(itemgetter(*self.places), rows)]
        block, absent = _numbers(cells, self.width)
        self.blocks.append(block)
        self.absent.append(absent)


def read_delimited(path: Path, label: str) -> Iterator[tuple[str, Iterator[np.ndarray]]]:
    """(name, blocks of rows) of each vector and of each other column."""
    header, rows = _table(path, label)
    peeked = [*islice(rows, PEEKED)]
    vectors = _vectors(header, peeked, PurePosixPath(label.removesuffix(".gz")).stem)
    taken = {at for found in vectors for at in found.places}
    texts: dict[int, list[str]] = {at: [] for at in range(len(header)) if at not in taken}
    rows = chain(peeked, rows)
    while block := [*islice(rows, max(1, CELLS // len(header)))]:
        for found in vectors:
            found.take(block)
        for at, column in texts.items():
            column.extend(without_surrogates(row[at]) for row in block)
    for found in vectors:
        yield found.name, iter(found.blocks)
        absent = np.concatenate(found.absent or [np.zeros(0, bool)])
        if absent.any() and f"present:{found.name}" not in header:
            yield f"present:{found.name}", iter([np.where(absent, "False", "True").astype(object)])
    for at, column in texts.items():
        name = column_name(header[at], {found.name for found in vectors})
        yield name, iter([np.asarray(column, dtype=object)])


def _table(path: Path, label: str) -> tuple[Cells, Iterator[Cells]]:
    """(names of the columns, the rows without blank ones). `Refused` for a row that does not fit."""
    if path.stat().st_size > limits.current().table_bytes:
        raise Refused("table_too_large", f"{quoted(label)} has more bytes than the limit on a table.")
    content = path.read_bytes()
    if label.lower().endswith(".gz"):
        content, label = unpacked(content, label), label[: -len(".gz")]
    records = records_of(content, label)
    _, _, first = next(records)
    if first is None or len(first) > MAX_COLUMNS:
        raise Refused("table_corrupt", f"The header of {quoted(label)} cannot be read. {ADVICE}")
    rows = _rows(records, len(first), label)
    names = [cell.strip() or f"column {n}" for n, cell in enumerate(first, 1)]
    counted = [cell.strip() for cell in first] in ([*map(str, range(i, len(first) + i))] for i in (0, 1))
    if not counted and all(_is_number(cell) for cell in first):
        names, rows = [*map(str, range(len(first)))], chain([first], rows)
    return names, rows


def _rows(records: Iterable[tuple[int, int, Cells | None]], width: int, label: str) -> Iterator[Cells]:
    count, most = 0, limits.current().table_rows
    for line, _, cells in records:
        if cells is not None and not any(map(str.strip, cells)):
            continue
        if cells is None or len(cells) < width or any(cells[width:]):
            what = (
                "a quote that is not closed" if cells is None else f"{len(cells)} cells, the header {width}"
            )
            raise Refused("table_corrupt", f"Line {line:,} of {quoted(label)} has {what}. {ADVICE}")
        count += 1
        if count > most:
            raise Refused("table_too_large", f"{quoted(label)} has more than {most:,} rows, the limit.")
        yield cells[:width]


def _vectors(header: Cells, peeked: list[Cells], stem: str) -> list[_Vectors]:
    """The modalities of a table: first those of numbered columns, then columns of lists."""
    columns = {name: [row[at].strip() for row in peeked] for at, name in enumerate(header)}
    numbers = [name for name in columns if header.count(name) == 1 and _are_coordinates(columns[name])]
    labels = [c for c in numbers if all(map(_is_truth, columns[c]))]
    numbered = {
        name: own for name, own in coordinates(numbers, stem).items() if not {*own} <= {*labels} or not peeked
    }
    found = [_Vectors(name, [*map(header.index, own)], len(own), False) for name, own in numbered.items()]
    taken = {at for vectors in found for at in vectors.places}
    widths = {at: _list_width(columns[c], c) for at, c in enumerate(header) if at not in taken}
    return [*found, *(_Vectors(header[at], [at], width, True) for at, width in widths.items() if width)]


def _are_coordinates(cells: Cells) -> bool:
    """Whether most cells are numbers."""
    filled = [cell for cell in cells if cell]
    return 2 * sum(map(_is_number, filled)) >= len(filled)


def _is_truth(cell: str) -> bool:
    """Whether it is blank, or 0, 1 or -1, as cells of labels are."""
    return not cell or (_is_number(cell) and _number(cell) in (0, 1, -1))


def _list_width(cells: Sequence[str], name: str) -> int:
    """How many numbers each cell of a column lists; 0 if it is not a column of lists of one length."""
    filled = [cell for cell in cells if cell]
    lists = [_tokens(cell) for cell in filled]
    lengths = {len(tokens) for tokens in lists}
    bracketed = all(cell[0] in "[(" and cell[-1] in ")]" for cell in filled)
    if not lists or min(lengths) < (2 if bracketed else WIDE):
        return 0
    if bracketed and any(CUT in tokens for tokens in lists):
        message = f"Cells of {quoted(name)} were cut off when they were written: they have {CUT!r} inside."
        raise Refused("embedding_shape", f"{message} Save the vectors with numpy.savez or as Parquet.")
    if len(lengths) > 1 or not all(_is_number(token) for tokens in lists for token in tokens):
        return 0
    return lengths.pop()


def _tokens(cell: str) -> Cells:
    """The numbers of a list, as text."""
    inside = cell.strip().strip("[]()").strip()
    return BETWEEN.split(inside) if inside else []


def _numbers(rows: list[Sequence[str]], width: int) -> tuple[np.ndarray, np.ndarray]:
    """((n_rows, width) float64 with NaN for a cell that is no number; the rows without any cell, zeros)."""
    try:
        block = np.array([[*map(float, row)] for row in rows], dtype=np.float64)
        return block.reshape(len(rows), width), np.zeros(len(rows), dtype=bool)
    except ValueError:  # a blank cell, a row without numbers, or a decimal comma
        absent = np.array([not any(map(str.strip, row)) for row in rows])
        found = [[0.0] * width if no else [*map(_number, row)] for row, no in zip(rows, absent, strict=True)]
        return np.array(found, dtype=np.float64), absent


def _number(cell: str) -> float:
    for text in (cell, cell.replace(",", ".")):
        try:
            return float(text)
        except ValueError:
            continue
    return float("nan")


def _is_number(cell: str) -> bool:
    return cell.strip().lower() in ("nan", "null", "none") or not np.isnan(_number(cell))
