"""A comparison in sentences: the gap, pair distance, retrieval, signs of collapse, undecided metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from suture.analysis.compare.table import Comparison, MetricChange, headline
from suture.analysis.compare.verdict_words import UNDECIDED, VerdictWord, verdict_word
from suture.analysis.gap import collapse_warnings

__all__ = ["Verdict", "VerdictWord", "summary", "verdict_word"]

PROTOCOL = "multi_positive"
GAP_WORDS = {
    "closed": "The gap{between} closed",
    "narrowed": "The gap{between} narrowed",
    "worse": "The gap{between} widened",
    "unchanged": "The gap{between} is unchanged",
    "not decidable at this N": "Whether the gap{between} changed is not decidable with {n:,} studies",
    "no interval": "Too few groups for an interval of the gap{between}, so no verdict",
}
RECALL_WORDS = {
    "better": "rose",
    "worse": "fell",
    "unchanged": "is unchanged",
    "not decidable at this N": "did not change significantly",
    "no interval": "has no interval",
}
GUARDED = ("effective_rank", "uniformity_wi", "angular_value", "hubness_skew")
QUIET = ("unchanged", "not decidable at this N")  # changes that trigger no collapse warning


@dataclass(frozen=True)
class Verdict:
    """The headline sentence and the reasons below it."""

    headline: str
    reasons: tuple[str, ...]


def summary(comparison: Comparison, pair: tuple[str, str]) -> Verdict:
    """Summarise the comparison of two modalities; every verb follows from an interval.

    The reasons, where their metrics are defined: how much of the change in pair distance comes from the
    offset and how much from single pairs; retrieval in both directions; collapse warnings (limits of
    `suture.analysis.gap.collapse_warnings`, for changes that the interval does not attribute to chance);
    and the headline metrics that are undecided.
    """
    if comparison.find("centroid_gap", *pair[::-1]) is not None:
        pair = (pair[1], pair[0])  # the order of the evaluation
    sources = (_distance_sentence, _retrieval_sentences, _collapse_sentence, _undecided_sentences)
    return Verdict(
        _gap_sentence(comparison, pair), tuple(line for s in sources for line in s(comparison, pair))
    )


def _gap_sentence(comparison: Comparison, pair: tuple[str, str]) -> str:
    """The debiased gap; the plain one where only that is defined."""
    rows = [comparison.find(name, *pair) for name in ("centroid_gap_debiased", "centroid_gap")]
    row = next((r for r in rows if r is not None and r.low is not None), rows[1])
    if row is None:
        return f"Too few studies with both {pair[0]} and {pair[1]} to compare the gap."
    between = f" between {pair[0]} and {pair[1]}" if len(comparison.modalities) > 2 else ""
    return f"{GAP_WORDS[row.verdict].format(between=between, n=row.a.n)}: {_describe_change(row)}."


def _distance_sentence(comparison: Comparison, pair: tuple[str, str]) -> Iterator[str]:
    """Squared pair distance = gap^2 + residual, exactly: which of the two changed."""
    names = ("alignment", "centroid_gap", "paired_residual")
    rows = [comparison.find(name, *pair) for name in names]
    if any(row is None for row in rows):
        return
    whole, gap, residual = (row for row in rows if row is not None)
    if whole.verdict in UNDECIDED or whole.verdict == "unchanged":
        status = "is unchanged" if whole.verdict == "unchanged" else "cannot be decided at this N"
        yield f"The squared distance of true pairs {status}: {_describe_change(whole)}."
        return
    total, inner = float(whole.difference or 0), float(residual.difference or 0)
    offset = float(gap.b.value or 0) ** 2 - float(gap.a.value or 0) ** 2
    verb = "fell" if total < 0 else "rose"
    parts = f"the centroid offset accounts for {offset:+.2f}, single pairs for {inner:+.2f}"
    share = f" ({100 * offset / total:.0f} % is offset)" if offset * inner >= 0 else ""
    yield f"The squared distance of true pairs {verb}: {_describe_change(whole)}. Of this, {parts}{share}."


def _retrieval_sentences(comparison: Comparison, pair: tuple[str, str]) -> Iterator[str]:
    for a, b in (pair, pair[::-1]):
        row = comparison.find("recall_at_10", a, b, direction=f"{a}->{b}", protocol=PROTOCOL)
        if row is not None:
            yield f"{row.title} from {a} to {b} {RECALL_WORDS[row.verdict]}: {_describe_change(row)}."


def _collapse_sentence(comparison: Comparison, pair: tuple[str, str]) -> Iterator[str]:
    """Collapse warnings for both modalities, both directions and both modalities stacked."""
    decided: list[str] = []
    undecided: list[str] = []
    warned: list[str] = []
    for modalities in ((pair[0],), (pair[1],), pair, pair[::-1]):
        rows = [row for name in GUARDED if (row := comparison.find(name, *modalities)) is not None]
        decided += [row.title for row in rows if row.verdict not in UNDECIDED]
        undecided += [row.title for row in rows if row.verdict in UNDECIDED]
        changed = [row for row in rows if row.verdict not in QUIET]
        raised = collapse_warnings.detect(
            [{r.name: r.a.value for r in changed}, {r.name: r.b.value for r in changed}]
        )
        where = rows[0].direction or " and ".join(modalities) if rows else ""
        warned += [f"{w.message.rstrip('.')} ({where})" for w in raised]
    if warned:
        yield f"Warning, the space may be collapsing: {'; '.join(warned)}."
        return
    within = [title for title in dict.fromkeys(decided) if title not in undecided]
    if within:
        unknown = f" Undecided: {', '.join(dict.fromkeys(undecided))}." if undecided else ""
        yield f"No sign of over-closing. Within their limits: {', '.join(within)}.{unknown}"


def _undecided_sentences(comparison: Comparison, pair: tuple[str, str]) -> Iterator[str]:
    for verdict in UNDECIDED:
        rows = [
            row for row in headline(comparison) if row.verdict == verdict and set(row.modalities) <= set(pair)
        ]
        names = [
            f"{row.title} {(row.direction or row.label or '').replace('->', ' → ')}".rstrip() for row in rows
        ]
        if rows:
            yield f"{verdict[0].upper() + verdict[1:]}: {', '.join(names)}."


def _describe_change(row: MetricChange) -> str:
    """Format as 0.57 to 0.06 (-0.51, interval -0.53 to -0.49); recall in percent."""
    scale, digits, unit = (100, 1, " %") if row.name.startswith("recall") else (1, 2, "")
    a, b, change = (scale * float(v or 0) for v in (row.a.value, row.b.value, row.difference))
    shown = f"{a:.{digits}f}{unit} to {b:.{digits}f}{unit} ({change:+.{digits}f}"
    if row.low is None or row.high is None:
        return f"{shown}, no interval)"
    return f"{shown}, interval {scale * row.low:+.{digits}f} to {scale * row.high:+.{digits}f})"
