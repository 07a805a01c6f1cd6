"""Possible identifiers of persons in texts and tables: counted by kind, never quoted.

The kinds are the 18 of HIPAA's Safe Harbor, 45 CFR 164.514(b)(2)(i), as far as text can show them (faces are
out of scope). The patterns have false negatives and false positives, so they only warn: no warning does not
mean that a text is anonymous. Placeholders in de-identified reports ("___", "[**Name**]", "XXXX") are not
counted.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from suture.data.phi.patterns import PATTERNS, REMOVED

WITHOUT_DIGITS = {"name", "place", "e-mail", "web address"}
PERSONAL_WORDS = {
    *("birth", "dob", "birthday", "birthdate", "mrn", "ssn", "phone", "telephone", "tel", "fax", "mobile"),
    *("email", "mail", "address", "street", "zip", "zipcode", "postcode", "physician", "doctor"),
    *("radiologist", "insurance", "surname", "firstname", "lastname", "forename"),
}
# German, French, Spanish and Portuguese; Chinese, Japanese and Korean words stand anywhere in a header.
PERSONAL_WORDS |= {
    *("geburtsdatum", "nachname", "vorname", "patientenname", "adresse", "strasse", "telefon", "arzt"),
    *("nom", "prenom", "naissance", "medecin", "apellido", "apellidos", "nacimiento", "medico", "direccion"),
    *("sobrenome", "nascimento", "endereco", "telefone", "telefono"),
}
PERSONAL_SIGNS = (
    *("姓名", "出生", "住址", "电话", "電話", "医生", "醫生", "身份证"),
    *("氏名", "患者名", "生年月日", "住所", "医師", "성명", "환자명", "생년월일", "주소", "전화"),
)
NAME_WORDS = {"patient", "person", "first", "last", "family", "given", "full", "middle", "maiden"}


def identifiers(text: str) -> Counter[str]:
    """Count of each kind of identifier; the identifiers themselves are not returned."""
    text = REMOVED.sub(" ", text)
    kinds = PATTERNS if re.search(r"\d", text) else WITHOUT_DIGITS
    return +Counter({kind: sum(1 for _ in PATTERNS[kind].finditer(text)) for kind in kinds})


def is_personal(column: str) -> bool:
    """Whether a header suggests personal data. Such a column has no role unless the user gives it one."""
    key = header_key(column)
    words = set(key.split("_"))
    if any(word in key for word in PERSONAL_SIGNS):
        return True
    return ("name" in words and not words.isdisjoint(NAME_WORDS)) or not words.isdisjoint(PERSONAL_WORDS)


def header_key(column: str) -> str:
    """A header in normalised spelling: "PatientID", "patient id" and "Patient-Id" become "patient_id".

    Accents are dropped ("Impressão" is "impressao"); letters of other scripts are kept as they are.
    """
    plain = unicodedata.normalize("NFKD", str(column)).replace("ß", "ss")
    plain = unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", plain))
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_A-Za-z]+", plain)
    return "_".join(words).lower()
