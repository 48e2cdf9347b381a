"""What autograd keeps of an operation for its backward pass, and what an operation makes beside its output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, product, same
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.operations.base import sizes
from complexity_theory.graph.operations.products import GATES
from complexity_theory.graph.walk import Visit

# What is counted of one visit.
KeepRule: TypeAlias = Callable[[Visit], Size]
# Of its inputs: all, those that the gradient of another input takes (the factors of a product), or the last one.
KeptPart: TypeAlias = Literal["inputs", "factors", "last", "output"]
# Elements for each image: of the network's precision; drawn by dropout; int64; float32 in any precision. The same once
# for a whole batch.
Sort: TypeAlias = Literal["values", "masks", "indices", "statistics", "once"]


class Extra(NamedTuple):
    """A tensor that an operation makes beside its output, as ``elements`` of a sort.

    ``kept``: for the backward pass; else it is gone with the operation. ``trained``: made in training alone.
    """

    elements: KeepRule
    sort: Sort
    kept: bool = True
    trained: bool = False


class Keeps(NamedTuple):
    """What autograd keeps of an operation in training: values that go in or come out, and tensors beside them.

    Its weights, and the running statistics of a norm, are kept by the module anyway and not counted here.
    """

    parts: tuple[KeptPart, ...] = ()
    extras: tuple[Extra, ...] = ()


def elements_in(visit: Visit) -> Size:
    """Elements of the (first) input."""
    return visit.inputs[0].shape.elements


def elements_out(visit: Visit) -> Size:
    """Elements of the output."""
    return visit.output.shape.elements


NOTHING = Keeps()
INPUTS = Keeps(("inputs",))
OUTPUT = Keeps(("output",))
BOTH_FACTORS = Keeps(("factors",))


def _channels(visit: Visit) -> Size:
    return visit.inputs[0].shape.channels


def _positions(rank: int) -> KeepRule:
    """Positions that a norm over the last ``rank`` sides has a statistic for."""
    return lambda visit: Shape(*visit.inputs[0].shape.dims[:-rank]).elements


def _of_channels_at_a_position(visit: Visit) -> Size:
    return Shape(*visit.inputs[0].shape.dims[1:]).elements


def _twice(rule: KeepRule) -> KeepRule:
    return lambda visit: 2 * rule(visit)


BATCH_NORM = Keeps(("inputs",), (Extra(_twice(_channels), "once", trained=True),))
CHANNEL_NORM = Keeps(("inputs",), (Extra(_twice(_of_channels_at_a_position), "statistics"),))
# A maximum's place is told to the backward pass.
MAXIMUM = Keeps(("inputs",), (Extra(elements_out, "indices"),))
MAXIMUM_1D = Keeps(("inputs",), (Extra(elements_out, "indices", trained=True),))  # which is not told in inference


def instance_norm(visit: Visit) -> Keeps:
    """A batch norm of each image's channels; weights are repeated for each image."""
    operation: Any = visit.operation
    more = (Extra(_channels, "values"),) if operation.affine else ()
    return Keeps(("inputs",), (Extra(_twice(_channels), "statistics"), *more))


def group_norm(visit: Visit) -> Keeps:
    """Mean and deviation of each group."""
    operation: Any = visit.operation
    return Keeps(("inputs",), (Extra(lambda _: 2 * operation.groups, "statistics"),))


def layer_norm(visit: Visit) -> Keeps:
    """Mean and deviation of each position."""
    operation: Any = visit.operation
    return Keeps(("inputs",), (Extra(_twice(_positions(operation.shape.rank)), "statistics"),))


RMS_NORM = Keeps(("inputs",), (Extra(_positions(1), "statistics"), Extra(elements_in, "values")))


def dropout(visit: Visit) -> Keeps:
    """A factor for each element, or the one factor 0; nothing where nothing is dropped."""
    operation: Any = visit.operation
    if operation.p == 0:
        return NOTHING
    all_dropped = operation.p == 1
    drawn = Extra(lambda _: 1, "once", trained=True) if all_dropped else Extra(elements_in, "masks", trained=True)
    return Keeps((), (drawn,))


def adaptive_average(visit: Visit) -> Keeps:
    """Over a single cell it is a mean, whose gradient needs nothing."""
    operation: Any = visit.operation
    return NOTHING if all(size == 1 for size in sizes(operation.size, 1)) else INPUTS


def pad(visit: Visit) -> Keeps:
    """Reflections and replications keep what they take their elements from."""
    operation: Any = visit.operation
    return INPUTS if operation.mode in ("reflect", "replicate") else NOTHING


def reduce(visit: Visit) -> Keeps:
    """Sums and means need nothing, extremes and norms are compared with what they are of."""
    operation: Any = visit.operation
    if operation.kind in ("mean", "sum", "argmax"):
        return NOTHING
    return INPUTS if operation.kind == "var" else Keeps(("inputs", "output"))


