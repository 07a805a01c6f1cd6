"""The record that describes one metric; the app, the shell, the report and the docs all use it."""

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
    """The description of a metric.

    title, meaning  shown to users: a title, and one plain sentence
    better          the direction that is better; reading  the same as a phrase
    convention      the formula and its conventions: diagonal, squares, ties, pool
    function        dotted path of the public function that computes it
    source          paper, or how it was derived
    pitfall         what the metric cannot show, or how it is misread
    margin          the smallest relevant change: a change whose interval lies within +-margin is
                    "unchanged". With `relative`, a fraction of the value of A, but at least `margin_floor`
    extended        only in the full evaluation, not in the default one
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
