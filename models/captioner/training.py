"""Train a captioner: resumable, with the same history and saved state as `suture.models.training`."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor, nn

from suture.data.errors import Refused
from suture.data.metadata import CaptionerMetadata
from suture.data.workspace import CAPTIONER, Record, Workspace
from suture.data.workspace.record import name_taken
from suture.models.captioner import storage
from suture.models.captioner import tokens as words
from suture.models.captioner.config import CaptionerConfig
from suture.models.captioner.network import Captioner, from_scratch
from suture.models.captioner.plan import CaptionerPlan, plan_captioner
from suture.models.checkpoints.device import pick_device
from suture.models.training import record, state
from suture.models.training.batches import epoch_order
from suture.models.training.loop import BETAS, EPSILON, learning_rate, parameter_groups
from suture.models.training.record import History

Report = Callable[[float, str], None]
OVERFIT = 1.1  # times the lowest validation loss: above it the decoder is memorising its training texts


@dataclass(frozen=True)
class TrainedCaptioner:
    """Result of a training. reused: the same captioner had already been trained."""

    name: str
    reused: bool
    history: History


@dataclass(frozen=True)
class Examples:
    """vectors: (m, dim) embeddings, tokens: the tokenised text of each."""

    vectors: Tensor
    tokens: list[Tensor]
    pad: int

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors, padded tokens, and a mask of those that are not padding."""
        return self.vectors[rows], *words.padded([self.tokens[r] for r in rows], self.pad)


def train(
    workspace: Workspace, config: CaptionerConfig, *, device: str = "auto", report: Report | None = None
) -> TrainedCaptioner:
    """Train to the end and publish; a stopped training resumes from its saved state."""
    plan = plan_captioner(workspace, config)
    done = _done(workspace, plan)
    if done is not None:
        return done
    place = workspace.home / "parts" / f"caption-{plan.key}"
    with FileLock(place.with_suffix(".lock")):
        done = _done(workspace, plan)
        if done is not None:
            return done
        workspace.parts(place, plan.texts.record, plan.texts.collection)
        fit = CaptionerTraining(plan, place, pick_device(device), report or (lambda share, message: None))
        history = fit.run()
        _publish(workspace, fit, history)
        shutil.rmtree(place, ignore_errors=True)
    return TrainedCaptioner(config.label, False, history)


def _done(workspace: Workspace, plan: CaptionerPlan) -> TrainedCaptioner | None:
    name = plan.config.label
    if not workspace.has(CAPTIONER, name):
        return None
    made = workspace.record(CAPTIONER, name)
    if made.meta.run_key != plan.key:
        raise name_taken(CAPTIONER, name)
    return TrainedCaptioner(name, True, history_of(made))


def history_of(made: Record) -> History:
    """The training history of a captioner."""
    return History(**json.loads(made.path(record.HISTORY).read_text())["history"])


