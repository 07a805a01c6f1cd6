"""Trainable networks: whole towers, only their projections, or heads on vectors. All share one interface.

forward(inputs, present) -> (z, scale, bias): z (M, B, D) float32 unit rows, zeros where a study lacks the
modality; scale = the learnable 1/T; bias = SigLIP's, else None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from suture.data.collection import Kind
from suture.data.errors import Refused
from suture.models.training.config import TrainingConfig

NetworkOutput = tuple[Tensor, Tensor, Tensor | None]
MAX_SCALE = math.log(100)  # as CLIP: no temperature below 0.01
PROJECTIONS = {
    "image": ("visual.proj", "visual.head", "visual.attnpool.c_proj"),
    "text": ("text.text_projection", "text.proj", "text_projection"),
}


class Network(nn.Module):
    """Base class: temperature, bias, and scattering rows of present studies into the batch."""

    def __init__(self, modalities: Sequence[str], config: TrainingConfig, scale: nn.Parameter | None) -> None:
        super().__init__()
        self.modalities = tuple(modalities)
        siglip = config.objective.contrastive == "siglip"
        start = -math.log(config.start_temperature or config.objective.temperature_start)
        self.logit_scale = scale if scale is not None else nn.Parameter(torch.tensor(start))
        self.logit_bias = nn.Parameter(torch.tensor(-10.0)) if siglip else None
        if config.start_temperature or config.init == "random":
            self.logit_scale.data.fill_(start)
        self.logit_scale.requires_grad_(config.objective.temperature == "learnable" and uses_scale(config))

    def encode(self, modality: str, values: Tensor) -> Tensor:
        """(n, ...) -> (n, D), not normalised."""
        raise NotImplementedError

    def forward(self, inputs: Mapping[str, Tensor], present: Tensor) -> NetworkOutput:
        """See the module."""
        rows = []
        for number, name in enumerate(self.modalities):
            features = nn.functional.normalize(self.encode(name, inputs[name]).float(), dim=-1)
            placed = features.new_zeros(present.shape[1], features.shape[1])
            if present[number].any():
                placed = placed.index_put((present[number].nonzero()[:, 0],), features)
            else:  # keeps every weight in the graph, as DDP requires
                placed = placed + 0 * features.sum()
            rows.append(placed)
        return torch.stack(rows), self.logit_scale.exp().reshape(()), self.logit_bias

    def weights(self) -> dict[str, Tensor]:
        """The trained weights, under the names of the open_clip model."""
        raise NotImplementedError

    def clamp(self) -> None:
        """Clamp the temperature to CLIP's range, after each step."""
        with torch.no_grad():
            self.logit_scale.clamp_(0, MAX_SCALE)


def uses_scale(config: TrainingConfig) -> bool:
    """Whether any term of the objective uses the learnable temperature."""
    return config.objective.contrastive != "none" or config.objective.intra_modality > 0


