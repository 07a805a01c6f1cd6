"""Excerpts of single studies for a report: the start of their texts, and thumbnails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suture.analysis.report import StudyExcerpt
from suture.data.collection import STUDY_ID, Collection
from suture.data.collections import storage
from suture.data.embedding_set import EmbeddingSet
from suture.data.images.encoding import thumbnail
from suture.data.images.pack import ImagePack
from suture.data.workspace import SET, Workspace

EXCERPT = 300  # characters of a text
PICTURE = 256  # pixels, longer side


@dataclass(frozen=True)
class Excerpts:
    """The collection behind a set, and its images."""

    collection: Collection
    pack: ImagePack | None

    def studies(self, ids: Iterable[str], *, texts: bool, pictures: bool) -> dict[str, StudyExcerpt]:
        """Study id -> excerpt, with texts and images as allowed."""
        place = {study: row for row, study in enumerate(self.collection.table[STUDY_ID].astype(str))}
        return {study: self._study(place[study], texts, pictures) for study in ids}

    def _study(self, row: int, texts: bool, pictures: bool) -> StudyExcerpt:
        values = self.collection.study(row).values
        of_kind = {
            kind: {
                m.name: values[m.name]
                for m in self.collection.modalities
                if m.kind == kind and m.name in values
            }
            for kind in ("text", "image")
        }
        shown = {name: _excerpt(text) for name, text in of_kind["text"].items()} if texts else {}
        if not pictures or self.pack is None:
            return StudyExcerpt(shown)
        packed = {name: thumbnail(self.pack.read(int(n)), PICTURE) for name, n in of_kind["image"].items()}
        return StudyExcerpt(shown, packed)


def behind(workspace: Workspace, part: EmbeddingSet) -> Excerpts | None:
    """The collection behind a set; None if it is unknown, gone, or replaced by another of the same name."""
    record = storage.source_collection(workspace, workspace.record(SET, part.name))
    if record is None:
        return None
    collection = storage.load(workspace, record.name)
    if not part.rows[STUDY_ID].isin(collection.table[STUDY_ID]).all():
        return None
    return Excerpts(collection, storage.image_pack(workspace, record.name))


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
