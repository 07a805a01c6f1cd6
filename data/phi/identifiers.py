"""What in a text or a table may identify a person: counted by kind, never told.

The kinds are the 18 of HIPAA's Safe Harbor, 45 CFR 164.514(b)(2)(i), as far as words can show them: faces
cannot be. The patterns miss things and cry wolf, so they warn and promise nothing. What a de-identified
report puts in the place of an identifier ("___", "[**Name**]", "XXXX") counts as none.
"""

from __future__ import annotations

import re
from collections import Counter

from suture.data.phi.patterns import PATTERNS, REMOVED

WITHOUT_DIGITS = {"name", "place", "e-mail", "web address"}
PRIVATE = {
    *("birth", "dob", "birthday", "birthdate", "mrn", "ssn", "phone", "telephone", "tel", "fax", "mobile"),
    *("email", "mail", "address", "street", "zip", "zipcode", "postcode", "physician", "doctor"),
    *("radiologist", "insurance", "surname", "firstname", "lastname", "forename"),
}
PERSONS = {"patient", "person", "first", "last", "family", "given", "full", "middle", "maiden"}


def identifiers(text: str) -> Counter[str]:
    """How often each kind occurs; what was found is not told."""
    text = REMOVED.sub(" ", text)
    kinds = PATTERNS if re.search(r"\d", text) else WITHOUT_DIGITS
    return +Counter({kind: sum(1 for _ in PATTERNS[kind].finditer(text)) for kind in kinds})


def is_private(column: str) -> bool:
    """Headers of what names a person; such columns get no role unless a person gives them one."""
    words = set(header_key(column).split("_"))
    return ("name" in words and not words.isdisjoint(PERSONS)) or not words.isdisjoint(PRIVATE)


def header_key(column: str) -> str:
    """A header in one spelling: "PatientID", "patient id" and "Patient-Id" are "patient_id"."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", str(column))
    return "_".join(words).lower()
