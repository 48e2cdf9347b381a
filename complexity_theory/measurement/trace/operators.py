"""torch's operations as operations of this package: the one place that reads their arguments.

Costs and output shapes are those of ``graph.operations``; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, is_symbolic
from complexity_theory.graph import operations
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations import Attention, Linear, MatMul, Operation, Recurrent
from complexity_theory.measurement.trace.capture import Dispatched, Ref
from complexity_theory.measurement.trace.names import (
    ATTENTION,
    CELLS,
    CONVOLUTIONS,
    DEFORMABLE,
    POOLS,
    PRODUCTS,
    RECURRENT,
    is_free,
)

# The sides of a value, batch included: ints, or symbols.
Sides: TypeAlias = Callable[[Ref], tuple[Size, ...]]


@dataclass(frozen=True, slots=True)
class NodeWork:
    """What a node does: ``operation`` on inputs of ``shapes``, once for each of ``copies`` (the batch and its like)."""

    operation: Operation
    shapes: tuple[Shape, ...]
    copies: Size = 1

    def cost(self) -> Complexity:
        """Its flops, acts and products; the params are those of the module, which holds each once."""
        found = self.operation.complexity(*self.shapes)
        cost: Complexity = self.copies * Complexity(found.flops, 0, found.acts, found.products)
        return cost


def work(node: Dispatched, sides: Sides) -> NodeWork | None:
    """What a node does, its inputs having ``sides``; None where it is free.

    Raises InvalidInput for an operation that is unknown, with the way out.
    """
    if node.name in CONVOLUTIONS:
        return _convolution(node, sides)
    if node.name in PRODUCTS:
        return _product(node, sides)
    if node.name in POOLS:
        return _pool(node, sides)
    if node.name in RECURRENT:
        return _recurrent(node, sides)
    if node.name in CELLS:
        return _cell(node, sides)
    rule = {"linear": _linear, ATTENTION: _attention, DEFORMABLE: _deformable}.get(node.name)
    if rule is not None:
        return rule(node, sides)
    if is_free(node.name, node.func):
        return None
    raise InvalidInput(
        f"no rule counts the operation {node.name}{_where(node)}, and an unknown one is no free one: "
        f"count the part of the module that does without it"
    )


def _where(node: Dispatched) -> str:
    return f" in {node.path!r}" if node.path else ""


def _count(sides: tuple[Size, ...]) -> Size:
    return Shape(*sides).elements


def _numbers(value: Any, rank: int) -> tuple[int, ...]:
    """A setting of torch's as one number for each side."""
    numbers = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return numbers * rank if len(numbers) == 1 else numbers


def _convolution(node: Dispatched, sides: Sides) -> NodeWork:
    x, weight = sides(node.args[0]), sides(node.args[1])
    rank = len(weight) - 2
    bias = isinstance(node.argument(2, "bias"), Ref)
    order: tuple[str, ...] = ("stride", "padding", "dilation", "groups")
    transposed = node.name.startswith("conv_transpose")
    if transposed:
        order = ("stride", "padding", "output_padding", "groups", "dilation")
    elif node.name == "convolution":
        order, transposed = ("stride", "padding", "dilation", "transposed", "output_padding", "groups"), node.args[6]
    given = {name: node.argument(3 + i, name) for i, name in enumerate(order)}
    groups = given["groups"] or 1
    settings: dict[str, Any] = {}
    for name, default in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0)):
        if name != "output_padding" or transposed:
            settings[name] = _numbers(given.get(name) or default, rank)
    settings.update(kernel=weight[2:], bias=bias)
    channels = x[-rank - 1]
    if transposed:
        kind = getattr(operations, f"ConvTranspose{rank}d")
        if groups > 1 and is_symbolic(channels):  # of group convolutions, the depthwise alone have widths that scale
            operation = kind(channels, weight[1] * channels, group_width=1, **settings)
        else:
            group_width = None if groups == 1 else channels // groups
            operation = kind(channels, weight[1] * groups, group_width=group_width, **settings)
    else:
        kind = getattr(operations, f"Conv{rank}d")
        operation = kind(channels, weight[0], group_width=None if groups == 1 else weight[1], **settings)
    return NodeWork(operation, (Shape(*x[-rank - 1 :]),), _count(x[: -rank - 1]))


