"""Distances between the two modalities as distributions; they ignore the pairing."""

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
        meaning="Distance between the modalities in mean and covariance; 0 = equal in both.",
        better="lower",
        convention="gap^2 + Tr(Cx + Cy - 2 (Cx^1/2 Cy Cx^1/2)^1/2), unbiased covariances, squared",
        function=FRECHET,
        source=FID,
        pitfall="Biased upward by about D / n: needs many more studies than dimensions. Some report the "
        "root.",
    ),
    MetricInfo(
        name="frechet_mean_part",
        title="Frechet distance, mean part",
        meaning="The part of the Frechet distance that shifting one modality removes.",
        better="lower",
        convention="|mean x - mean y|^2 = gap^2",
        function=FRECHET,
        source=FID,
        pitfall="The square of the centroid gap, so it adds no information.",
    ),
    MetricInfo(
        name="frechet_covariance_part",
        title="Frechet distance, covariance part",
        meaning="The part that no shift removes: the covariances differ.",
        better="lower",
        convention="Tr(Cx + Cy - 2 (Cx^1/2 Cy Cx^1/2)^1/2), unbiased covariances; interval to first order",
        function=FRECHET,
        source=FID,
        pitfall="Biased upward by about D / n. Not the distribution gap of other papers.",
    ),
    MetricInfo(
        name="mmd_squared",
        title="Maximum mean discrepancy, squared",
        meaning="How well a smooth function separates the modalities; about 0 = not at all.",
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
        meaning="How much larger distances are across modalities than within; 0 = no larger.",
        better="lower",
        convention="2 mean |x - y| - mean |x - x'| - mean |y - y'|, diagonals kept",
        function=PAIRWISE,
        source="Szekely and Rizzo 2013",
        pitfall="Biased upward in small samples. Some papers report the root.",
        extended=True,
    ),
    MetricInfo(
        name="w2_squared",
        title="Transport distance, squared",
        meaning="Smallest mean squared distance that moves one modality onto the other.",
        better="lower",
        convention="min over permutations of mean |x_i - y_p(i)|^2; up to 2,000 studies, no interval",
        function=TRANSPORT,
        source="2-Wasserstein distance by assignment",
        pitfall="Biased upward, and the bias falls slowly with n: compare at equal n.",
        extended=True,
    ),
    MetricInfo(
        name="centred_w2_squared",
        title="Transport distance, centred",
        meaning="The transport distance after centring both modalities: the part that no shift removes.",
        better="lower",
        convention="transport distance squared - gap^2, exactly that of the centred rows",
        function=TRANSPORT,
        source="exact decomposition",
        pitfall="As for the transport distance.",
        extended=True,
    ),
    MetricInfo(
        name="sliced_w2",
        title="Sliced transport distance",
        meaning="Transport distance along single directions, averaged: works for any number of studies.",
        better="lower",
        convention="sqrt mean over 256 seeded directions of the squared 2-Wasserstein distance along each; "
        "no interval",
        function=TRANSPORT,
        source="Bonneel et al. 2015",
        pitfall="Smaller than the full distance by a factor of about sqrt D. Depends on the drawn "
        "directions.",
        extended=True,
        margin=0.005,
    ),
)
