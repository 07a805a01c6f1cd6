"""Regular expressions for each kind of identifier as it is written in radiology reports.

They are cheap on purpose: every repetition is bounded or unambiguous, so that no text can make them slow.
"""

from __future__ import annotations

import re

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY, _MONTH_DIGITS, _CENTURY = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)"
_NOT_A_SIZE = r"(?![ \t]*(?:mm|cm|ml|mg|%))"
_NO = r"(?:number|no\b\.?|num\b\.?|nr\b\.?|id\b|#)?[ \t]*(?:is\b|[:#=])?[ \t]*"
_CODE = r"(?=[\w./-]{0,40}\d)[A-Za-z0-9][\w./-]{3,}"  # four characters or more, one of them a digit
_ROLE = (
    r"(?!(?:ER|ED|ICU|OR|Emergency|Department|Physician|Team|Service|Nurs\w+|The|Clinic\w*|Attending"
    r"|Resident|Radiolog\w+|Reviewed|Agree\w*|Surg\w+|Trauma|Internal|Medicine|Floor|Unit)\b)"
)
_NAME = rf"{_ROLE}[A-Z][\w'’-]+"
_INITIAL = r"(?:[A-Z]\.?[ \t]+)"
_BEFORE_A_NAME = (
    r"(?:patient(?:'s)?[ \t]+)?name|patient(?=[ \t]*:)|(?:dictated|signed|reported|read|referred)[ \t]+by"
    r"|radiologist|(?:referring[ \t]+)?physician|attending|technologist|(?:discussed|spoke)[ \t]+with"
    r"|(?:communicated|called|reported)[ \t]+to|wife|husband|mother|father|son|daughter"
)
_STREET = r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|court|parkway|terrace)"
_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT"
    r"|V[AT]|W[AIVY])"
)
_PHONE = r"phone|tel|telephone|cell|mobile|pager|beeper|ext|extension|call(?:ed)? at"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_OLD = r"(?:9\d|1[01]\d)"


def _cued(cue: str) -> str:
    """A number that follows its name: "MRN: 8675309", "account no. A-1234"."""
    return rf"(?i:\b(?:{cue})[ \t]*{_NO}){_CODE}"


_ALTERNATIVES: dict[str, tuple[str, ...]] = {
    "name": (
        rf"\b(?:Drs?|Mrs?|Ms|Miss|Prof|Doctor)\b\.?[ \t]+{_INITIAL}?{_NAME}",
        rf"(?i:\b(?:{_BEFORE_A_NAME})\b[ \t]*:?[ \t]*)(?:(?i:dr\.?)[ \t]+)?"
        rf"(?:{_NAME},?[ \t]+{_INITIAL}?|{_INITIAL}){_NAME}",
        rf"\b{_NAME},?[ \t]+(?:M\.?D\.?|D\.?O\.?|R\.?N\.?|MBBS|FRCR)(?!\w)",
        r"\b[A-Z]{2,}\^[A-Z]{2,}",
    ),
    "place": (
        rf"(?i:\b\d{{1,5}}[ \t]+(?:[a-z'.]{{1,30}}[ \t]+){{1,3}}{_STREET}\b)(?![ \t]*\d)",
        rf"\b{_STATE},?[ \t]+\d{{5}}(?:-\d{{4}})?\b",
        r"(?i:\bzip(?:[ \t]*code)?[ \t]*:?[ \t]*\d{5})",
        r"(?i:\b(?:lives in|resides in|resident of|address[ \t]*:)[ \t]+)[A-Z\d]\w+",
        r"(?i:\bP\.?[ \t]?O\.?[ \t]+box[ \t]+\d+)",
    ),
    "date": (
        rf"(?i:\b\d{{1,2}}(?:st|nd|rd|th)?[ \t]*(?:of[ \t]+)?[ -]?{_MONTH}[ ,-]+{_CENTURY}?\d\d\b)",
        rf"(?i:\b{_MONTH}[ \t]+\d{{1,2}}(?:st|nd|rd|th)?(?:[ \t]*,?[ \t]*{_CENTURY}\d\d)?\b){_NOT_A_SIZE}",
        rf"(?i:\b{_MONTH}[ \t]+(?:of[ \t]+)?{_CENTURY}\d\d\b)",
        rf"\b{_DAY}([./-]){_DAY}\1{_CENTURY}?\d\d\b",
        rf"\b{_CENTURY}\d\d[./-]{_MONTH_DIGITS}[./-]{_DAY}\b",
        rf"\b{_CENTURY}\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\b",
        r"(?i:\b(?:dob|born|date of birth|birth date)[ \t]*(?:on|in|is)?[ \t]*:?[ \t]*)\d[\d./-]{3,}",
    ),
    "phone": (
        r"(?<![\w.-])(?:\+?\d{1,3}[ .-]?)?(?:\(\d{3}\)[ ]?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\w|[.-]\d)",
        r"(?<![\w.-])\d{3}-\d{4}(?![\w-])",
        rf"(?i:\b(?:{_PHONE})\b\.?[ \t]*(?:no|number|#)?\.?[ \t]*:?[ \t]*)[+(]?\d[\d ().-]{{2,}}\d",
    ),
    "fax": (r"(?i:\bfax(?:ed to|[ \t]+(?:no|number))?\b\.?[ \t]*:?[ \t]*)[+(]?\d[\d ().-]{4,}\d",),
    "e-mail": (r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b",),
    "social security": (
        r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])",
        r"(?i:\b(?:ssn|social security)\b[^\n\d]{0,20})\d[\d -]{3,}",
    ),
    "medical record": (_cued("mrn|medical record|med rec|patient id|chart|hospital|record no"),),
    "health plan": (
        _cued("health plan|insurance|policy|member|beneficiary|medicare|medicaid|subscriber|plan"),
    ),
    "account": (_cued("account|acct|encounter|accession|acc"),),
    "licence": (_cued("licen[cs]e|certificate|dea|npi|passport"),),
    "vehicle": (_cued("vin|vehicle|licen[cs]e plate|registration"),),
    "device": (_cued("serial|s/n|sn|device|udi|lot|implant|pacemaker"),),
    "web address": (
        r"(?i:\bhttps?://\S+|\bwww\.[\w-]+\.\S+)",
        r"(?i:\b[\w-]{1,63}\.(?:com|org|net|edu|gov)/\S*)",
    ),
    "IP address": (
        rf"(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\d.])",
        r"\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b",
    ),
    "biometric": (_cued("finger ?print|voice ?print|retinal? scan|iris scan|biometric"),),
    "other number": (
        _cued("unique (?:identifier|code)|study uid|uid|case id|subject id|identifier"),
        r"\b\d{1,2}(?:\.\d{1,10}){6,}\b",
    ),
    "age over 89": (
        rf"(?i:\b{_OLD}[ -]*(?:years?|yrs?|yr|y)[ .-]*(?:old|o\b|/o\b|of age))",
        rf"(?i:\b{_OLD}[ ]?(?:yo|y/o)\b)",
        rf"(?i:\b(?:aged?|age of)[ \t]*:?[ \t]*{_OLD}\b)(?![ ]*(?:mm|cm|%|days?|weeks?|months?))",
        r"\b9\d[MF]\b",
    ),
}
PATTERNS = {kind: re.compile("|".join(said)) for kind, said in _ALTERNATIVES.items()}
REMOVED = re.compile(
    r"_{2,}|\[\*\*[^*\n]{0,80}\*\*\]|\bX{3,}\b|<[A-Z_]{3,}>|\[(?:REDACTED|REMOVED|[A-Z_]{4,})\]"
)
