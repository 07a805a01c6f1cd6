"""The wording of reports: alternatives for each finding, place, side, size and absence.

Slots of a template: {size} a grading word, {side} "left" / "right" / "bilateral" / "", {place} one wording of
the place. Empty slots are removed, and "a" becomes "an" where needed.
"""

from __future__ import annotations

GRADES: dict[str, dict[str, tuple[str, ...]]] = {
    "size": {
        "mild": ("small", "small", "minor", "tiny"),
        "moderate": ("moderate", "moderate-sized", "medium-sized"),
        "severe": ("large", "large", "sizeable", "big"),
    },
    "severity": {
        "mild": ("mild", "slight", "minor"),
        "moderate": ("moderate", "moderate", "definite"),
        "severe": ("severe", "marked", "advanced"),
    },
    "displacement": {
        "mild": ("minimally displaced", "undisplaced", "hairline"),
        "moderate": ("mildly displaced", "moderately displaced", "displaced"),
        "severe": ("severely displaced", "markedly displaced", "widely displaced"),
    },
}

PLACES: dict[str, tuple[str, ...]] = {
    "upper zone": ("upper zone", "upper lobe", "upper lung"),
    "mid zone": ("mid zone", "midzone", "mid lung"),
    "lower zone": ("lower zone", "lower lobe", "lower lung"),
    "base": ("lung base", "base", "costophrenic angle"),
    "apex": ("apex", "lung apex"),
    "retrosternal space": ("retrosternal space", "anterior clear space"),
    "posterior costophrenic angle": ("posterior costophrenic angle", "posterior recess"),
    "mid thoracic spine": ("mid thoracic spine", "mid dorsal spine"),
    "lower thoracic spine": ("lower thoracic spine", "thoracolumbar junction"),
    "upper ribs": ("upper ribs", "third and fourth ribs"),
    "middle ribs": ("middle ribs", "mid lateral ribs"),
    "lower ribs": ("lower ribs", "lower lateral ribs"),
    "proximal fibula": ("proximal fibula", "fibular neck"),
    "distal femur": ("distal femur", "femoral metaphysis"),
    "proximal tibia": ("proximal tibia", "tibial metaphysis"),
    "femoral neck": ("femoral neck", "neck of femur"),
    "proximal femur": ("proximal femur", "intertrochanteric region"),
    "iliac wing": ("iliac wing", "ilium", "iliac bone"),
    "thumb base": ("thumb base", "first carpometacarpal joint"),
    "suprapatellar recess": ("suprapatellar recess", "suprapatellar pouch"),
    "kidney": ("renal outline", "kidney", "renal area"),
    "ureter": ("course of the ureter", "distal ureter"),
    "below the diaphragm": ("hemidiaphragm", "dome of the diaphragm"),
}

