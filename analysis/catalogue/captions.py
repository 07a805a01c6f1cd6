"""Scores of generated captions and reports against the reference texts."""

from __future__ import annotations

from suture.analysis.catalogue.info import MetricInfo

SCORE = "suture.analysis.captions.score"
TOKENS = "words: NFKC, lower case, punctuation dropped"
WORDING = "Measures wording: a report can state the same in other words, or the opposite in almost the same."
ENGLISH = "English only, and only findings in the vocabulary; location, side and size are not compared."
STATED = "findings stated as present (uncertain or negated ones do not count), over all findings and studies"
NGRAMS = {1: "words", 2: "word pairs", 3: "n-grams up to three words", 4: "n-grams up to four words"}


def _bleu(order: int) -> MetricInfo:
    return MetricInfo(
        name=f"bleu_{order}",
        title=f"BLEU-{order}",
        meaning=f"Share of the {NGRAMS[order]} of the generated texts that also occur in the references; 1 "
        "= all.",
        better="higher",
        convention="min(1, exp(1 - r / c)) "
        + ("p_1" if order == 1 else f"(p_1 .. p_{order})^(1/{order})")
        + ", p_k = shared / generated k-grams over all studies, clipped; c, r = generated and reference "
        f"words; not smoothed; {TOKENS}",
        function=SCORE,
        source="Papineni et al. 2002; as sacrebleu, Post 2018",
        pitfall=f"A corpus score, not a mean over studies: long reports have more weight. {WORDING}",
        margin=0.01,
    )


def _distinct(order: int) -> MetricInfo:
    return MetricInfo(
        name=f"distinct_{order}",
        title=f"Distinct-{order}",
        meaning=f"How varied the {NGRAMS[order]} of the generated texts are; near 0 = always the same.",
        better="neither",
        convention=f"distinct / all {order}-grams over all generated texts; no interval, because a resample "
        f"repeats texts; {TOKENS}",
        function=SCORE,
        source="Li et al. 2016",
        pitfall="Falls with the number of texts: compare at equal n. Nonsense is varied too: compare with "
        "the "
        "value of the references.",
        margin=0.05,
        relative=True,
        reading="close to that of the references is right",
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
        meaning="Share of the words in the longest common subsequence of both texts; 1 = all.",
        better="higher",
        convention=f"mean over studies of 2 L / (c + r), L = longest common subsequence, c, r = "
        f"words; {TOKENS}",
        function=SCORE,
        source="Lin 2004; as rouge-score",
        pitfall=f"The COCO caption tools give recall more weight (beta 1.2). {WORDING}",
        margin=0.01,
    ),
    MetricInfo(
        name="meteor_exact_stem",
        title="METEOR (exact and stem)",
        meaning="Share of matching words or stems, with a penalty for fragmented matches; near 1 = all.",
        better="higher",
        convention="mean over studies of (1 - 0.5 (chunks / m)^3) P R / (0.9 P + 0.1 R), m = matched words, "
        f"equal ones first, then equal English stems (Snowball); {TOKENS}",
        function=SCORE,
        source="Banerjee and Lavie 2005; as nltk's meteor_score without WordNet",
        pitfall="No synonyms or paraphrases: lower than METEOR with WordNet and not comparable with it. "
        f"Identical texts of m words score 1 - 0.5 / m^3. {WORDING}",
        margin=0.01,
    ),
    MetricInfo(
        name="cider",
        title="CIDEr-D",
        meaning="N-gram similarity with more weight for rare words; 0 = none, 10 = identical.",
        better="higher",
        convention="mean over studies of 10/4 sum_k exp(-d^2 / 72) <min(c, r), r> / (|c| |r|), k-grams, k = "
        "1..4, counts times log(n / df), df over the scored references and fixed in the resamples, d = "
        f"difference of lengths, one reference per study; {TOKENS}",
        function=SCORE,
        source="Vedantam et al. 2015; as the COCO caption tools",
        pitfall="Depends on the scored studies through df: compare on the same studies. 0 where all "
        "references "
        "are equal; a text of fewer than four words cannot reach 10.",
        margin=0.05,
    ),
    MetricInfo(
        name="chrf",
        title="chrF2",
        meaning="Share of character n-grams that both texts have, recall weighted more; 1 = all.",
        better="higher",
        convention="mean over studies of 5 P R / (4 P + R), P, R = mean precision and recall of n-grams of 1 "
        f"to 6 characters, spaces removed; {TOKENS}",
        function=SCORE,
        source="Popovic 2015; as sacrebleu's sentence score, on a scale of 1",
        pitfall=f"Unrelated texts of one language share letters: 0.2 is no agreement. {WORDING}",
        margin=0.01,
    ),
    *map(_distinct, (1, 2)),
    MetricInfo(
        name="length_ratio",
        title="Length ratio",
        meaning="Length of the generated texts relative to the references; 1 = equal.",
        better="neither",
        convention=f"words of all generated texts / words of all references; {TOKENS}",
        function=SCORE,
        source="the c / r of BLEU",
        pitfall="The right length says nothing about the content.",
        margin=0.05,
        reading="1 is equal length",
    ),
    _finding(
        "precision",
        "Findings: precision",
        "Share of the findings in generated reports that are in the references too; 1 = all.",
        "hits / stated in generated reports",
        "A report that states nothing makes no false statement: read it with recall.",
    ),
    _finding(
        "recall",
        "Findings: recall",
        "Share of the findings in the references that are in the generated reports; 1 = all.",
        "hits / stated in references",
        "A report that states everything misses nothing: read it with precision.",
    ),
    _finding(
        "f1",
        "Findings: F1",
        "Harmonic mean of precision and recall of findings; 1 = all hit, none invented.",
        "2 hits / (stated in generated reports + stated in references)",
        "Dominated by common findings: see the scores of each finding.",
    ),
)
CAPTION_METRICS: dict[str, MetricInfo] = {m.name: m for m in METRICS}
