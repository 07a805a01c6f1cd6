"""`suture.GapCallback`: `GapMonitor` as a callback of Lightning's Trainer."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from suture.data.errors import Refused
from suture.library.callbacks import GapMonitor

PACKAGES = ("lightning.pytorch.callbacks", "pytorch_lightning.callbacks")
NAMES = ("image_features", "text_features")  # as open_clip's models call them


def _callback() -> type:
    """Lightning's own base class if Lightning is here; a Trainer asks for nothing but its methods."""
    for package in PACKAGES:
        try:
            return importlib.import_module(package).Callback
        except ImportError:
            continue
    return object


if TYPE_CHECKING:
    _Base = object
else:
    _Base = _callback()


class GapCallback(_Base):
    """Logs gap, cosine of pairs, recall and collapse warnings at the end of every validation.

    features  (outputs of validation_step, batch) -> what `GapMonitor.update` takes, as a tuple of two, a
              mapping of its arguments (image_features, text_features, groups, texts), or a mapping of
              modalities. Default: the outputs, which must be such a mapping
    limit, prefix  as of `GapMonitor`

    Numbers go to `pl_module.log_dict` and stay in `monitor.history`. The sanity check is left out. With
    several processes the features of all are gathered first. Works with `lightning` and `pytorch_lightning`.
    """

    def __init__(
        self,
        features: Callable[[Any, Any], Any] | None = None,
        *,
        limit: int = 2_000,
        prefix: str = "gap/",
    ) -> None:
        super().__init__()
        self.features = features
        self.monitor = GapMonitor(limit=limit, prefix=prefix)

    def on_validation_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Forget what an interrupted validation left."""
        self.monitor.reset()

    def on_validation_batch_end(
        self,
        trainer: Any,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Take the features of a batch; of several loaders the first."""
        if getattr(trainer, "sanity_checking", False) or dataloader_idx:
            return
        given = outputs if self.features is None else self.features(outputs, batch)
        arguments = _arguments(given)
        if getattr(trainer, "world_size", 1) > 1:
            arguments = {k: _gathered(pl_module, v) for k, v in arguments.items()}
        self.monitor.update(**arguments)

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure, and log."""
        if getattr(trainer, "sanity_checking", False):
            return
        row = self.monitor.epoch_end(int(trainer.current_epoch))
        shown = {k: v for k, v in row.items() if isinstance(v, float)}
        shown["guards"] = float(len(row["guards"]))
        pl_module.log_dict({f"{self.monitor.prefix}{k}": v for k, v in shown.items()})

    def state_dict(self) -> dict[str, Any]:
        """The history, so that a resumed run warns against its best epoch."""
        return {"history": self.monitor.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on after a checkpoint."""
        self.monitor.history = [*state_dict["history"]]


def _arguments(given: Any) -> dict[str, Any]:
    """Arguments of `GapMonitor.update`."""
    if isinstance(given, tuple | list) and len(given) == 2:
        return dict(zip(NAMES, given, strict=True))
    if isinstance(given, Mapping) and NAMES[0] in given:
        return {k: v for k, v in given.items() if k in (*NAMES, "groups", "texts")}
    if isinstance(given, Mapping) and len(given) > 1 and "loss" not in given:
        return {NAMES[0]: given}
    raise Refused(
        "features_missing",
        "validation_step must return {'image_features': ..., 'text_features': ...}, or GapCallback needs "
        f"features=lambda outputs, batch: (image, text). Got {type(given).__name__}"
        + (f" with {', '.join(map(str, given))}." if isinstance(given, Mapping) else "."),
    )


def _gathered(pl_module: Any, values: Any) -> Any:
    """Rows of all processes, one after the other."""
    if isinstance(values, Mapping):
        return {k: _gathered(pl_module, v) for k, v in values.items()}
    if not hasattr(values, "detach"):
        raise Refused(
            "features_missing", "With several processes groups and texts must be tensors, or be left out."
        )
    found = pl_module.all_gather(values.detach())
    return found.reshape(-1, *values.shape[1:])
