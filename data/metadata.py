"""What the workspace's index says of a record, with a type: one dataclass for each kind of record.

Reading and writing loses nothing: a field that is None is not written, and keys that this version does not
know are kept in `extra`. Fields are never renamed, because their names are the keys on disk.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self


@dataclass(frozen=True, kw_only=True)
class JsonFields:
    """Fields that are kept as one JSON object.

    extra  keys that this version does not know, as they were read
    """

    extra: Mapping[str, Any] = field(default_factory=dict)

    NESTED: ClassVar[Mapping[str, type[JsonFields]]] = {}  # fields that are objects, or lists of objects

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` gives. Never raises: a value of an unexpected form goes to `extra`."""
        known: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        names = cls._names()
        for key, value in content.items():
            if key not in names or value is None:
                extra[key] = value
            elif key not in cls.NESTED:
                known[key] = value
            elif isinstance(value, Mapping):
                known[key] = cls.NESTED[key].from_json(value)
            elif isinstance(value, Sequence) and all(isinstance(item, Mapping) for item in value):
                known[key] = [cls.NESTED[key].from_json(item) for item in value]
            else:
                extra[key] = value
        return cls(**known, extra=extra)

    def to_json(self) -> dict[str, Any]:
        """The object that is kept: every field that is not None, then `extra`."""
        values = {name: _plain(getattr(self, name)) for name in self._names()}
        own = {name: value for name, value in values.items() if value is not None}
        return {**own, **{key: value for key, value in self.extra.items() if key not in own}}

    @classmethod
    @functools.cache
    def _names(cls) -> tuple[str, ...]:
        """Names of the fields in the order of the declaration; what every record has comes last."""
        names = [f.name for f in fields(cls) if f.name not in ("extra", "job")]
        return (*names, "job") if issubclass(cls, Metadata) else tuple(names)


def _plain(value: Any) -> Any:
    if isinstance(value, JsonFields):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


@dataclass(frozen=True, kw_only=True)
class Metadata(JsonFields):
    """What every record says.

    job  id of the job that published it; None if no job did
    """

    job: str | None = None


@dataclass(frozen=True, kw_only=True)
class ModalityFields(JsonFields):
    """One modality of a collection, as `suture.data.collection.Modality`."""

    name: str = ""
    kind: str = ""
    columns: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class ImportReport(JsonFields):
    """What an import left out and noticed.

    skipped      reason code -> number of studies or files
    problems     (name, reason code, sentence) of the first ones that were skipped
    warnings     sentence -> number of studies
    identifiers  what looks like a person's identifier -> number of places
    warned       sentence -> the first studies, files or columns that it is about
    """

    skipped: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[Sequence[Any]] = ()
    warnings: Mapping[str, int] | None = None
    identifiers: Mapping[str, int] | None = None
    warned: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class CollectionMetadata(Metadata):
    """What is known of a collection besides its table.

    modalities  in order, images first as a rule
    labels      columns that describe studies
    synthetic   whether Suture generated the studies
    notes       how it was made: "split" (in words), "seed", "added", and what a reader noted
    n           number of studies
    report      what its import left out
    """

    modalities: Sequence[ModalityFields] = ()
    labels: Sequence[str] = ()
    synthetic: bool = False
    notes: Mapping[str, Any] = field(default_factory=dict)
    n: int = 0
    report: ImportReport = field(default_factory=ImportReport)

    NESTED: ClassVar = {"modalities": ModalityFields, "report": ImportReport}


@dataclass(frozen=True, kw_only=True)
class FitMetadata(JsonFields):
    """What was fitted, on which split, and where it may be scored.

    An adapter or heads on the vectors of another set fill all of these; of heads, `objective` to `epoch`.

    method        name of the method, "heads" for trained heads
    title         the same for people
    fit_split     split it was fitted on
    score_split   split that was asked to be scored
    score_splits  all splits that share no group (patient or case) with the fit
    n_fit         number of studies it was fitted on
    anchor        modality that stays as it is; "" = none
    strength      share of the map that was applied: 0 = nothing, 1 = all
    options       further settings of the method
    source_set, source_id, source_hash   name, id and fingerprint of the set it was applied to
    objective     the loss and its terms
    preset        name of the loss
    shape         dim, hidden, dropout of the heads
    seed          of the training
    val_split     split on which the epoch was chosen
    epoch         the chosen epoch
    """

    method: str = ""
    title: str = ""
    fit_split: str | None = None
    score_split: str | None = None
    score_splits: Sequence[str] | None = None
    n_fit: int | None = None
    anchor: str | None = None
    strength: float = 1.0
    options: Mapping[str, Any] | None = None
    source_set: str = ""
    source_id: str | None = None
    source_hash: str | None = None
    objective: Mapping[str, Any] | None = None
    preset: str | None = None
    shape: Mapping[str, Any] | None = None
    seed: int | None = None
    val_split: str | None = None
    epoch: int | None = None


