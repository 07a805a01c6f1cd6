"""Findings that a report names, and which of the true report's a generated one got right."""

from __future__ import annotations

from typing import NamedTuple

from suture.analysis.captions.assertion import Assertion, assertion_state
from suture.analysis.captions.term_matching import find_terms

RANK: dict[Assertion, int] = {"absent": 0, "uncertain": 1, "present": 2}


class Mention(NamedTuple):
    """A finding where the text names it: text[start:end]."""

    start: int
    end: int
    finding: str
    state: Assertion


class FindingChanges(NamedTuple):
    """Findings that both texts state, that only the true one states, and only the generated one."""

    hit: set[str]
    missed: set[str]
    invented: set[str]


def mentions(text: str) -> list[Mention]:
    """Every finding of `FINDINGS` that the text names, in its order; spans do not overlap."""
    return [
        Mention(start, end, name, assertion_state(text, start, end)) for start, end, name in find_terms(text)
    ]


def findings_of(text: str) -> dict[str, Assertion]:
    """What a report says of each finding that it names: "present", "uncertain" or "absent".

    Of several mentions the surest for the finding counts: present over uncertain over absent. English
    reports only. Statements that all is well ("The lungs are clear") name no finding.
    """
    assertions: dict[str, Assertion] = {}
    for mention in mentions(text):
        before = assertions.get(mention.finding)
        if before is None or RANK[mention.state] > RANK[before]:
            assertions[mention.finding] = mention.state
    return assertions


def present(text: str) -> set[str]:
    """Findings that a report states; what is doubted does not count."""
    return {name for name, said in findings_of(text).items() if said == "present"}


def finding_changes(candidate: str, reference: str) -> FindingChanges:
    """(hit, missed, invented): present findings of the true report that the generated one states too or
    leaves out, and those that it states alone. Doubted findings count on neither side.
    """
    said, true = present(candidate), present(reference)
    return FindingChanges(said & true, true - said, said - true)
