"""What each number is called, what it means in plain words, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", "neither"]


READINGS: dict[Better, str] = {
    "lower": "lower is closer",
    "higher": "higher is better",
    "neither": "neither is better",
}


@dataclass(frozen=True)
class MetricInfo:
    """title for people, one sentence of meaning, direction, how to read it, and the convention."""

    name: str
    title: str
    meaning: str
    better: Better
    convention: str
    reading: str


def _info(
    name: str, title: str, meaning: str, better: Better, convention: str, reading: str = ""
) -> MetricInfo:
    return MetricInfo(name, title, meaning, better, convention, reading or READINGS[better])


CATALOGUE: dict[str, MetricInfo] = {
    m.name: m
    for m in (
        _info(
            "centroid_gap",
            "Centroid gap",
            "How far apart the middles of the two clouds are; 0 = one middle, 2 = opposite poles.",
            "lower",
            "|mean x - mean y|, unit rows, means not re-normalised",
        ),
        _info(
            "centroid_gap_debiased",
            "Centroid gap, debiased",
            "The gap without what a finite sample adds by chance; about 0 if there is none.",
            "lower",
            "sqrt(max(0, gap^2 - V)), V = sampling variance of the mean difference, by group",
        ),
        _info(
            "centroid_gap_floor",
            "Centroid gap, floor",
            "What the gap would read by chance, with so few studies, if there were none.",
            "neither",
            "sqrt(V), V = sampling variance of the mean difference, by group; not resampled",
            "a gap near it may be chance",
        ),
        _info(
            "cos_true_pairs",
            "Cosine of true pairs",
            "How closely an image and its own report point the same way; 1 = same direction.",
            "higher",
            "mean <x_i, y_i>, unit rows",
        ),
        _info(
            "margin",
            "Margin",
            "How much closer an image is to its own report than to a stranger's.",
            "higher",
            "mean <x_i, y_i> - mean <x_i, y_j>, diagonal out",
        ),
        _info(
            "paired_residual",
            "Paired residual",
            "What is left of the pair distance once the offset between the clouds is removed.",
            "lower",
            "mean |(x_i - mean x) - (y_i - mean y)|^2 = alignment - gap^2",
        ),
        _info(
            "offset_share",
            "Offset share",
            "The part of the pair distance that one shift of the whole cloud would remove.",
            "neither",
            "gap^2 / alignment, 0..1",
        ),
        _info(
            "angular_value",
            "Angular value",
            "How narrow the cone of one modality is: 0 = all directions, 1 = a single one.",
            "lower",
            "mean cosine of distinct rows of one modality, diagonal out",
            "lower is wider",
        ),
        _info(
            "uniformity_wi",
            "Uniformity (Wang-Isola)",
            "How evenly the rows cover the sphere; 0 = collapsed, -4 = even in many dimensions.",
            "lower",
            "log mean exp(-2 |z_i - z_j|^2), i < j, unit rows; 100 resamples",
            "lower is more even",
        ),
        _info(
            "uniformity_w2",
            "Uniformity (Wasserstein)",
            "How close the rows are to an even spread; 0 = even, more negative = narrower.",
            "higher",
            "minus the 2-Wasserstein distance of N(mean, cov) to N(0, I/D); 100 resamples",
            "higher is more even",
        ),
        _info(
            "effective_rank",
            "Effective rank",
            "How many directions one modality really uses; 1 = a single line.",
            "higher",
            "exp(entropy of s / sum s), s = singular values of centred unit rows; 100 resamples",
            "higher uses more directions",
        ),
        _info(
            "rmg",
            "Relative modality gap",
            "Distance of pairs against distances inside each modality; 0.5 = pairs no closer.",
            "lower",
            "P / (P + (Ix + Iy) / 2), d = (1 - cos) / 2, diagonal out",
        ),
        _info(
            "alignment",
            "Alignment",
            "Mean squared distance between an image and its own report.",
            "lower",
            "mean |x_i - y_i|^2 = 2 - 2 cos of true pairs",
        ),
        _info(
            "recall_at_1",
            "Recall@1",
            "How often the right partner comes first.",
            "higher",
            "hit among the first 1, ties by expected hit, gallery fixed",
        ),
        _info(
            "recall_at_5",
            "Recall@5",
            "How often the right partner is among the first five.",
            "higher",
            "hit among the first 5, ties by expected hit, gallery fixed",
        ),
        _info(
            "recall_at_10",
            "Recall@10",
            "How often the right partner is among the first ten.",
            "higher",
            "hit among the first 10, ties by expected hit, gallery fixed",
        ),
        _info(
            "median_rank",
            "Median rank",
            "Where the right partner typically stands; 1 = first.",
            "lower",
            "median of the expected rank of the first right answer, gallery fixed",
            "lower is better",
        ),
        _info(
            "hubness_skew",
            "Hubness",
            "Whether a few items crowd into everybody's first ten; 0 = all are found alike.",
            "lower",
            "population skewness of N_10, how often an item is among the first 10 of all queries",
            "lower has fewer hubs",
        ),
        _info(
            "v_measure",
            "Clusters follow the label",
            "How well clusters of images and texts together match the label; 1 = exactly, 0 = not at all.",
            "higher",
            "V-measure of k-means on the stacked rows, K = number of label values, n_init 3, mean of 5 seeds",
        ),
        _info(
            "cluster_modality_nmi",
            "Clusters follow the modality",
            "How far clusters sort images from texts; 0 = modality plays no part.",
            "lower",
            "NMI of the same k-means clusters with the modality, mean of 5 seeds",
            "lower is better mixed",
        ),
    )
}

PROTOCOL_MEANING = {
    "strict": "only the study's own partner counts as right",
    "multi_positive": "every partner with the same text or duplicate group counts as right",
    "deduplicated": "each distinct text is kept once",
}
