"""The process that does one job: `python -m models.worker HOME JOB`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from data.errors import UserError
from data.workspace import Workspace
from models import jobs

Report = Callable[[float, str], None]
log = logging.getLogger("suture.worker")


def main(home: str, job_id: str) -> int:
    """Run the job and note how it ended."""
    workspace = Workspace(home)
    job = jobs.job(workspace, job_id)
    if job is None:
        return 2
    jobs.update(workspace, job_id, state="running", message="Starting")
    try:
        message = TASKS[job.kind](workspace, job.args, _reporter(workspace, job_id))
    except UserError as error:
        jobs.update(workspace, job_id, state="failed", message=error.message)
        return 1
    except Exception:
        # Whatever went wrong, the page must not wait for ever; details go to the job's log.
        log.exception("job %s failed", job_id)
        text = f"It stopped with an error of the program; see logs/{job_id}.log in the workspace."
        jobs.update(workspace, job_id, state="failed", message=text)
        return 1
    jobs.update(workspace, job_id, state="done", progress=1.0, message=message)
    return 0


def _reporter(workspace: Workspace, job_id: str) -> Report:
    """Writes progress at most four times a second."""
    last = 0.0

    def report(share: float, message: str) -> None:
        nonlocal last
        if time.monotonic() - last > 0.25:
            last = time.monotonic()
            jobs.update(workspace, job_id, progress=share, message=message)

    return report


def _embed(workspace: Workspace, args: dict[str, Any], report: Report) -> str:
    from models.embed import embed

    run = embed(
        workspace,
        args["collection"],
        args["checkpoint"],
        name=args.get("name", ""),
        progress=lambda done, total, name: report(done / total, f"{done:,} of {total:,}: {name}"),
    )
    return f"{run.name}: {'nothing had changed' if run.reused else f'{run.n:,} studies embedded'}."


def _layout(workspace: Workspace, args: dict[str, Any], report: Report) -> str:
    from models.layouts import align, compute

    names = args["sets"]
    if args.get("method") == "aligned":
        report(0.1, f"Aligning the maps of {' and '.join(names)}")
        align(workspace, *names)
        return f"The maps of {' and '.join(names)} are aligned."
    for number, name in enumerate(names):
        report((number + 0.1) / len(names), f"Laying out the map of {name}")
        compute(workspace, name, start=args["start"] if name != args["start"] else "")
    return f"UMAP of {' and '.join(names)} is ready."


def _add_checkpoint(workspace: Workspace, args: dict[str, Any], report: Report) -> str:
    from data.errors import Refused
    from models.registry import Source, add

    report(0.1, "Reading and trying the checkpoint")
    name = args["name"]
    source = Source(**{k: v for k, v in args.items() if k in Source.__dataclass_fields__})
    answer = add(workspace, source, name)
    if answer.refused:
        raise Refused(answer.refused, answer.message)
    return answer.message


def _train(workspace: Workspace, args: dict[str, Any], report: Report) -> str:
    """Train each run, embed its collection with it, measure the test split: ready to be compared."""
    from models.training.config import from_json
    from models.training.plan import plan

    configs = [from_json(content) for content in args["runs"]]
    for config in configs:
        plan(workspace, config)  # all is checked before the first one starts
    for number, config in enumerate(configs):

        def stage(share: float, message: str, number: int = number, name: str = config.label) -> None:
            report((number + share) / len(configs), f"{name}: {message}")

        _train_one(workspace, config, stage)
    names = " and ".join(config.label for config in configs)
    return f"{names}: trained, and {configs[0].collection} embedded."


def _train_one(workspace: Workspace, config: Any, stage: Report) -> None:
    from data import embeddings
    from models.embed import embed
    from models.results import evaluation
    from models.training.run import train

    trained = train(workspace, config, report=lambda share, message: stage(0.85 * share, message))
    made = embed(
        workspace,
        config.collection,
        trained.name,
        progress=lambda done, total, name: stage(0.85 + 0.1 * done / total, f"Embedding {name}"),
    )
    if "test" in embeddings.load(workspace, made.name).splits():
        evaluation(
            workspace,
            made.name,
            split="test",
            progress=lambda share, what: stage(0.95 + 0.05 * share, f"Measuring {what}"),
        )


def _newcomers(workspace: Workspace, args: dict[str, Any], report: Report) -> str:
    from models.newcomers import embed

    return embed(workspace, args["visit"], args["checkpoints"], progress=report)


TASKS: dict[str, Callable[[Workspace, dict[str, Any], Report], str]] = {
    "embed": _embed,
    "layout": _layout,
    "checkpoint": _add_checkpoint,
    "train": _train,
    "newcomers": _newcomers,
}

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
