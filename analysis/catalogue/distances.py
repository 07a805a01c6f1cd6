"""Distances between two clouds as distributions: none of them knows who is whose partner."""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

FRECHET = "suture.analysis.distances.frechet"
PAIRWISE = "suture.analysis.distances.pairwise_distances"
TRANSPORT = "suture.analysis.distances.transport"
FID = "Dowson and Landau 1982; FID, Heusel et al. 2017"

METRICS = (
    MetricInfo(
        name="frechet_squared",
        title="Frechet distance, squared",
        meaning="How far apart the clouds are in place and in spread; 0 = the same in both.",
        better="lower",
        convention="gap^2 + Tr(Cx + Cy - 2 (Cx^1/2 Cy Cx^1/2)^1/2), unbiased covariances, squared",
        function=FRECHET,
        source=FID,
        pitfall="Too large by about D / n: needs many more studies than dimensions. Elsewhere its root.",
    ),
    MetricInfo(
        name="frechet_mean_part",
        title="Frechet distance, mean part",
        meaning="The part of the Frechet distance that one shift of a cloud removes.",
        better="lower",
        convention="|mean x - mean y|^2 = gap^2",
        function=FRECHET,
        source=FID,
        pitfall="The square of the centroid gap and no new number.",
    ),
    MetricInfo(
        name="frechet_covariance_part",
        title="Frechet distance, covariance part",
        meaning="The part that no shift removes: the clouds are spread in different ways.",
        better="lower",
        convention="Tr(Cx + Cy - 2 (Cx^1/2 Cy Cx^1/2)^1/2), unbiased covariances; interval to first order",
        function=FRECHET,
        source=FID,
        pitfall="Too large by about D / n. Not the distribution gap of other papers.",
    ),
    MetricInfo(
        name="mmd_squared",
        title="Maximum mean discrepancy, squared",
        meaning="How well a smooth function tells the clouds apart; about 0 = not at all.",
        better="lower",
        convention="mean K(x, x') + mean K(y, y') - 2 mean K(x, y), diagonal out within, K = exp(-d^2 / s2), "
        "s2 = median squared distance of pooled rows, held in the resamples; unbiased",
        function=PAIRWISE,
        source="Gretton et al. 2012",
        pitfall="Depends on the bandwidth s2, which differs between checkpoints. May be slightly negative.",
        extended=True,
    ),
    MetricInfo(
        name="energy_distance",
        title="Energy distance",
        meaning="How much farther rows are across the modalities than within; 0 = no farther.",
        better="lower",
        convention="2 mean |x - y| - mean |x - x'| - mean |y - y'|, diagonals kept",
        function=PAIRWISE,
        source="Szekely and Rizzo 2013",
        pitfall="Biased upward in small samples; elsewhere its root.",
        extended=True,
    ),
    MetricInfo(
        name="w2_squared",
        title="Transport distance, squared",
        meaning="The least mean squared way that turns one cloud into the other.",
        better="lower",
        convention="min over permutations of mean |x_i - y_p(i)|^2; up to 2,000 studies, no interval",
        function=TRANSPORT,
        source="2-Wasserstein distance by assignment",
        pitfall="Biased upward, slowly less so with more studies: compare at equal n.",
        extended=True,
    ),
    MetricInfo(
        name="centred_w2_squared",
        title="Transport distance, centred",
        meaning="The same way once both clouds have one middle: what no shift removes.",
        better="lower",
        convention="transport distance squared - gap^2, exactly that of the centred rows",
        function=TRANSPORT,
        source="exact decomposition",
        pitfall="As the transport distance.",
        extended=True,
    ),
    MetricInfo(
        name="sliced_w2",
        title="Sliced transport distance",
        meaning="The transport distance along single directions, averaged: works for any number of studies.",
        better="lower",
        convention="sqrt mean over 256 seeded directions of the squared 2-Wasserstein distance along each; "
        "no interval",
        function=TRANSPORT,
        source="Bonneel et al. 2015",
        pitfall="Smaller than the full distance by about sqrt D; exact only up to the drawn directions.",
        extended=True,
        margin=0.005,
    ),
)
