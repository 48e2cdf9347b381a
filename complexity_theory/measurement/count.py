"""What a real module costs, read from its weights and the tensors that go through it; our own trees are not asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import singledispatch
from typing import NamedTuple

import torch
from torch import Tensor, nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.measurement.modules import Function, Scale


class Row(NamedTuple):
    """A submodule with a cost rule: its name, kind, number of calls, output of the last call (without the batch)."""

    name: str
    kind: str
    calls: int
    output: tuple[int, ...] | None
    complexity: Complexity


def count(module: nn.Module, shape: Shape, *, meta: bool = True) -> Complexity:
    """The cost of one image of ``shape`` in pycls's convention: flops (multiply-adds), params and acts (elements).

    Runs the module once, in eval mode and without gradients, and leaves it as it was. By default it runs on the meta
    device, whatever device holds its weights: nothing is computed or copied; ``meta=False`` runs it where it lies.
    A submodule called twice counts its flops twice and its params once. Forward hooks see modules only: what a
    ``forward`` does by functions (additions, ``F.conv2d``) is not counted. Raises InvalidInput for a submodule without
    a cost rule, which would count as zero: one that has params of its own, or neither params nor children.

    >>> from complexity_theory.graph.operations import Conv2d
    >>> from complexity_theory.measurement.build import build
    >>> count(build(Conv2d(16, 32, 3)), Shape(16, 8, 8))
    Complexity(flops=294912, params=4608, acts=2048)
    """
    total = Complexity()
    for row in breakdown(module, shape, meta=meta):
        total = total + row.complexity
    return total


def breakdown(module: nn.Module, shape: Shape, *, meta: bool = True) -> list[Row]:
    """The rows that ``count`` adds up, in the order of ``module.named_modules()``; errors as there.

    >>> breakdown(nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU()), Shape(3, 4, 4))[0]
    Row(name='0', kind='Conv2d', calls=1, output=(8, 4, 4), complexity=Complexity(flops=512, params=32, acts=128))
    """
    parts = [(name, part) for name, part in module.named_modules() if _is_counted(name, part)]
    calls: dict[nn.Module, list[Tensor]] = {part: [] for _, part in parts}
    with ExitStack() as stack:
        for part in calls:
            stack.callback(part.register_forward_hook(_recorder(calls[part])).remove)
        _run(module, shape, meta)
    rows, owned = [], set[Tensor]()
    for name, part in parts:
        own = set(part.parameters(recurse=False)) - owned
        owned |= own
        complexity = Complexity(params=sum(p.numel() for p in own))
        for output in calls[part]:
            complexity = complexity + call_cost(part, output)
        last = tuple(calls[part][-1].shape[1:]) if calls[part] else None
        rows.append(Row(name, type(part).__name__, len(calls[part]), last, complexity))
    return rows


def _recorder(outputs: list[Tensor]) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    # The shape is all that is wanted: a meta tensor keeps it and lets the memory of the output go.
    return lambda module, inputs, output: outputs.append(output.to("meta"))


def _is_counted(name: str, module: nn.Module) -> bool:
    """Whether the module has a cost rule; containers have none, their children are counted."""
    if call_cost.dispatch(type(module)) is not call_cost.dispatch(object):
        return True
    has_params = any(True for _ in module.parameters(recurse=False))
    is_container = isinstance(module, nn.Sequential) or any(True for _ in module.children())
    if has_params or not is_container:
        what = f"a {type(module).__name__} at {name!r}" if name else f"a {type(module).__name__}"
        raise InvalidInput(f"no rule counts {what}, and an unknown module is no free one: add call_cost.register")
    return False


def _run(module: nn.Module, shape: Shape, meta: bool) -> None:
    like = next(module.parameters(), torch.empty(()))
    size = (1, shape.channels, shape.height, shape.width)
    with torch.no_grad(), _evaluating(module):
        if meta:
            tensors = dict([*module.named_parameters(), *module.named_buffers()])
            on_meta = {name: tensor.detach().to("meta") for name, tensor in tensors.items()}
            torch.func.functional_call(module, on_meta, torch.empty(size, dtype=like.dtype, device="meta"))
        else:
            module(torch.zeros(size, dtype=like.dtype, device=like.device))


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode (batch norm and dropout leave no trace), and each submodule's own mode again afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@singledispatch
def call_cost(module: nn.Module, output: Tensor) -> Complexity:
    """Flops (multiply-adds) and acts (elements) of one call of a module with one image; a rule per kind of module."""
    raise InvalidInput(f"no rule counts a {type(module).__name__}")


@call_cost.register
def _conv(module: nn.Conv2d, output: Tensor) -> Complexity:
    return _per_output(module.weight[0].numel() + (module.bias is not None), output)


@call_cost.register
def _linear(module: nn.Linear, output: Tensor) -> Complexity:
    return _per_output(module.weight[0].numel() + (module.bias is not None), output)


def _per_output(multiply_adds: int, output: Tensor) -> Complexity:
    return Complexity(flops=multiply_adds * output.numel(), acts=output.numel())


@call_cost.register(nn.MaxPool2d)
@call_cost.register(nn.AvgPool2d)
def _pool(module: nn.Module, output: Tensor) -> Complexity:
    return Complexity(acts=output.numel())


@call_cost.register(nn.BatchNorm2d)
@call_cost.register(nn.LayerNorm)
@call_cost.register(Scale)
@call_cost.register(Function)
@call_cost.register(nn.AdaptiveAvgPool2d)
@call_cost.register(nn.Flatten)
@call_cost.register(nn.Identity)
@call_cost.register(nn.Dropout)
@call_cost.register(nn.ReLU)
@call_cost.register(nn.ReLU6)
@call_cost.register(nn.SiLU)
@call_cost.register(nn.GELU)
@call_cost.register(nn.Sigmoid)
@call_cost.register(nn.Hardswish)
@call_cost.register(nn.Hardsigmoid)
@call_cost.register(nn.Tanh)
def _free(module: nn.Module, output: Tensor) -> Complexity:
    return Complexity()
