"""Generated captions and reports against the true ones."""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

SCORE = "suture.analysis.captions.score"
TOKENS = "words: NFKC, lower case, punctuation dropped"
WORDING = "Rewards wording: a report may say the same in other words, or the contrary in nearly the same."
ENGLISH = "English only, and only findings of the vocabulary; places, sides and sizes are not compared."
STATED = "findings stated as present (doubted or denied ones do not count), summed over findings and studies"
RUNS = {1: "single words", 2: "pairs of words", 3: "runs of up to three words", 4: "runs of up to four words"}


def _bleu(order: int) -> MetricInfo:
    return MetricInfo(
        name=f"bleu_{order}",
        title=f"BLEU-{order}",
        meaning=f"How many {RUNS[order]} of the generated texts stand in the true ones too; 1 = all.",
        better="higher",
        convention="min(1, exp(1 - r / c)) "
        + ("p_1" if order == 1 else f"(p_1 .. p_{order})^(1/{order})")
        + ", p_k = shared / generated runs of k words over all studies, clipped; c, r = generated and true "
        f"words; not smoothed; {TOKENS}",
        function=SCORE,
        source="Papineni et al. 2002; as sacrebleu, Post 2018",
        pitfall=f"Of the corpus, not a mean over studies: long reports weigh more. {WORDING}",
        margin=0.01,
    )


def _distinct(order: int) -> MetricInfo:
    return MetricInfo(
        name=f"distinct_{order}",
        title=f"Distinct-{order}",
        meaning=f"How varied the {RUNS[order]} of the generated texts are; near 0 = the same over and over.",
        better="neither",
        convention=f"different / all runs of {order} word{'s' * (order > 1)} over all generated texts; no "
        f"interval, as a resample repeats texts; {TOKENS}",
        function=SCORE,
        source="Li et al. 2016",
        pitfall="Falls with the number of texts: compare at equal n. Nonsense is varied too: read it beside "
        "that of the true texts.",
        margin=0.05,
        relative=True,
        reading="near that of the true texts is right",
    )


def _finding(part: str, title: str, meaning: str, formula: str, pitfall: str) -> MetricInfo:
    return MetricInfo(
        name=f"finding_{part}",
        title=title,
        meaning=meaning,
        better="higher",
        convention=f"{formula}; {STATED}",
        function=SCORE,
        source="micro average as in CheXpert F1; findings by rules after NegEx, Chapman et al. 2001",
        pitfall=f"{pitfall} {ENGLISH}",
        margin=0.01,
    )


METRICS: tuple[MetricInfo, ...] = (
    *map(_bleu, (1, 2, 3, 4)),
    MetricInfo(
        name="rouge_l",
        title="ROUGE-L",
        meaning="How much of both texts is one common row of words in the same order; 1 = all.",
        better="higher",
        convention=f"mean over studies of 2 L / (c + r), L = longest common subsequence, c, r = "
        f"words; {TOKENS}",
        function=SCORE,
        source="Lin 2004; as rouge-score",
        pitfall=f"The COCO caption tools weigh recall more (beta 1.2). {WORDING}",
        margin=0.01,
    ),
    MetricInfo(
        name="meteor_exact_stem",
        title="METEOR (exact and stem)",
        meaning="How many words, or their stems, both texts share, and how much in one piece; near 1 = all.",
        better="higher",
        convention="mean over studies of (1 - 0.5 (chunks / m)^3) P R / (0.9 P + 0.1 R), m = matched words, "
        f"equal ones first, then equal English stems (Snowball); {TOKENS}",
        function=SCORE,
        source="Banerjee and Lavie 2005; as nltk's meteor_score without WordNet",
        pitfall="No synonyms and no paraphrases: lower than METEOR with WordNet, not comparable with it. "
        f"Identical texts of m words read 1 - 0.5 / m^3. {WORDING}",
        margin=0.01,
    ),
    MetricInfo(
        name="cider",
        title="CIDEr-D",
        meaning="How alike the texts are in words that tell studies apart; 0 = not at all, 10 = the same.",
        better="higher",
        convention="mean over studies of 10/4 sum_k exp(-d^2 / 72) <min(c, r), r> / (|c| |r|), runs of k = "
        "1..4 words, counts times log(n / df), df over the true texts scored and held in the resamples, d = "
        f"difference of lengths, one true text a study; {TOKENS}",
        function=SCORE,
        source="Vedantam et al. 2015; as the COCO caption tools",
        pitfall="Depends on the studies scored, through df: compare on the same studies. 0 where all true "
        "texts are alike; a text of fewer than four words cannot reach 10.",
        margin=0.05,
    ),
    MetricInfo(
        name="chrf",
        title="chrF2",
        meaning="How many runs of letters both texts share, the true text's counting more; 1 = all.",
        better="higher",
        convention="mean over studies of 5 P R / (4 P + R), P, R = mean precision and recall of runs of 1 "
        f"to 6 characters of the words without spaces; {TOKENS}",
        function=SCORE,
        source="Popovic 2015; as sacrebleu's sentence score, on a scale of 1",
        pitfall=f"Unlike texts of one language share letters: 0.2 is nothing. {WORDING}",
        margin=0.01,
    ),
    *map(_distinct, (1, 2)),
    MetricInfo(
        name="length_ratio",
        title="Length ratio",
        meaning="How long generated texts are beside true ones; 1 = as long.",
        better="neither",
        convention=f"words of all generated texts / words of all true texts; {TOKENS}",
        function=SCORE,
        source="the c / r of BLEU",
        pitfall="The right length says nothing of the content.",
        margin=0.05,
        reading="1 is as long",
    ),
    _finding(
        "precision",
        "Findings: precision",
        "How many findings that the generated reports state are true; 1 = all.",
        "hits / stated by generated reports",
        "A report that states nothing invents nothing: read it with recall.",
    ),
    _finding(
        "recall",
        "Findings: recall",
        "How many findings of the true reports the generated ones state; 1 = all.",
        "hits / stated by true reports",
        "A report that states everything misses nothing: read it with precision.",
    ),
    _finding(
        "f1",
        "Findings: F1",
        "How well stated findings agree with the true ones; 1 = all hit, none invented.",
        "2 hits / (stated by generated + stated by true reports)",
        "Common findings decide: see them one by one.",
    ),
)
CAPTION_METRICS: dict[str, MetricInfo] = {m.name: m for m in METRICS}
