"""Mixing of the modalities in the joint neighbour graph, and linear separability."""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

COLLAPSE = "A collapsed space also mixes: read it with uniformity and effective rank."
SEPARABILITY = "suture.analysis.mixing.separability.separability"
RESAMPLED = "interval over studies, both as queries and as neighbours"
BY_LABEL = "suture.analysis.mixing.mixing_by_label"
NEIGHBOURS = (1, 5, 10, 30)


def _mixing_at(k: int, *, without_partner: bool) -> MetricInfo:
    excluded = ", own partner excluded" if without_partner else ""
    chance = "(n_other - partners) / (n - 1 - partners)" if without_partner else "n_other / (n - 1)"
    partner_pitfall = "" if without_partner else "Own partners count: at small k it is close to recall. "
    return MetricInfo(
        name=f"mixing_at_{k}" + "_without_partner" * without_partner,
        title=f"Mixing@{k}" + " without partner" * without_partner,
        meaning=f"Share of the other modality among the {k} nearest neighbour{'s' * (k > 1)}, all modalities "
        f"pooled{excluded}, relative to chance; 0 = none, 1 = chance level.",
        better="higher",
        convention=f"share of other modalities among the {k} nearest by cosine, self excluded{excluded}, "
        f"over chance {chance}; modalities weighted equally; equal rows by row order; {RESAMPLED}",
        function="suture.analysis.mixing."
        + ("mixing" if (k == 10 and without_partner) else "extended_mixing"),
        source="neighbourhood mixing; chance level derived",
        pitfall=partner_pitfall + COLLAPSE,
        margin=0.05,
        extended=not (k == 10 and without_partner),
        reading="1 is chance level",
    )


