"""Linear layers, products of activations, recurrent layers, loose parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from complexity_theory.core.checks import check_choice, check_flag, check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, product, same
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations.base import Layer, Operation

GATES = {"lstm": 4, "gru": 3, "rnn-tanh": 1, "rnn-relu": 1}


@final
@dataclass(frozen=True, slots=True)
class Linear(Operation):
    """A linear layer over the last side: flops = (w_in + bias) w_out at each position, params = (w_in + bias) w_out.

    acts = output elements. A pooled map (w_in x 1 x 1) is taken as flat. Raises InvalidInput for another last side.

    >>> Linear(1280, 1000).complexity(Shape(1280))
    Complexity(flops=1281000, params=1281000, acts=1000)
    >>> Linear(768, 3072).output(Shape(197, 768))
    Shape(197, 3072)
    """

    w_in: Size
    w_out: Size
    bias: bool = True

    def __post_init__(self) -> None:
        check_size("w_in", self.w_in)
        check_size("w_out", self.w_out)
        check_flag("bias", self.bias)

    def channels(self, channels: Size | None) -> Size:
        self._accept(channels, self.w_in)
        return self.w_out

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        pooled = shape.rank == 3 and _is_one(shape.height) and _is_one(shape.width)
        if pooled and not _is_one(self.w_in) and same(shape.channels, self.w_in):
            return Shape(self.w_out)
        if not (shape.rank and same(shape.dims[-1], self.w_in)):
            if shape.rank == 3 and not (same(shape.height, 1) and same(shape.width, 1)):
                raise InvalidInput(
                    f"{self} takes a flat input, not {shape}: put a Flatten or GlobalAvgPool2d before it"
                )
            raise InvalidInput(f"{self} takes {self.w_in} channels, not {shape.channels if shape.rank == 3 else shape}")
        return Shape(*shape.dims[:-1], self.w_out)

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        inputs_per_output = self.w_in + int(self.bias)
        acts = output.elements
        return Complexity(
            flops=product(inputs_per_output, acts), params=product(inputs_per_output, self.w_out), acts=acts
        )


def _is_one(size: Size) -> bool:
    return type(size) is int and size == 1


def _leading(operation: Layer, a: Shape, b: Shape) -> tuple[Size, ...]:
    """The sides before the last two of a product: equal, or 1 in one of them."""
    longer, shorter = (a.dims[:-2], b.dims[:-2]) if a.rank >= b.rank else (b.dims[:-2], a.dims[:-2])
    found = list(longer[: len(longer) - len(shorter)])
    for x, y in zip(longer[len(longer) - len(shorter) :], shorter, strict=True):
        if same(x, y) or same(y, 1):
            found.append(x)
        elif same(x, 1):
            found.append(y)
        else:
            raise InvalidInput(f"{operation}: {a} and {b} do not match")
    return tuple(found)


@final
@dataclass(frozen=True, slots=True)
class MatMul(Operation):
    """The matrix product of two activations over their last two sides: products = rows x inner x columns, no flops.

    The paper's flops are those of convolutions and linear layers; products of activations are counted apart.
    Raises InvalidInput where the inner sides differ.

    >>> MatMul().complexity(Shape(12, 197, 64), Shape(12, 64, 197)).products
    29805312
    """

    arity: ClassVar[int | None] = 2

    def infer(self, *shapes: Shape) -> Shape:
        a, b = shapes
        if a.rank < 2 or b.rank < 2 or not same(a.dims[-1], b.dims[-2]):
            raise InvalidInput(f"a matrix product takes ... x n x k and ... x k x m, not {a} and {b}")
        return Shape(*_leading(self, a, b), a.dims[-2], b.dims[-1])

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(products=product(output.elements, shapes[0].dims[-1]))


@final
@dataclass(frozen=True, slots=True)
class Attention(Operation):
    """Scaled dot-product attention of queries (... x n x d), keys (... x m x d) and values (... x m x e).

    products = n m (d + e) for each of the leading sides (heads); no flops, no params. Raises InvalidInput where the
    sides do not match.

    >>> heads = Shape(12, 197, 64)
    >>> Attention().complexity(heads, heads, heads).products
    59610624
    """

    arity: ClassVar[int | None] = 3

    def infer(self, *shapes: Shape) -> Shape:
        q, k, v = shapes
        fits = min(q.rank, k.rank, v.rank) >= 2 and same(q.dims[-1], k.dims[-1]) and same(k.dims[-2], v.dims[-2])
        if not fits:
            raise InvalidInput(f"attention takes ... x n x d, ... x m x d and ... x m x e, not {q}, {k} and {v}")
        _leading(self, q, v)
        return Shape(*_leading(self, q, k), q.dims[-2], v.dims[-1])

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        q, k, v = shapes
        rows = Shape(*output.dims[:-1]).elements
        return Complexity(products=product(rows, k.dims[-2] * (q.dims[-1] + v.dims[-1])))


@final
@dataclass(frozen=True, slots=True)
class Recurrent(Operation):
    """Recurrent layers on steps x w_in: ``kind`` lstm, gru, rnn-tanh or rnn-relu (``GATES``), as torch has them.

    products = steps x weights: each weight of the gates multiplies once a step; no flops and no acts, which are those
    of convolutions and linear layers. params: of each layer and direction, gates x (inputs + hidden, and two biases) x
    hidden. Raises InvalidInput for another kind and for an input that is not steps x w_in.

    >>> Recurrent("lstm", 64, 128).complexity(Shape(10, 64))
    Complexity(flops=0, params=99328, acts=0, products=983040)
    """

    kind: str
    w_in: Size
    hidden: Size
    layers: int = 1
    bidirectional: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        check_choice("recurrent layer", self.kind, GATES)
        check_size("w_in", self.w_in)
        check_size("hidden", self.hidden)
        check_size("layers", self.layers)
        check_flag("bidirectional", self.bidirectional)
        check_flag("bias", self.bias)

    def channels(self, channels: Size | None) -> None:
        return None

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        if shape.rank < 2 or not same(shape.dims[-1], self.w_in):
            raise InvalidInput(f"{self} takes steps x {self.w_in}, not {shape}")
        return Shape(*shape.dims[:-1], (1 + self.bidirectional) * self.hidden)

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        directions = 1 + int(self.bidirectional)
        rows = directions * GATES[self.kind] * self.hidden  # of the weights of a layer
        inputs = self.w_in + (self.layers - 1) * directions * self.hidden + self.layers * self.hidden
        biases = 2 * int(self.bias) * self.layers
        return Complexity(
            params=product(rows, inputs + biases),
            products=product(Shape(*output.dims[:-1]).elements, product(rows, inputs)),
        )


@final
@dataclass(frozen=True, slots=True)
class Embedding(Operation):
    """A table of ``entries`` vectors of ``width``, one looked up for each index: params = entries x width; no flops.

    >>> Embedding(1000, 64).output(Shape(10))
    Shape(10, 64)
    """

    entries: Size
    width: Size

    def __post_init__(self) -> None:
        check_size("entries", self.entries)
        check_size("width", self.width)

    def channels(self, channels: Size | None) -> None:
        return None

    def infer(self, *shapes: Shape) -> Shape:
        return Shape(*shapes[0].dims, self.width)

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(params=product(self.entries, self.width))


@final
@dataclass(frozen=True, slots=True)
class Parameter(Operation):
    """A loose parameter of ``shape`` (a class token, a position embedding, a learned factor): params = its elements.

    It takes no input. Beside activations of more sides it is given with leading sides of 1. ``learned``: False for a
    constant, which is no param.

    >>> Parameter(Shape(1, 768)).complexity()
    Complexity(flops=0, params=768, acts=0)
    """

    shape: Shape
    learned: bool = True
    arity: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        if not isinstance(self.shape, Shape):
            raise InvalidInput(f"a parameter has a Shape, not {self.shape!r}")
        check_flag("learned", self.learned)

    def infer(self, *shapes: Shape) -> Shape:
        return self.shape

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(params=output.elements if self.learned else 0)
