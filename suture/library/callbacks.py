"""`suture.GapMonitor`: gap, cosine of pairs, recall and collapse warnings of every epoch of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from suture.analysis.evaluate import probe
from suture.analysis.gap import collapse_warnings
from suture.data.errors import NotFound, Refused
from suture.data.vectors.checks import ZERO_LENGTH, images_first, unit_rows
from suture.library.inputs import as_array, column

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

Log = Callable[[str, float, int], object]
KS = (1, 5, 10)


class GapMonitor:
    """Collects the features of a validation pass, and measures them when the epoch ends.

    log     called with (name, value, epoch) of every number, such as TensorBoard's `writer.add_scalar`, or
            `lambda name, value, epoch: wandb.log({name: value}, step=epoch)`
    limit   studies that are kept of each epoch, the first that come: the same ones each time if the loader
            does not shuffle
    prefix  before the names that `log` is called with

    `history` is the list of what `epoch_end` gave. Numbers are those of `suture train`: means over pairs of
    modalities, recall multi-positive and the mean of both directions, `guards` the collapse warnings
    against the best epoch before.

    >>> import numpy as np, suture
    >>> rng = np.random.default_rng(0)
    >>> monitor = suture.GapMonitor()
    >>> for epoch, gap in enumerate([2.0, 0.0]):
    ...     for batch in range(2):
    ...         meaning = rng.normal(size=(32, 8))
    ...         monitor.update(meaning + gap, meaning)
    ...     numbers = monitor.epoch_end(epoch)
    >>> [round(row["centroid_gap"], 1) for row in monitor.history]
    [0.9, 0.0]
    """

    def __init__(self, log: Log | None = None, *, limit: int = 2_000, prefix: str = "gap/") -> None:
        if limit < 2:
            raise Refused("limit_invalid", f"limit must be 2 studies or more, got {limit!r}.")
        self.log, self.limit, self.prefix = log, limit, prefix
        self.history: list[dict[str, Any]] = []
        self.reset()

    def reset(self) -> None:
        """Forget the batches of an epoch that has not ended."""
        self._batches: list[dict[str, np.ndarray]] = []
        self._columns: dict[str, list[np.ndarray]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        last = f", last gap {self.history[-1]['centroid_gap']:.3f}" if self.history else ""
        return f"<GapMonitor: {len(self.history)} epochs{last}>"

    def update(
        self,
        image_features: Any,
        text_features: Any = None,
        *,
        groups: Any = None,
        texts: Sequence[str] | None = None,
        **others: Any,
    ) -> None:
        """Take a batch of the validation pass.

        image_features, text_features  (batch, dim) each, tensors or arrays; or one mapping modality ->
                 (batch, dim), rows of zeros = missing
        groups   (batch,) patients or cases, for the interval of recall; default: each study its own
        texts    (batch,) the texts, so that the same text twice counts as right; default: equal vectors of a
                 text are equal texts
        others   ignored (logit_scale, logit_bias), so that `monitor.update(**model_out)` works

        `Refused` for shapes that do not fit, and values that are not finite.
        """
        room = self.limit - self._count
        if room <= 0:
            return
        batch = _batch(image_features, text_features)
        known = list(self._batches[0]) if self._batches else list(batch)
        if list(batch) != known:
            raise Refused(
                "other_modalities", f"This batch has {', '.join(batch)}; those before had {', '.join(known)}."
            )
        width, before = (next(iter(b.values())).shape[1] for b in (batch, (self._batches or [batch])[0]))
        if width != before:
            raise Refused("embedding_shape", f"This batch has width {width}; those before had {before}.")
        n = len(next(iter(batch.values())))
        described = {
            name: column(name, values) for name, values in (("groups", groups), ("texts", texts))
            if values is not None
        }  # fmt: skip
        if self._batches and set(described) != set(self._columns):
            raise Refused("column_length", "Give groups and texts with every batch, or with none.")
        for name, values in described.items():
            if values.shape != (n,):
                raise Refused("column_length", f"{name} must have one value for each of the {n} studies.")
            self._columns.setdefault(name, []).append(values[:room])
        self._batches.append({m: x[:room] for m, x in batch.items()})
        self._count += min(n, room)

    def epoch_end(self, epoch: int) -> dict[str, Any]:
        """Measure what came since the last epoch, log it, and keep it in `history`.

        centroid_gap, centroid_gap_debiased, cos_true_pairs, margin, recall_at_1, recall_at_5, recall_at_10
        (with recall_at_10_half, half its 95 % interval, and recall_at_10_chance), effective_rank,
        uniformity_wi, angular_value, hubness_skew; `guards`, a list of sentences, empty if all is well.

        `Refused` without two studies.
        """
        if self._count < 2:
            raise Refused(
                "too_few_rows",
                f"{self._count} studies came in this epoch; 2 are needed. Call update for each batch.",
            )
        vectors = {m: np.concatenate([b[m] for b in self._batches]) for m in self._batches[0]}
        groups = self._column("groups")
        numbers = probe.probe_metrics(
            vectors,
            self._keys(vectors),
            np.arange(self._count)
            if groups is None
            else np.unique(groups.astype(str), return_inverse=True)[1],
            ks=KS,
        )
        row: dict[str, Any] = {"epoch": int(epoch), "n": self._count, **numbers}
        row["guards"] = [w.message for w in collapse_warnings.detect([*self.history, row])]
        self.history.append(row)
        self.reset()
        if self.log is not None:
            for name, value in numbers.items():
                self.log(f"{self.prefix}{name}", value, int(epoch))
            self.log(f"{self.prefix}guards", float(len(row["guards"])), int(epoch))
        return row

    def to_frame(self) -> pd.DataFrame:
        """One row per epoch."""
        import pandas as pd

        return pd.DataFrame(self.history)

    def figure(self, name: str = "centroid_gap") -> go.Figure:
        """One number over the epochs. `NotFound` for a number that is not there."""
        from suture.analysis.figures import COLOUR_A, curve_of, curves

        known = [k for k in (self.history[-1] if self.history else {}) if k not in ("epoch", "n", "guards")]
        if name not in known:
            raise NotFound("number of the epochs", name, known)
        return curves({name: curve_of(self.history, name)}, [COLOUR_A], over="epoch")

    def _column(self, name: str) -> np.ndarray | None:
        return np.concatenate(self._columns[name]) if name in self._columns else None

    def _keys(self, vectors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Equal numbers for equal texts: of the texts if they were given, else of equal vectors."""
        texts = self._column("texts")
        keys = {m: np.full(self._count, -1) for m in vectors}
        spoken = [m for m in vectors if "image" not in m.lower()]
        if texts is not None and spoken:
            from suture.data.embedding_set import text_digest

            digests = np.array([text_digest(str(t)) for t in texts])
            codes = np.unique(digests, return_inverse=True)[1]
            keys[spoken[0]] = np.where(digests == "", -1, codes)
            return keys
        for m in spoken:
            codes = np.unique(vectors[m], axis=0, return_inverse=True)[1].reshape(-1)
            keys[m] = np.where(np.any(vectors[m] != 0, axis=1), codes, -1)
        return keys


