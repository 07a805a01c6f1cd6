"""The built-in demo: synthetic studies, embedded by the two checkpoints that come with Suture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from suture import jobs
from suture.data import images, synthetic
from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID, Collection, Modality
from suture.data.collections import storage
from suture.data.metadata import ImportReport
from suture.data.workspace import CAPTIONER, COLLECTION, SET, Workspace, embedding_sets
from suture.models import builtin
from suture.models.embedding.embed import default_name, embed
from suture.workflows import evaluate, layouts
from suture.workflows.job_kinds import CaptionJob, LayoutJob

NAME = "demo"
STUDIES = 3200
CHECKPOINTS = builtin.FINE_TUNED
Say = Callable[[str, float], None]  # (current step, fraction done)


def prepare(workspace: Workspace, say: Say, *, studies: int = STUDIES, maps: bool = True) -> list[str]:
    """Create the missing parts of the demo; returns the names of its embedding sets.

    maps  False = a worker lays out the maps and writes captions in the background
    """
    make_collection(workspace, say, studies=studies)
    names = [default_name(NAME, checkpoint) for checkpoint in CHECKPOINTS]
    for checkpoint, name in zip(CHECKPOINTS, names, strict=True):
        _embed_and_measure(workspace, checkpoint, name, say)
    missing = [n for n in names if not workspace.derived(workspace.record(SET, n), layouts.FILE).is_file()]
    if missing and not maps:
        jobs.start(workspace, LayoutJob(missing, start=names[0]))
    elif missing:
        for number, name in enumerate(missing):
            say("Laying out the maps", number / len(missing))
            layouts.compute_umap(workspace, name, start="" if name == names[0] else names[0])
        say("Laying out the maps", 1)
    _captions(workspace, say, first=names[0], later=not maps)
    return names


def _captions(workspace: Workspace, say: Say, *, first: str, later: bool) -> None:
    """Add the built-in decoders and write their captions of the test split."""
    if workspace.has(CAPTIONER, f"{first} reads text s0"):
        return
    from suture.models.captioner import builtin as shipped

    if not shipped.ensure(workspace):
        return
    if later:
        configs = [config.to_json() for config in shipped.configs()]
        jobs.start(workspace, CaptionJob(configs, "test"))
        return
    from suture.workflows.captions.run import train_and_evaluate

    train_and_evaluate(workspace, shipped.configs(), report=lambda share, _: say("Writing captions", share))


def make_collection(
    workspace: Workspace, say: Say, *, studies: int = STUDIES, seed: int = 0, name: str = NAME
) -> None:
    """Generate the synthetic collection unless the workspace already has one with this name."""
    if workspace.has(COLLECTION, name):
        return
    made = synthetic.generate(studies, seed=seed, progress=lambda s: say("Drawing radiographs", s))
    with workspace.staging() as staged:
        pack = images.PackWriter(staged)
        for picture in made.images:
            pack.add(images.encode(Image.fromarray(picture)))
        pack.close()
        storage.publish(workspace, _collection(made, seed, name), staged, report=ImportReport())


def _embed_and_measure(workspace: Workspace, checkpoint: str, name: str, say: Say) -> None:
    def embedded(done: int, total: int, modality: str) -> None:
        say(f"Embedding with {checkpoint}", done / total)

    def measured(share: float, modalities: str) -> None:
        say(f"Measuring {name}", share)

    embed(workspace, NAME, checkpoint, progress=embedded)
    evaluate.evaluation(workspace, name, split="test", progress=measured)
    layouts.pca_layout(workspace, embedding_sets.load(workspace, name).split("test"))
    say(f"Measuring {name}", 1)


def _collection(made: synthetic.SyntheticStudies, seed: int, name: str) -> Collection:
    texts = {"report", "history"}
    identity = {STUDY_ID, GROUP, SPLIT}
    table = made.table.assign(image=np.arange(len(made.table)))
    table[DUPLICATE] = ""
    labels = tuple(c for c in map(str, made.table) if c not in identity | texts)
    modalities = (Modality("image", "image"), *(Modality(t, "text") for t in sorted(texts, reverse=True)))
    notes = {"layout": "synthetic", "seed": seed, "notice": synthetic.NOTICE, "split": "by group"}
    return Collection(name, table, modalities, labels, synthetic=True, notes=notes)
