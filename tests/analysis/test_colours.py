"""The colours: distinguishable with colour vision deficiency, and visible on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from suture.analysis.compare import VerdictWord
from suture.analysis.figures import (
    CATEGORY_COLOURS,
    COLOUR_A,
    COLOUR_B,
    DIVERGING,
    MODALITY_COLOURS,
    PAIR_KINDS,
    SEQUENTIAL,
)
from suture.analysis.figures.colours import BAD, EXPECTED, GOOD, NEUTRAL, OTHER
from suture.analysis.figures.comparison import VERDICT_MARKS

# Machado, Oliveira, Fernandes 2009, severity 1, on linear RGB
SIGHTS = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
PAGES = ("#FFFFFF", "#11161C")  # backgrounds, light and dark

# Least CIE76 difference of any two of a set in any sight. About 2 can just be seen side by side.
FLOORS = {
    "A and B": (80, (COLOUR_A, COLOUR_B)),
    "modalities": (23, MODALITY_COLOURS),
    "categories": (22, CATEGORY_COLOURS),
    "kinds of pairs": (14, tuple(colour for _, colour in PAIR_KINDS.values())),
    "A, B and modalities": (16, (COLOUR_A, COLOUR_B, *MODALITY_COLOURS)),
    "neighbours on the ramp": (12, SEQUENTIAL),
}


def linear(colour: str) -> np.ndarray:
    """#RRGGBB as light (3,), 0 to 1 (sRGB, IEC 61966-2-1)."""
    value = np.array([*bytes.fromhex(colour[1:])]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of light, under the white of sRGB."""
    xyz = TO_XYZ @ np.clip(light, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: str, other: str, sight: str) -> float:
    seen = [lab(SIGHTS[sight] @ linear(colour)) for colour in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def contrast(one: str, other: str) -> float:
    """WCAG 2: 1 = the same lightness, 21 = black on white."""
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def test_the_measures_know_what_they_measure() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21, abs=0.01)
    assert lab(linear("#FFFFFF")) == pytest.approx([100, 0, 0], abs=0.02)
    assert lab(linear("#FF0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    red_green = [difference("#B05020", "#6E7A20", sight) for sight in ("usual", "deuteranopia")]
    assert red_green[1] < red_green[0] / 2


@pytest.mark.parametrize("sight", [*SIGHTS])
@pytest.mark.parametrize("what", [*FLOORS])
def test_colours_of_one_set_stay_apart(what: str, sight: str) -> None:
    floor, colours = FLOORS[what]
    assert min(difference(*two, sight) for two in combinations(colours, 2)) >= floor


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("least", "colours"),
    [
        (3.0, (COLOUR_A, COLOUR_B, *MODALITY_COLOURS)),
        (3.0, (GOOD, BAD, OTHER, NEUTRAL, EXPECTED)),
        (2.0, CATEGORY_COLOURS),  # eight that are told apart need light and dark ones; a legend names them
        (1.8, SEQUENTIAL),
    ],
)
def test_marks_are_seen_on_both_pages(least: float, colours: Sequence[str], page: str) -> None:
    assert min(contrast(colour, page) for colour in colours) >= least


def test_verdicts_of_like_colour_differ_in_their_mark() -> None:
    """Green and red fall together for some: good and bad have other symbols too."""
    good: tuple[VerdictWord, ...] = ("closed", "narrowed", "better")
    assert not {VERDICT_MARKS[word][1] for word in good} & {
        VERDICT_MARKS["worse"][1],
        VERDICT_MARKS["changed"][1],
    }


def test_ramps_go_one_way_and_the_diverging_one_has_its_light_in_the_middle() -> None:
    rising = [lab(linear(colour))[0] for colour in SEQUENTIAL]
    assert rising == sorted(rising)
    low, *_, high = light = [lab(linear(colour))[0] for colour in DIVERGING]
    assert light.index(max(light)) == len(light) // 2
    assert abs(low - high) < 25
