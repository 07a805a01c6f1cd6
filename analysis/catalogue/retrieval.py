"""Does a query find its own partner, and who crowds into everybody's answers?"""

from __future__ import annotations

from analysis.catalogue.info import MetricInfo

RETRIEVAL = "analysis.retrieval.retrieval"
WORDS = {1: "comes first", 5: "is among the first five", 10: "is among the first ten"}


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


METRICS = (
    *(_recall(k) for k in WORDS),
    MetricInfo(
        name="median_rank",
        title="Median rank",
        meaning="Where the right partner typically stands; 1 = first.",
        better="lower",
        convention="median of the expected rank of the first right answer, gallery fixed; interval not centred",
        function=RETRIEVAL,
        source="as in CLIP papers",
        pitfall="Grows with the gallery.",
        margin=0.1,
        relative=True,
        reading="lower is better",
    ),
    MetricInfo(
        name="hubness_skew",
        title="Hubness",
        meaning="Whether a few items crowd into everybody's first ten; 0 = all are found alike.",
        better="lower",
        convention="population skewness of N_10, how often an item is among the first 10 of all queries",
        function="analysis.hubness.hubness_skew",
        source="Radovanovic et al. 2010",
        pitfall="Differs by direction; grows with the number of items.",
        margin=0.25,
        reading="lower has fewer hubs",
    ),
)

PROTOCOL_MEANING = {
    "strict": "only the study's own partner counts as right",
    "multi_positive": "every partner with the same text or duplicate group counts as right",
    "deduplicated": "each distinct text is kept once",
}
