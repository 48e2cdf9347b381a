"""What a real module costs, read from the operations that it runs; our own graphs are not asked."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from complexity_theory.graph.complexity import Complexity
from complexity_theory.measurement.trace.capture import Input, capture
from complexity_theory.measurement.trace.costs import costs, total


class ModuleRow(NamedTuple):
    """A submodule: its name, kind, number of calls, output of the last call (without the batch), own cost."""

    name: str
    kind: str
    calls: int
    output: tuple[int, ...] | None
    complexity: Complexity


def count(module: nn.Module, *inputs: Input, device: str | None = None) -> Complexity:
    """The cost of one image of ``inputs`` in pycls's convention: flops (multiply-adds), params and acts (elements).

    Counted are the operations that run, however they are written: ``nn.Conv2d``, ``F.conv2d`` and a layer kept in a
    plain list alike. flops: convolutions and linear layers, one more for each output with a bias; acts: elements of
    their outputs and of those of pooling windows; ``products``: multiply-adds of all other matrix products
    (``matmul``, attention, the gates of recurrent layers). params: each parameter of the module once, also of parts
    that do not run, and those that run without being registered.

    ``inputs``: a ``Shape`` (or sequence of sides) without the batch for each, or a tensor. A copy of the module runs
    once, on the meta device or, where that does not do, with real tensors (``device``: "meta" or "cpu" for one of
    them); the module is left as it was. Raises InvalidInput where it does not run, and for an operation that computes
    and has no rule, with its name and the submodule.

    >>> from complexity_theory.graph.complexity import Shape
    >>> count(nn.Conv2d(16, 32, 3, padding=1, bias=False), Shape(16, 8, 8))
    Complexity(flops=294912, params=4608, acts=2048)
    """
    return total(capture(module, *inputs, device=device))


def breakdown(module: nn.Module, *inputs: Input, device: str | None = None) -> list[ModuleRow]:
    """The rows that ``count`` adds up: a submodule with all that runs in it but not in a submodule of its own.

    In the order of ``module.named_modules()``; those that neither cost nor are leaves are left out. Errors as there.

    >>> breakdown(nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU()), (3, 4, 4))[0]
    ModuleRow(name='0', kind='Conv2d', calls=1, output=(8, 4, 4),
              complexity=Complexity(flops=512, params=32, acts=128))
    """
    ran = capture(module, *inputs, device=device)
    parts = {name: type(part).__name__ for name, part in module.named_modules()}
    leaves = {name for name, part in module.named_modules() if not any(True for _ in part.children())}
    own = {name: Complexity() for name in parts}
    for name, size in ran.sizes.items():
        owner = name.rpartition(".")[0]
        own[owner] = own.get(owner, Complexity()) + Complexity(params=size)
    for node, cost in zip(ran.nodes, costs(ran), strict=True):
        own[node.path] = own.get(node.path, Complexity()) + cost
    calls = {name: [call for call in ran.calls if call.name == name] for name in own}
    rows = []
    for name, cost in own.items():
        if cost != Complexity() or name in leaves:
            outputs = calls[name][-1].outputs if calls[name] else ()
            output = ran.shape(outputs[0])[1:] if outputs else None
            kind = parts.get(name) or (calls[name][-1].kind.__name__ if calls[name] else "Parameter")
            rows.append(ModuleRow(name, kind, len(calls[name]), output, cost))
    return rows
