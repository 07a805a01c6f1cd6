"""Conditions on differences, so that a CI build fails when a checkpoint gets worse."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.compare.table import Comparison, MetricChange
from suture.data.errors import Refused

OPERATORS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
CONDITION = re.compile(
    r"\s*([a-z0-9_]+)(?::(\w+))?\s*(<=|>=|<|>)\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*", re.IGNORECASE
)
DEFAULT_PROTOCOL = "multi_positive"


@dataclass(frozen=True)
class Condition:
    """`name[:protocol] operator limit` on the difference B - A; the gate fails where it is true."""

    text: str
    name: str
    protocol: str | None
    sign: str
    limit: float

    def meets(self, row: MetricChange) -> bool:
        """Whether the condition applies to this row and is met, or the difference is undefined."""
        applies = row.protocol in (None, self.protocol or DEFAULT_PROTOCOL)
        if row.name != self.name or not applies:
            return False
        return row.difference is None or bool(OPERATORS[self.sign](row.difference, self.limit))


def parse_condition(text: str) -> Condition:
    """Parse a condition such as "recall_at_10<-0.02" or "recall_at_1:strict<0". `Refused` if malformed."""
    match = CONDITION.fullmatch(text)
    example = 'e.g. "recall_at_10<-0.02" or "recall_at_1:strict<0"'
    if match is None:
        raise Refused(
            "bad_condition", f"Expected name, one of < <= > >=, and a number, {example}; got {text!r}."
        )
    name, protocol, sign, limit = match.groups()
    if name not in CATALOGUE:
        names = ", ".join(CATALOGUE)
        raise Refused("unknown_metric", f"There is no metric {name!r}. Expected one of: {names}.")
    try:
        return Condition(text, name, protocol, sign, float(limit))
    except ValueError:
        raise Refused("bad_condition", f"{limit!r} is not a number; {example}.") from None


def violations(wanted: Condition, comparison: Comparison) -> list[str]:
    """One sentence per row that meets the condition or is undefined in one of the sets.

    `Refused` if no row has that name and protocol, since such a gate could never fail.
    """
    rows = [r for r in comparison.rows if r.name == wanted.name]
    if not any(r.protocol in (None, wanted.protocol or DEFAULT_PROTOCOL) for r in rows):
        have = ", ".join(sorted({r.protocol or "no protocol" for r in rows})) or "none"
        raise Refused(
            "nothing_to_check",
            f"{wanted.text!r} concerns no number of this comparison (rows of {wanted.name}: {have}). "
            "Extended metrics need --full.",
        )
    return [
        f"{row.name} of {row.direction or ' and '.join(row.modalities)}: {_describe(row)} ({wanted.text})"
        for row in rows
        if wanted.meets(row)
    ]


def _describe(row: MetricChange) -> str:
    if row.difference is not None:
        return f"{row.difference:+.4f}"
    side, metric = ("B", row.b) if row.b.value is None else ("A", row.a)
    return f"undefined in {side}, {metric.reason}"
