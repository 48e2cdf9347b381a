"""One training run in a worker: epochs from the last checkpoint on, each ended by a test and a checkpoint."""

from __future__ import annotations

import hashlib
import math
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import environment
from complexity_theory.measurement.build import build
from complexity_theory.measurement.hardware import Device, device
from complexity_theory.measurement.jobs import Settings, Task
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.training import checkpoint
from complexity_theory.measurement.training.batches import Batches
from complexity_theory.measurement.training.image_files import FileBatches
from complexity_theory.measurement.training.images import TRAIN, load_images, tree
from complexity_theory.measurement.training.recipe import Recipe
from complexity_theory.measurement.training.subject import TrainingSubject, checkpoint_of
from complexity_theory.measurement.worker import check_place, checked_counts
from complexity_theory.measurement.workload import configure, element_type, memory_format

TESTED = 1000  # images of a batch in a test
Z = 1.959963984540054  # of a 95% interval


class DivergedError(RuntimeError):
    """A loss that is no number: the run ends, and its row says so."""


class TrainingRun:
    """A network in training: model, optimizer, moving average, and the epochs behind it."""

    def __init__(
        self, subject: TrainingSubject, settings: Settings, target: Device, batches: Batches | FileBatches
    ) -> None:
        self.subject, self.recipe, self.target, self.batches = subject, subject.recipe, target, batches
        self.format = memory_format(settings)
        torch.manual_seed(subject.seed)
        self.model = build(subject.network().tree).to(target.torch_device)
        self.model.to(memory_format=self.format)  # type: ignore[call-overload]  # torch forgot it in its types
        self.optimizer = _optimizer(self.model, self.recipe, subject.network().family)
        self.average = _average(self.model, self.recipe, batches.steps)
        low = settings.dtype == "bf16"
        kind = target.torch_device.type
        self.autocast = torch.autocast(kind, dtype=element_type(settings.dtype)) if low else nullcontext()
        self.epochs: list[dict[str, float]] = []

    def state(self) -> dict[str, Any]:
        """All that the rest of the run depends on. Order, augmentation and dropout follow from seed and epoch."""
        average = None if self.average is None else self.average.state_dict()
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": average,
            "epochs": self.epochs,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up a state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.epochs = state["epochs"]

    def epoch(self) -> None:
        """Trains for an epoch and tests. Raises DivergedError where the loss is no number."""
        number, steps = len(self.epochs), self.batches.steps
        torch.manual_seed(self.subject.seed * 100_003 + number)  # of dropout
        self.model.train()
        total = torch.zeros((), device=self.target.torch_device)
        self.target.synchronize()
        begin = self.target.now()
        for step, (x, y) in enumerate(self.batches.epoch(self.subject.seed, number)):
            rate = self.recipe.rate(number + step / steps)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            total += self.step(x, y)
        self.target.synchronize()
        seconds = self.target.now() - begin
        loss = total.item() / steps
        if not math.isfinite(loss):
            raise DivergedError(f"the loss is {loss} in epoch {number + 1} of {self.recipe.epochs}")
        images = steps * self.recipe.batch
        about = {"epoch": number + 1, "loss": loss, "seconds": seconds, "images_per_second": images / seconds}
        self.epochs.append({**about, **self.test()})

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        """One step of the optimizer; returns the loss, which nothing has waited for."""
        with self.autocast:
            out = self.model(x.contiguous(memory_format=self.format))
            loss = cross_entropy(out.float(), y, label_smoothing=self.recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return loss.detach()

    def test(self) -> dict[str, float]:
        """Shares of the test images that are classed wrong, top-1 and top-5, with 95% intervals (Wilson)."""
        model = self.model if self.average is None else self.average
        model.eval()
        wrong = torch.zeros(2, dtype=torch.int64, device=self.target.torch_device)
        with torch.inference_mode(), self.autocast:
            for x, y in self.batches.tests(TESTED):
                ranked = model(x.contiguous(memory_format=self.format)).float().topk(min(5, self.classes)).indices
                hit = ranked == y[:, None]
                wrong += torch.stack([(~hit[:, 0]).sum(), (~hit.any(1)).sum()])
        n, found = self.batches.tested, dict[str, float]()
        for name, count in zip(("error", "error_top5"), wrong.tolist(), strict=True):
            low, high = wilson(count, n)
            found |= {name: count / n, f"{name}_low": low, f"{name}_high": high}
        return found

    @property
    def classes(self) -> int:
        """Of the data."""
        return self.subject.source.classes

    def digest(self) -> str:
        """A hash of the weights and of all else that the model holds."""
        found = hashlib.sha256()
        model = self.model if self.average is None else self.average
        for name, tensor in model.state_dict().items():
            found.update(name.encode())
            found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()[:16]


def batches_of(subject: TrainingSubject, place: torch.device) -> Batches | FileBatches:
    """The batches of a run: of images in memory, or of files."""
    side = subject.shape.width
    if subject.source.folder and (Path(subject.source.folder) / TRAIN).is_dir():
        return FileBatches(tree(subject.source.folder), side, subject.recipe, place)
    return Batches(load_images(subject.source), side, subject.recipe, place)


def wilson(count: int, n: int) -> tuple[float, float]:
    """The 95% interval of a share, ``count`` of ``n`` (Wilson 1927).

    >>> [round(share, 4) for share in wilson(80, 1000)]
    [0.0647, 0.0985]
    """
    share, z2 = count / n, Z**2 / n
    middle, half = share + z2 / 2, Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n))
    return max(0.0, (middle - half) / (1 + z2)), min(1.0, (middle + half) / (1 + z2))