FINDING_SENTENCES: dict[str, tuple[str, ...]] = {
    "consolidation": (
        "{size} {side} {place} consolidation.",
        "There is {size} airspace opacification in the {side} {place}.",
        "A {size} area of airspace shadowing is seen in the {side} {place}.",
        "Patchy opacity in the {side} {place}, in keeping with {size} consolidation.",
        "{size} consolidative change projected over the {side} {place}.",
    ),
    "pleural effusion": (
        "{size} {side} pleural effusion.",
        "There is a {size} {side} pleural effusion.",
        "Blunting of the {side} costophrenic angle consistent with a {size} effusion.",
        "{size} volume of pleural fluid at the {side} {place}.",
        "Pleural fluid on the {side}, {size}.",
    ),
    "pneumothorax": (
        "{size} {side} pneumothorax.",
        "There is a {size} {side} apical pneumothorax.",
        "A visceral pleural line is visible on the {side}, in keeping with a {size} pneumothorax.",
        "{size} rim of air at the {side} {place}; partial collapse of the {side} lung.",
    ),
    "lung nodule": (
        "{size} {side} {place} nodule.",
        "A {size} rounded opacity is projected over the {side} {place}.",
        "There is a {size} well-defined pulmonary nodule in the {side} {place}.",
        "{size} round lesion in the {side} {place}; CT advised.",
    ),
    "cardiomegaly": (
        "{size} cardiomegaly.",
        "The heart shows {size} enlargement.",
        "{size} enlargement of the cardiac silhouette.",
        "Cardiothoracic ratio increased, {size} cardiomegaly.",
    ),
    "pulmonary oedema": (
        "{size} perihilar haze in keeping with pulmonary oedema.",
        "{size} bilateral interstitial and perihilar oedema.",
        "Bat-wing perihilar opacities, {size} pulmonary oedema.",
        "Vascular congestion with {size} pulmonary oedema.",
    ),
    "atelectasis": (
        "{size} {side} {place} atelectasis.",
        "Linear band in the {side} {place} consistent with {size} subsegmental atelectasis.",
        "There is {size} plate-like collapse in the {side} {place}.",
        "A {size} band of atelectasis crosses the {side} {place}.",
    ),
    "rib fracture": (
        "{side} rib fractures involving the {place}.",
        "Displaced fractures of the {side} {place}.",
        "There are fractures of the {side} {place} laterally.",
        "Cortical step in the {side} {place}, acute rib fractures.",
    ),
    "pacemaker": (
        "{side} chest wall pacemaker in situ.",
        "Single lead pacemaker, {side} sided generator.",
        "Cardiac pacing device over the {side} chest wall, lead tip over the right ventricle.",
        "Pacemaker generator projected over the {side} chest wall.",
    ),
    "central line": (
        "{side} subclavian central line with its tip in the superior vena cava.",
        "{side} central venous catheter in satisfactory position.",
        "A {side} subclavian catheter projects over the SVC.",
        "Central line inserted from the {side}, tip in the SVC.",
    ),
    "vertebral fracture": (
        "{size} wedge compression fracture in the {place}.",
        "Loss of anterior vertebral body height in the {place}, {size}.",
        "There is {size} anterior wedging of a vertebral body in the {place}.",
        "{size} compression deformity, {place}.",
    ),
    "fracture": (
        "{size} fracture of the {side} {place}.",
        "There is a {size} fracture through the {side} {place}.",
        "Fracture, {side} {place}, {size}.",
        "A {size} fracture line is visible in the {side} {place}.",
        "Cortical break of the {side} {place} consistent with a {size} fracture.",
    ),
    "dislocation": (
        "Dislocation of the {side} {place}.",
        "The {side} {place} is dislocated.",
        "There is dislocation at the {side} {place}.",
        "Loss of congruity of the {side} {place} consistent with dislocation.",
    ),
    "osteoarthritis": (
        "{size} osteoarthritis of the {side} {place}.",
        "{size} joint space narrowing and sclerosis at the {side} {place}.",
        "There are {size} degenerative changes at the {side} {place} with osteophytes.",
        "{size} degenerative change, {side} {place}.",
    ),
    "joint effusion": (
        "{size} {side} knee joint effusion.",
        "There is a {size} effusion distending the {place} of the {side} knee.",
        "{size} increase in density at the {place}, {side} knee effusion.",
        "Soft tissue fullness above the {side} patella, {size} effusion.",
    ),
    "lytic lesion": (
        "{size} lytic lesion in the {side} {place}.",
        "There is a {size} lucent lesion within the {side} {place}.",
        "A {size} well-defined radiolucency is seen in the {side} {place}.",
        "Bone destruction in the {side} {place}, {size} lytic lesion.",
    ),
    "sclerotic lesion": (
        "{size} sclerotic lesion in the {side} {place}.",
        "There is a {size} dense focus within the {side} {place}.",
        "A {size} area of sclerosis is seen in the {side} {place}.",
        "{size} blastic lesion, {side} {place}.",
    ),
    "metal implant": (
        "Metalwork in situ at the {side} {place}, satisfactory alignment.",
        "Orthopaedic hardware is noted at the {side} {place}.",
        "Previous surgery with metal implant at the {side} {place}.",
        "Implant at the {side} {place} without loosening.",
    ),
    "soft tissue swelling": (
        "{size} soft tissue swelling about the {side} {place}.",
        "There is {size} swelling of the soft tissues around the {side} {place}.",
        "{size} soft tissue prominence, {side} {place}.",
    ),
    "foreign body": (
        "Radiopaque foreign body in the {side} {place}.",
        "There is a dense foreign body projected over the {side} {place}.",
        "A metallic density is seen in the {side} {place}, foreign body.",
        "Opaque foreign body, {side} {place}.",
    ),
    "bowel obstruction": (
        "{size} dilatation of small bowel loops in the {place}.",
        "Dilated gas-filled small bowel loops, {size}, in keeping with obstruction.",
        "There is {size} small bowel dilatation with visible valvulae; obstruction suspected.",
        "{size} small bowel obstruction pattern.",
    ),
    "kidney stone": (
        "{size} calculus projected over the {side} {place}.",
        "There is a {size} radiopaque stone at the {side} {place}.",
        "{size} calcific density, {side} {place}, consistent with urolithiasis.",
        "A {size} urinary tract calculus is seen on the {side} over the {place}.",
    ),
    "gallstones": (
        "{size} calcified gallstones in the {side} {place}.",
        "There is a {size} cluster of ring calcifications in the {side} {place}, gallstones.",
        "{size} burden of radiopaque gallstones, {side} {place}.",
    ),
    "free air": (
        "{size} amount of free gas beneath the {side} {place}.",
        "There is a {size} crescent of free intraperitoneal air under the {side} {place}.",
        "Subdiaphragmatic free air on the {side}, {size}, suggesting perforation.",
        "{size} pneumoperitoneum under the {side} {place}.",
    ),
}

