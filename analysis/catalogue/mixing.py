"""Do the modalities mix in one neighbourhood graph, and can a line tell them apart?"""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

COLLAPSE = "A collapsed space mixes too: read it with uniformity and effective rank."
SEPARABILITY = "suture.analysis.mixing.separability.separability"
FOUND = "interval over studies as they ask and as they are found"
BY_LABEL = "suture.analysis.mixing.mixing_by_label"
NEAREST = {1: "the nearest neighbour", 5: "the 5 nearest", 10: "the 10 nearest", 30: "the 30 nearest"}


def _mixing_at(k: int, *, without_partner: bool) -> MetricInfo:
    left_out = ", own partner left out" if without_partner else ""
    chance = "(n_other - partners) / (n - 1 - partners)" if without_partner else "n_other / (n - 1)"
    partner_pitfall = "" if without_partner else "Own partners count: at small k it is nearly recall. "
    return MetricInfo(
        name=f"mixing_at_{k}" + "_without_partner" * without_partner,
        title=f"Mixing@{k}" + " without partner" * without_partner,
        meaning=f"How often {NEAREST[k]} of a row, images and reports in one pool, "
        f"{'is' if k == 1 else 'are'} of the other kind{left_out}; 0 = never, 1 = as by chance.",
        better="higher",
        convention=f"share of other modalities among the {k} nearest by cosine, self excluded{left_out}, "
        f"over chance {chance}; each modality weighs alike; equal rows by row order; {FOUND}",
        function="suture.analysis.mixing."
        + ("mixing" if (k == 10 and without_partner) else "extended_mixing"),
        source="neighbourhood mixing; chance level derived",
        pitfall=partner_pitfall + COLLAPSE,
        margin=0.05,
        extended=not (k == 10 and without_partner),
        reading="1 is as by chance",
    )


METRICS: tuple[MetricInfo, ...] = (
    _mixing_at(10, without_partner=True),
    MetricInfo(
        name="ilisi",
        title="iLISI",
        meaning="How many modalities the neighbourhood of a typical row holds; 0 = one alone, 1 = all alike.",
        better="higher",
        convention="(median LISI - 1) / (M - 1), LISI = 1 / sum_c p_c^2 on exact neighbours: p over the "
        "k0 = min(90, n - 1) nearest, exp(-beta d), perplexity floor(k0 / 3), d Euclidean; own partner "
        f"counts; {FOUND}, here by the middle half",
        function="suture.analysis.mixing.mixing",
        source="Korsunsky et al. 2019; scaled as in scIB, Luecken et al. 2022",
        pitfall="A perfect mix reads about 0.9, as 30 neighbours are never quite even. scIB takes "
        f"shortest paths in a 15-neighbour graph instead. {COLLAPSE}",
        margin=0.05,
        reading="higher is better mixed",
    ),
    MetricInfo(
        name="separability_accuracy",
        title="Separability (accuracy)",
        meaning="How often a straight cut tells unseen images from unseen reports; 0.5 = as by chance.",
        better="lower",
        convention="held-out accuracy of a logistic regression, C = 1, unit rows, 80/20 by group, mean of "
        "5 splits; cut fixed in the interval",
        function=SEPARABILITY,
        source="Fahim et al. 2024",
        pitfall="Depends on n through the fixed penalty. Under 0.5 happens after mean removal with few "
        "studies; it is left as it is.",
        margin=0.05,
        reading="lower is less separable",
    ),
    MetricInfo(
        name="separability_auc",
        title="Separability (AUC)",
        meaning="How surely such a cut ranks reports above images; 0.5 = not at all, 1 = always.",
        better="lower",
        convention="area under the ROC curve of the same cuts, ties half, mean of 5 splits; cut fixed in the "
        "interval",
        function=SEPARABILITY,
        source="as above; influence after DeLong et al. 1988",
        pitfall="Under 0.5: pairs across the split pull against each other; they do not mix better.",
        margin=0.05,
        reading="lower is less separable",
    ),
    *(_mixing_at(k, without_partner=False) for k in NEAREST),
    *(_mixing_at(k, without_partner=True) for k in NEAREST if k != 10),
    MetricInfo(
        name="same_to_other",
        title="Own kind to other kind",
        meaning="How many nearest neighbours are of the own kind for each one of another kind; 1 = balanced.",
        better="lower",
        convention="#(nearest is of the same modality) / #(nearest is of another), rows of one modality; "
        "self excluded; graph fixed in the interval",
        function="suture.analysis.mixing.same_to_other",
        source="ITR for images, TIR for texts: Role et al. 2025",
        pitfall="Own partners count. Undefined where nothing mixes; below 1 where partners find each other.",
        margin=0.1,
        relative=True,
        extended=True,
        reading="1 is balanced",
    ),
    MetricInfo(
        name="kbet_rejection",
        title="kBET rejection",
        meaning="How many rows see a neighbourhood unlike the whole; 0 = none, 1 = all.",
        better="lower",
        convention="chi-square test of modality counts among the k0 nearest against global shares, "
        f"k0 = clip(mean rows of a modality // 4, 10, 70), rejected at 0.05; {FOUND}",
        function="suture.analysis.mixing.extended_mixing",
        source="Buettner et al. 2019; k0 as in scIB",
        pitfall="Strict: 0.05 is expected of a perfect mix, less if partners stand side by side.",
        extended=True,
        reading="lower is better mixed",
    ),
    MetricInfo(
        name="kbet_acceptance",
        title="kBET acceptance",
        meaning="How many rows see the same mix around them as there is in the whole; 1 = all.",
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
        title="Silhouette of the modality",
        meaning="How much closer a row is to its own kind than to the other; 0 = no closer, 1 = apart.",
        better="lower",
        convention="mean (b - a) / max(a, b), a, b = mean 1 - cos to the own and to the nearest other "
        "modality, self excluded; clouds move in the interval",
        function="suture.analysis.mixing.modality_silhouette",
        source="Rousseeuw 1987",
        pitfall="Sees one blob a modality: clouds that interleave read 0 as well as clouds that coincide.",
        extended=True,
        reading="lower is better mixed",
    ),
    MetricInfo(
        name="kbet_by_label",
        title="kBET within a label",
        meaning="How many rows see the mix of their label around them, among studies of that label.",
        better="higher",
        convention="1 - kBET rejection among the rows of each label, mean over labels of 10 rows or more",
        function=BY_LABEL,
        source="scIB, Luecken et al. 2022; here exact neighbours",
        pitfall="Small labels hardly reject.",
        extended=True,
        margin=0.05,
        reading="higher is better mixed",
    ),
    MetricInfo(
        name="batch_asw",
        title="Silhouette within a label",
        meaning="How little the modality matters among studies of one label; 1 = not at all.",
        better="higher",
        convention="1 - |silhouette of the modality| by cosine, mean within each label, then over labels of "
        "10 rows or more",
        function=BY_LABEL,
        source="scIB, Luecken et al. 2022; there Euclidean",
        pitfall="Sees one blob a modality.",
        extended=True,
        margin=0.05,
        reading="higher is better mixed",
    ),
    MetricInfo(
        name="graph_connectivity",
        title="Labels hang together",
        meaning="How much of a label's images and reports hang together as one group; 1 = all.",
        better="higher",
        convention="largest connected part / rows of each label, in the joint 15-neighbour graph, mean over "
        "labels of 10 rows or more; no interval",
        function=BY_LABEL,
        source="scIB, Luecken et al. 2022",
        pitfall="One edge is enough to join two clouds; a label of two distinct looks falls apart rightly.",
        extended=True,
        reading="higher hangs together",
    ),
)
