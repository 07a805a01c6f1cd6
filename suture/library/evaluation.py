"""`suture.evaluate`: the numbers of `suture evaluate`, for arrays or for a set of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.compare import HEADLINE
from suture.analysis.compare.cells import metric_title, protocol_label, row_title, with_interval
from suture.analysis.evaluate import Evaluation, Metric
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import NotFound, Refused
from suture.data.workspace import Workspace, embedding_sets
from suture.library import inputs, notebook
from suture.workflows.evaluate import evaluation, measure
from suture.workflows.paired_sets import ordered_pair

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

Progress = Callable[[float, str], None]
FIGURES = ("cosines", "ranks", "map")
PROTOCOL = "multi_positive"  # where none is named


class Number(float):
    """A metric as a float that knows its interval.

    low, high   95 % interval over groups; None where there is none
    metric      everything else: n, formula (`convention`), direction, protocol, p, and `reason` where the
                value is undefined, which makes the float NaN
    """

    metric: Metric

    def __new__(cls, metric: Metric) -> Number:
        """From the record of the metric."""
        made = super().__new__(cls, float("nan") if metric.value is None else metric.value)
        made.metric = metric
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.metric,)

    @property
    def low(self) -> float | None:
        """Lower end of the 95 % interval."""
        return self.metric.low

    @property
    def high(self) -> float | None:
        """Upper end of the 95 % interval."""
        return self.metric.high

    @property
    def n(self) -> int:
        """Studies or queries that it was measured on."""
        return self.metric.n

    @property
    def better(self) -> str:
        """Which way is better: lower, higher or neither."""
        return self.metric.better


@dataclass(frozen=True, repr=False)
class EvaluationResult:
    """What `suture.evaluate` found. Index it by a metric's name, or show it in a notebook for the table.

    evaluation  the record of all metrics, as the shell prints it with --json
    embeddings  the studies that were measured, with unit vectors by modality
    workspace   where the set lies; None for arrays
    extended    whether every metric was asked for (`full=True`)
    """

    evaluation: Evaluation
    embeddings: EmbeddingSet
    workspace: Workspace | None = None
    extended: bool = False

    @property
    def name(self) -> str:
        """Of the embedding set."""
        return self.evaluation.set

    @property
    def split(self) -> str:
        """The split that was measured, or "all"."""
        return self.evaluation.split

    @property
    def n(self) -> int:
        """Studies."""
        return self.evaluation.n

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, images first."""
        return self.evaluation.modalities

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics, also undefined ones, which say why."""
        return self.evaluation.metrics

    def __iter__(self) -> Iterator[Metric]:
        return iter(self.metrics)

    def __len__(self) -> int:
        return len(self.metrics)

    def __contains__(self, name: object) -> bool:
        return any(m.name == name for m in self.metrics)

    def __getitem__(self, key: str | tuple[str, ...]) -> Number:
        """A metric by its name, and by what it is of where the name alone fits several.

        result["centroid_gap"]; result["recall_at_10", "image->text"]; result["recall_at_1:strict",
        "image->text"] (protocol multi_positive unless one is named); result["effective_rank", "image"].
        `NotFound` for an unknown name, `Refused` for one that still fits several: both list what there is.
        """
        name, *of = key if isinstance(key, tuple) and key else (key,)
        name, _, protocol = str(name).partition(":")
        rows = [m for m in self.metrics if m.name == name]
        if not rows:
            raise NotFound("metric", name, [*dict.fromkeys(m.name for m in self.metrics)])
        under = [m for m in rows if m.protocol in (None, protocol or PROTOCOL)]
        if not under:
            known = [*dict.fromkeys(str(m.protocol) for m in rows)]
            raise NotFound(f"protocol of {name}", protocol, known)
        wanted = {*map(str, of)}
        chosen = [m for m in under if not wanted or wanted in ({_of(m)}, {m.label}, {_of(m), m.label})]
        chosen = chosen or [m for m in under if wanted == set(m.modalities)]
        if len(chosen) == 1:
            return Number(chosen[0])
        names = ", ".join(
            f"[{name!r}, {_of(m)!r}{f', {m.label!r}' if m.label else ''}]" for m in chosen or under
        )
        what = "has several values" if not wanted or chosen else f"has no value for {', '.join(wanted)}"
        raise Refused("metric_ambiguous", f"{name!r} {what}. Choose one of: {names}.")

    def _ipython_key_completions_(self) -> list[str]:
        return [*dict.fromkeys(m.name for m in self.metrics)]

    def __repr__(self) -> str:
        told = [f"{self.n:,} studies"] + ([f"split {self.split}"] if self.split != "all" else [])
        gaps = [m for m in self.metrics if m.name == "centroid_gap" and m.value is not None]
        numbers = [f"{row_title(m)} {_value(m)}" for m in gaps[:3]]
        return f"<{self.name}: {', '.join(told)}. {'; '.join(numbers) or 'no gap is defined'}>"

    def _repr_html_(self) -> str:
        first = [m for m in self.metrics if m.name in HEADLINE and m.protocol in (None, PROTOCOL)]
        rest = [m for m in self.metrics if m not in first and m.value is not None]
        unknown = [m for m in self.metrics if m.value is None]
        undefined = [{"metric": row_title(m), "undefined because": m.reason} for m in unknown]
        wide = ["n"]
        return "".join(
            [
                notebook.paragraph(f"{self.name} · {self.split} · {self.n:,} studies", strong=True),
                notebook.table([_cells(m) for m in first if m.value is not None], align_right=wide),
                notebook.folded(
                    f"{len(rest)} more metrics", notebook.table([_cells(m) for m in rest], align_right=wide)
                ),
                notebook.folded(f"{len(undefined)} undefined", notebook.table(undefined)),
                notebook.paragraph(f"In brackets: {self.evaluation.interval}. {self.evaluation.sampling}"),
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """All numbers, exactly as `suture evaluate --json` prints them; ready for `json.dumps`."""
        return self.evaluation.to_json()

    to_dict = to_json

    def to_frame(self) -> pd.DataFrame:
        """One row per metric: name, of, label, protocol, value, low, high, n, better, p, reason."""
        import pandas as pd

        rows = [
            {
                "metric": m.name,
                "of": _of(m),
                "label": m.label or "",
                "protocol": m.protocol or "",
                "value": m.value,
                "low": m.low,
                "high": m.high,
                "n": m.n,
                "groups": m.n_groups,
                "better": m.better,
                "p": m.p,
                "reason": m.reason or "",
            }
            for m in self.metrics
        ]
        frame = pd.DataFrame(rows)
        numbers = ["value", "low", "high", "p"]
        return frame.astype(dict.fromkeys(numbers, float)) if rows else frame

    def figure(self, kind: str = "cosines", *, pair: tuple[str, str] | None = None) -> go.Figure:
        """A figure as the pages draw it.

        kind  "cosines": histograms of true pairs, random pairs and within each modality; "ranks": recall
              at every k, from the first modality of the pair to the second; "map": PCA of all modalities
        pair  two modalities; default: the first two. For "ranks" their order is the direction

        `NotFound` for another kind, `Refused` for a modality that is not there.
        """
        if kind not in FIGURES:
            raise NotFound("figure", kind, [*FIGURES])
        if kind == "map":
            return self._map()
        x, y = ordered_pair(self.name, self.modalities, pair)
        if len(self.embeddings.rows_with(x, y)) < 2:
            raise Refused("too_few_rows", f"Fewer than 2 studies have both {x} and {y}.")
        if kind == "cosines":
            return self._cosines(x, y)
        return self._ranks(*(pair or (x, y)))

    def _cosines(self, x: str, y: str) -> go.Figure:
        from suture.analysis.figures import cosine_histograms
        from suture.analysis.gap import cosine_samples

        part = self.embeddings
        rows = part.rows_with(x, y)
        samples = cosine_samples(part.vectors[x], part.vectors[y], rows=rows)
        return cosine_histograms({self.name: samples}, x, y)

    def _ranks(self, x: str, y: str) -> go.Figure:
        from suture.analysis.evaluate.retrieval import pair_rank_curve
        from suture.analysis.figures import rank_curves

        return rank_curves({self.name: pair_rank_curve(self.embeddings, x, y)}, f"{x} → {y}")

    def _map(self) -> go.Figure:
        from suture.analysis.figures import MODALITY_COLOURS, small_map
        from suture.analysis.projection import pca
        from suture.workflows.layouts import stacked

        vectors, where = stacked(self.embeddings)
        found = pca(vectors)
        ends = np.cumsum([len(rows) for rows in where.values()])[:-1]
        maps = dict(zip(where, np.split(found.xy, ends), strict=True))
        return small_map(maps, explained=found.explained, colours=MODALITY_COLOURS)


def evaluate(
    image: Any,
    text: Any = None,
    *,
    groups: Any = None,
    ids: Any = None,
    splits: Any = None,
    labels: Mapping[str, Any] | None = None,
    texts: Any = None,
    duplicates: Any = None,
    present: Mapping[str, Any] | None = None,
    names: tuple[str, str] = ("image", "text"),
    split: str = "all",
    full: bool = False,
    resamples: int = 1000,
    seed: int = 0,
    name: str = "embeddings",
    home: Path | str | None = None,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Measure the gap, the geometry and retrieval of paired embeddings, with 95 % intervals.

    image, text  (n_studies, dim) each, row i of both is study i: numpy arrays, torch tensors on any device,
                 or lists. Rows need not be of unit length. For two or more modalities by name give one
                 mapping instead: {"image": x, "report": y, "history": z}. For a set of the workspace give
                 its name: "mine @ clip"
    groups       (n_studies,) patients or cases: what the bootstrap resamples. Default: each study its own
    ids          (n_studies,) names of the studies, all different; default: their numbers
    splits       (n_studies,) the split of each; split="test" then measures that one
    labels       column name -> (n_studies,), for clusters and retrieval by label; a data frame too
    texts        (n_studies,) the texts themselves, so that the same text twice counts as a right answer
                 (for a mapping of modalities: modality -> texts). Default: equal vectors are equal texts
    duplicates   (n_studies,) equal values = studies that are right answers of each other, "" = none
    present      modality -> (n_studies,) bool, false where a study lacks it
    names        what the two modalities are called
    split        measure one split, or "all"
    full         every metric, not only the default numbers
    resamples    of the bootstrap, 20 or more; seed: of the bootstrap and of samples
    home         the workspace's folder; default SUTURE_HOME or the user's data folder
    progress     called with the share that is done, 0 to 1, and what is being measured

    The numbers are those of `suture import-vectors` and `suture evaluate`. Rows that are zero or not finite
    are an error here. Raises `UserError`: `NotFound` for an unknown set or split, `Refused` for the rest.

    >>> import numpy as np, suture
    >>> rng = np.random.default_rng(0)
    >>> meaning = rng.normal(size=(60, 8))
    >>> image = meaning + 0.5 * rng.normal(size=(60, 8)) + 2
    >>> text = meaning + 0.5 * rng.normal(size=(60, 8))
    >>> result = suture.evaluate(image, text, resamples=100)
    >>> result
    <embeddings: 60 studies. Centroid gap image · text 0.877 (0.783 to 0.948)>
    >>> gap = result["centroid_gap"]
    >>> print(f"{gap:.2f}, {gap.low:.2f} to {gap.high:.2f}")
    0.88, 0.78 to 0.95
    >>> round(result["recall_at_10", "image->text"], 2)
    0.57
    """
    _check_bootstrap(resamples, seed)
    options: dict[str, Any] = {"resamples": resamples, "seed": seed, "extended": full, "progress": progress}
    described = {
        "groups": groups, "ids": ids, "splits": splits, "labels": labels, "texts": texts,
        "duplicates": duplicates, "present": present,
    }  # fmt: skip
    if isinstance(image, str):
        extra = [k for k, v in {"text": text, **described}.items() if v is not None]
        if extra:
            raise Refused(
                "arguments_of_arrays",
                f"A set of the workspace brings its own {', '.join(extra)}: leave that out.",
            )
        return evaluate_set(Workspace(home), image, split=split, **options)
    vectors = _modalities(image, text, names)
    if texts is not None and not isinstance(texts, Mapping):
        if isinstance(image, Mapping):
            raise Refused("texts_of_which", "Say which modality the texts are of: texts={'report': texts}.")
        described["texts"] = {names[1]: texts}
    made = inputs.embedding_set(vectors, name=name, **described)
    made.require_split(split)
    part = made.split(split)
    return EvaluationResult(measure(made, split=split, **options), part, None, full)


