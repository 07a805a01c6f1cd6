"""Tables as text: CSV that is safe to open in a spreadsheet, and LaTeX that compiles."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet evaluates cells that begin with these
LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": "$-$",
    "→": r"$\rightarrow$",
    "·": r"$\cdot$",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}


def csv_text(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of one table as CSV with a header line; "" without rows.

    Text that a spreadsheet would evaluate as a formula is prefixed with an apostrophe; numbers are unchanged.
    """
    if not rows:
        return ""
    buffer = io.StringIO()
    writer = csv.writer(buffer)  # line ends are \r\n, so that both characters are quoted inside a cell
    writer.writerow(map(_csv_safe, rows[0]))
    writer.writerows([_csv_safe(row.get(title)) for title in rows[0]] for row in rows)
    return buffer.getvalue()


def latex(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of one table as a LaTeX tabular with booktabs rules; "" without rows.

    Every cell is escaped, so that it cannot contain commands; characters beyond ASCII are unchanged.
    """
    if not rows:
        return ""
    titles = [*rows[0]]
    # {}: a row that begins with [ or * would be parsed as an option of the preceding command
    lines = [
        "{}" + " & ".join(map(_escaped, line)) + r" \\" for line in (titles, *(r.values() for r in rows))
    ]
    ruled = [r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    return "\n".join([rf"\begin{{tabular}}{{{'l' * len(titles)}}}", *ruled, r"\end{tabular}", ""])


def _csv_safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS) else cell


def _escaped(cell: object) -> str:
    """The cell on one line: control characters and line breaks would end the row or break the file."""
    text = "" if cell is None else str(cell)
    shown = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text)
    return "".join(LATEX_ESCAPES.get(letter, letter) for letter in shown)
