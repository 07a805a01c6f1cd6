"""The training form: collection, start checkpoint, objective, trained towers, budget. Imports no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import streamlit as st

from suture.data.collection import SPLIT, Collection
from suture.data.collections import storage
from suture.data.errors import Refused, UserError
from suture.data.splits import named_split, validation_split
from suture.data.workspace import BUILT_IN, CHECKPOINT, Record, check_name
from suture.models.losses import config as objectives
from suture.models.losses.config import DESCRIPTIONS, PRESETS, ObjectiveConfig
from suture.models.training import config as configs
from suture.models.training import record
from suture.models.training.config import TrainingConfig
from suture.pages.components.cards import cards
from suture.pages.components.shell import views
from suture.pages.components.shell.widget_state import KEEP_IN_SESSION

OTHER = "other"
MAIN_OBJECTIVES = {
    "clip": "CLIP baseline",
    "gap-closing": "Gap-closing (L_ATP + L_CU)",
    OTHER: "Another objective",
}
TRAINED_PARTS: dict[str, dict[str, Any]] = {
    "both towers": {"train": "all"},
    "heads only, frozen towers": {"train": "heads"},
    "text tower only, image locked": {"train": "all", "lock_image": True},
    "image tower only, text locked": {"train": "all", "lock_text": True},
}
WEIGHTS = {
    "atp": "Align true pairs (L_ATP)",
    "cu": "Centroid uniformity (L_CU)",
    "uniformity": "Uniformity of each modality",
    "cross_uniformity": "Uniformity across modalities",
    "intra_modality": "Separation within a modality",
}
AUTOMATIC = "automatic"
INIT_NAMES = {"start": "of the start checkpoint", "random": "random (its architecture only)"}
UNUSED = {"temperature_start": ("learnable",), "temperature_end": ("learnable", "fixed")}


@dataclass(frozen=True)
class Form:
    """The chosen config, the problem with it ("" = none), and its cost."""

    config: TrainingConfig
    problem: str
    cost: str


def form(collections: list[Record]) -> Form:
    """The whole form, validated as far as possible without loading a model."""
    left, right = st.columns(2)
    names = [c.name for c in collections]
    name = left.selectbox("Collection", names, key="train_collection", **KEEP_IN_SESSION)
    trained = [r.name for r in views.workspace().records(CHECKPOINT) if r.intact]
    starts = [*dict.fromkeys([*BUILT_IN, *trained])]
    start = right.selectbox("Start checkpoint", starts, key="train_start", **KEEP_IN_SESSION)
    chosen = next(c for c in collections if c.name == name)
    collection = opened(chosen.id, name)
    preset = choose_objective()
    values: dict[str, Any] = {"collection": name, "start": start, "preset": preset}
    values["objective"] = {"preset": preset, **objective_details(preset, collection)}
    left, right = st.columns(2)
    part = left.selectbox("Train", [*TRAINED_PARTS], key="train_part", **KEEP_IN_SESSION)
    given = right.text_input("Name", placeholder=f"{start} {preset} s0", key="train_name", **KEEP_IN_SESSION)
    values |= {**TRAINED_PARTS[part], "name": given.strip(), **budget(collection)}
    return validated(values, collection)


@st.cache_resource(show_spinner=False, max_entries=4)
def opened(record_id: str, name: str) -> Collection:
    """A collection, read once."""
    return storage.load(views.workspace(), name)


def choose_objective() -> str:
    captions = [
        *(DESCRIPTIONS[p] for p in [*MAIN_OBJECTIVES][:2]),
        "Terms and temperature schedules from other papers.",
    ]
    big = st.radio(
        "Objective",
        [*MAIN_OBJECTIVES],
        1,
        MAIN_OBJECTIVES.__getitem__,
        key="train_big",
        captions=captions,
        **KEEP_IN_SESSION,
    )
    if big != OTHER:
        return big
    rest = [p for p in PRESETS if p not in MAIN_OBJECTIVES]
    preset = st.selectbox("Preset", rest, key="train_preset", **KEEP_IN_SESSION)
    st.caption(DESCRIPTIONS[preset])
    return preset


def objective_details(preset: str, collection: Collection) -> dict[str, Any]:
    """All settings of the objective, from the preset; each preset keeps its own edits."""
    base, names = PRESETS[preset], [m.name for m in collection.modalities]
    text = next((m.name for m in collection.modalities if m.kind == "text"), names[0])
    with st.expander("Objective settings", icon=":material/tune:"):
        st.caption("Weights of the terms added to the contrastive loss; 0 = off.")
        values: dict[str, Any] = {}
        for column, (field, label) in zip(
            st.columns(5, vertical_alignment="bottom"), WEIGHTS.items(), strict=True
        ):
            values[field] = number(column, label, f"{preset}_{field}", getattr(base, field), step=0.1)
        first, second, third = st.columns(3)
        values["contrastive"] = pick(
            first, "Contrastive term", preset, base, "contrastive", objectives.CONTRASTIVE
        )
        values["pairs"] = pick(second, "Modality pairs", preset, base, "pairs", objectives.PAIRS)
        values["anchor"] = third.selectbox(
            "Anchor",
            names,
            names.index(text),
            key=f"train_{preset}_anchor_{collection.name}",
            help="L_ATP pulls the other modalities towards it.",
            **KEEP_IN_SESSION,
        )
        first, second, third = st.columns(3)
        values["temperature"] = pick(
            first, "Temperature", preset, base, "temperature", objectives.TEMPERATURE
        )
        for column, field in ((second, "temperature_start"), (third, "temperature_end")):
            label = field.replace("_", " ").capitalize()
            unused = values["temperature"] in UNUSED[field]
            values[field] = number(
                column, label, f"{preset}_{field}", getattr(base, field), step=0.01, disabled=unused
            )
        first, second, third = st.columns(3, vertical_alignment="bottom")
        values["schedule"] = pick(first, "Weight schedule", preset, base, "schedule", objectives.SCHEDULE)
        values["swap"] = number(second, "Modality swap probability", f"{preset}_swap", base.swap, step=0.1)
        values["mask_duplicates"] = third.checkbox(
            "Mask duplicates",
            base.mask_duplicates,
            key=f"train_{preset}_mask",
            help="Studies with the same text or duplicate group are not used as negatives of each other.",
            **KEEP_IN_SESSION,
        )
    return values


def number(place: Any, label: str, key: str, value: float, *, step: float, disabled: bool = False) -> float:
    """A number of any size; `check` reports values out of range."""
    return place.number_input(
        label,
        value=float(value),
        step=step,
        format="%g",
        key=f"train_{key}",
        disabled=disabled,
        **KEEP_IN_SESSION,
    )


def pick(
    place: Any, label: str, preset: str, base: ObjectiveConfig, field: str, options: tuple[str, ...]
) -> str:
    start = options.index(getattr(base, field))
    return place.selectbox(label, options, start, key=f"train_{preset}_{field}", **KEEP_IN_SESSION)


def budget(collection: Collection) -> dict[str, Any]:
    base = TrainingConfig()
    values: dict[str, Any] = {}
    epochs, batch, rate, seed = st.columns(4)
    values["epochs"] = whole(epochs, "Epochs", "epochs", base.epochs)
    values["batch"] = whole(batch, "Batch", "batch", base.batch, help="Studies per step.")
    values["learning_rate"] = rate.number_input(
        "Learning rate",
        value=base.learning_rate,
        step=1e-5,
        format="%g",
        key="train_rate",
        help="For AdamW: linear warm-up, then cosine decay to 0.",
        **KEEP_IN_SESSION,
    )
    values["seed"] = whole(seed, "Seed", "seed", base.seed)
    with st.expander("More settings", icon=":material/settings:"):
        values |= more(collection, base)
    return values


def more(collection: Collection, base: TrainingConfig) -> dict[str, Any]:
    splits, own = [*collection.splits()], collection.name
    first, second, third = st.columns(3)
    usual = {named_split(name, splits) for name in base.fit_splits}
    start = [s for s in splits if s in usual] or splits[:1]
    fit = first.multiselect("Train on", splits, start, key=f"train_fit_{own}", **KEEP_IN_SESSION)
    val = second.selectbox(
        "Validation split",
        [AUTOMATIC, *splits],
        key=f"train_val_{own}",
        help="Selects the best epoch. Automatic: val or dev, else one in ten groups of the training studies.",
        **KEEP_IN_SESSION,
    )
    keep = third.selectbox(
        "Keep weights of", [*configs.KEEP], key="train_keep", format_func="{} epoch".format, **KEEP_IN_SESSION
    )
    first, second, third = st.columns(3)
    accumulate = whole(
        first,
        "Accumulate",
        "accumulate",
        1,
        help="Encode a batch in this many chunks: less memory, same loss.",
    )
    probe = whole(
        second,
        "Validation studies",
        "probe",
        base.probe,
        help="Number of validation studies evaluated after every epoch.",
    )
    init = third.selectbox(
        "Initial weights",
        configs.INIT,
        key="train_init",
        format_func=INIT_NAMES.__getitem__,
        **KEEP_IN_SESSION,
    )
    guard = st.checkbox("Stop on a collapse warning", key="train_guard", **KEEP_IN_SESSION)
    return {
        "fit_splits": tuple(fit),
        "val_split": "" if val == AUTOMATIC else val,
        "keep": keep,
        "accumulate": accumulate,
        "probe": probe,
        "init": init,
        "stop_on_guard": guard,
    }


def whole(place: Any, label: str, key: str, value: int, *, help: str | None = None) -> int:
    return int(
        place.number_input(label, value=value, step=1, key=f"train_{key}", help=help, **KEEP_IN_SESSION)
    )


def validated(values: dict[str, Any], collection: Collection) -> Form:
    """The config of the form, its cost, and the first problem with it."""
    config = configs.from_mapping(values)
    try:
        configs.check(config)
        objectives.check(config.objective, [m.name for m in collection.modalities])
        named = config if config.name else replace(config, name=free_name(config))
        check_name(named.name)
        if taken(named.name, named):
            views.workspace().refuse_taken(CHECKPOINT, named.name)
        return Form(named, "", cost(named, collection))
    except UserError as error:
        return Form(config, error.message, "")


def free_name(config: TrainingConfig) -> str:
    """The default name, numbered if another run has it."""
    numbered = (f"{config.label} {k}" if k > 1 else config.label for k in count(1))
    return next(name for name in numbered if not taken(name, config))


def taken(name: str, config: TrainingConfig) -> bool:
    """Whether a checkpoint of that name exists that was not made with this config."""
    if not views.workspace().has(CHECKPOINT, name):
        return False
    known = views.workspace().record(CHECKPOINT, name)
    if record.MANIFEST not in known.files:
        return True
    return json.loads(known.path(record.MANIFEST).read_text())["config_key"] != config.key()


def cost(config: TrainingConfig, collection: Collection) -> str:
    """The approximate cost of the run. `Refused` if a batch is larger than the training data."""
    splits = collection.table[SPLIT].to_numpy(dtype=str)
    usable = np.sum([collection.present(m) for m in collection.modalities], axis=0) > 1
    fit = int((usable & np.isin(splits, config.fit_splits)).sum())
    if fit < config.batch:
        message = (
            f"A batch of {config.batch:,} needs as many studies; {', '.join(config.fit_splits)} has {fit:,}."
        )
        raise Refused("batch_too_large", f"{message} Use a smaller batch.")
    if not config.val_split and not validation_split(splits, leave=config.fit_splits):
        fit = round(0.9 * fit)  # one group in ten is held back
    steps = fit // config.batch
    heads = " The towers encode every study once, so steps are fast." if config.train == "heads" else ""
    return (
        f"About {fit:,} studies: {steps:,} steps per epoch, **{steps * config.epochs:,} steps** in "
        f"total.{heads} The checkpoint will be named **{cards.escape(config.label)}**."
    )


def pair(config: TrainingConfig) -> tuple[TrainingConfig, TrainingConfig]:
    """The CLIP baseline and the run (or the baseline and gap-closing), otherwise equal; CLIP first."""
    other = "gap-closing" if config.preset == "clip" else "clip"
    kept = {field: getattr(config.objective, field) for field in ("anchor", "mask_duplicates", "pairs")}
    twin = replace(config, preset=other, objective=replace(PRESETS[other], **kept), name="")
    typed = not config.name.startswith(replace(config, name="").label)
    twin = replace(twin, name=f"{config.name} {other}" if typed else free_name(twin))
    return (config, twin) if config.preset == "clip" else (twin, config)
