"""The gap between two modalities, and the true pairs."""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

PAIR_GAP = "suture.analysis.gap.pair_gap"
PAIR_EXTRAS = "suture.analysis.gap.pair_extras"
CONCENTRATION = "suture.analysis.gap.concentration.gap_concentration"
CONSTANCY = "suture.analysis.gap.concentration.gap_constancy"
VOLUMES = "suture.analysis.geometry.volumes.volumes"
C3 = "Zhang et al. 2024 (C3)"
TOP = (1, 2, 5, 10)


def _top(k: int) -> MetricInfo:
    which = "the one dimension" if k == 1 else f"the {k} dimensions"
    return MetricInfo(
        name=f"gap_top_{k}",
        title=f"Gap in {k} dimension{'s' * (k > 1)}",
        meaning=f"Share of the squared gap in {which} where it is largest; 1 = all of it.",
        better="neither",
        convention=f"sum of the {k} largest g_d^2 / gap^2, g = mean x - mean y; dimensions held",
        function=CONCENTRATION,
        source="after Schrodi et al. 2025",
        pitfall="Not rotation invariant: the axes of a space are arbitrary. See the gap inside the data "
        "subspace.",
        extended=True,
        reading="higher = concentrated in few dimensions",
    )


METRICS = (
    MetricInfo(
        name="centroid_gap",
        title="Centroid gap",
        meaning="Distance between the centroids of the two modalities; 0 = same centroid, 2 = opposite "
        "poles.",
        better="lower",
        convention="|mean x - mean y|, unit rows, means not re-normalised; 0..2",
        function=PAIR_GAP,
        source="Liang et al. 2022",
        pitfall="Ignores the pairing: shuffling the captions does not change it. Biased upward in small "
        "samples. "
        "Some papers report the mean square over dimensions, or a signed gap.",
    ),
    MetricInfo(
        name="centroid_gap_debiased",
        title="Centroid gap, debiased",
        meaning="The centroid gap minus what sampling noise adds; about 0 if there is no gap.",
        better="lower",
        convention="sqrt(max(0, gap^2 - V)), V = G/(G-1) sum_g |sum_{i in g} (d_i - mean d)|^2 / n^2, "
        "d_i = x_i - y_i, G groups; one study a group: V = R/(n-1)",
        function=PAIR_GAP,
        source="derived: E[gap^2] = true^2 + V",
        pitfall="Set to 0 where the measured gap is below the expected sampling noise.",
    ),
    MetricInfo(
        name="centroid_gap_floor",
        title="Centroid gap, floor",
        meaning="The gap that sampling noise alone would produce with this many studies.",
        better="neither",
        convention="sqrt(V), V = sampling variance of the mean difference, by group; not resampled",
        function=PAIR_GAP,
        source="derived, as above",
        pitfall="A property of the sample, not of the checkpoint: it decreases with more studies.",
        reading="a gap close to it may be noise",
    ),
    MetricInfo(
        name="cos_true_pairs",
        title="Cosine of true pairs",
        meaning="Mean cosine between an image and its own report; 1 = same direction.",
        better="higher",
        convention="mean <x_i, y_i>, unit rows",
        function=PAIR_GAP,
        source="used as alignment by Eslami and de Melo 2025",
        pitfall="Not comparable across loss families: sigmoid losses end near 0.1 and still retrieve well. "
        "1 for a collapsed space.",
    ),
    MetricInfo(
        name="margin",
        title="Margin",
        meaning="Mean cosine to the own report minus mean cosine to the reports of other studies.",
        better="higher",
        convention="mean <x_i, y_i> - mean <x_i, y_j>, diagonal out",
        function=PAIR_GAP,
        source="derived",
        pitfall="An average: retrieval depends on the hardest negatives, not on the mean one.",
    ),
    MetricInfo(
        name="paired_residual",
        title="Paired residual",
        meaning="The part of the squared pair distance that remains once the centroid offset is removed.",
        better="lower",
        convention="R = mean |(x_i - mean x) - (y_i - mean y)|^2 = alignment - gap^2",
        function=PAIR_GAP,
        source="exact decomposition",
        pitfall="Decreases when the space collapses: read it with the effective rank.",
    ),
    MetricInfo(
        name="offset_share",
        title="Offset share",
        meaning="Share of the squared pair distance that shifting one modality would remove.",
        better="neither",
        convention="gap^2 / alignment, 0..1",
        function=PAIR_GAP,
        source="exact decomposition",
        pitfall="A small share means that most of the distance comes from single pairs, not from the offset.",
    ),
    MetricInfo(
        name="alignment",
        title="Alignment",
        meaning="Mean squared distance between an image and its own report.",
        better="lower",
        convention="mean |x_i - y_i|^2 = 2 - 2 cos of true pairs",
        function=PAIR_GAP,
        source="Wang and Isola 2020",
        pitfall="In other papers alignment is the mean cosine of pairs, where higher is better.",
    ),
    MetricInfo(
        name="rmg",
        title="Relative modality gap",
        meaning="Distance of true pairs relative to distances within each modality; 0.5 = pairs no closer.",
        better="lower",
        convention="P / (P + (Ix + Iy) / 2), d = (1 - cos) / 2, diagonal out; 0..1",
        function=PAIR_GAP,
        source="Schrodi et al. 2025",
        pitfall="Other implementations keep the diagonal, drop the 1/2, or use Euclidean distance.",
    ),
    MetricInfo(
        name="angular_value",
        title="Angular value",
        meaning="How narrow the cone of one modality is: 0 = all directions, 1 = a single direction.",
        better="lower",
        convention="mean cosine of distinct rows of one modality, diagonal out",
        function="suture.analysis.gap.angular_value",
        source="Liang et al. 2022 (cone effect)",
        pitfall="Randomly initialised encoders already show a cone.",
        reading="lower is wider",
    ),
    MetricInfo(
        name="l2i",
        title="Distance of true pairs",
        meaning="Mean distance between an image and its own report; 0 = identical, 2 = opposite poles.",
        better="lower",
        convention="mean |x_i - y_i|, not squared, unit rows",
        function=PAIR_EXTRAS,
        source="Schrodi et al. 2025 (L2I)",
        pitfall="Nearly redundant with the alignment, which is the squared distance.",
        extended=True,
    ),
    MetricInfo(
        name="centroid_cosine",
        title="Cosine of the centroids",
        meaning="Cosine between the two centroids; 1 = same direction, -1 = opposite.",
        better="higher",
        convention="<mx, my> / (|mx| |my|), m = mean of unit rows; none where a mean is shorter than 1e-6",
        function=PAIR_EXTRAS,
        source="derived",
        pitfall="Unstable where a centroid is short: meaningless after mean removal.",
        extended=True,
    ),
    MetricInfo(
        name="iimm",
        title="Inter-intra modal measure",
        meaning="Mean cosine between different studies, within the first modality and across both.",
        better="neither",
        convention="1/2 (mean <x_i, y_j> + mean <x_i, x_j>), i != j, x = first modality",
        function=PAIR_EXTRAS,
        source="Niss et al. 2025",
        pitfall="Expects images as the first modality. It predicts gain and forgetting in fine-tuning, not "
        "quality.",
        extended=True,
        reading="higher predicts more gain and more forgetting",
    ),
    *(_top(k) for k in TOP),
    MetricInfo(
        name="gap_in_subspace",
        title="Gap inside the data subspace",
        meaning="Share of the squared gap in the directions in which the data varies.",
        better="neither",
        convention="|U U^T g|^2 / gap^2, U = fewest eigenvectors of Cov(X) + Cov(Y) with 90 % of the "
        "variance; no interval",
        function=CONCENTRATION,
        source="after ReAlign, arXiv 2602.07026",
        pitfall="A random direction gives r / D; the convention of the measurement states r.",
        extended=True,
        reading="low = orthogonal to the data",
    ),
    MetricInfo(
        name="gap_length_variation",
        title="Gap length, variation",
        meaning="Variation of the gap length over random groups of pairs; 0 = constant.",
        better="neither",
        convention="sd / mean of |mean d| over groups of 100 pairs in a seeded order, d_i = x_i - y_i",
        function=CONSTANCY,
        source=C3,
        pitfall="Sampling noise alone makes small gaps vary: read it with the gap floor.",
        extended=True,
        reading="lower = constant length",
    ),
    MetricInfo(
        name="gap_direction_constancy",
        title="Gap direction, constancy",
        meaning="Cosine between the gaps of random groups of pairs; 1 = constant direction.",
        better="neither",
        convention="mean cosine of mean d of successive groups of 100 pairs in a seeded order",
        function=CONSTANCY,
        source=C3,
        pitfall="Near 0 once the gap is closed, because there is no direction left.",
        extended=True,
        reading="1 = constant direction",
    ),
    MetricInfo(
        name="gap_orthogonality",
        title="Gap orthogonality",
        meaning="How much differences between studies point along the gap; 0 = orthogonal to it.",
        better="neither",
        convention="mean |cos(z_(i+1) - z_i, g)| over both modalities, in a seeded order",
        function=CONSTANCY,
        source=C3,
        pitfall="Random directions give about sqrt(2 / (pi D)), not 0.",
        extended=True,
        reading="0 = orthogonal to the data",
    ),
    MetricInfo(
        name="gap_residual_cosine",
        title="Gap residual, cosine",
        meaning="Mean cosine between pair differences after subtracting the gap.",
        better="neither",
        convention="mean cos(d_i - g, d_j - g), i != j",
        function=CONSTANCY,
        source=C3,
        pitfall="Slightly below 0 by construction: centring gives -1/n.",
        extended=True,
        reading="0 = no common direction",
    ),
    MetricInfo(
        name="gram_volume",
        title="Volume of a study",
        meaning="Volume spanned by the modalities of a study; 0 = linearly dependent, 1 = orthogonal.",
        better="lower",
        convention="mean sqrt |det G|, G_ab = <z_a, z_b>, over true tuples",
        function=VOLUMES,
        source="Cicchetti et al. 2025 (GRAM)",
        pitfall="Opposite vectors also have volume 0. Not comparable between different numbers of "
        "modalities.",
        extended=True,
    ),
    MetricInfo(
        name="triangle_area",
        title="Triangle of a study",
        meaning="Area of the triangle between the three modalities of a study; 0 = on one point or line.",
        better="lower",
        convention="mean sqrt(|u|^2 |w|^2 - <u, w>^2) / 2, u and w two sides; three modalities",
        function=VOLUMES,
        source="TRIANGLE",
        pitfall="The released code omits the root and returns 2 area^2.",
        extended=True,
    ),
)
