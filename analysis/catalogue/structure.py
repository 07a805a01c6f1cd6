"""Structure of the space: clusters and labels, zero-shot classification, similarity of two spaces."""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

CLUSTERS = "suture.analysis.structure.clustering.cluster_scores"
AGREEMENT = "suture.analysis.structure.agreement.space_agreement"
ZERO_SHOT = "suture.analysis.structure.zero_shot.zero_shot"
AUROC = "suture.analysis.structure.zero_shot.finding_auroc"
SAME = "1 = equal up to rotation and scale"
PROMPTS = "Depends on the prompts as much as on the images: report the templates. "
HELD = "clusters fixed in the interval"
OF_K_MEANS = f"of k-means on the stacked rows, K = number of label values, n_init 3, mean of 5 seeds; {HELD}"

METRICS = (
    MetricInfo(
        name="v_measure",
        title="Clusters follow the label",
        meaning="Agreement of clusters of images and texts with the label; 1 = perfect.",
        better="higher",
        convention=f"V-measure {OF_K_MEANS}",
        function=CLUSTERS,
        source="Rosenberg and Hirschberg 2007",
        pitfall="Above 0 by chance for many clusters: see the adjusted Rand index. The spread over k-means "
        "seeds is in the note and not in the interval.",
        margin=0.03,
    ),
    MetricInfo(
        name="cluster_ari",
        title="Clusters follow the label, chance-adjusted",
        meaning="Agreement of clusters with the label, adjusted for chance; 0 = chance, 1 = perfect.",
        better="higher",
        convention=f"adjusted Rand index {OF_K_MEANS}",
        function=CLUSTERS,
        source="Hubert and Arabie 1985",
        pitfall="Dominated by large labels. A label split into two clean clusters lowers it a lot.",
        margin=0.03,
    ),
    MetricInfo(
        name="cluster_modality_nmi",
        title="Clusters follow the modality",
        meaning="How far clusters separate images from texts; 0 = not at all.",
        better="lower",
        convention=f"NMI of the same k-means clusters with the modality, mean of 5 seeds; {HELD}",
        function=CLUSTERS,
        source="as above",
        pitfall="Read it with the V-measure: a collapsed space also mixes.",
        margin=0.03,
        reading="lower is better mixed",
    ),
    MetricInfo(
        name="cluster_nmi",
        title="Mutual information of clusters and label",
        meaning="Normalised mutual information of clusters and label; 1 = perfect.",
        better="higher",
        convention=f"NMI, arithmetic mean, {OF_K_MEANS}",
        function=CLUSTERS,
        source="as above",
        pitfall="Identical to the V-measure, so it adds no information.",
        margin=0.03,
        extended=True,
    ),
    MetricInfo(
        name="cluster_homogeneity",
        title="Homogeneity of clusters",
        meaning="Whether each cluster contains a single label; 1 = perfectly.",
        better="higher",
        convention=f"1 - H(label | cluster) / H(label) {OF_K_MEANS}",
        function=CLUSTERS,
        source="Rosenberg and Hirschberg 2007",
        pitfall="Clusters by label and modality are homogeneous too: read it with the completeness.",
        margin=0.03,
        extended=True,
    ),
    MetricInfo(
        name="cluster_completeness",
        title="Completeness of clusters",
        meaning="Whether each label lies in a single cluster; 1 = perfectly.",
        better="higher",
        convention=f"1 - H(cluster | label) / H(cluster) {OF_K_MEANS}",
        function=CLUSTERS,
        source="Rosenberg and Hirschberg 2007",
        pitfall="A single cluster of everything gives 1: read it with the homogeneity.",
        margin=0.03,
        extended=True,
    ),
    MetricInfo(
        name="label_knn_accuracy",
        title="Label accuracy of nearest neighbours",
        meaning="How often the nearest rows of other patients predict the right label; 1 = always.",
        better="higher",
        convention="accuracy of 5 nearest neighbours by cosine, all modalities stacked, 80/20 by group, tied "
        "votes shared, mean of 5 splits; neighbours fixed in the interval",
        function="suture.analysis.structure.clustering.label_knn_accuracy",
        source="as in ModGap, Grassucci et al. 2025, there without groups",
        pitfall="A common label is often right by chance: the note states its share.",
        extended=True,
    ),
    MetricInfo(
        name="cka",
        title="CKA",
        meaning=f"Similarity of two spaces over the same studies; {SAME}.",
        better="higher",
        convention="|Xc^T Yc|_F^2 / (|Xc^T Xc|_F |Yc^T Yc|_F), centred unit rows; linear, biased",
        function=AGREEMENT,
        source="Kornblith et al. 2019",
        pitfall="Near 1 by chance if studies are few relative to the dimensions. Dominated by strong "
        "directions.",
        extended=True,
        reading="higher is more similar",
    ),
    MetricInfo(
        name="cka_debiased",
        title="CKA, debiased",
        meaning="CKA without the bias of small samples; about 0 if two spaces share nothing.",
        better="higher",
        convention="CKA with unbiased HSIC: diagonals out; may be negative, not clipped",
        function=AGREEMENT,
        source="Song et al. 2012; Kornblith et al. 2019",
        pitfall="Preferred below 10 studies per dimension. Needs 4 studies.",
        extended=True,
        reading="higher is more similar",
    ),
    MetricInfo(
        name="procrustes_disparity",
        title="Procrustes disparity",
        meaning="Difference that remains after the best rotation, shift and scale; 0 = none.",
        better="lower",
        convention="1 - (sum of singular values of A^T B)^2, A, B centred and of Frobenius norm 1; rotation "
        "fixed in the interval",
        function=AGREEMENT,
        source="as scipy.spatial.procrustes",
        pitfall="Biased downward if studies are few relative to the dimensions: 0 is possible for n <= D.",
        extended=True,
        reading="lower is more similar",
    ),
    MetricInfo(
        name="mutual_knn_at_10",
        title="Shared neighbours",
        meaning="Share of the 10 nearest studies that are the same in both spaces; 1 = all.",
        better="higher",
        convention="mean share of common 10 nearest by cosine, self excluded, equal rows by row order; "
        "interval over studies, both as queries and as neighbours",
        function="suture.analysis.structure.agreement.neighbourhood_overlap",
        source="mutual k-NN, Huh et al. 2024",
        pitfall="10 / (n - 1) by chance, so it falls with more studies. Repeated texts keep file order.",
        extended=True,
        reading="higher is more similar",
    ),
    MetricInfo(
        name="rsa",
        title="Representational similarity (RSA)",
        meaning="Whether both spaces rank the similarity of study pairs alike; 1 = same order.",
        better="higher",
        convention="Spearman's correlation of the cosines of all pairs of studies, ties by mid-rank",
        function=AGREEMENT,
        source="Kriegeskorte et al. 2008",
        pitfall="Dominated by the many distant pairs; for neighbours see the shared neighbours.",
        extended=True,
        reading="higher is more similar",
    ),
    MetricInfo(
        name="zero_shot_accuracy",
        title="Zero-shot accuracy",
        meaning="How often the closest class prompt is the right class; 1 = always.",
        better="higher",
        convention="class = highest cosine with unit(mean of unit prompt vectors); equal cosines share the "
        "hit",
        function=ZERO_SHOT,
        source="Radford et al. 2021",
        pitfall=f"{PROMPTS}A common class is often right: see the balanced accuracy.",
        extended=True,
    ),
    MetricInfo(
        name="zero_shot_balanced_accuracy",
        title="Zero-shot accuracy, balanced",
        meaning="Zero-shot accuracy with equal weight for each class; 1 / classes by chance.",
        better="higher",
        convention="mean over classes of the recall; classes without studies left out",
        function=ZERO_SHOT,
        source="as in CLIP_benchmark",
        pitfall=f"{PROMPTS}A class of few studies has the same weight as any.",
        extended=True,
    ),
    MetricInfo(
        name="zero_shot_auroc",
        title="Zero-shot AUROC of a finding",
        meaning="How reliably prompts rank studies with a finding above those without; 0.5 = chance.",
        better="higher",
        convention='area under the ROC curve of cos with "{finding}" - cos with "no {finding}", ties by '
        "mid-rank; interval by placements",
        function=AUROC,
        source="Tiu et al. 2022 (CheXzero); DeLong et al. 1988",
        pitfall=f'{PROMPTS}Encoders that ignore "no" give about 0.5 or less, however good their image '
        "features.",
        extended=True,
    ),
    MetricInfo(
        name="zero_shot_rest_auroc",
        title="Zero-shot AUROC of a value against the rest",
        meaning="How reliably prompts rank studies with a value above the others; 0.5 = chance.",
        better="higher",
        convention="area under the ROC curve of cos with the value - cos with unit(mean of the other values' "
        "class vectors), ties by mid-rank; interval by placements",
        function=AUROC,
        source="derived; DeLong et al. 1988",
        pitfall=f"{PROMPTS}Shows how values differ, not whether a finding is recognised.",
        extended=True,
    ),
)
