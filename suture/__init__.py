"""Shows, measures and closes the modality gap in radiology image/report embeddings.

    import suture

    before = suture.evaluate(image, text, groups=patients)      # arrays, or suture.evaluate("mine @ clip")
    after = suture.evaluate(image_b, text_b, groups=patients)
    suture.compare(before, after)                               # a table; .verdict, .to_frame(), .to_json()
    loss = suture.GapLoss("gap-closing")                        # called as open_clip's ClipLoss

evaluate             gap, geometry and retrieval of two or more modalities, with 95 % intervals
compare              what changed from one evaluation to another, with a verdict
GapLoss              torch: the objectives that close the gap, by name
GapMonitor           gap, cosine of pairs, recall and collapse warnings of each epoch, in any training loop
GapCallback          the same as a Lightning callback
Workspace            what Suture keeps on disk: collections, checkpoints, embedding sets; add, embed, search
EvaluationResult, ComparisonResult, Number    what `evaluate` and `compare` give
UserError            every error that a user can correct; `code` names the reason

`docs/library.md` introduces them. Everything is imported at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suture.data.errors import NotFound, Refused, UserError
    from suture.library.callbacks import GapMonitor
    from suture.library.comparison import ComparisonResult, compare
    from suture.library.evaluation import EvaluationResult, Number, evaluate
    from suture.library.lightning import GapCallback
    from suture.library.loss import GapLoss
    from suture.library.workspace import Workspace

_WHERE = {
    "ComparisonResult": "suture.library.comparison",
    "EvaluationResult": "suture.library.evaluation",
    "GapCallback": "suture.library.lightning",
    "GapLoss": "suture.library.loss",
    "GapMonitor": "suture.library.callbacks",
    "NotFound": "suture.data.errors",
    "Number": "suture.library.evaluation",
    "Refused": "suture.data.errors",
    "UserError": "suture.data.errors",
    "Workspace": "suture.library.workspace",
    "compare": "suture.library.comparison",
    "evaluate": "suture.library.evaluation",
}
_PACKAGES = ("analysis", "cli", "data", "jobs", "library", "models", "pages", "workflows")

__all__ = [
    "ComparisonResult",
    "EvaluationResult",
    "GapCallback",
    "GapLoss",
    "GapMonitor",
    "NotFound",
    "Number",
    "Refused",
    "UserError",
    "Workspace",
    "compare",
    "evaluate",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        found = getattr(importlib.import_module(_WHERE[name]), name)
    elif name in _PACKAGES:
        return importlib.import_module(f"suture.{name}")  # which sets the attribute itself
    elif name == "__version__":
        from importlib.metadata import version

        found = version("suture")
    else:
        raise AttributeError(f"module 'suture' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES, "__version__"})
