"""Retrieval: does a query find its own partner, and do hubs dominate the results?"""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

RETRIEVAL = "suture.analysis.retrieval.retrieval"
HUBNESS = "suture.analysis.retrieval.hubness.hubness"
RANKS = {1: "first", 5: "among the first five", 10: "among the first ten"}
TIES = "ties by expectation over all orders"


def _recall(k: int) -> MetricInfo:
    return MetricInfo(
        name=f"recall_at_{k}",
        title=f"Recall@{k}",
        meaning=f"Share of queries whose right partner is ranked {RANKS[k]}.",
        better="higher",
        convention=f"hit among the first {k}, ties by expected hit, gallery fixed",
        function=RETRIEVAL,
        source="as in CLIP papers; expected hit exact (hypergeometric)",
        pitfall="Depends on the gallery size, on repeated texts and on the protocol. Recall within batches "
        "is "
        "a different metric.",
    )


def _precision(k: int) -> MetricInfo:
    return MetricInfo(
        name=f"p_at_{k}",
        title=f"Precision@{k}, same label",
        meaning=f"Share of the first {'five' if k == 5 else 'ten'} results that have the label of the query.",
        better="higher",
        convention=f"share of the first {k} items with the query's label, own partner included; items "
        "without a label are wrong, queries without a label are left out; equal items by expectation, other "
        "ties in gallery order",
        function="suture.analysis.retrieval.label_precision",
        source="Zhang et al. 2020 (ConVIRT), CheXpert 8x200",
        pitfall="Compare it with the share of the label in the gallery, which is the chance level.",
        extended=True,
    )


METRICS = (
    *(_recall(k) for k in RANKS),
    MetricInfo(
        name="median_rank",
        title="Median rank",
        meaning="Median rank of the right partner; 1 = first.",
        better="lower",
        convention="median of the expected rank of the first right answer, gallery fixed; interval not "
        "centred",
        function=RETRIEVAL,
        source="as in CLIP papers",
        pitfall="Grows with the gallery.",
        margin=0.1,
        relative=True,
        margin_floor=1.0,
        reading="lower is better",
    ),
    MetricInfo(
        name="mean_rank",
        title="Mean rank",
        meaning="Mean rank of the right partner; 1 = first.",
        better="lower",
        convention="mean of the expected rank of the first right answer, gallery fixed",
        function=RETRIEVAL,
        source="as in CLIP papers",
        pitfall="Dominated by a few very bad queries; grows with the gallery.",
        margin=0.1,
        relative=True,
        margin_floor=1.0,
        extended=True,
        reading="lower is better",
    ),
    MetricInfo(
        name="mrr",
        title="Mean reciprocal rank",
        meaning="Mean of 1 / rank of the right partner; 1 = always first.",
        better="higher",
        convention=f"mean 1 / rank of the first right answer, {TIES} (not 1 / expected rank), gallery fixed",
        function=RETRIEVAL,
        source="Voorhees 1999; ties derived",
        pitfall="Depends on the gallery size; determined almost entirely by the first few ranks.",
        extended=True,
    ),
    MetricInfo(
        name="map",
        title="Mean average precision",
        meaning="How high all right answers are ranked, if there are several; 1 = above all wrong ones.",
        better="higher",
        convention=f"mean over queries of the mean precision at the ranks of all right answers, {TIES}",
        function=RETRIEVAL,
        source="ties in closed form: McSherry and Najork 2008",
        pitfall="Queries with many right answers have the same weight as those with one.",
        extended=True,
    ),
    MetricInfo(
        name="ndcg_at_10",
        title="nDCG@10",
        meaning="Right answers among the first ten, higher ranks weighted more; 1 = the best possible.",
        better="higher",
        convention="gain 1 / log2(rank + 1) in the first 10 over that of min(R, 10) right answers on top, "
        f"{TIES}",
        function=RETRIEVAL,
        source="Jarvelin and Kekalainen 2002; ties: McSherry and Najork 2008",
        pitfall="The ideal ranking uses all right answers; code that uses only the retrieved ones gives "
        "higher values.",
        extended=True,
    ),
    MetricInfo(
        name="r_precision",
        title="R-precision",
        meaning="Share of right answers among the first R results, R = number of right answers.",
        better="higher",
        convention=f"share of right answers among the first R, R right answers in all, {TIES}",
        function=RETRIEVAL,
        source="TREC",
        pitfall="Equals Recall@1 with a single right answer.",
        extended=True,
    ),
    _precision(5),
    _precision(10),
    MetricInfo(
        name="hubness_skew",
        title="Hubness",
        meaning="Whether a few items dominate the top ten of all queries; 0 = all items equally frequent.",
        better="lower",
        convention="population skewness of N_10, how often an item is among the first 10 of all queries; "
        "equal items in gallery order; first-order interval",
        function=HUBNESS,
        source="Radovanovic et al. 2010",
        pitfall="Depends on the direction; grows with the number of items.",
        margin=0.5,
        reading="lower has fewer hubs",
    ),
    MetricInfo(
        name="antihub_share",
        title="Anti-hubs",
        meaning="Share of items that are in the top ten of no query.",
        better="lower",
        convention="share of the gallery with N_10 = 0; no interval",
        function=HUBNESS,
        source="Radovanovic et al. 2010",
        pitfall="Copies of an item compete for the same ranks: of many equal texts only the first ten are "
        "found.",
        extended=True,
        reading="lower has fewer anti-hubs",
    ),
    MetricInfo(
        name="hub_share",
        title="Hubs",
        meaning="Share of items retrieved at least twice as often as on average.",
        better="lower",
        convention="share of the gallery with N_10 >= 20; no interval",
        function=HUBNESS,
        source="as in scikit-hubness",
        pitfall="Falls again when very few items dominate: read it with the hubness.",
        extended=True,
        reading="lower has fewer hubs",
    ),
    MetricInfo(
        name="hubness_gini",
        title="Hubness, Gini",
        meaning="Inequality of how often items are in a top ten; 0 = equal, near 1 = a few items dominate.",
        better="lower",
        convention="sum_ij |N_i - N_j| / (2 n sum N) of N_10; interval to first order",
        function=HUBNESS,
        source="as in scikit-hubness",
        pitfall="Random retrieval gives about 0.18 at ten hits per item.",
        extended=True,
        reading="lower is more even",
    ),
    MetricInfo(
        name="robin_hood",
        title="Hubness, Robin Hood",
        meaning="Share of top-ten places to reassign so that all items are retrieved equally often.",
        better="lower",
        convention="sum |N - mean N| / (2 sum N) of N_10; interval to first order",
        function=HUBNESS,
        source="as in scikit-hubness",
        pitfall="Random retrieval gives about 0.13 at ten hits per item.",
        extended=True,
        reading="lower is more even",
    ),
)

PROTOCOL_MEANING = {
    "strict": "only the partner from the same study counts as right",
    "multi_positive": "every partner with the same text or duplicate group counts as right",
    "deduplicated": "each distinct text is kept once",
}
