"""What the gap dial draws at all strengths: points, densities and curves, with their colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suture.analysis.figures import MODALITY_COLOURS, PAIR_KINDS
from suture.analysis.figures.colours import EXPECTED, GOOD, NEUTRAL
from suture.analysis.posthoc.dial import Sweep
from suture.analysis.posthoc.dial_plane import Plane, Range
from suture.pages.components.dial import sentences
from suture.pages.components.dial.view import Cloud, Curve, Density, DialContent
from suture.pages.components.linked_map.payload import SHAPES

# The table has the other recalls. Colours: of the query's modality, and of true pairs.
CURVES = {
    "centroid_gap_debiased": (NEUTRAL, ""),
    "cos_true_pairs": (GOOD, ""),
    "recall_at_10:forward": (MODALITY_COLOURS[0], ""),
    "recall_at_10:back": (MODALITY_COLOURS[1], "6 4"),
}
CLUSTERS = (EXPECTED, "2 3")


def dial_content(
    sweep: Sweep,
    projection: Plane,
    frame: tuple[Range, Range],
    modalities: Sequence[str],
    clusters: Sequence[float] | None,
    label: str,
) -> DialContent:
    """Everything at every strength. modalities: all of the set, whose order gives the shapes;
    clusters: V-measure by `label` at every strength, or None."""
    x, y = projection.tracks
    end = ", above 1 overshoots" if sweep.strengths[-1] > 1 else ""
    return DialContent(
        label=f"Strength: 0 = as is, 1 = closed{end}",
        strengths=sweep.strengths,
        clouds=_clouds(projection, modalities),
        frame=frame,
        axes=_axes(projection),
        densities=_densities(sweep, x, y),
        curves=_curves(sweep, sentences.titles([*sweep.numbers], x, y), clusters, label),
        sentences=sentences.summaries(sweep),
        rows=sentences.rows(sweep, x, y, clusters, label),
    )


def _clouds(projection: Plane, modalities: Sequence[str]) -> tuple[Cloud, ...]:
    """Colours are those of the pair in the histograms too."""
    shapes = {m: SHAPES[i % len(SHAPES)] for i, m in enumerate(modalities)}
    tracks = zip(projection.tracks.items(), MODALITY_COLOURS, strict=False)
    return tuple(Cloud(m, shapes[m], colour, track.coefficients()) for (m, track), colour in tracks)


def _axes(projection: Plane) -> tuple[str, str]:
    first, second = (f"{share:.0%} of variance" for share in projection.explained)
    return f"1st direction ({first})", f"2nd direction ({second})"


def _densities(sweep: Sweep, x: str, y: str) -> tuple[Density, ...]:
    return tuple(
        Density(label.format(x=x, y=y), colour, np.asarray(sweep.histograms[kind]))
        for kind, (label, colour) in PAIR_KINDS.items()
    )


def _curves(
    sweep: Sweep, titles: dict[str, str], clusters: Sequence[float] | None, label: str
) -> tuple[Curve, ...]:
    drawn = [Curve(titles[key], *style, sweep.numbers[key]) for key, style in CURVES.items()]
    if clusters is not None:
        drawn.append(Curve(sentences.v_measure_title(label), *CLUSTERS, tuple(clusters)))
    return tuple(drawn)