def _batch(image: Any, text: Any) -> dict[str, np.ndarray]:
    """Modality -> (batch, dim) unit rows, float32."""
    given = dict(image) if isinstance(image, Mapping) else {"image": image, "text": text}
    arrays = {str(m): np.asarray(as_array(x), dtype=np.float32) for m, x in images_first(given).items()}
    shapes = ", ".join(f"{m} {x.shape}" for m, x in arrays.items())
    if len(arrays) < 2:
        raise Refused("too_few_modalities", f"Two modalities or more are needed, got {shapes or 'none'}.")
    if len({x.shape for x in arrays.values()}) > 1 or next(iter(arrays.values())).ndim != 2:
        raise Refused("embedding_shape", f"All modalities must have one shape (batch, dim). Got {shapes}.")
    for m, x in arrays.items():
        if not np.isfinite(x).all():
            raise Refused(
                "embedding_not_finite", f"{m!r} has NaN or infinite values. Has the training diverged?"
            )
    if isinstance(image, Mapping):
        return {m: unit_rows(x) for m, x in arrays.items()}
    for m, x in arrays.items():
        if (np.linalg.norm(x, axis=1) < ZERO_LENGTH).any():
            raise Refused("embedding_zero", f"A row of {m!r} is zero and has no direction.")
    return {m: unit_rows(x) for m, x in arrays.items()}