METRICS: tuple[MetricInfo, ...] = (
    _mixing_at(10, without_partner=True),
    MetricInfo(
        name="ilisi",
        title="iLISI",
        meaning="Effective number of modalities in a typical neighbourhood; 0 = one, 1 = all equally.",
        better="higher",
        convention="(median LISI - 1) / (M - 1), LISI = 1 / sum_c p_c^2 on exact neighbours: p over the "
        "k0 = min(90, n - 1) nearest, exp(-beta d), perplexity floor(k0 / 3), d Euclidean; own partner "
        f"counts; {RESAMPLED}, estimated on the middle half of the rows",
        function="suture.analysis.mixing.mixing",
        source="Korsunsky et al. 2019; scaled as in scIB, Luecken et al. 2022",
        pitfall="A perfect mix gives about 0.9, since 30 neighbours are never exactly balanced. scIB uses "
        f"shortest paths in a 15-neighbour graph instead. {COLLAPSE}",
        margin=0.05,
        reading="higher is better mixed",
    ),
    MetricInfo(
        name="separability_accuracy",
        title="Separability (accuracy)",
        meaning="Accuracy of a linear classifier of the modality on held-out studies; 0.5 = chance.",
        better="lower",
        convention="held-out accuracy of a logistic regression, C = 1, unit rows, 80/20 by group, mean of "
        "5 splits; classifier fixed in the interval",
        function=SEPARABILITY,
        source="Fahim et al. 2024",
        pitfall="Depends on n through the fixed penalty. Values under 0.5 occur after mean removal with few "
        "studies; they are not corrected.",
        margin=0.05,
        reading="lower is less separable",
    ),
    MetricInfo(
        name="separability_auc",
        title="Separability (AUC)",
        meaning="How reliably the same classifier ranks reports above images; 0.5 = chance, 1 = always.",
        better="lower",
        convention="area under the ROC curve of the same classifiers, ties half, mean of 5 splits; "
        "classifier "
        "fixed in the interval",
        function=SEPARABILITY,
        source="as above; influence after DeLong et al. 1988",
        pitfall="Values under 0.5 come from pairs split between train and test; they do not mean better "
        "mixing.",
        margin=0.05,
        reading="lower is less separable",
    ),
    *(_mixing_at(k, without_partner=False) for k in NEIGHBOURS),
    *(_mixing_at(k, without_partner=True) for k in NEIGHBOURS if k != 10),
    MetricInfo(
        name="same_to_other",
        title="Same to other modality",
        meaning="Ratio of nearest neighbours of the same modality to those of another; 1 = balanced.",
        better="lower",
        convention="#(nearest is of the same modality) / #(nearest is of another), rows of one modality; "
        "self excluded; graph fixed in the interval",
        function="suture.analysis.mixing.same_to_other",
        source="ITR for images, TIR for texts: Role et al. 2025",
        pitfall="Own partners count. Undefined where nothing mixes; below 1 where partners are nearest.",
        margin=0.1,
        relative=True,
        extended=True,
        reading="1 is balanced",
    ),
    MetricInfo(
        name="kbet_rejection",
        title="kBET rejection",
        meaning="Share of rows whose neighbourhood differs from the overall mix; 0 = none, 1 = all.",
        better="lower",
        convention="chi-square test of modality counts among the k0 nearest against global shares, "
        f"k0 = clip(mean rows of a modality // 4, 10, 70), rejected at 0.05; {RESAMPLED}",
        function="suture.analysis.mixing.extended_mixing",
        source="Buettner et al. 2019; k0 as in scIB",
        pitfall="Strict: 0.05 is expected for a perfect mix, less if partners are close together.",
        extended=True,
        reading="lower is better mixed",
    ),
    MetricInfo(
        name="kbet_acceptance",
        title="kBET acceptance",
        meaning="Share of rows whose neighbourhood has the overall mix of modalities; 1 = all.",
        better="higher",
        convention="1 - kBET rejection",
        function="suture.analysis.mixing.extended_mixing",
        source="as above",
        pitfall=COLLAPSE,
        extended=True,
        margin=0.05,
        reading="higher is better mixed",
    ),
    MetricInfo(
        name="modality_silhouette",
        title="Modality silhouette",
        meaning="How much closer a row is to its own modality than to the other; 0 = no closer, 1 = "
        "separate.",
        better="lower",
        convention="mean (b - a) / max(a, b), a, b = mean 1 - cos to the own and to the nearest other "
        "modality, self excluded; cluster means resampled in the interval",
        function="suture.analysis.mixing.modality_silhouette",
        source="Rousseeuw 1987",
        pitfall="Assumes one cluster per modality: interleaved and coinciding modalities both give 0.",
        extended=True,
        reading="lower is better mixed",
    ),
    MetricInfo(
        name="kbet_by_label",
        title="kBET within a label",
        meaning="Share of rows whose neighbourhood among studies of their label has the mix of that label.",
        better="higher",
        convention="1 - kBET rejection among the rows of each label, mean over labels of 10 rows or more",
        function=BY_LABEL,
        source="scIB, Luecken et al. 2022; here exact neighbours",
        pitfall="Labels with few studies are hardly ever rejected.",
        extended=True,
        margin=0.05,
        reading="higher is better mixed",
    ),
    MetricInfo(
        name="batch_asw",
        title="Silhouette within a label",
        meaning="How little the modality separates studies of one label; 1 = not at all.",
        better="higher",
        convention="1 - |silhouette of the modality| by cosine, mean within each label, then over labels of "
        "10 rows or more",
        function=BY_LABEL,
        source="scIB, Luecken et al. 2022; there Euclidean",
        pitfall="Assumes one cluster per modality.",
        extended=True,
        margin=0.05,
        reading="higher is better mixed",
    ),
    MetricInfo(
        name="graph_connectivity",
        title="Graph connectivity of labels",
        meaning="Share of the images and reports of a label in its largest connected component; 1 = all.",
        better="higher",
        convention="largest connected component / rows of each label, in the joint 15-neighbour graph, mean "
        "over "
        "labels of 10 rows or more; no interval",
        function=BY_LABEL,
        source="scIB, Luecken et al. 2022",
        pitfall="One edge is enough to join two clusters. A label with two distinct appearances is rightly "
        "split.",
        extended=True,
        reading="higher is better connected",
    ),
)
