"""The gap between two modalities, and the pairs across it."""

from __future__ import annotations

from analysis.catalogue.info import MetricInfo

PAIR_GAP = "analysis.gap.pair_gap"

METRICS = (
    MetricInfo(
        name="centroid_gap",
        title="Centroid gap",
        meaning="How far apart the middles of the two clouds are; 0 = one middle, 2 = opposite poles.",
        better="lower",
        convention="|mean x - mean y|, unit rows, means not re-normalised; 0..2",
        function=PAIR_GAP,
        source="Liang et al. 2022",
        pitfall="Blind to pairing: shuffled captions leave it as it is. Biased upward in small samples. "
        "Elsewhere also the mean square over dimensions, or signed along the gap.",
    ),
    MetricInfo(
        name="centroid_gap_debiased",
        title="Centroid gap, debiased",
        meaning="The gap without what a finite sample adds by chance; about 0 if there is none.",
        better="lower",
        convention="sqrt(max(0, gap^2 - V)), V = G/(G-1) sum_g |sum_{i in g} (d_i - mean d)|^2 / n^2, "
        "d_i = x_i - y_i, G groups; one study a group: V = R/(n-1)",
        function=PAIR_GAP,
        source="derived: E[gap^2] = true^2 + V",
        pitfall="Set to 0 where the sample's gap lies under what chance gives.",
    ),
    MetricInfo(
        name="centroid_gap_floor",
        title="Centroid gap, floor",
        meaning="What the gap would read by chance, with so few studies, if there were none.",
        better="neither",
        convention="sqrt(V), V = sampling variance of the mean difference, by group; not resampled",
        function=PAIR_GAP,
        source="derived, as above",
        pitfall="Belongs to the sample, not to the checkpoint: it falls with more studies.",
        reading="a gap near it may be chance",
    ),
    MetricInfo(
        name="cos_true_pairs",
        title="Cosine of true pairs",
        meaning="How closely an image and its own report point the same way; 1 = same direction.",
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
        meaning="How much closer an image is to its own report than to a stranger's.",
        better="higher",
        convention="mean <x_i, y_i> - mean <x_i, y_j>, diagonal out",
        function=PAIR_GAP,
        source="derived",
        pitfall="An average: the hardest strangers decide retrieval, not the mean one.",
    ),
    MetricInfo(
        name="paired_residual",
        title="Paired residual",
        meaning="What is left of the pair distance once the offset between the clouds is removed.",
        better="lower",
        convention="R = mean |(x_i - mean x) - (y_i - mean y)|^2 = alignment - gap^2",
        function=PAIR_GAP,
        source="exact decomposition",
        pitfall="Falls when the space collapses; read it with the effective rank.",
    ),
    MetricInfo(
        name="offset_share",
        title="Offset share",
        meaning="The part of the pair distance that one shift of the whole cloud would remove.",
        better="neither",
        convention="gap^2 / alignment, 0..1",
        function=PAIR_GAP,
        source="exact decomposition",
        pitfall="Small shares mean that most of the distance is disagreement of single pairs.",
    ),
    MetricInfo(
        name="alignment",
        title="Alignment",
        meaning="Mean squared distance between an image and its own report.",
        better="lower",
        convention="mean |x_i - y_i|^2 = 2 - 2 cos of true pairs",
        function=PAIR_GAP,
        source="Wang and Isola 2020",
        pitfall="Elsewhere alignment is the mean cosine of pairs, where higher is better.",
    ),
    MetricInfo(
        name="rmg",
        title="Relative modality gap",
        meaning="Distance of pairs against distances inside each modality; 0.5 = pairs no closer.",
        better="lower",
        convention="P / (P + (Ix + Iy) / 2), d = (1 - cos) / 2, diagonal out; 0..1",
        function=PAIR_GAP,
        source="Schrodi et al. 2025",
        pitfall="Other code keeps the diagonal, drops the 1/2, or uses Euclidean distance.",
    ),
    MetricInfo(
        name="angular_value",
        title="Angular value",
        meaning="How narrow the cone of one modality is: 0 = all directions, 1 = a single one.",
        better="lower",
        convention="mean cosine of distinct rows of one modality, diagonal out",
        function="analysis.gap.angular_value",
        source="Liang et al. 2022 (cone effect)",
        pitfall="Random encoders already show a cone.",
        reading="lower is wider",
    ),
)
