"""Is a finding that a text names said to be there, to be doubtful, or not to be there?

After NegEx (Chapman et al. 2001): a cue before or after the finding, within its clause. Clauses end at a
full stop, a semicolon, a line, and at words such as "but", "however" and "except". A denial goes on over
a list ("No x, y or z."), unless a comma starts a statement anew ("No x, small y."); a doubt ends at a
comma. Rules of our own: the kept packages (negspacy, medspacy) bring spaCy along for the same lists.
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
# "No change in the effusion" denies no effusion: such words are no cue.
NO_CUE = (
    r"no (?:significant |interval |appreciable |definite |major )*"
    r"(?:change|increase|decrease|progression|worsening|improvement)(?: in| of)?"
    r"|without (?:significant |interval )*change|not only|not certain|no longer require[sd]?"
)
DENIED_BEFORE = (
    r"no(?! longer)|without|not|nor|neither|never|denies|absence of|absent|lack of|negative for"
    r"|free of|free from|clear of|rather than|resolution of|resolved"
)
DOUBTED_BEFORE = (
    r"possibl[ey]|probabl[ey]|likely|unlikely|may (?:represent|be|reflect|indicate|suggest)"
    r"|might(?: represent| be| reflect)?|could (?:represent|be|reflect|indicate)"
    r"|can(?: ?not|'t) (?:be )?(?:exclude|rule out)|not exclude|(?:to )?(?:exclude|rule out)"
    r"|evaluate for|assess for|suspicious for|suspicion of|suspected|concern(?:ing)? for|questionable"
    r"|query|equivocal|differential(?: diagnosis)?(?: includes)?|versus|vs"
)
DENIED_AFTER = (
    r"(?:(?:is|are|was|were|has been|have been) )?(?:not|no longer) (?:\w+ )?"
    r"(?:seen|identified|present|visible|visuali[sz]ed|demonstrated|detected|evident|found|shown|noted"
    r"|appreciated|observed)"
    r"|(?:is|are) (?:absent|excluded|negative)|absent|(?:has|have) (?:\w+ )?resolved"
    r"|(?:is |was |were |has been )?ruled out|: ?(?:no|none|nil|absent|negative)\b"
)
DOUBTED_AFTER = (
    r"(?:can(?: ?not|'t) be|(?:is|are) not|not) (?:\w+ )?(?:excluded|ruled out)"
    r"|(?:is|are) (?:\w+ )?"
    r"(?:possible|probable|likely|unlikely|suspected|questionable|questioned|equivocal|considered)"
    r"|(?:is|are) (?:a|one) (?:possibility|consideration)"
    r"|(?:possible|unlikely|questioned)(?=\s*(?:[,)]|$))|\?"
)
BEFORE = re.compile(
    rf"(?<![^\W_])(?:(?P<none>{NO_CUE})|(?P<uncertain>{DOUBTED_BEFORE})|(?P<absent>{DENIED_BEFORE}))(?![^\W_])|(?P<asked>\?)",
    re.IGNORECASE,
)
# Between a finding and what is said of it stands no other verb.
BETWEEN = r"(?:(?!\b(?:is|are|was|were|has|have|with|seen|present|there)\b)[^.;:?])*?"
AFTER = re.compile(
    rf"{BETWEEN}\s*(?:(?P<uncertain>{DOUBTED_AFTER})|(?P<absent>(?<![^\W_]){DENIED_AFTER}))(?![^\W_])",
    re.IGNORECASE,
)
ANEW = re.compile(
    r",\s+(?:and\s+)?(?=(?:an?|the|there|this|small|tiny|minor|mild|slight|moderate|large|big|severe|marked|stable"
    r"|unchanged|new|persistent|left|right|bilateral)\b)",
    re.IGNORECASE,
)
LISTED = re.compile(r"\b(?:or|nor)\b", re.IGNORECASE)


def assertion_state(text: str, start: int, end: int) -> Assertion:
    """What the clause says about the finding at text[start:end]: a cue after it, else the nearest before."""
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
            ANEW.search(text, cue.end(), start) and not LISTED.search(text, start, right)
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