class CaptionerTraining:
    """One training run of a captioner."""

    def __init__(self, plan: CaptionerPlan, place: Path, device: torch.device, report: Report) -> None:
        self.plan, self.config, self.place, self.device, self.report = (
            plan,
            plan.config,
            place,
            device,
            report,
        )
        texts = plan.texts
        dim = texts.set.vectors[plan.read[0]].shape[1]
        torch.manual_seed(self.config.seed)
        self.network, self.tokenizer = _start(self.config, list(texts.texts[plan.fit]), dim)
        self.centres = {
            m: np.asarray(texts.set.vectors[m][plan.fit], np.float32).mean(axis=0)
            for m in ((texts.text, texts.image) if self.config.centre else ())
        }
        self.fit, self.cut = self._examples(plan.fit)
        self.validation, _ = self._examples(plan.validation)
        self.network.to(device)

    def _examples(self, rows: np.ndarray) -> tuple[Examples, int]:
        """Each study once for every modality that the decoder is trained on."""
        tokens, cut = words.encode(
            self.tokenizer, list(self.plan.texts.texts[rows]), longest=self.config.tokens
        )
        parts = [
            np.asarray(self.plan.texts.set.vectors[m][rows], np.float32) - self.centres.get(m, 0.0)
            for m in self.plan.read
        ]
        vectors = torch.from_numpy(np.concatenate(parts))
        return Examples(vectors, tokens * len(parts), self.tokenizer.pad_token_id), cut

    def run(self) -> History:
        """Train to the end, resuming from a saved state; leaves the best weights in the network."""
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.network, self.config.weight_decay), betas=BETAS, eps=EPSILON
        )
        rows = np.arange(len(self.fit.vectors))
        per_epoch = len(rows) // self.config.batch
        restored = state.load(self.place / state.STATE, self.network, self.optimizer)
        self.history = restored or History(total=per_epoch * self.config.epochs)
        self.started = time.monotonic() - self.history.seconds
        self.saved = time.monotonic()
        while (epoch := len(self.history.epochs)) < self.config.epochs:
            order = epoch_order(rows, seed=self.config.seed, epoch=epoch, batch=self.config.batch)
            self.network.train()
            for batch in order[self.history.step - epoch * per_epoch :]:
                self._step(batch, epoch + 1)
            self._end_epoch(epoch + 1)
        state.load_weights(self.place / state.BEST, self.network)
        return self.history

    def _step(self, rows: np.ndarray, epoch: int) -> None:
        step, config = self.history.step, self.config
        torch.manual_seed(int(np.random.default_rng([config.seed, step, 5]).integers(2**31)))
        rate = learning_rate(step, self.history.total, config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        vectors, tokens, counts = self.fit.batch(rows)
        loss = self._loss(add_noise(vectors, config.noise), tokens, counts)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self._log(float(loss.detach()), epoch, rate)

    def _loss(self, *batch: Tensor) -> Tensor:
        return self.network(*(part.to(self.device) for part in batch))

    def _log(self, loss: float, epoch: int, rate: float) -> None:
        history = self.history
        if not math.isfinite(loss):
            raise Refused(
                "loss_not_finite",
                f"The loss is not a finite number at step {history.step:,}. Use a smaller learning rate "
                f"(now {self.config.learning_rate:g}).",
            )
        if history.step % max(1, -(-history.total // record.MOST_STEPS)) == 0:
            row = {"step": history.step, "epoch": epoch, "loss": loss, "learning_rate": rate}
            history.steps.append(row)
        history.step += 1
        text = f"Epoch {epoch} of {self.config.epochs}, step {history.step:,}: loss {loss:.3f}"
        self.report(history.step / history.total, text)
        if time.monotonic() - self.saved > self.config.save_seconds:
            self._save()

    def _end_epoch(self, epoch: int) -> None:
        """Measure the validation loss; keep the weights of the lowest."""
        loss, history = self._validate(), self.history
        lowest = min([row["val_loss"] for row in history.epochs], default=math.inf)
        warning = (
            f"The loss on the validation studies is {loss:.3f}, {loss / lowest - 1:.0%} above its lowest: "
            f"the decoder learns its texts by heart. The weights of epoch {history.best} are kept."
        )
        warned = [warning] if loss > OVERFIT * lowest else []
        history.epochs.append({"epoch": epoch, "step": history.step, "val_loss": loss, "guards": warned})
        if loss <= lowest:
            history.best = epoch
            state.save_weights(self.place / state.BEST, self.network)
        self._save()

    @torch.inference_mode()
    def _validate(self) -> float:
        """Mean loss per token."""
        self.network.eval()
        rows, total, count = np.arange(len(self.validation.vectors)), 0.0, 0
        for start in range(0, len(rows), self.config.batch):
            vectors, tokens, counts = self.validation.batch(rows[start : start + self.config.batch])
            words_here = int(counts.sum()) - len(counts)  # the begin token is given
            total += float(self._loss(vectors, tokens, counts)) * words_here
            count += words_here
        return total / max(1, count)

    def _save(self) -> None:
        self.history.seconds = time.monotonic() - self.started
        state.save(self.place / state.STATE, self.network, self.optimizer, self.history)
        self.saved = time.monotonic()


def _start(config: CaptionerConfig, texts: list[str], dim: int) -> tuple[Captioner, Any]:
    if not config.start:
        tokenizer = words.train_tokenizer(texts, vocabulary=config.vocabulary)
        return from_scratch(config, dim, tokenizer), tokenizer
    decoder, tokenizer = storage.pretrained(config.start, download=config.download)
    room = getattr(decoder.config, "max_position_embeddings", config.prefix + config.tokens)
    if config.prefix + config.tokens > room:
        raise Refused(
            "texts_too_long",
            f"{config.start!r} has room for {room:,} tokens; a prefix of {config.prefix} and texts of "
            f"{config.tokens} need {config.prefix + config.tokens:,}. Lower --tokens.",
        )
    return Captioner(decoder, dim, config.prefix), tokenizer


def add_noise(vectors: Tensor, deviation: float) -> Tensor:
    """Add normal noise in every dimension, then rescale rows to their former length."""
    if not deviation:
        return vectors
    moved = vectors + deviation * torch.randn_like(vectors)
    return moved * (vectors.norm(dim=-1, keepdim=True) / moved.norm(dim=-1, keepdim=True))


def _publish(workspace: Workspace, fit: CaptionerTraining, history: History) -> None:
    plan, texts = fit.plan, fit.plan.texts
    manifest = {
        "config": plan.config.to_json(),
        "set_hash": texts.record.fingerprint,
        "collection_hash": texts.collection.fingerprint,
        "n_fit": len(plan.fit),
        "n_validation": len(plan.validation),
        "texts_cut": fit.cut,
        "best_epoch": history.best,
        "wall_seconds": round(history.seconds, 1),
        "versions": {p: version(p) for p in ("torch", "transformers", "tokenizers")},
    }
    about = {"config": plan.config.to_json(), "dim": fit.network.dim, "key": plan.key}
    with workspace.staging() as folder:
        storage.save(folder, fit.network, fit.tokenizer, fit.centres)
        (folder / storage.ABOUT).write_text(json.dumps(about))
        record.write_files(folder, {**about, "manifest": manifest, "history": history.to_json()})
        workspace.publish(CAPTIONER, plan.config.label, folder, captioner_meta(plan))


def captioner_meta(plan: CaptionerPlan) -> CaptionerMetadata:
    """Metadata of the captioner that a plan produces."""
    return CaptionerMetadata(
        set=plan.texts.record.name,
        set_fingerprint=plan.texts.record.fingerprint,
        collection_id=plan.texts.collection.id,
        source=plan.config.source,
        seed=plan.config.seed,
        run_key=plan.key,
        config=plan.config.to_json(),
        synthetic=bool(plan.texts.set.provenance.synthetic),
        notes=["Research only: what it writes is not a report."],
    )
