"""Elementwise operations: activations, sums and products, functions of any kind; softmax and dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from complexity_theory.core.checks import check_choice, check_size, is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, same
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations.base import Layer, Operation, ShapeKeeping

ACTIVATIONS = ("relu", "relu6", "silu", "gelu", "sigmoid", "hardswish", "hardsigmoid", "tanh")
# Beyond those that networks as data name: what a module may hold.
MORE_ACTIVATIONS = (
    *("leaky_relu", "elu", "selu", "celu", "mish", "softplus", "softsign", "hardtanh", "logsigmoid", "tanhshrink"),
    *("softshrink", "hardshrink", "threshold", "rrelu"),
)


@final
@dataclass(frozen=True, slots=True)
class Activation(ShapeKeeping):
    """An elementwise function by name (``ACTIVATIONS``, ``MORE_ACTIVATIONS``); counted as free.

    Raises InvalidInput for an unknown name.

    >>> Activation("silu").complexity(Shape(8, 4, 4))
    Complexity(flops=0, params=0, acts=0)
    """

    kind: str = "relu"

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in MORE_ACTIVATIONS:
            check_choice("activation", self.kind, ACTIVATIONS)


@final
@dataclass(frozen=True, slots=True)
class PReLU(ShapeKeeping):
    """A ReLU with ``weights`` learned slopes, one for all channels or one for each: params = weights.

    >>> PReLU(32).complexity(Shape(32, 8, 8)).params
    32
    """

    weights: Size = 1

    def __post_init__(self) -> None:
        check_size("weights", self.weights)

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(params=self.weights)


def broadcast(operation: Layer, *shapes: Shape) -> Shape:
    """The shape of an elementwise function of several inputs: sides are equal, or 1 in one of them.

    An input of fewer sides than another is a flat one, a value for each channel: its sides are the first ones.
    Raises InvalidInput where they do not match.
    """
    found = shapes[0]
    for other in shapes[1:]:
        if other is found:
            continue
        a, b = found.dims, other.dims
        if len(a) != len(b):
            rank = max(len(a), len(b))
            a, b = (dims + (1,) * (rank - len(dims)) for dims in (a, b))
        dims, grown = [], len(a) > len(found.dims)
        for x, y in zip(a, b, strict=True):
            if x is y or same(x, y) or same(y, 1):
                dims.append(x)
            elif same(x, 1):
                dims.append(y)
                grown = True
            else:
                raise InvalidInput(f"{operation}: {found} and {other} do not match")
        found = Shape(*dims) if grown else found
    return found


class _Join(Operation):
    """An elementwise function of several inputs."""

    __slots__ = ()
    arity: ClassVar[int | None] = None

    def infer(self, *shapes: Shape) -> Shape:
        return broadcast(self, *shapes)


@final
@dataclass(frozen=True, slots=True)
class Add(_Join):
    """The sum of its inputs; counted as free.

    >>> Add().output(Shape(8, 4, 4), Shape(8, 1, 1))
    Shape(channels=8, height=4, width=4)
    """


@final
@dataclass(frozen=True, slots=True)
class Multiply(_Join):
    """The elementwise product of its inputs; counted as free.

    >>> Multiply().output(Shape(8, 4, 4), Shape(8))
    Shape(channels=8, height=4, width=4)
    """


# What takes an exponential, a logarithm or the like for each element; the others are comparisons, sums and products.
EXPONENTIAL = frozenset(
    [
        *("silu", "gelu", "sigmoid", "tanh", "elu", "selu", "celu", "mish", "softplus", "logsigmoid", "tanhshrink"),
        *("exp", "log", "pow", "erf", "sin", "cos", "expm1", "log1p", "atan", "logit"),
    ]
)


@final
@dataclass(frozen=True, slots=True)
class Elementwise(_Join):
    """An elementwise function of one or more inputs by torch's name of it (``exp``, ``div``, ``maximum``); free.

    ``settings``: numbers and flags that it takes beside its inputs, by name.

    >>> Elementwise("sub").output(Shape(8, 4, 4), Shape(8, 4, 4)).elements
    128
    """

    kind: str
    settings: tuple[tuple[str, bool | int | float | str], ...] = ()

    def __post_init__(self) -> None:
        if not (isinstance(self.kind, str) and self.kind.isidentifier()):
            raise InvalidInput(f"an elementwise function has the name of one of torch's, not {self.kind!r}")


@final
@dataclass(frozen=True, slots=True)
class Softmax(ShapeKeeping):
    """Softmax over the side numbered ``side`` (-1 the last); counted as free.

    >>> Softmax().output(Shape(12, 197, 197))
    Shape(channels=12, height=197, width=197)
    """

    side: int = -1

    def __post_init__(self) -> None:
        if type(self.side) is not int:
            raise InvalidInput(f"the side of a softmax is an int, not {self.side!r}")


@final
@dataclass(frozen=True, slots=True)
class Dropout(ShapeKeeping):
    """Dropout of elements with probability ``p`` in training; free.

    >>> Dropout(0.2).output(Shape(8, 1, 1))
    Shape(channels=8, height=1, width=1)
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        if not (is_number(self.p) and 0 <= self.p <= 1):
            raise InvalidInput(f"a dropout probability lies in 0..1, not {self.p!r}")
