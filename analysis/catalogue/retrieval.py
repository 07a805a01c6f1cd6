"""Does a query find its own partner, and who crowds into everybody's answers?"""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

RETRIEVAL = "suture.analysis.retrieval.retrieval"
HUBNESS = "suture.analysis.retrieval.hubness.hubness"
WORDS = {1: "comes first", 5: "is among the first five", 10: "is among the first ten"}
TIES = "ties by expectation over their orders"


def _recall(k: int) -> MetricInfo:
    return MetricInfo(
        name=f"recall_at_{k}",
        title=f"Recall@{k}",
        meaning=f"How often the right partner {WORDS[k]}.",
        better="higher",
        convention=f"hit among the first {k}, ties by expected hit, gallery fixed",
        function=RETRIEVAL,
        source="as in CLIP papers; expected hit exact (hypergeometric)",
        pitfall="Depends on the size of the gallery, on repeated texts and on the protocol; recall within "
        "batches is another number.",
    )


def _precision(k: int) -> MetricInfo:
    return MetricInfo(
        name=f"p_at_{k}",
        title=f"Precision@{k}, same label",
        meaning=f"How many of the first {'five' if k == 5 else 'ten'} answers have the query's label.",
        better="higher",
        convention=f"share of the first {k} items with the query's label, its own partner among them; items "
        "without a label are wrong, queries without one are left out; equal items by expectation, other ties "
        "in the order of the gallery",
        function="suture.analysis.retrieval.label_precision",
        source="Zhang et al. 2020 (ConVIRT), CheXpert 8x200",
        pitfall="Compare it with the share of the label in the gallery: that is chance.",
        extended=True,
    )


METRICS = (
    *(_recall(k) for k in WORDS),
    MetricInfo(
        name="median_rank",
        title="Median rank",
        meaning="Where the right partner typically stands; 1 = first.",
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
        meaning="Where the right partner stands on average; 1 = first.",
        better="lower",
        convention="mean of the expected rank of the first right answer, gallery fixed",
        function=RETRIEVAL,
        source="as in CLIP papers",
        pitfall="A few lost queries rule it; grows with the gallery.",
        margin=0.1,
        relative=True,
        margin_floor=1.0,
        extended=True,
        reading="lower is better",
    ),
    MetricInfo(
        name="mrr",
        title="Mean reciprocal rank",
        meaning="One over the place of the right partner, on average; 1 = always first.",
        better="higher",
        convention=f"mean 1 / rank of the first right answer, {TIES} (not 1 / expected rank), gallery fixed",
        function=RETRIEVAL,
        source="Voorhees 1999; ties derived",
        pitfall="Depends on the size of the gallery; nearly all of it is decided in the first few places.",
        extended=True,
    ),
    MetricInfo(
        name="map",
        title="Mean average precision",
        meaning="How far ahead all right answers stand, if there are several; 1 = before all wrong ones.",
        better="higher",
        convention=f"mean over queries of the mean precision at the ranks of all right answers, {TIES}",
        function=RETRIEVAL,
        source="ties in closed form: McSherry and Najork 2008",
        pitfall="Queries with many right answers weigh as much as those with one.",
        extended=True,
    ),
    MetricInfo(
        name="ndcg_at_10",
        title="nDCG@10",
        meaning="How many right answers the first ten hold, early ones counting more; 1 = as good as can be.",
        better="higher",
        convention="gain 1 / log2(rank + 1) in the first 10 over that of min(R, 10) right answers on top, "
        f"{TIES}",
        function=RETRIEVAL,
        source="Jarvelin and Kekalainen 2002; ties: McSherry and Najork 2008",
        pitfall="The ideal uses all right answers; code that takes only those it found reads higher.",
        extended=True,
    ),
    MetricInfo(
        name="r_precision",
        title="R-precision",
        meaning="Of as many answers as there are right ones, how many are right.",
        better="higher",
        convention=f"share of right answers among the first R, R right answers in all, {TIES}",
        function=RETRIEVAL,
        source="TREC",
        pitfall="With a single right answer it is Recall@1.",
        extended=True,
    ),
    _precision(5),
    _precision(10),
    MetricInfo(
        name="hubness_skew",
        title="Hubness",
        meaning="Whether a few items crowd into everybody's first ten; 0 = all are found alike.",
        better="lower",
        convention="population skewness of N_10, how often an item is among the first 10 of all queries; "
        "equal items in the order of the gallery; interval to first order",
        function=HUBNESS,
        source="Radovanovic et al. 2010",
        pitfall="Differs by direction; grows with the number of items.",
        margin=0.5,
        reading="lower has fewer hubs",
    ),
    MetricInfo(
        name="antihub_share",
        title="Items never found",
        meaning="Share of items that stand among the first ten of no query.",
        better="lower",
        convention="share of the gallery with N_10 = 0; no interval",
        function=HUBNESS,
        source="Radovanovic et al. 2010",
        pitfall="Copies of an item share its places: repeated texts make anti-hubs of all but the first ten.",
        extended=True,
        reading="lower has fewer lost items",
    ),
    MetricInfo(
        name="hub_share",
        title="Hubs",
        meaning="Share of items found at least twice as often as is fair.",
        better="lower",
        convention="share of the gallery with N_10 >= 20; no interval",
        function=HUBNESS,
        source="as in scikit-hubness",
        pitfall="Falls again when very few items take everything: read it beside the hubness.",
        extended=True,
        reading="lower has fewer hubs",
    ),
    MetricInfo(
        name="hubness_gini",
        title="Hubness, Gini",
        meaning="How unequally the first ten places are shared; 0 = alike, near 1 = a few take all.",
        better="lower",
        convention="sum_ij |N_i - N_j| / (2 n sum N) of N_10; interval to first order",
        function=HUBNESS,
        source="as in scikit-hubness",
        pitfall="Chance alone gives about 0.18 with ten places an item.",
        extended=True,
        reading="lower is shared more evenly",
    ),
    MetricInfo(
        name="robin_hood",
        title="Hubness, Robin Hood",
        meaning="Share of the first ten places that would have to move for all items to be found alike.",
        better="lower",
        convention="sum |N - mean N| / (2 sum N) of N_10; interval to first order",
        function=HUBNESS,
        source="as in scikit-hubness",
        pitfall="Chance alone gives about 0.13 with ten places an item.",
        extended=True,
        reading="lower is shared more evenly",
    ),
)

PROTOCOL_MEANING = {
    "strict": "only the study's own partner counts as right",
    "multi_positive": "every partner with the same text or duplicate group counts as right",
    "deduplicated": "each distinct text is kept once",
}
