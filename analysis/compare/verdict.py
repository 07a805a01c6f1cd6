"""What a comparison says in sentences: the gap first, then why, what it cost, and what stays open."""

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
    "not decidable at this N": "did not move by more than chance explains",
    "no interval": "has no interval",
}
GUARDED = ("effective_rank", "uniformity_wi", "angular_value", "hubness_skew")
QUIET = ("unchanged", "not decidable at this N")  # nothing that a guard could warn of


@dataclass(frozen=True)
class Verdict:
    """The sentence to read first, and the reasons under it."""

    headline: str
    reasons: tuple[str, ...]


def summary(comparison: Comparison, pair: tuple[str, str]) -> Verdict:
    """The comparison of two modalities in plain words; every verb follows from an interval.

    The reasons, where their numbers are there: how much of the change in pair distance is the offset
    between the clouds and how much the single pairs; retrieval in both directions; the guards against
    over-closing (limits of `suture.analysis.gap.collapse_warnings`, unless the interval calls the change
    chance); and the numbers of the headline that cannot be decided.
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
        return f"There are too few studies with both {pair[0]} and {pair[1]} to compare the gap."
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
        told = "is unchanged" if whole.verdict == "unchanged" else "has no verdict"
        yield f"The squared distance of true pairs {told}: {_describe_change(whole)}."
        return
    total, inner = float(whole.difference or 0), float(residual.difference or 0)
    offset = float(gap.b.value or 0) ** 2 - float(gap.a.value or 0) ** 2
    verb = "fell" if total < 0 else "rose"
    parts = f"the offset between the clouds gives {offset:+.2f}, the single pairs {inner:+.2f}"
    share = f" ({100 * offset / total:.0f} % is offset)" if offset * inner >= 0 else ""
    yield f"The squared distance of true pairs {verb}: {_describe_change(whole)}. Of it, {parts}{share}."


def _retrieval_sentences(comparison: Comparison, pair: tuple[str, str]) -> Iterator[str]:
    for a, b in (pair, pair[::-1]):
        row = comparison.find("recall_at_10", a, b, direction=f"{a}->{b}", protocol=PROTOCOL)
        if row is not None:
            yield f"{row.title} from {a} to {b} {RECALL_WORDS[row.verdict]}: {_describe_change(row)}."


def _collapse_sentence(comparison: Comparison, pair: tuple[str, str]) -> Iterator[str]:
    """What over-closing would show in; both modalities, both directions and the two as one cloud."""
    seen: list[str] = []
    open_: list[str] = []
    struck: list[str] = []
    for modalities in ((pair[0],), (pair[1],), pair, pair[::-1]):
        rows = [row for name in GUARDED if (row := comparison.find(name, *modalities)) is not None]
        seen += [row.title for row in rows if row.verdict not in UNDECIDED]
        open_ += [row.title for row in rows if row.verdict in UNDECIDED]
        told = [row for row in rows if row.verdict not in QUIET]
        found = collapse_warnings.detect(
            [{r.name: r.a.value for r in told}, {r.name: r.b.value for r in told}]
        )
        where = rows[0].direction or " and ".join(modalities) if rows else ""
        struck += [f"{w.message.rstrip('.')} ({where})" for w in found]
    if struck:
        yield f"Mind, the space may be collapsing: {'; '.join(struck)}."
        return
    within = [title for title in dict.fromkeys(seen) if title not in open_]
    if within:
        unknown = f" Cannot be said of: {', '.join(dict.fromkeys(open_))}." if open_ else ""
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
    """0.57 to 0.06 (-0.51, interval -0.53 to -0.49); shares of queries in percent."""
    scale, digits, unit = (100, 1, " %") if row.name.startswith("recall") else (1, 2, "")
    a, b, change = (scale * float(v or 0) for v in (row.a.value, row.b.value, row.difference))
    shown = f"{a:.{digits}f}{unit} to {b:.{digits}f}{unit} ({change:+.{digits}f}"
    if row.low is None or row.high is None:
        return f"{shown}, no interval)"
    return f"{shown}, interval {scale * row.low:+.{digits}f} to {scale * row.high:+.{digits}f})"
