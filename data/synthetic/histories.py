"""Clinical histories: the patient's complaint and the referrer's question.

A history hints at the finding without stating it: complaints are common to several findings, one in five is
about something else, and the question is only a question.
"""

from __future__ import annotations

import numpy as np

from suture.data.synthetic.factors import findings_of
from suture.data.synthetic.plan import Plan

HISTORY = 31  # purpose of the seeded draws
EMPTY, ASTRAY = 0.05, 0.2  # probabilities: no history, a complaint about something else

# finding: complaints, then questions
COMPLAINTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "consolidation": (
        ("productive cough and fever", "fever and raised inflammatory markers",
         "cough and pleuritic chest pain"),
        ("?infection", "Rule out pneumonia", "?chest infection")),
    "pleural effusion": (
        ("progressive breathlessness", "reduced breath sounds at the base",
         "dyspnoea and dullness to percussion"),
        ("?effusion", "Rule out fluid", "?cause of dyspnoea")),
    "pneumothorax": (
        ("sudden onset chest pain", "acute breathlessness after a fall",
         "sudden pleuritic pain and hypoxia"),
        ("?pneumothorax", "Rule out collapsed lung", "?cause of chest pain")),
    "lung nodule": (
        ("weight loss and a long smoking history", "haemoptysis", "chronic cough, smoker"),
        ("?malignancy", "Rule out mass", "?lung lesion")),
    "cardiomegaly": (
        ("ankle swelling and fatigue", "long-standing hypertension", "known ischaemic heart disease"),
        ("?heart failure", "?heart size", "Rule out cardiac failure")),
    "pulmonary oedema": (
        ("orthopnoea and bilateral crackles", "acute dyspnoea at night", "known heart failure, hypoxic"),
        ("?fluid overload", "?heart failure", "Rule out failure")),
    "atelectasis": (
        ("low saturations after surgery", "post-operative day two, mild hypoxia"),
        ("?collapse", "?aspiration", "Rule out chest infection")),
    "rib fracture": (
        ("chest wall pain after a fall", "blunt chest trauma", "tender ribs following an assault"),
        ("?rib injury", "Rule out bony injury", "?pneumothorax")),
    "pacemaker": (
        ("syncope and bradycardia, recent procedure", "complete heart block, follow-up"),
        ("Check device position", "Post procedure film", "?complication")),
    "central line": (
        ("intensive care, on vasopressors", "sepsis, intravenous access placed"),
        ("Check line position", "Post procedure film", "?complication")),
    "vertebral fracture": (
        ("back pain and loss of height", "mid back pain after lifting, on steroids"),
        ("?collapse", "Rule out bony injury", "?osteoporosis")),
    "fracture": (
        ("pain and swelling after a fall", "injury at sport, unable to use the limb",
         "deformity after trauma", "fell down stairs, tender"),
        ("?fracture", "Rule out bony injury", "?injury")),
    "dislocation": (
        ("deformity after trauma", "locked joint after a fall", "injury at sport, fixed deformity"),
        ("?alignment", "Rule out bony injury", "?dislocation")),
    "osteoarthritis": (
        ("chronic pain and stiffness", "pain worse on activity", "gradual loss of movement"),
        ("?degenerative change", "?arthritis", "Assess joint")),
    "joint effusion": (
        ("swollen knee", "knee swelling after a twist", "warm tense knee"),
        ("?effusion", "Rule out bony injury", "?internal derangement")),
    "lytic lesion": (
        ("deep bone pain at night", "known malignancy, new bone pain", "raised calcium and bone pain"),
        ("?metastasis", "?bone lesion", "Rule out myeloma")),
    "sclerotic lesion": (
        ("known prostate cancer, bone pain", "known malignancy, new bone pain"),
        ("?metastasis", "?bone lesion", "Rule out secondary")),
    "metal implant": (
        ("previous surgery, routine follow-up", "pain years after an operation"),
        ("?loosening", "Post-operative check", "Check alignment")),
    "soft tissue swelling": (
        ("swelling and redness", "insect bite, swollen and painful", "diffuse swelling"),
        ("?infection", "Rule out osteomyelitis", "?injury")),
    "foreign body": (
        ("accident with metal objects", "uncertain history of an object",
         "carer reports an accident with a small object"),
        ("?foreign body", "?retained fragment", "Rule out opaque material")),
    "bowel obstruction": (
        ("vomiting and distension", "colicky abdominal pain, not passing flatus",
         "abdominal distension, previous surgery"),
        ("?obstruction", "Rule out ileus", "?cause of vomiting")),
    "kidney stone": (
        ("loin to groin pain", "renal colic and haematuria", "flank pain"),
        ("?stone", "?renal tract calcification", "Rule out calculus")),
    "gallstones": (
        ("right upper quadrant pain after meals", "biliary colic", "intermittent jaundice"),
        ("?biliary disease", "?stones", "Rule out cholecystitis")),
    "free air": (
        ("rigid abdomen", "sudden severe abdominal pain", "peritonitis, on NSAIDs"),
        ("?perforation", "Rule out free gas", "?acute abdomen")),
}  # fmt: skip