def evaluate_set(workspace: Workspace, name: str, *, split: str = "all", **options: Any) -> EvaluationResult:
    """The same for a set of a workspace; what was measured is kept there."""
    _check_bootstrap(options.get("resamples", 1000), options.get("seed", 0))
    found = evaluation(workspace, name, split=split, **options)
    part = embedding_sets.load(workspace, name).split(split)
    return EvaluationResult(found, part, workspace, bool(options.get("extended")))


def _modalities(image: Any, text: Any, names: tuple[str, str]) -> Mapping[str, Any]:
    if isinstance(image, Mapping):
        if text is not None:
            raise Refused("arguments_of_arrays", "Give one mapping of modalities, or two arrays, not both.")
        return image
    if text is None:
        raise Refused(
            "too_few_modalities",
            "Two arrays are needed, or a mapping of modalities, or the name of a set: evaluate(image, text), "
            'evaluate({"image": x, "report": y}), evaluate("mine @ clip").',
        )
    if len(names) != 2 or names[0] == names[1]:
        raise Refused("pair_invalid", f"names must be two different words, got {names!r}.")
    return dict(zip(names, (image, text), strict=True))


def _check_bootstrap(resamples: object, seed: object) -> None:
    for what, value, least in (("resamples", resamples, 20), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise Refused(
                "resamples_invalid", f"{what} must be a whole number, {least} or more; got {value!r}."
            )


def _of(metric: Metric) -> str:
    return metric.direction or " · ".join(metric.modalities)


def _value(metric: Metric) -> str:
    return with_interval(metric.name, metric.value, metric.low, metric.high)


def _cells(metric: Metric) -> dict[str, object]:
    info = CATALOGUE.get(metric.name)
    return {
        "metric": metric_title(metric.name)
        + (f" ({protocol_label(metric.protocol)})" if metric.protocol else ""),
        "of": _of(metric).replace("->", " → ") + (f" by {metric.label}" if metric.label else ""),
        "value (95 % interval)": _value(metric),
        "n": metric.measured_on,
        "reading": info.reading if info else f"{metric.better} is better",
    }