@dataclass(frozen=True, kw_only=True)
class EmbeddingSetMetadata(Metadata):
    """Where the vectors of an embedding set come from: `EmbeddingSet.provenance`.

    n                number of studies
    collection, collection_id, collection_hash   name, id and fingerprint of its collection; "" = none
    checkpoint, checkpoint_id, checkpoint_hash   the same of the checkpoint that made it; "" = none
    batch            studies encoded at a time
    versions         package -> version it was embedded with
    synthetic        whether the studies were generated
    dim              width of the vectors
    truncated        text modality -> number of distinct texts longer than the context, cut
    engine           what encoded: {"name": "local"}, or Ray and its nodes
    source           "vectors" for a set that was imported as vectors
    dims             modality -> width, where they differ
    comparable       False = features of separate backbones without a shared space; see `shares_space`
    adapter          adapter or heads that mapped the vectors of another set
    heads, training  further fits that forbid scoring on their splits
    visit            name of the visit whose studies these are
    modalities       in the order of the files
    """

    n: int = 0
    collection: str | None = None
    collection_id: str | None = None
    collection_hash: str | None = None
    checkpoint: str | None = None
    checkpoint_id: str | None = None
    checkpoint_hash: str | None = None
    batch: int | None = None
    versions: Mapping[str, str] | None = None
    synthetic: bool | None = None
    dim: int | None = None
    truncated: Mapping[str, int] | None = None
    engine: Mapping[str, Any] | None = None
    source: str | None = None
    dims: Mapping[str, int] | None = None
    comparable: bool | None = None
    adapter: FitMetadata | None = None
    heads: FitMetadata | None = None
    training: FitMetadata | None = None
    visit: str | None = None
    modalities: Sequence[str] = ()

    NESTED: ClassVar = {"adapter": FitMetadata, "heads": FitMetadata, "training": FitMetadata}

    @property
    def shares_space(self) -> bool:
        """Whether vectors of different modalities lie in one space, so that their cosine means something."""
        return self.comparable is None or bool(self.comparable)

    @property
    def fits(self) -> tuple[FitMetadata, ...]:
        """Everything that was fitted on a split of these studies."""
        return tuple(fit for fit in (self.adapter, self.heads, self.training) if fit is not None)


@dataclass(frozen=True, kw_only=True)
class TrainingMetadata(JsonFields):
    """On what a checkpoint was trained.

    preset         name of the loss
    collection     name of the collection, of checkpoints that come with Suture
    collection_id  its id, of checkpoints trained here
    fit_splits     splits it was trained on
    start          checkpoint it started from
    seed           of the run
    """

    preset: str | None = None
    collection: str | None = None
    collection_id: str | None = None
    fit_splits: Sequence[str] = ()
    start: str | None = None
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class CheckpointMetadata(Metadata):
    """Where a checkpoint comes from.

    location, pretrained, architecture, resize, download, label   as `Source` of the checkpoints has them
    source    where it comes from, for people: "built-in", a file's name, "trained on <collection>"
    notes     sentences for people
    run_key   hash of the run that trained it: collection, start and config
    training  on what it was trained; None if not here
    versions  package -> version it was made with
    """

    location: str | None = None
    pretrained: str | None = None
    architecture: str | None = None
    resize: str | None = None
    download: bool | None = None
    label: str | None = None
    source: str | None = None
    notes: Sequence[str] | None = None
    run_key: str | None = None
    training: TrainingMetadata | None = None
    versions: Mapping[str, str] | None = None

    NESTED: ClassVar = {"training": TrainingMetadata}


@dataclass(frozen=True, kw_only=True)
class SelectionMetadata(Metadata):
    """Which studies a selection holds, and how they were found.

    of, of_id  name and id of the collection or set they belong to
    n          number of studies
    how        in words, such as "words: effusion"
    """

    of: str = ""
    of_id: str = ""
    n: int = 0
    how: str = ""


@dataclass(frozen=True, kw_only=True)
class CaptionerMetadata(Metadata):
    """What a captioner was trained on.

    set, set_fingerprint  name and fingerprint of the embedding set it reads
    collection_id         collection whose texts it was trained to write
    source                what it reads in training: "text", "image" or "both"
    seed                  of the run
    run_key               hash of the run: set, collection and config
    config                `CaptionerConfig` as JSON
    synthetic             whether the studies were generated
    notes                 sentences for people
    """

    set: str = ""
    set_fingerprint: str = ""
    collection_id: str | None = None
    source: str = ""
    seed: int | None = None
    run_key: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    synthetic: bool | None = None
    notes: Sequence[str] | None = None