GENERIC: dict[str, tuple[str, ...]] = {
    "chest frontal": ("pre-operative assessment", "cough", "chest discomfort", "routine check"),
    "chest lateral": ("follow-up of a previous film", "cough", "routine check"),
    "hand": ("hand pain", "minor injury", "joint pain, rheumatology review"),
    "knee": ("knee pain", "minor injury", "difficulty walking"),
    "pelvis": ("hip pain", "groin pain", "reduced mobility"),
    "abdomen": ("abdominal pain", "constipation", "nausea"),
}
PARTS = {"hand": "hand", "knee": "knee"}


def write_history(plan: Plan, *, seed: int, number: int) -> str:
    """One or two sentences for the request form, or "" for about one study in twenty."""
    rng = np.random.default_rng([seed, HISTORY, number])
    if rng.random() < EMPTY:
        return ""
    complaint, question = _complaint(rng, plan)
    part = PARTS.get(plan.region)
    if part and rng.random() < 0.7:
        complaint = f"{complaint}, {plan.side} {part}"
    elif plan.findings and plan.findings[0].side in ("left", "right") and rng.random() < 0.25:
        complaint = f"{complaint}, {plan.findings[0].side} side"
    person = _person(rng, plan.patient.age, plan.patient.sex)
    forms = (
        "{person} with {complaint}. {question}.",
        "{person}, {complaint}. {question}.",
        "{complaint} in {a_person}. {question}.",
        "{person}. {complaint}. {question}.",
    )
    a_person = f"an {person}" if person.startswith(("8", "18")) else f"a {person}"
    form = forms[int(rng.integers(len(forms) if person[-1] != "." else 2))]
    text = form.format(person=person, a_person=a_person, complaint=complaint, question=question)
    sentences = [part for part in text.replace("?.", "?").split(". ") if part]
    return ". ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)


def _complaint(rng: np.random.Generator, plan: Plan) -> tuple[str, str]:
    """A complaint and a question, mostly those of the primary finding."""
    true = plan.findings[0].name if plan.findings else ""
    if not true or rng.random() < ASTRAY:
        generic = _pick(rng, GENERIC[plan.region])
        other = _pick(rng, tuple(findings_of(plan.region)))
        complaint = generic if rng.random() < 0.5 else _pick(rng, COMPLAINTS[other][0])
        return complaint, _pick(rng, COMPLAINTS[other][1])
    complaints, questions = COMPLAINTS[true]
    return _pick(rng, complaints), _pick(rng, questions)


def _person(rng: np.random.Generator, age: int, sex: str) -> str:
    noun = "woman" if sex == "F" else "man"
    forms = (f"{age}-year-old {noun}", f"{age} year old {noun}", f"{age}{sex}", f"{age}-year-old")
    return _pick(rng, forms)


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]
