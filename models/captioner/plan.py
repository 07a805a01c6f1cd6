"""Resolve a config against the workspace and check everything that can be checked before training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from suture.data.collection import GROUP, SPLIT, STUDY_ID, Collection
from suture.data.collections import storage
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import NotFound, Refused
from suture.data.scoring_rules import refuse_features
from suture.data.splits import named_split, validation_mask, validation_split
from suture.data.workspace import CAPTIONER, SET, Record, Workspace, check_name, embedding_sets, sha256
from suture.data.workspace.record import name_taken
from suture.models.captioner.config import CaptionerConfig, check


@dataclass(frozen=True)
class StudyTexts:
    """The texts behind a set. texts: (n_studies,) of str, "" = none; text, image: modality names."""

    record: Record
    set: EmbeddingSet
    collection: Record
    text: str
    image: str
    texts: np.ndarray

    def rows(self, split: str, *modalities: str) -> np.ndarray:
        """Studies of a split with a text and these modalities. `NotFound` for an unknown split."""
        if split not in ("all", *self.set.splits()):
            raise NotFound("split", split, ["all", *self.set.splits()])
        known = np.ones(len(self.set), bool) if split == "all" else (self.set.rows[SPLIT] == split).to_numpy()
        present = np.logical_and.reduce([self.set.present(m) for m in modalities])
        return np.flatnonzero(known & present & (self.texts != ""))

    @property
    def groups(self) -> np.ndarray:
        """(n_studies,) patient or case id of each study."""
        return self.set.rows[GROUP].to_numpy(str)


@dataclass(frozen=True)
class CaptionerPlan:
    """A checked config. fit, validation: rows of the set; key: hash of what affects the result."""

    config: CaptionerConfig
    texts: StudyTexts
    fit: np.ndarray
    validation: np.ndarray
    key: str

    @property
    def read(self) -> tuple[str, ...]:
        """The modalities whose vectors the decoder is trained on."""
        of = {"text": (self.texts.text,), "image": (self.texts.image,)}
        return of.get(self.config.source) or (self.texts.text, self.texts.image)


def load_texts(workspace: Workspace, set_name: str, *, text: str = "", image: str = "") -> StudyTexts:
    """The texts behind a set; `Refused` if its collection is gone, or it has no texts or no images."""
    record = workspace.record(SET, set_name)
    loaded = embedding_sets.load(workspace, set_name)
    refuse_features(loaded)
    source = storage.source_collection(workspace, record)
    if source is None:
        raise Refused(
            "no_texts",
            f"The collection behind {set_name!r} is not in the workspace, so there are no texts to learn "
            f"from. Import the studies with their texts and embed them.",
        )
    collection = storage.read(source)
    text = _modality(collection, loaded, "text", text)
    image = _modality(collection, loaded, "image", image)
    column = next(m.columns[0] for m in collection.modalities if m.name == text)
    by_study = dict(zip(collection.table[STUDY_ID], collection.table[column], strict=True))
    texts = [str(by_study.get(study) or "").strip() for study in loaded.rows[STUDY_ID]]
    return StudyTexts(record, loaded, source, text, image, np.array(texts, dtype=object))


def _modality(collection: Collection, loaded: EmbeddingSet, kind: str, wanted: str) -> str:
    known = [m.name for m in collection.modalities if m.kind == kind and m.name in loaded.modalities]
    if wanted and wanted not in known:
        raise NotFound(f"{kind} modality", wanted, known)
    if not known:
        raise Refused(
            f"no_{kind}_modality",
            f"{loaded.name!r} has no {kind} modality. Captions need images and texts in one set.",
        )
    return wanted or known[0]


def plan_captioner(workspace: Workspace, config: CaptionerConfig) -> CaptionerPlan:
    """Check everything that can be checked before training; `Refused` or `NotFound` says what is wrong."""
    check(config)
    check_name(config.label)
    texts = load_texts(workspace, config.set, text=config.text, image=config.image)
    config = replace(config, name=config.label, text=texts.text, image=texts.image)
    splits = texts.set.splits()
    fit_split, val_split = (named_split(s, splits) for s in (config.fit_split, config.val_split))
    config = replace(config, fit_split=fit_split, val_split=val_split)
    fit, validation = _rows(texts, config)
    content = f"{config.key()}:{texts.record.fingerprint}:{texts.collection.fingerprint}{_start(config)}"
    key = hashlib.sha256(content.encode()).hexdigest()[:24]
    if workspace.has(CAPTIONER, config.label):
        made = workspace.record(CAPTIONER, config.label)
        if made.meta.run_key != key:
            raise name_taken(CAPTIONER, config.label)
    return CaptionerPlan(config, texts, fit, validation, key)


def _start(config: CaptionerConfig) -> str:
    """Hashes of the weights in the folder to start from; "" if there is none."""
    files = sorted(Path(config.start).glob("*.safetensors")) if config.start else []
    return "".join(f":{sha256(file)}" for file in files)


def _rows(texts: StudyTexts, config: CaptionerConfig) -> tuple[np.ndarray, np.ndarray]:
    """Studies with both modalities, whatever the source: all decoders train on the same studies."""
    splits = texts.set.splits()
    val = config.val_split or validation_split(splits, leave=[config.fit_split])
    if val == config.fit_split:
        raise Refused("val_is_fit", f"{val!r} is trained on, so it cannot choose the epoch. Name another.")
    fit, groups = texts.rows(config.fit_split, texts.text, texts.image), texts.groups
    if val:
        validation = texts.rows(val, texts.text, texts.image)
        validation = validation[~np.isin(groups[validation], groups[fit])]
    else:  # no validation split: one group in ten is held back from training
        back = validation_mask(texts.set.rows[GROUP], seed=config.seed)[fit]
        fit, validation = fit[~back], fit[back]
    if len(fit) < config.batch:
        raise Refused(
            "batch_too_large",
            f"A batch of {config.batch:,} needs as many studies with image and text; {config.fit_split!r} "
            f"has {len(fit):,}. Use a smaller batch.",
        )
    if len(validation) < 2:
        raise Refused(
            "val_empty",
            f"The validation split {val or 'held back'!r} has fewer than 2 studies with image and text of "
            f"patients or cases that are not trained on.",
        )
    return fit, validation
