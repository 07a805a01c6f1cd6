"""`suture.Workspace`: what Suture keeps on disk, as the shell and the pages see it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from suture.data import workspace as storage_of
from suture.data.collection import Collection
from suture.data.collections import storage
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import NotFound, Refused
from suture.data.intake.report import IntakeReport
from suture.data.readers.raw_studies import Roles
from suture.data.workspace import CHECKPOINT, COLLECTION, SET, Record, RecordKind, embedding_sets
from suture.library import inputs
from suture.library.comparison import ComparisonResult, compare_sets
from suture.library.evaluation import EvaluationResult, evaluate_set

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image

T = TypeVar("T")


class Names(Mapping[str, T], Generic[T]):
    """What the workspace holds of one kind, by name, oldest first: iterate, `len`, `in`, index, `get`.

    Indexing opens it; `NotFound` for an unknown name, with the names there are.
    """

    def __init__(
        self, workspace: storage_of.Workspace, kind: RecordKind[Any], opened: Callable[[str], T]
    ) -> None:
        self._workspace, self._kind, self._opened = workspace, kind, opened

    @property
    def names(self) -> list[str]:
        """All names."""
        return [record.name for record in self._workspace.records(self._kind)]

    def __getitem__(self, name: str) -> T:
        self._workspace.record(self._kind, name)
        return self._opened(name)

    def get(self, name: str, default: Any = None) -> Any:
        """What is called so, or the default."""
        try:
            return self[name]
        except NotFound:
            return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._workspace.has(self._kind, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        names = self.names
        shown = ", ".join(map(repr, names[:10])) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        return f"<{len(names)} {self._kind}s: {shown}>" if names else f"<no {self._kind} yet>"

    def _ipython_key_completions_(self) -> list[str]:
        return self.names


class Workspace(storage_of.Workspace):
    """Collections of studies, checkpoints, and embedding sets, below one folder.

    home  the folder, made if it is not there; default: SUTURE_HOME, or the user's data folder. The shell
          (`--home`) and the app work on the same one

    >>> import tempfile, numpy as np, suture
    >>> home = suture.Workspace(tempfile.mkdtemp())
    >>> rng = np.random.default_rng(0)
    >>> arrays = {"image": rng.normal(size=(40, 8)), "text": rng.normal(size=(40, 8))}
    >>> home.add_vectors(arrays, name="mine")
    EmbeddingSet('mine', 40 studies: image (8), text (8))
    >>> list(home.sets)
    ['mine']
    >>> home.evaluate("mine", resamples=20).n
    40
    """

    @property
    def collections(self) -> Names[Collection]:
        """Studies with images and texts, by name."""
        return Names(self, COLLECTION, lambda name: storage.load(self, name))

    @property
    def checkpoints(self) -> Names[Record]:
        """Encoders, by name; those that come with Suture appear at their first use."""
        return Names(self, CHECKPOINT, lambda name: self.record(CHECKPOINT, name))

    @property
    def sets(self) -> Names[EmbeddingSet]:
        """Embedding sets, by name; `.vectors["image"]` are unit rows, mapped from disk."""
        return Names(self, SET, lambda name: embedding_sets.load(self, name))

    def __repr__(self) -> str:
        counts = [f"{len(x)} {what}" for what, x in (("collections", self.collections), ("sets", self.sets))]
        return f"<Workspace {str(self.home)!r}: {', '.join(counts)}>"

    def add(
        self,
        source: Path | str,
        *,
        name: str,
        columns: Mapping[str, str | Sequence[str]] | None = None,
        layout: str = "",
        seed: int = 0,
        prompts: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> IntakeReport:
        """Import studies from a folder, ZIP or table, as `suture import` does.

        columns   which columns of the table are what, where the guess is not right: any of id, image, text,
                  tabular, group, split, duplicates, label -> one name or several
        layout    how the source is laid out; recognised if left out
        seed      of the split by group, where the source has none
        prompts   template of texts made of the labels, where there are no reports: "A radiograph with {}."
        progress  called with (studies done, studies in all)

        The report says what was skipped, and why. `Refused` if nothing was taken.
        """
        from suture.data.intake import Options, intake

        options = Options(layout, seed=seed, overrides=_roles(columns or {}), prompts=prompts)
        return _taken(intake(self, Path(source), name, options=options, progress=progress))

    def add_checkpoint(self, source: Path | str, *, name: str, **options: Any) -> IntakeReport:
        """Check weights and keep them under a name, as `suture checkpoint add` does.

        source   weights file, open_clip config .json, folder, hf-hub:owner/name, or architecture
        options  of `CheckpointSource`: architecture, pretrained, resize, download
        """
        from suture.models.checkpoints.add_checkpoint import add_checkpoint
        from suture.models.checkpoints.sources import CheckpointSource

        return _taken(
            add_checkpoint(self, _options(CheckpointSource, {"location": str(source), **options}), name)
        )

    def add_vectors(
        self,
        vectors: Mapping[str, Any] | Path | str | Sequence[Path | str],
        *,
        name: str,
        collection: str = "",
        features: bool = False,
        prompts: Sequence[str] | None = None,
        prompt_vectors: Any = None,
        prompt_labels: Sequence[str] | None = None,
        **described: Any,
    ) -> EmbeddingSet:
        """Keep embeddings as a set, as `suture import-vectors` does.

        vectors     modality -> (n_studies, dim) arrays or tensors; or files (.npz, .npy, .parquet, .csv, .pt)
        collection  the collection that the rows belong to, matched by ids or by order
        features    the arrays come from separate backbones, to train heads on
        prompts, prompt_vectors   for arrays: texts with their vectors (n_prompts, dim), for zero-shot
        prompt_labels             the value that each prompt stands for, where it is not the prompt itself
        described   for arrays: groups, ids, splits, labels, texts, duplicates, present, as in
                    `suture.evaluate` (texts: modality -> texts)

        `Refused` if nothing was taken, or, for arrays, if a row cannot be measured.
        """
        from suture.data.vectors import import_vectors
        from suture.data.vectors.prompts import LABELS, TEXTS, VECTORS

        options: dict[str, Any] = {"collection": collection, "features": features}
        given = {TEXTS: prompts, VECTORS: prompt_vectors, LABELS: prompt_labels}
        named = {k: v for k, v in given.items() if v is not None}
        if isinstance(vectors, Mapping):
            if not features:
                inputs.embedding_set(vectors, name=name, **described)  # refuses what a file would leave out
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "vectors.npz"
                _write(file, vectors, described, named)
                _taken(import_vectors(self, [file], name, **options))
        else:
            if described or named:
                own = ", ".join([*described, *named])
                raise Refused("arguments_of_arrays", f"Files bring their own {own}.")
            several = [vectors] if isinstance(vectors, str | Path) else vectors
            _taken(import_vectors(self, [Path(file) for file in several], name, **options))
        return self.sets[name]

    def embed(self, collection: str, checkpoint: str, *, name: str = "", **options: Any) -> EmbeddingSet:
        """Turn a collection into vectors, as `suture embed` does; what is there already is not made again.

        options  of `suture.models.embedding.embed.embed`, such as device="cuda", progress=...
        """
        from suture.models.embedding.embed import embed

        return self.sets[embed(self, collection, checkpoint, name=name, **options).name]

    def evaluate(
        self, name: str, *, split: str = "all", full: bool = False, **options: Any
    ) -> EvaluationResult:
        """Measure a set: `suture.evaluate(name)` on this workspace."""
        return evaluate_set(self, name, split=split, extended=full, **options)

    def compare(
        self, a: str, b: str, *, split: str = "", full: bool = False, **options: Any
    ) -> ComparisonResult:
        """Compare two sets: `suture.compare(a, b)` on this workspace."""
        return compare_sets(self, a, b, split=split, extended=full, **options)

    def search(
        self,
        name: str,
        *,
        words: str | None = None,
        image: Path | str | np.ndarray | Image | None = None,
        k: int = 10,
        split: str = "all",
    ) -> pd.DataFrame:
        """The studies of a set nearest to words, to an image, or to both, as `suture neighbours` finds them.

        words  a report, or a few words
        image  a file, a PIL image, or an array of uint8, (height, width) or (height, width, 3)
        k      neighbours in each direction

        One row per neighbour: from (modality that asks), to (modality searched), rank, study, cosine. Nothing
        that was asked stays in the workspace. `Refused` for a set without a checkpoint.
        """
        from suture.library.searching import search

        return search(self, name, words=words, image=image, k=k, split=split)


def _taken(report: IntakeReport) -> IntakeReport:
    """What was taken; an error where nothing was."""
    if report.refused:
        raise Refused(report.refused, report.message)
    return report


def _roles(columns: Mapping[str, str | Sequence[str]]) -> Roles:
    fields = {"image": "images", "text": "texts", "tabular": "tabular", "label": "labels"}
    single = {"id": "study_id", "group": "group", "split": "split", "duplicates": "duplicate_group"}
    given: dict[str, Any] = {}
    for role, value in columns.items():
        if role not in fields | single:
            raise NotFound("role of a column", role, [*fields, *single])
        several = (value,) if isinstance(value, str) else tuple(value)
        given[(fields | single)[role]] = several if role in fields else several[0]
    return Roles(**given)


def _options(kind: Callable[..., T], given: Mapping[str, Any]) -> T:
    try:
        return kind(**given)
    except TypeError as error:
        raise Refused("option_unknown", f"{str(error).split(') ')[-1]}.") from None


def _write(
    file: Path, vectors: Mapping[str, Any], described: Mapping[str, Any], prompts: Mapping[str, Any]
) -> None:
    """An .npz as `import_vectors` reads it."""
    from suture.data.vectors.export import write_npz
    from suture.data.vectors.prompts import VECTORS

    columns = inputs.columns([*map(str, vectors)], **described)
    matrices = {str(m): inputs.as_array(x) for m, x in vectors.items()}
    of_prompts = {k: inputs.as_array(x) if k == VECTORS else inputs.column(k, x) for k, x in prompts.items()}
    plain = {k: v.astype(str) if v.dtype.kind == "O" else v for k, v in {**columns, **of_prompts}.items()}
    write_npz(file, {**matrices, **plain})