def _deformable(node: Dispatched, sides: Sides) -> NodeWork:
    """A convolution at places that offsets tell; they are an input, made by a convolution of its own."""
    x, weight, bias = sides(node.args[0]), sides(node.args[1]), node.args[4]
    stride, padding, dilation = (tuple(node.args[i : i + 2]) for i in (5, 7, 9))
    group_width = None if node.args[11] == 1 else weight[1]
    conv = operations.Conv2d(
        x[1], weight[0], weight[2:], stride, padding, dilation, group_width, bias=isinstance(bias, Ref)
    )
    return NodeWork(conv, (Shape(*x[1:]),), x[0])


def _linear(node: Dispatched, sides: Sides) -> NodeWork:
    x, weight = sides(node.args[0]), sides(node.args[1])
    bias = isinstance(node.argument(2, "bias"), Ref)
    w_out = weight[0] if len(weight) == 2 else 1
    return NodeWork(Linear(weight[-1], w_out, bias=bias), (Shape(_count(x[:-1]), x[-1]),))


def _product(node: Dispatched, sides: Sides) -> NodeWork:
    first = 1 if node.name.startswith(("add", "badd")) else 0  # behind what is added
    a, b = (sides(node.args[first + i]) for i in (0, 1))
    a = (1, *a) if len(a) == 1 else a
    b = (*b, 1) if len(b) == 1 else b
    return NodeWork(MatMul(), (Shape(*a), Shape(*b)))


def _attention(node: Dispatched, sides: Sides) -> NodeWork:
    q, k, v = (sides(node.argument(i, name)) for i, name in enumerate(("query", "key", "value")))
    # Heads may share keys and values: each is met by all queries all the same.
    return NodeWork(Attention(), tuple(Shape(*q[: len(q) - 2], *x[-2:]) for x in (q, k, v)))


def _pool(node: Dispatched, sides: Sides) -> NodeWork:
    x, rank = sides(node.args[0]), int(node.name[8])
    kernel = _numbers(node.argument(1, "kernel_size"), rank)
    stride = _numbers(node.argument(2, "stride") or kernel, rank)
    padding = _numbers(node.argument(3, "padding") or 0, rank)
    dilation, ceil = (1, node.argument(4, "ceil_mode", False))
    if node.name.startswith("max"):
        dilation, ceil = node.argument(4, "dilation") or 1, node.argument(5, "ceil_mode", False)
    name = f"{'Max' if node.name.startswith('max') else 'Avg'}Pool{rank}d"
    # A dilated window reaches as far as a larger one.
    reach = tuple(d * (k - 1) + 1 for d, k in zip(_numbers(dilation, rank), kernel, strict=True))
    pool = getattr(operations, name)(reach, stride, padding, ceil=bool(ceil))
    return NodeWork(pool, (Shape(*x[-rank - 1 :]),), _count(x[: -rank - 1]))


def _recurrent(node: Dispatched, sides: Sides) -> NodeWork:
    x, _, weights, bias, layers, _, _, bidirectional = node.args[:8]
    if not isinstance(weights, (list, tuple)) or not isinstance(bias, bool):
        raise InvalidInput(f"{node.name} of packed sequences{_where(node)} cannot be counted: their lengths are data")
    expected = layers * (1 + bidirectional) * (4 if bias else 2)
    if len(weights) != expected:
        raise InvalidInput(f"{node.name} with projections{_where(node)} cannot be counted")
    *lead, w_in = sides(x)
    hidden = sides(weights[1])[1]
    operation = Recurrent(RECURRENT[node.name], w_in, hidden, layers, bidirectional, bias)
    return NodeWork(operation, (Shape(_count(tuple(lead)), w_in),))  # each step of each sequence


def _cell(node: Dispatched, sides: Sides) -> NodeWork:
    *lead, w_in = sides(node.args[0])
    hidden = sides(node.args[3])[1]
    operation = Recurrent(CELLS[node.name], w_in, hidden, bias=isinstance(node.argument(4, "b_ih"), Ref))
    return NodeWork(operation, (Shape(_count(tuple(lead)) if lead else 1, w_in),))
