"""The vocabulary of findings: each name with the terms that reports use for it.

A term matches whole words, singular or plural, in British or American spelling, with hyphens or spaces; "*"
stands for up to five words within the sentence. If terms overlap, the longest counts: "rib fracture" is not
"fracture". Findings that are not listed are not detected.
"""

from __future__ import annotations

FINDINGS: dict[str, tuple[str, ...]] = {
    # chest
    "consolidation": (
        "consolidation", "consolidative", "airspace opacification", "airspace opacity", "airspace shadowing",
        "airspace disease", "patchy opacity", "lobar opacity", "infiltrate",
    ),
    "pneumonia": ("pneumonia", "bronchopneumonia"),
    "pleural effusion": (
        "pleural effusion", "effusion", "hydrothorax", "haemothorax", "pleural fluid",
        "fluid in the pleural space",
        "blunting of * costophrenic angle", "blunted * costophrenic angle", "costophrenic blunting",
    ),
    "pneumothorax": (
        "pneumothorax", "pneumothoraces", "hydropneumothorax", "visceral pleural line", "rim of air",
        "partial collapse of * lung",
    ),
    "lung nodule": (
        "nodule", "lung nodule", "pulmonary nodule", "rounded opacity", "round opacity", "round lesion",
        "nodular opacity", "coin lesion",
    ),
    "cardiomegaly": (
        "cardiomegaly", "heart shows * enlargement", "enlargement of the heart", "cardiac enlargement",
        "enlargement of the cardiac silhouette", "enlarged heart", "heart is * enlarged",
        "heart size is * enlarged",
        "enlarged cardiac silhouette", "cardiac silhouette is * enlarged", "cardiothoracic ratio increased",
        "increased cardiothoracic ratio", "cardiothoracic ratio is increased",
    ),
    "pulmonary oedema": (
        "pulmonary oedema", "interstitial oedema", "alveolar oedema", "interstitial * oedema",
        "perihilar oedema",
        "perihilar haze", "perihilar opacity", "vascular congestion", "pulmonary congestion",
    ),
    "atelectasis": (
        "atelectasis", "atelectatic", "collapse", "lobar collapse", "volume loss", "plate like collapse",
    ),
    "emphysema": ("emphysema", "emphysematous", "hyperinflation", "hyperinflated"),
    "pulmonary fibrosis": ("pulmonary fibrosis", "fibrosis", "fibrotic change", "honeycombing"),
    "ground glass opacity": ("ground glass", "ground glass opacity", "ground glass opacification"),
    "opacity": ("opacity", "opacification"),
    "bronchiectasis": ("bronchiectasis", "bronchiectatic"),
    "cavity": ("cavitation", "cavitating", "cavitary"),
    "pleural thickening": ("pleural thickening", "pleural plaque", "thickening of the pleura"),
    "pericardial effusion": ("pericardial effusion", "pericardial fluid"),
    "pulmonary embolism": (
        "pulmonary embolism", "pulmonary embolus", "embolism", "embolus", "filling defect", "thromboembolism",
    ),
    "tuberculosis": ("tuberculosis",),
    # devices and foreign objects
    "pacemaker": ("pacemaker", "cardiac pacing device", "pacing device", "pacing lead", "pacing wire"),
    "central line": (
        "central line", "central venous line", "central venous catheter", "subclavian central line",
        "subclavian catheter", "subclavian line", "jugular line", "picc", "picc line",
    ),
    "endotracheal tube": ("endotracheal tube", "et tube", "tracheostomy tube"),
    "feeding tube": ("nasogastric tube", "feeding tube", "enteric tube"),
    "chest drain": ("chest drain", "chest tube", "intercostal drain", "pleural drain"),
    "metal implant": (
        "metalwork", "metal implant", "implant", "orthopaedic hardware", "surgical hardware", "prosthesis",
        "arthroplasty", "joint replacement", "hip replacement", "knee replacement", "fixation plate",
    ),
    "foreign body": ("foreign body", "foreign bodies", "metallic density"),
    # bones and joints
    "fracture": ("fracture", "fractured", "fracture line", "cortical break"),
    "rib fracture": (
        "rib fracture", "fracture of * rib", "fractured rib", "fractured * rib", "rib is fractured",
    ),
    "vertebral fracture": (
        "vertebral fracture", "vertebral body fracture", "fracture of * vertebra", "compression fracture",
        "compression deformity", "vertebral collapse", "wedge fracture", "loss of * vertebral body height",
        "anterior wedging", "wedging of * vertebral body", "burst fracture",
    ),
    "dislocation": ("dislocation", "dislocated", "subluxation", "subluxed", "loss of congruity"),
    "osteoarthritis": (
        "osteoarthritis", "osteoarthritic change", "degenerative change", "degenerative disease",
        "degenerative joint disease", "joint space narrowing", "joint space narrowing and sclerosis",
        "osteophyte", "osteophytosis",
    ),
    "joint effusion": (
        "joint effusion", "knee effusion", "knee joint effusion", "hip effusion", "elbow effusion",
        "ankle effusion", "shoulder effusion", "effusion distending", "effusion distending * knee",
        "effusion in * knee", "effusion of * knee", "effusion in * joint", "haemarthrosis",
        "lipohaemarthrosis",
        "soft tissue fullness above * patella", "soft tissue fullness above * patella * effusion",
    ),
    "lytic lesion": (
        "lytic lesion", "lytic bone lesion", "osteolytic lesion", "lytic focus", "lucent lesion",
        "radiolucency",
        "radiolucent lesion", "bone destruction", "bony destruction",
    ),
    "sclerotic lesion": (
        "sclerotic lesion", "sclerotic bone lesion", "sclerotic focus", "dense focus", "area of sclerosis",
        "blastic lesion", "osteoblastic lesion",
    ),
    "soft tissue swelling": (
        "soft tissue swelling", "swelling of the soft tissue", "soft tissue prominence", "swelling",
    ),
    "osteopenia": ("osteopenia", "osteopenic", "osteoporosis", "osteoporotic", "demineralisation"),
    "scoliosis": ("scoliosis", "scoliotic"),
    "disc herniation": (
        "disc herniation", "disk herniation", "disc protrusion", "disc extrusion", "disc bulge",
    ),
    "osteonecrosis": ("osteonecrosis", "avascular necrosis"),
    "osteomyelitis": ("osteomyelitis",),
    "tear": ("tear", "ligament tear", "meniscal tear", "tendon tear", "ligament rupture", "tendon rupture"),
    # abdomen and pelvis
    "bowel obstruction": (
        "bowel obstruction", "small bowel obstruction", "large bowel obstruction", "obstruction",
        "dilatation of * bowel", "dilatation of * bowel loop", "dilated * bowel", "dilated * bowel loop",
        "bowel dilatation", "ileus",
    ),
    "obstruction elsewhere": (
        "biliary obstruction", "airway obstruction", "ureteric obstruction", "ureteral obstruction",
        "urinary obstruction", "outflow obstruction", "venous obstruction",
    ),
    "kidney stone": (
        "calculus", "stone", "calcific density", "urolithiasis", "nephrolithiasis", "renal calculus",
        "ureteric calculus", "urinary tract calculus", "kidney stone", "renal stone", "ureteric stone",
    ),
    "gallstones": (
        "gallstone", "calcified gallstone", "gall stone", "cholelithiasis", "ring calcification",
        "gallbladder stone",
        "stone in the gallbladder", "gallbladder calculus",
    ),
    "free air": (
        "free air", "free gas", "free intraperitoneal air", "free intraperitoneal gas",
        "free subdiaphragmatic gas",
        "subdiaphragmatic free air", "pneumoperitoneum",
    ),
    "free fluid": ("free fluid", "ascites", "ascitic fluid"),
    "hydronephrosis": ("hydronephrosis", "hydroureteronephrosis", "hydroureter"),
    "hernia": ("hernia", "hiatus hernia", "hiatal hernia", "inguinal hernia"),
    "appendicitis": ("appendicitis",),
    "diverticulitis": ("diverticulitis",),
    "diverticulosis": ("diverticulosis", "diverticulum", "diverticula"),
    "pancreatitis": ("pancreatitis",),
    "cholecystitis": ("cholecystitis",),
    "cirrhosis": ("cirrhosis", "cirrhotic"),
    "fatty liver": ("hepatic steatosis", "steatosis", "fatty liver", "fatty infiltration"),
    "splenomegaly": ("splenomegaly", "enlarged spleen"),
    "hepatomegaly": ("hepatomegaly", "enlarged liver"),
    # head
    "haemorrhage": (
        "haemorrhage", "bleed", "bleeding", "haematoma", "subdural", "subarachnoid blood", "haemorrhagic",
    ),
    "infarct": ("infarct", "infarction", "ischaemic stroke", "restricted diffusion", "diffusion restriction"),
    "ischaemia": ("ischaemia", "ischaemic change"),
    "hydrocephalus": ("hydrocephalus", "ventricular dilatation", "dilated ventricle", "ventriculomegaly"),
    "midline shift": ("midline shift", "shift of the midline", "subfalcine herniation"),
    "mass effect": ("mass effect",),
    "atrophy": ("atrophy", "atrophic", "volume loss of the brain"),
    "white matter change": (
        "white matter change", "white matter lesion", "white matter hyperintensity", "small vessel disease",
        "small vessel ischaemic change", "leukoaraiosis", "demyelination",
    ),
    "sinusitis": ("sinusitis", "mucosal thickening"),
    # anywhere
    "mass": ("mass", "mass lesion", "tumour", "neoplasm", "malignancy", "carcinoma"),
    "lesion": ("lesion", "bone lesion"),
    "metastasis": ("metastasis", "metastatic disease", "metastatic deposit", "metastatic lesion"),
    "lymphadenopathy": ("lymphadenopathy", "adenopathy", "enlarged lymph node", "enlarged node"),
    "cyst": ("cyst", "cystic lesion", "pseudocyst"),
    "abscess": ("abscess", "collection", "empyema"),
    "oedema": ("oedema", "oedematous"),
    "calcification": ("calcification", "calcified", "calcific"),
    "thrombus": ("thrombus", "thrombosis", "thrombosed"),
    "aneurysm": ("aneurysm", "aneurysmal"),
    "dissection": ("dissection", "intimal flap"),
    "stenosis": ("stenosis", "stenotic", "stricture"),
    "occlusion": ("occlusion", "occluded"),
    "atherosclerosis": ("atherosclerosis", "atherosclerotic", "atheroma"),
    "thyroid nodule": ("thyroid nodule", "nodule in the thyroid", "goitre", "goiter"),
    "adrenal nodule": ("adrenal nodule", "adrenal adenoma"),
}  # fmt: skip