def _optimizer(model: nn.Module, recipe: Recipe, family: str) -> torch.optim.Optimizer:
    """SGD; norms and biases, whose weights have one dimension, do not decay."""
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": weights, "weight_decay": recipe.decay(family)}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=0.0, momentum=recipe.momentum, nesterov=recipe.nesterov)


def _average(model: nn.Module, recipe: Recipe, steps: int) -> AveragedModel | None:
    """A moving average of weights and statistics, with a horizon of ``ema_epochs``."""
    if not recipe.ema_epochs:
        return None
    decay = 1 - 1 / max(1.0, recipe.ema_epochs * steps)
    averaging = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=averaging, use_buffers=True)


def train(task: Task, rules: Protocol, place: dict[str, Any]) -> dict[str, Any]:
    """One training run, from its checkpoint where there is one: what the store keeps of it.

    ``epochs``: of each, loss, error (top-1) and error_top5 with 95% intervals, seconds, images_per_second; ``error``
    and its interval are those of the last. ``weights``: a hash.
    Raises DivergedError, and InvalidInput where the counts are not the analytic ones, or the place is another one.
    """
    begin = time.perf_counter()
    subject = task.job.subject
    assert isinstance(subject, TrainingSubject)
    target = device(task.device)
    settings = replace(task.job.settings, batch=task.batch)
    configure(settings, task.threads)
    check_place(environment.describe(target, task.threads), place)
    conditions = environment.conditions(target)
    target.reset_peak()
    batches = batches_of(subject, target.torch_device)
    if not batches.steps:
        raise InvalidInput(f"a batch of {subject.recipe.batch} is more than the {batches.trained} images to train on")
    run = TrainingRun(subject, settings, target, batches)
    counts = checked_counts(run.model, task.job)
    path = checkpoint_of(task.job.key, place, subject.checkpoints) if subject.checkpoints else None
    state = checkpoint.load_checkpoint(path, target.torch_device) if path else None
    if state is not None:
        run.restore(state)
    while len(run.epochs) < subject.recipe.epochs:
        run.epoch()
        if path:
            checkpoint.save(path, run.state())
    last = {name: value for name, value in run.epochs[-1].items() if name.startswith("error")}
    return {
        **{"counts": counts, "epochs": run.epochs, **last, "weights": run.digest(), "peak_memory": target.peak()},
        **{"conditions": conditions, "seconds": time.perf_counter() - begin},
    }
