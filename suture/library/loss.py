"""`suture.GapLoss`: the objectives of `suture train`, called as open_clip's ClipLoss is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from suture.data.errors import Refused
from suture.models.losses.config import ObjectiveConfig, check, preset
from suture.models.losses.schedules import weights
from suture.models.losses.total import objective

Features = Mapping[str, Tensor]


class GapLoss(nn.Module):
    """A loss that closes the gap, in the place of open_clip's `ClipLoss`.

    preset       the name of an objective: clip, gap-closing, alignclip, siglip, ...; `GapLoss.presets()`
    rank, world_size  of a training over several processes, as of ClipLoss; features are gathered with
                 their gradients
    overrides    fields of `suture.models.losses.config.ObjectiveConfig`, such as atp=0.5, temperature="fixed"

    Presets whose temperature is not "learnable" set it themselves: logit_scale then gets a gradient of zero.
    Schedules follow `progress`, the share of the training that is done, 0 to 1: set it, or call
    `step(done, total)`. Rows are scaled to unit length; rows of zeros are modalities that a study lacks.
    First derivatives only. `Refused` for an unknown preset or option, with the list.

    >>> import torch, suture
    >>> _ = torch.manual_seed(0)
    >>> image, text = torch.randn(2, 16, 8)
    >>> loss = suture.GapLoss("gap-closing")
    >>> total = loss(image.requires_grad_(), text, torch.tensor(14.3))
    >>> total.backward()
    >>> parts = loss(image, text, torch.tensor(14.3), output_dict=True)
    >>> sorted(parts)
    ['atp_loss', 'contrastive_loss', 'cu_loss']
    >>> bool(sum(parts.values()).isclose(total))
    True
    """

    def __init__(
        self, preset: str = "gap-closing", *, rank: int = 0, world_size: int = 1, **overrides: Any
    ) -> None:
        super().__init__()
        self.preset = preset
        self.config = _config(preset, overrides)
        if not 0 <= rank < world_size:
            raise Refused(
                "rank_invalid", f"rank must be 0 to world_size - 1, got rank {rank!r} of {world_size!r}."
            )
        self.rank, self.world_size = rank, world_size
        self._progress = 0.0

    @staticmethod
    def presets() -> dict[str, str]:
        """The names of the objectives, each with a sentence."""
        from suture.models.losses.config import DESCRIPTIONS

        return dict(DESCRIPTIONS)

    @property
    def progress(self) -> float:
        """Share of the training that is done, 0 to 1; the weights and the temperature of schedules follow."""
        return self._progress

    @progress.setter
    def progress(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise Refused("progress_invalid", f"progress is the share that is done, 0 to 1; got {share!r}.")
        self._progress = float(share)

    def step(self, done: int, total: int) -> None:
        """Set `progress` to done / total steps; steps beyond the total leave it at 1."""
        if total < 1 or done < 0:
            raise Refused(
                "progress_invalid",
                f"step(done, total) needs total of 1 or more, done of 0 or more; got {done!r} of {total!r}.",
            )
        self.progress = min(done / total, 1.0)

    def forward(
        self,
        image_features: Tensor | Features,
        text_features: Tensor | None = None,
        logit_scale: Tensor | float | None = None,
        logit_bias: Tensor | float | None = None,
        output_dict: bool = False,
        *,
        duplicates: Sequence[Any] | Tensor | None = None,
    ) -> Tensor | dict[str, Tensor]:
        """The loss, a scalar with gradients.

        image_features, text_features  (batch, dim) each, row i of both is study i; or one mapping modality ->
                     (batch, dim) instead
        logit_scale  1 / T, as the model gives it (exp taken); needed where the temperature is learnable
        logit_bias   of SigLIP
        output_dict  give {"contrastive_loss": ..., "atp_loss": ...} instead, weighted: their sum is the loss
        duplicates   (batch,) equal values = studies that do not push each other away, such as equal texts

        `Refused` for shapes that do not fit, or a batch without two studies.
        """
        names, z = _stacked(image_features, text_features)
        check(self.config, names)
        keys = _keys(duplicates, z)
        if self.world_size > 1:
            z, keys = self._gathered(z, keys)
        present = (z != 0).any(dim=-1)
        learnable = self.config.temperature == "learnable"
        if learnable and logit_scale is None:
            raise Refused(
                "logit_scale_missing",
                f"The temperature of {self.preset!r} is learnable: give logit_scale, as the model "
                'returns it, or choose temperature="fixed".',
            )
        try:
            found = objective(
                z,
                present,
                keys,
                config=self.config,
                anchor=_anchor(self.config, names),
                scale=torch.as_tensor(1.0 if logit_scale is None else logit_scale),
                bias=None if logit_bias is None else torch.as_tensor(logit_bias),
                progress=self.progress,
            )
        except ValueError as error:
            empty = [name for name, some in zip(names, present.any(dim=-1).tolist(), strict=True) if not some]
            todo = f"All {empty[0]} features are zeros" if empty else "Use a larger batch"
            raise Refused("batch_without_pairs", f"{error}. {todo}.") from error
        unused = _unused(z, logit_scale, logit_bias)
        if not output_dict:
            return found.total + unused
        shares = weights(self.config, self.progress)
        parts = {f"{name}_loss": shares[name] * part for name, part in found.parts.items()}
        first = next(iter(parts))
        return {**parts, first: parts[first] + unused}

    def extra_repr(self) -> str:
        """The preset and what differs from CLIP's loss."""
        usual = ObjectiveConfig()
        changed = {f.name: getattr(self.config, f.name) for f in fields(usual)}
        told = [f"{k}={v!r}" for k, v in changed.items() if v != getattr(usual, k)]
        return ", ".join([repr(self.preset), *told])

    def _gathered(self, z: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Features of all processes with their gradients, and duplicates that hold over all of them."""
        from open_clip.loss import gather_features

        flat = z.transpose(0, 1).flatten(1).contiguous()
        options = {"gather_with_grad": True, "rank": self.rank, "world_size": self.world_size}
        whole, _ = gather_features(flat, flat[:, :1].contiguous(), **options)
        every = [torch.empty_like(keys) for _ in range(self.world_size)]
        torch.distributed.all_gather(every, keys.contiguous())
        return whole.unflatten(1, (z.shape[0], z.shape[2])).transpose(0, 1), torch.cat(every, dim=1)


def _config(name: str, overrides: Mapping[str, Any]) -> ObjectiveConfig:
    usual = preset(name)
    known = {f.name: getattr(ObjectiveConfig(), f.name) for f in fields(ObjectiveConfig)}
    for option, value in overrides.items():
        if option not in known:
            raise Refused(
                "objective_invalid", f"There is no option {option!r}. There are: {', '.join(known)}."
            )
        number = isinstance(known[option], float)
        wanted = "a number" if number else f"of type {type(known[option]).__name__}"
        if not isinstance(value, Real if number else type(known[option])):
            raise Refused("objective_invalid", f"{option} must be {wanted}, got {value!r}.")
    config = replace(usual, **overrides)
    check(config, [config.anchor or "image", "text"])  # of modalities the call will say
    return config


def _anchor(config: ObjectiveConfig, names: list[str]) -> int:
    """The modality of that name; else the first that is no image."""
    if config.anchor:
        return names.index(config.anchor)
    return next((i for i, name in enumerate(names) if "image" not in name.lower()), len(names) - 1)


def _stacked(image: Tensor | Features, text: Tensor | None) -> tuple[list[str], Tensor]:
    """Names of the modalities and (M, B, D) unit rows, in float32 at least."""
    if isinstance(image, Mapping):
        if text is not None:
            raise Refused("arguments_of_arrays", "Give one mapping of modalities, or two tensors, not both.")
        given = {str(name): x for name, x in image.items()}
    else:
        given = {"image": image, "text": text}  # type: ignore[dict-item]
    shapes = {}
    for name, x in given.items():
        if not isinstance(x, Tensor) or x.ndim != 2 or not x.is_floating_point():
            got = f"shape {tuple(x.shape)} of {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
            raise Refused(
                "embedding_shape", f"{name} features must be a (batch, dim) tensor of floats, got {got}."
            )
        shapes[name] = tuple(x.shape)
    if len(shapes) < 2:
        raise Refused(
            "too_few_modalities", f"Two modalities or more are needed, got {', '.join(shapes) or 0}."
        )
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise Refused("embedding_shape", f"All modalities must have one shape (batch, dim). Got {told}.")
    wide = [x if x.dtype == torch.float64 else x.float() for x in given.values()]
    return [*given], nn.functional.normalize(torch.stack(wide), dim=-1)


def _keys(duplicates: Sequence[Any] | Tensor | None, z: Tensor) -> Tensor:
    """(M, B) int64, the same for each modality; -1 = no duplicate of any."""
    if duplicates is None:
        return torch.full(z.shape[:2], -1, dtype=torch.int64, device=z.device)
    values = duplicates.tolist() if isinstance(duplicates, Tensor) else [*duplicates]
    if len(values) != z.shape[1]:
        raise Refused(
            "column_length",
            f"duplicates must have one value for each of the {z.shape[1]} studies, got {len(values)}.",
        )
    codes = [_code(value) for value in values]
    return torch.tensor(codes, dtype=torch.int64, device=z.device).expand(z.shape[0], -1)


def _code(value: Any) -> int:
    """The same number for the same value in every process."""
    import hashlib

    return int.from_bytes(hashlib.sha256(str(value).encode()).digest()[:8], "big") >> 1


def _unused(z: Tensor, *parameters: Tensor | float | None) -> Tensor:
    """Zero, with a gradient of zero for parameters that an objective does not use: DDP waits for each."""
    zero = z.new_zeros(())
    for parameter in parameters:
        if isinstance(parameter, Tensor) and parameter.requires_grad:
            zero = zero + 0.0 * parameter.to(zero).sum()
    return zero