class Towers(Network):
    """Both towers of an open_clip model, and a tabular network if there is one."""

    def __init__(
        self,
        model: Any,
        kinds: Mapping[str, Kind],
        config: TrainingConfig,
        tabular: nn.Module | None = None,
    ) -> None:
        super().__init__([*kinds], config, model.logit_scale)
        self.kinds = dict(kinds)
        self.model, self.tabular = model, tabular
        if getattr(model, "logit_bias", None) is not None and self.logit_bias is not None:
            self.logit_bias = model.logit_bias
        elif getattr(model, "logit_bias", None) is not None:
            model.logit_bias.requires_grad_(False)
        used = set(kinds.values())  # an unused tower has no gradients to synchronise
        if config.lock_image or "image" not in used:
            lock(model, "image", config.unlocked_image if "image" in used else 0)
        if config.lock_text or "text" not in used:
            lock(model, "text", config.unlocked_text if "text" in used else 0)

    def encode(self, modality: str, values: Tensor) -> Tensor:
        """Encode with the tower of the modality's kind."""
        kind = self.kinds[modality]
        if kind == "tabular":
            assert self.tabular is not None
            return self.tabular(values)
        return self.model.encode_image(values) if kind == "image" else self.model.encode_text(values)

    def weights(self) -> dict[str, Tensor]:
        """All weights of the model."""
        return self.model.state_dict()

    def train(self, mode: bool = True) -> Towers:
        """Batch norm uses its stored statistics: those of a chunk would depend on the chunk size."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self


def lock(model: Any, kind: str, unlocked: int) -> None:
    """Freeze a tower except its last `unlocked` groups or layers, as open_clip does.

    `Refused` if single layers of the tower cannot be unlocked.
    """
    layers = getattr(getattr(getattr(model, "text", None), "transformer", None), "encoder", None)
    if (
        kind == "text" and layers is not None and hasattr(layers, "layer")
    ):  # open_clip 3.3 does not know BERT's layers by name
        model.lock_text_tower()
        for layer in list(layers.layer)[max(0, len(layers.layer) - unlocked) :]:
            layer.requires_grad_(True)
        return
    try:
        if kind == "image":
            model.lock_image_tower(unlocked_groups=unlocked)
        else:
            model.lock_text_tower(unlocked_layers=unlocked)
    except (KeyError, AttributeError, RuntimeError, NotImplementedError, AssertionError) as error:
        raise Refused(
            "unlock_unsupported",
            f"Single layers of this {kind} tower cannot be unlocked. Lock it whole (unlocked_{kind} = 0) or "
            f"not at all.",
        ) from error


class Projections(Network):
    """The last projection of each tower, on cached features of the frozen towers."""

    def __init__(self, model: Any, kinds: Mapping[str, Kind], config: TrainingConfig) -> None:
        super().__init__([*kinds], config, model.logit_scale)
        self.kinds = dict(kinds)
        self.names = {kind: projection_name(model, kind) for kind in sorted(set(kinds.values()))}
        self.heads = nn.ModuleDict()
        for kind, name in self.names.items():
            part = _at(model, name)
            self.heads[kind] = part if isinstance(part, nn.Module) else _Matrix(part)
        for kind, locked in (("image", config.lock_image), ("text", config.lock_text)):
            if kind in self.heads:
                self.heads[kind].requires_grad_(not locked)

    def encode(self, modality: str, values: Tensor) -> Tensor:
        """Apply the projection of the modality's kind."""
        return self.heads[self.kinds[modality]](values)

    def weights(self) -> dict[str, Tensor]:
        """The projections, and the temperature."""
        tensors = {"logit_scale": self.logit_scale.detach()}
        for kind, name in self.names.items():
            part = self.heads[kind]
            if isinstance(part, _Matrix):
                tensors[name] = part.weight.detach()
            else:
                tensors |= {f"{name}.{k}": v for k, v in part.state_dict().items()}
        return tensors


class _Matrix(nn.Module):
    """A projection that open_clip stores as a bare matrix."""

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, features: Tensor) -> Tensor:
        return features @ self.weight


class HeadNetwork(Network):
    """One head per modality (linear, or one hidden layer), from its own width to the shared one."""

    def __init__(
        self, widths: Mapping[str, int], config: TrainingConfig, *, dim: int, hidden: int, dropout: float
    ) -> None:
        super().__init__([*widths], config, None)
        self.heads = nn.ModuleList([head(width, dim, hidden, dropout) for width in widths.values()])

    def encode(self, modality: str, values: Tensor) -> Tensor:
        """Apply the modality's own head."""
        return self.heads[self.modalities.index(modality)](values)


def head(width: int, dim: int, hidden: int, dropout: float) -> nn.Module:
    """Linear, or linear-GELU-dropout-linear where hidden > 0."""
    if not hidden:
        return nn.Linear(width, dim)
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, dim))


def projection_name(model: Any, kind: str) -> str:
    """Attribute path of a tower's last projection in an open_clip model. `Refused` if it has none."""
    for name in PROJECTIONS.get(kind, ()):
        projection = _at(model, name)
        if isinstance(projection, nn.Parameter) or (
            isinstance(projection, nn.Module) and any(True for _ in projection.parameters())
        ):
            return name
    raise Refused(
        "no_projection",
        f"This checkpoint's {kind} tower ends without a projection of its own, so there is no head to train "
        f"on frozen features. Train the towers instead (--train all; --lock-{kind} keeps most of one).",
    )


def without_projection(model: Any, kind: str) -> str:
    """Remove a tower's projection, so that it outputs the features before it; returns the name."""
    name = projection_name(model, kind)
    owner, _, attribute = name.rpartition(".")
    holder = _at(model, owner) if owner else model
    is_matrix = isinstance(getattr(holder, attribute), nn.Parameter)
    setattr(holder, attribute, None if is_matrix else nn.Identity())
    return name


def _at(model: Any, path: str) -> Any:
    for part in path.split("."):
        model = getattr(model, part, None)
    return model
