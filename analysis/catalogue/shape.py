"""The shape of each modality: how many directions it uses and how evenly."""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

ISOTROPY = "suture.analysis.geometry.spread.isotropy"

METRICS = (
    MetricInfo(
        name="uniformity_wi",
        title="Uniformity (Wang-Isola)",
        meaning="How evenly the embeddings cover the sphere; 0 = collapsed, -4 = uniform in many dimensions.",
        better="lower",
        convention="log mean exp(-2 |z_i - z_j|^2), i < j, unit rows; above 4,096 studies a seeded sample",
        function="suture.analysis.geometry.spread.uniformity_wi",
        source="Wang and Isola 2020",
        pitfall="The Wasserstein uniformity has the opposite direction.",
        margin=0.05,
        reading="lower is more uniform",
    ),
    MetricInfo(
        name="uniformity_w2",
        title="Uniformity (Wasserstein)",
        meaning="Closeness to a uniform distribution; 0 = uniform, more negative = narrower.",
        better="higher",
        convention="-sqrt(|m|^2 + 1 + Tr C - (2 / sqrt D) Tr C^(1/2)): minus the 2-Wasserstein distance of "
        "N(m, C) to N(0, I/D), C biased",
        function="suture.analysis.geometry.spread.uniformity_w2",
        source="Fang et al. 2024",
        pitfall="On both modalities stacked, a gap makes it worse. Needs many more rows than dimensions.",
        reading="higher is more uniform",
    ),
    MetricInfo(
        name="effective_rank",
        title="Effective rank",
        meaning="How many directions one modality effectively uses; 1 = a single line.",
        better="higher",
        convention="exp(-sum p log p), p = s / sum s, s = singular values of centred unit rows",
        function="suture.analysis.geometry.spread.effective_rank",
        source="Roy and Vetterli 2007; uncentred as RankMe, Garrido et al. 2023",
        pitfall="Grows with the number of rows: compare at equal n. Some papers do not centre the rows.",
        margin=0.05,
        relative=True,
        reading="higher uses more directions",
    ),
    MetricInfo(
        name="participation_ratio",
        title="Participation ratio",
        meaning="How many directions carry the variance; 1 = a single line.",
        better="higher",
        convention="(sum l)^2 / sum l^2, l = eigenvalues of the covariance of unit rows",
        function=ISOTROPY,
        source="Gao et al. 2017",
        pitfall="Dominated by the few largest directions; the effective rank also weighs the small ones.",
        extended=True,
        margin=0.05,
        relative=True,
        reading="higher uses more directions",
    ),
    MetricInfo(
        name="isoscore",
        title="IsoScore",
        meaning="How evenly the variance is spread over all directions; 0 = one direction, 1 = all equally.",
        better="higher",
        convention="as published: equals (participation ratio - 1) / (D - 1); none with fewer rows than D",
        function=ISOTROPY,
        source="Rudman et al. 2022",
        pitfall="Small for every real encoder with many dimensions.",
        extended=True,
        reading="higher is more uniform",
    ),
)
