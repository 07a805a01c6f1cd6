"""Tables for a notebook, as HTML that escapes every cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape


def table(rows: Sequence[Mapping[str, object]], *, align_right: Iterable[str] = ()) -> str:
    """Rows of cells as a table; the first row's keys are the columns. "" without rows."""
    if not rows:
        return ""
    right = {*align_right}

    def cell(tag: str, name: str, value: object) -> str:
        side = "right" if name in right else "left"
        return f'<{tag} style="text-align:{side}">{escape(str(value))}</{tag}>'

    head = "".join(cell("th", name, name) for name in rows[0])
    body = "".join(f"<tr>{''.join(cell('td', k, v) for k, v in row.items())}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def folded(summary: str, content: str) -> str:
    """Content that opens on a click; "" where there is none."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>" if content else ""


def paragraph(text: str, *, strong: bool = False) -> str:
    """One line of text."""
    inner = f"<strong>{escape(text)}</strong>" if strong else escape(text)
    return f"<p>{inner}</p>" if text else ""