def attention(visit: Visit) -> Keeps:
    """As torch does it: maps of heads x rows x width in one kernel, that keeps a sum for each row; others step by step,
    with queries and keys scaled, and the weights of all pairs.
    """
    q, k, v = (value.shape for value in visit.inputs)
    rows = Shape(*visit.output.shape.dims[:-1]).elements
    if q.rank == 3 and same(q.dims[-1], v.dims[-1]):
        return Keeps(("inputs", "output"), (Extra(lambda _: rows, "statistics"),))
    return Keeps(("last",), (Extra(lambda _: q.elements + k.elements + product(rows, k.dims[-2]), "values"),))


# Vectors of a step that a layer's native kernels keep: of a GRU its gates, their parts, and the state.
_OF_A_STEP = {"gru": 7, "rnn-tanh": 1, "rnn-relu": 1}


def recurrent(visit: Visit) -> Keeps:
    """What goes into each layer, with time first, and the vectors of each step; where a layer runs backwards, its input
    turned round. Of an LSTM gates and states alone: all beside them is a workspace, which each library has of its own.
    """
    operation: Any = visit.operation
    directions, steps = 1 + int(operation.bidirectional), visit.output.shape.dims[0]
    width = directions * operation.hidden
    if operation.kind == "lstm":
        states = product(steps, operation.layers * (GATES["lstm"] + 1) * width)
        return Keeps(("inputs", "output"), (Extra(lambda _: states, "values", trained=True),))
    inputs = operation.w_in + (operation.layers - 1) * width
    turned = (directions - 1) * (1 - 1 * (steps == 1)) * operation.w_in
    first = 0 if operation.kind == "gru" else operation.layers * width  # the states before the first step
    each = inputs + turned + _OF_A_STEP[operation.kind] * operation.layers * width
    return Keeps((), (Extra(lambda _: product(steps, each) + first, "values", trained=True),))


def _partials(visit: Visit) -> list[Size]:
    """Elements of what a join of more than two inputs makes on its way, two by two."""
    shapes = [value.shape for value in visit.inputs]
    return [visit.operation.output(*shapes[:n]).elements for n in range(2, len(shapes))]


def _last_partial(visit: Visit) -> Size:
    found = _partials(visit)
    return found[-1] if found else 0


ADD = Keeps((), (Extra(_last_partial, "values", kept=False),))
MULTIPLY = Keeps(("factors",), (Extra(lambda visit: sum(_partials(visit)), "values"),))

# Of functions by torch's names of them. In place they keep as much: what they overwrite is kept, or was not needed.
_FROM_OUTPUT = ("relu", "sigmoid", "tanh", "exp", "sqrt", "rsqrt", "reciprocal", "expm1", "exp2", "tan")
_FROM_INPUT = (
    *("relu6", "silu", "gelu", "hardswish", "hardsigmoid", "leaky_relu", "elu", "selu", "celu", "mish", "softplus"),
    *("hardtanh", "softshrink", "hardshrink", "threshold", "clamp", "clamp_min", "clamp_max", "abs", "square"),
    *("log", "log2", "log10", "log1p", "sin", "cos", "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh"),
    *("atanh", "erf", "erfc", "erfinv", "logit", "lgamma", "sinc", "maximum", "minimum", "fmax", "fmin", "atan2"),
)
_FROM_NOTHING = (
    *("add", "sub", "rsub", "neg", "sign", "floor", "ceil", "round", "trunc", "clone", "floor_divide"),
    *("eq", "ne", "lt", "le", "gt", "ge", "logical_not", "logical_and", "logical_or", "logical_xor", "isnan", "isinf"),
)
_ONE = Extra(elements_out, "values")
_KEPT: dict[str, Keeps] = {
    **dict.fromkeys(_FROM_OUTPUT, OUTPUT),
    **dict.fromkeys(_FROM_INPUT, INPUTS),
    **dict.fromkeys(_FROM_NOTHING, ADD),
    "softsign": Keeps(("inputs",), (_ONE,)),  # and 1 + |x|
    **dict.fromkeys(("logsigmoid", "log_sigmoid"), Keeps(("inputs",), (_ONE,))),  # and a buffer
    "tanhshrink": Keeps((), (_ONE,)),  # the tanh
    "rrelu": Keeps(("inputs",), (Extra(elements_out, "values", trained=True),)),  # and the slopes drawn
    "mul": MULTIPLY,
    "div": Keeps(("factors", "last")),
}


def elementwise(visit: Visit) -> Keeps:
    """By the function's name. Raises InvalidInput for one of which it is not known."""
    operation: Any = visit.operation
    if operation.kind == "pow":
        return INPUTS if len(visit.inputs) == 1 else Keeps(("inputs", "output"))
    try:
        return _KEPT[operation.kind]
    except KeyError:
        raise InvalidInput(
            f"what a backward pass keeps of the elementwise function {operation.kind!r} is not known: "
            "add it to graph.keeping"
        ) from None


Keeping: TypeAlias = Keeps | Callable[[Visit], Keeps]