# What "No ..." may deny, by region: (findings that must be absent, wording).
DENIALS: dict[str, tuple[tuple[str, str], ...]] = {
    "chest frontal": (
        ("pneumothorax", "pneumothorax"),
        ("pleural effusion", "pleural effusion"),
        ("consolidation", "focal consolidation"),
        ("lung nodule", "suspicious nodule"),
        ("rib fracture", "displaced rib fracture"),
        ("pulmonary oedema", "pulmonary oedema"),
        ("atelectasis", "collapse"),
    ),
    "chest lateral": (
        ("pleural effusion", "pleural effusion"),
        ("consolidation", "focal consolidation"),
        ("vertebral fracture", "vertebral fracture"),
        ("lung nodule", "retrosternal mass"),
    ),
    "hand": (
        ("fracture", "fracture"),
        ("dislocation", "dislocation"),
        ("foreign body", "radiopaque foreign body"),
        ("lytic lesion", "bone lesion"),
        ("soft tissue swelling", "soft tissue swelling"),
    ),
    "knee": (
        ("fracture", "fracture"),
        ("joint effusion", "joint effusion"),
        ("lytic lesion sclerotic lesion", "focal bone lesion"),
        ("dislocation", "dislocation"),
    ),
    "pelvis": (
        ("fracture", "fracture"),
        ("dislocation", "dislocation"),
        ("lytic lesion sclerotic lesion", "focal bone lesion"),
        ("osteoarthritis", "significant degenerative change"),
    ),
    "abdomen": (
        ("free air", "free gas"),
        ("bowel obstruction", "bowel dilatation"),
        ("kidney stone", "urinary tract calculus"),
        ("foreign body", "radiopaque foreign body"),
    ),
}

# Statements that all is well: (findings that must be absent, wording); "" is always true.
NORMAL_STATEMENTS: dict[str, tuple[tuple[str, str], ...]] = {
    "chest frontal": (
        ("cardiomegaly", "The heart is normal in size."),
        ("cardiomegaly", "Heart size within normal limits."),
        ("cardiomegaly pulmonary oedema", "Cardiomediastinal contour is normal."),
        ("consolidation lung nodule atelectasis pulmonary oedema pneumothorax pleural effusion",
         "The lungs are clear."),
        ("rib fracture", "Bony thorax intact."),
        ("rib fracture", "No bony abnormality."),
    ),
    "chest lateral": (
        ("cardiomegaly", "Heart size is normal."),
        ("vertebral fracture", "Thoracic vertebral body heights are preserved."),
        ("lung nodule", "The retrosternal space is clear."),
        ("pleural effusion", "The posterior costophrenic angles are sharp."),
    ),
    "hand": (
        ("fracture", "The carpal bones are aligned."),
        ("osteoarthritis dislocation", "Joint spaces are preserved."),
        ("", "Bone mineralisation is normal for age."),
    ),
    "knee": (
        ("osteoarthritis metal implant", "Joint spaces are preserved."),
        ("dislocation metal implant", "Normal alignment."),
        ("", "Bone mineralisation is within normal limits."),
    ),
    "pelvis": (
        ("osteoarthritis dislocation metal implant fracture", "Both hip joints are normal."),
        ("", "The sacroiliac joints are symmetrical."),
        ("fracture", "The pelvic ring is intact."),
    ),
    "abdomen": (
        ("bowel obstruction", "Normal bowel gas pattern."),
        ("", "The psoas outlines are preserved."),
        ("", "The lumbar spine is unremarkable."),
    ),
}  # fmt: skip

ALL_WELL: dict[str, tuple[str, ...]] = {
    "chest frontal": ("Normal chest radiograph.", "No acute cardiopulmonary abnormality.",
                      "Clear lungs, normal heart."),
    "chest lateral": ("Normal lateral chest radiograph.", "No abnormality on the lateral view."),
    "hand": ("Normal radiograph of the {side} hand.", "No bony injury of the {side} hand.",
             "{side} hand: no abnormality."),
    "knee": ("Normal {side} knee.", "No acute bony injury of the {side} knee.",
             "{side} knee: no abnormality demonstrated."),
    "pelvis": ("Normal pelvis.", "No pelvic or hip abnormality.", "Intact pelvis and hips."),
    "abdomen": ("Normal abdominal radiograph.", "Unremarkable bowel gas pattern.",
                "No acute abdominal abnormality."),
}  # fmt: skip

TECHNIQUES: dict[str, tuple[str, ...]] = {
    "chest frontal": ("PA chest radiograph.", "Frontal chest radiograph."),
    "chest lateral": ("Lateral chest radiograph.", "Lateral view of the chest."),
    "hand": ("PA view of the {side} hand.", "{side} hand radiograph."),
    "knee": ("AP view of the {side} knee.", "{side} knee radiograph."),
    "pelvis": ("AP pelvis.", "AP view of the pelvis and hips."),
    "abdomen": ("Supine abdominal radiograph.", "AP abdomen."),
}
