"""Extract findings from a report, and compare a generated report with its reference."""

from __future__ import annotations

from typing import NamedTuple

from suture.analysis.captions.assertion import Assertion, assertion_state
from suture.analysis.captions.term_matching import find_terms

RANK: dict[Assertion, int] = {"absent": 0, "uncertain": 1, "present": 2}


class Mention(NamedTuple):
    """A finding mentioned at text[start:end]."""

    start: int
    end: int
    finding: str
    state: Assertion


class FindingChanges(NamedTuple):
    """Findings stated in both texts, only in the reference (missed), only in the other (invented)."""

    hit: set[str]
    missed: set[str]
    invented: set[str]


def mentions(text: str) -> list[Mention]:
    """Every mention of a finding of `FINDINGS`, in text order; spans do not overlap."""
    return [
        Mention(start, end, name, assertion_state(text, start, end)) for start, end, name in find_terms(text)
    ]


def findings_of(text: str) -> dict[str, Assertion]:
    """Status of each mentioned finding: "present", "uncertain" or "absent".

    Of several mentions, present wins over uncertain over absent. English reports only. Statements of
    normality ("The lungs are clear") mention no finding.
    """
    assertions: dict[str, Assertion] = {}
    for mention in mentions(text):
        before = assertions.get(mention.finding)
        if before is None or RANK[mention.state] > RANK[before]:
            assertions[mention.finding] = mention.state
    return assertions


def present(text: str) -> set[str]:
    """Findings stated as present; uncertain ones do not count."""
    return {name for name, said in findings_of(text).items() if said == "present"}


def finding_changes(candidate: str, reference: str) -> FindingChanges:
    """(hit, missed, invented): present findings of the reference that the generated report states or omits,
    and those that only the generated report states. Uncertain findings do not count.
    """
    said, true = present(candidate), present(reference)
    return FindingChanges(said & true, true - said, said - true)
