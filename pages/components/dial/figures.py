"""What the gap dial draws: clouds, hills and curves at all strengths, with their colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suture.analysis.figures import MODALITY_COLOURS, PAIR_KINDS
from suture.analysis.figures.colours import EXPECTED, GOOD, NEUTRAL
from suture.analysis.posthoc.dial import Sweep
from suture.analysis.posthoc.dial_plane import Plane, Range
from suture.pages.components.dial import sentences
from suture.pages.components.dial.view import Cloud, Curve, Hill, Picture
from suture.pages.components.linked_map.payload import SHAPES

# The table has the other recalls. Colours: a query's modality, the hill of the true pairs.
CURVES = {
    "centroid_gap_debiased": (NEUTRAL, ""),
    "cos_true_pairs": (GOOD, ""),
    "recall_at_10:forward": (MODALITY_COLOURS[0], ""),
    "recall_at_10:back": (MODALITY_COLOURS[1], "6 4"),
}
CLUSTERS = (EXPECTED, "2 3")


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
        curves=_curves(measured, sentences.titles([*measured.numbers], *pair), clusters, label),
        said=sentences.said(measured),
        rows=sentences.rows(measured, *pair, clusters, label),
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
        for kind, (label, colour) in PAIR_KINDS.items()
    )


def _curves(
    measured: Sweep, titles: dict[str, str], clusters: Sequence[float] | None, label: str
) -> tuple[Curve, ...]:
    drawn = [Curve(titles[key], *style, measured.numbers[key]) for key, style in CURVES.items()]
    if clusters is not None:
        drawn.append(Curve(sentences.by(label), *CLUSTERS, tuple(clusters)))
    return tuple(drawn)
