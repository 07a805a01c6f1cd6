"""Scores the fixed pairs with public implementations, for `test_reference.py`.

Run anywhere with sacrebleu, rouge-score, nltk and pycocoevalcap: python write_reference.py. The words are
those of `suture.analysis.captions.tokens`, so that the arithmetic alone is compared.
"""

from __future__ import annotations

import importlib.util
import json
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = ("sacrebleu", "rouge-score", "nltk", "pycocoevalcap")


class NoSynonyms:
    """Stands in for WordNet."""

    def synsets(self, word: str) -> list:
        return []


class Spaces:
    """A tokenizer for rouge-score that keeps every alphabet."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


def words(text: str) -> str:
    tokens = HERE.parents[2] / "analysis" / "captions" / "tokens.py"
    spec = importlib.util.spec_from_file_location("tokens", tokens)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return " ".join(module.words(text))


def main() -> None:
    from nltk.stem.snowball import SnowballStemmer
    from nltk.translate.meteor_score import single_meteor_score
    from pycocoevalcap.cider.cider import Cider
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    pairs = json.loads((HERE / "pairs.json").read_text())
    said, true = ([words(text) for text in pairs[side]] for side in ("candidates", "references"))
    both = list(zip(said, true, strict=True))
    rouge = RougeScorer(["rougeL"], tokenizer=Spaces())
    stem, chrf = SnowballStemmer("english"), CHRF()
    listed = {i: [text] for i, text in enumerate(said)}, {i: [text] for i, text in enumerate(true)}
    cider_mean, ciders = Cider().compute_score(listed[1], listed[0])
    values = {
        "versions": {name: version(name) for name in PACKAGES},
        **{
            f"bleu_{k}": BLEU(tokenize="none", smooth_method="none", max_ngram_order=k)
            .corpus_score(said, [true]).score / 100
            for k in (1, 2, 3, 4)
        },
        "rouge_l": [rouge.score(r, c)["rougeL"].fmeasure for c, r in both],
        "meteor_exact_stem": [
            single_meteor_score(r.split(), c.split(), stemmer=stem, wordnet=NoSynonyms()) for c, r in both
        ],
        "chrf": [chrf.sentence_score(c, [r]).score / 100 for c, r in both],
        "cider": [float(v) for v in ciders],
        "cider_mean": float(cider_mean),
    }  # fmt: skip
    (HERE / "reference.json").write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
