"""Assertion status of a finding in a text: present, uncertain or absent.

After NegEx (Chapman et al. 2001): a cue before or after the finding, within its clause. Clauses end at a
full stop, a semicolon, a line end, and at words such as "but", "however" and "except". A negation extends
over a list ("No x, y or z."), unless a comma starts a new statement ("No x, small y."); uncertainty ends at
a comma. Own rules, because the maintained packages (negspacy, medspacy) need spaCy for the same lists.
"""

from __future__ import annotations

import re
from typing import Literal

Assertion = Literal["present", "uncertain", "absent"]

CLAUSE_END = re.compile(
    r"[.!](?!\d)|;|\n|\?(?=\s|$)|\b(?:but|however|except|although|though|nevertheless|whereas|yet"
    r"|apart from|aside from|other than)\b",
    re.IGNORECASE,
)
# "No change in the effusion" does not negate the effusion, so these phrases are no cue.
NO_CUE = (
    r"no (?:significant |interval |appreciable |definite |major )*"
    r"(?:change|increase|decrease|progression|worsening|improvement)(?: in| of)?"
    r"|without (?:significant |interval )*change|not only|not certain|no longer require[sd]?"
)
NEGATED_BEFORE = (
    r"no(?! longer)|without|not|nor|neither|never|denies|absence of|absent|lack of|negative for"
    r"|free of|free from|clear of|rather than|resolution of|resolved"
)
UNCERTAIN_BEFORE = (
    r"possibl[ey]|probabl[ey]|likely|unlikely|may (?:represent|be|reflect|indicate|suggest)"
    r"|might(?: represent| be| reflect)?|could (?:represent|be|reflect|indicate)"
    r"|can(?: ?not|'t) (?:be )?(?:exclude|rule out)|not exclude|(?:to )?(?:exclude|rule out)"
    r"|evaluate for|assess for|suspicious for|suspicion of|suspected|concern(?:ing)? for|questionable"
    r"|query|equivocal|differential(?: diagnosis)?(?: includes)?|versus|vs"
)
NEGATED_AFTER = (
    r"(?:(?:is|are|was|were|has been|have been) )?(?:not|no longer) (?:\w+ )?"
    r"(?:seen|identified|present|visible|visuali[sz]ed|demonstrated|detected|evident|found|shown|noted"
    r"|appreciated|observed)"
    r"|(?:is|are) (?:absent|excluded|negative)|absent|(?:has|have) (?:\w+ )?resolved"
    r"|(?:is |was |were |has been )?ruled out|: ?(?:no|none|nil|absent|negative)\b"
)
UNCERTAIN_AFTER = (
    r"(?:can(?: ?not|'t) be|(?:is|are) not|not) (?:\w+ )?(?:excluded|ruled out)"
    r"|(?:is|are) (?:\w+ )?"
    r"(?:possible|probable|likely|unlikely|suspected|questionable|questioned|equivocal|considered)"
    r"|(?:is|are) (?:a|one) (?:possibility|consideration)"
    r"|(?:possible|unlikely|questioned)(?=\s*(?:[,)]|$))|\?"
)
BEFORE = re.compile(
    rf"(?<![^\W_])(?:(?P<none>{NO_CUE})|(?P<uncertain>{UNCERTAIN_BEFORE})|(?P<absent>{NEGATED_BEFORE}))(?![^\W_])|(?P<asked>\?)",
    re.IGNORECASE,
)
# No other verb may be between a finding and the cue after it.
BETWEEN = r"(?:(?!\b(?:is|are|was|were|has|have|with|seen|present|there)\b)[^.;:?])*?"
AFTER = re.compile(
    rf"{BETWEEN}\s*(?:(?P<uncertain>{UNCERTAIN_AFTER})|(?P<absent>(?<![^\W_]){NEGATED_AFTER}))(?![^\W_])",
    re.IGNORECASE,
)
NEW_STATEMENT = re.compile(
    r",\s+(?:and\s+)?(?=(?:an?|the|there|this|small|tiny|minor|mild|slight|moderate|large|big|severe|marked|stable"
    r"|unchanged|new|persistent|left|right|bilateral)\b)",
    re.IGNORECASE,
)
LIST_WORD = re.compile(r"\b(?:or|nor)\b", re.IGNORECASE)


def assertion_state(text: str, start: int, end: int) -> Assertion:
    """Status of the finding at text[start:end], by a cue after it in the clause, else the nearest before."""
    left, right = _clause(text, start, end)
    after = AFTER.match(text, end, right)
    if after:
        return "uncertain" if after["uncertain"] else "absent"
    cues = [cue for cue in BEFORE.finditer(text, left, start) if not cue["none"]]
    for cue in reversed(cues):
        between = text[cue.end() : start]
        if (cue["uncertain"] or cue["asked"]) and "," not in between and " with " not in between:
            return "uncertain"
        if cue["absent"] and not (
            NEW_STATEMENT.search(text, cue.end(), start) and not LIST_WORD.search(text, start, right)
        ):
            return "absent"
    return "present"


def _clause(text: str, start: int, end: int) -> tuple[int, int]:
    left = 0
    for mark in CLAUSE_END.finditer(text):
        if mark.start() >= end:
            return left, mark.end() if mark[0] == "?" else mark.start()
        if mark.end() <= start:
            left = mark.end()
    return left, len(text)
