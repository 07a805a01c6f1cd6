"""What the gap dial draws: clouds, hills and curves at all strengths, with their colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.dial import Sweep
from analysis.dial_plane import Plane, Range
from analysis.figures import KINDS, MODALITY_COLOURS
from pages.components import dial_words
from pages.components.dial_view import Cloud, Curve, Hill, Picture
from pages.components.linked_map.payload import SHAPES

CURVES = {  # the table has the other recalls
    "centroid_gap_debiased": ("#8C8C8C", ""),
    "cos_true_pairs": ("#009E73", ""),
    "recall_at_10:forward": ("#56B4E9", ""),
    "recall_at_10:back": ("#CC79A7", "6 4"),
}
CLUSTERS = ("#B8A800", "2 3")


def picture(
    measured: Sweep,
    flat: Plane,
    frame: tuple[Range, Range],
    modalities: Sequence[str],
    clusters: Sequence[float] | None,
    label: str,
) -> Picture:
    """Everything at every strength. modalities: all of the set, whose order gives the shapes;
    clusters: V-measure by `label` at every strength, or None."""
    pair = list(flat.tracks)
    end = ", above it over-closes" if measured.strengths[-1] > 1 else ""
    return Picture(
        label=f"Strength: 0 = as is, 1 = closed{end}",
        strengths=measured.strengths,
        clouds=_clouds(flat, modalities),
        frame=frame,
        axes=_axes(flat),
        hills=_hills(measured, *pair),
        curves=_curves(measured, dial_words.titles([*measured.numbers], *pair), clusters, label),
        said=dial_words.said(measured),
        rows=dial_words.rows(measured, *pair, clusters, label),
    )


def _clouds(flat: Plane, modalities: Sequence[str]) -> tuple[Cloud, ...]:
    """Colours are those of the pair in the histograms too."""
    shapes = {m: SHAPES[i % len(SHAPES)] for i, m in enumerate(modalities)}
    tracks = zip(flat.tracks.items(), MODALITY_COLOURS, strict=False)
    return tuple(Cloud(m, shapes[m], colour, track.coefficients()) for (m, track), colour in tracks)


def _axes(flat: Plane) -> tuple[str, str]:
    first, second = (f"{share:.0%} of variance" for share in flat.explained)
    return f"1st direction ({first})", f"2nd direction ({second})"


def _hills(measured: Sweep, x: str, y: str) -> tuple[Hill, ...]:
    return tuple(
        Hill(label.format(x=x, y=y), colour, np.asarray(measured.histograms[kind]))
        for kind, (label, colour) in KINDS.items()
    )


def _curves(
    measured: Sweep, titles: dict[str, str], clusters: Sequence[float] | None, label: str
) -> tuple[Curve, ...]:
    drawn = [Curve(titles[key], *style, measured.numbers[key]) for key, style in CURVES.items()]
    if clusters is not None:
        drawn.append(Curve(dial_words.by(label), *CLUSTERS, tuple(clusters)))
    return tuple(drawn)
