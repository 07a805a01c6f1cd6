"""What is said about each metric: one record serves the app, the shell, the report and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", "neither"]

READINGS: dict[Better, str] = {
    "lower": "lower is closer",
    "higher": "higher is better",
    "neither": "neither is better",
}


@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """A metric in words.

    title, meaning  for people: a name, and one sentence in plain words
    better          which way is better; reading  the same in a few words
    convention      the formula and what is in it: diagonal, squares, ties, pool
    function        dotted path of the public function that computes it
    source          paper, or how it was derived
    pitfall         what the number cannot say, or how it is misread
    margin          the smallest change worth naming: a change whose interval lies within +-margin reads
                    "unchanged". With `relative` it is a share of the value of A, and `margin_floor` at least
    extended        only in the full evaluation, not among the default numbers
    """

    name: str
    title: str
    meaning: str
    better: Better
    convention: str
    function: str
    source: str
    pitfall: str
    margin: float = 0.02
    relative: bool = False
    margin_floor: float = 0.0
    extended: bool = False
    reading: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reading", self.reading or READINGS[self.better])
