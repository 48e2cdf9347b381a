"""A module with its input as what is timed: forward, forward and backward, or a training step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Shape
from complexity_theory.measurement.jobs import Settings
from complexity_theory.measurement.timing import Phases
from complexity_theory.measurement.trace.capture import tensors_of

_DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def element_type(dtype: str) -> torch.dtype:
    """The torch type of the elements of products in a job of ``dtype``.

    >>> element_type("bf16")
    torch.bfloat16
    """
    return _DTYPES[dtype]


def configure(settings: Settings, threads: int, algorithms: int = 10) -> None:
    """Sets what torch holds per process: threads, TF32, how many algorithms are tried for a convolution."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = algorithms > 1
    if torch.backends.cudnn.is_available():  # type: ignore[no-untyped-call]
        torch.backends.cudnn.benchmark_limit = algorithms
    torch.backends.cudnn.allow_tf32 = settings.dtype == "tf32"
    torch.set_float32_matmul_precision("high" if settings.dtype == "tf32" else "highest")


def batch_of(shape: Shape, settings: Settings, device: torch.device, *, requires_grad: bool = False) -> Tensor:
    """A random batch (batch, channels, height, width) on the device, in the layout of the settings."""
    x = torch.randn(settings.batch, shape.channels, shape.height, shape.width, device=device)
    return x.to(memory_format=memory_format(settings)).requires_grad_(requires_grad)


def memory_format(settings: Settings) -> torch.memory_format:
    """Torch's name of the layout of the settings."""
    return torch.channels_last if settings.layout == "channels_last" else torch.contiguous_format


def phases(module: nn.Module, x: Tensor, settings: Settings) -> Phases:
    """What one step does with ``module``, which is moved to the device of ``x``, as functions to be called in order.

    ``forward``: inference (eval mode, no gradients). ``backward``: forward and backward in training mode, from an
    output gradient of ones. ``train``: the same and a step of SGD with momentum, of size zero, so that the weights stay
    finite. fp16 and bf16 run under autocast. A module may return any nest of tensors; those that depend on what is
    trained are sent back. Raises InvalidInput for TF32 on a CPU, and where nothing is trained.
    """
    if settings.dtype == "tf32" and x.device.type != "cuda":
        raise InvalidInput(f"tf32 is a mode of CUDA devices, not of {x.device.type}")
    module = module.to(x.device).train(settings.mode != "forward")
    module.to(memory_format=memory_format(settings))  # type: ignore[call-overload]  # torch forgot it in its types
    called = torch.compile(module) if settings.execution == "compiled" else module
    low = settings.dtype in ("fp16", "bf16")
    autocast = torch.autocast(x.device.type, dtype=element_type(settings.dtype)) if low else nullcontext()

    if settings.mode == "forward":

        def infer() -> None:
            with torch.inference_mode(), autocast:
                called(x)

        return {"forward": infer}

    optimizer = torch.optim.SGD([*module.parameters(), *([x] if x.requires_grad else [])], lr=0.0, momentum=0.9)
    outputs: list[list[Tensor]] = []

    def forward() -> None:
        with autocast:
            outputs.append([out for out in tensors_of(called(x)) if out.requires_grad])

    with autocast:
        gradients = [torch.ones_like(out) for out in tensors_of(module(x)) if out.requires_grad]
    if not gradients:
        raise InvalidInput(
            f"nothing of the module is trained (all is frozen): time it in mode forward, not {settings.mode}"
        )

    def clear() -> None:
        # None, not zero: a gradient that stands would be added to, which is no part of a backward pass.
        optimizer.zero_grad(set_to_none=True)

    def backward() -> None:
        torch.autograd.backward(outputs.pop(), gradients)
        if settings.mode == "backward":
            clear()

    def update() -> None:
        optimizer.step()
        clear()

    steps = {"forward": forward, "backward": backward, "optimizer": update}
    return steps if settings.mode == "train" else {name: steps[name] for name in ("forward", "backward")}


def in_order(phases: Phases) -> Callable[[], None]:
    """One step: the phases, one after the other."""
    steps = tuple(phases.values())

    def run() -> None:
        for step in steps:
            step()

    return run
