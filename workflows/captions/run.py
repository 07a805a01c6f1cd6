"""Train the captioners of one or more sets, then make the caption table of each set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from suture.data.splits import named_split
from suture.data.workspace import Workspace
from suture.models.captioner.config import CaptionerConfig, Decoding, check_decoding
from suture.models.captioner.plan import plan_captioner
from suture.models.captioner.training import train
from suture.workflows.captions.caption_table import CaptionTable
from suture.workflows.captions.evaluate import evaluate_captions, refuse_training_split

Report = Callable[[float, str], None]
TRAINING = 0.85  # fraction of the progress bar for training


def train_and_evaluate(
    workspace: Workspace,
    configs: Sequence[CaptionerConfig],
    *,
    split: str = "test",
    how: Decoding | None = None,
    device: str = "auto",
    report: Report | None = None,
) -> list[CaptionTable]:
    """Train the missing captioners, then make the table of each set; checks everything before it starts."""
    say = report or (lambda share, message: None)
    check_decoding(how or Decoding())
    for config in configs:
        plan = plan_captioner(workspace, config)
        named = named_split(split, plan.texts.set.splits())
        refuse_training_split(plan.texts, named, plan.config.fit_split)
    for number, config in enumerate(configs):

        def stage(share: float, message: str, number: int = number, config: CaptionerConfig = config) -> None:
            say(TRAINING * (number + share) / len(configs), f"{config.label}: {message}")

        train(workspace, config, device=device, report=stage)
    sets = [*dict.fromkeys(config.set for config in configs)]
    tables = []
    for number, name in enumerate(sets):

        def judged(share: float, message: str, number: int = number, name: str = name) -> None:
            say(TRAINING + (1 - TRAINING) * (number + share) / len(sets), f"{name}: {message}")

        own = [config.label for config in configs if config.set == name]
        tables.append(
            evaluate_captions(workspace, name, own, split=split, how=how, device=device, report=judged)
        )
    return tables
