"""What every operation is, and the arithmetic of sliding windows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, ceil_div, divides, product, refuted, same
from complexity_theory.graph.complexity import NOTHING, Complexity, Shape


class Layer(ABC):
    """Anything that maps tensors to a tensor at a cost: an operation, or a composite of ``graph.compose``."""

    __slots__ = ()
    composite: ClassVar[bool] = False  # asked at each step of a walk

    @abstractmethod
    def output(self, *shapes: Shape) -> Shape:
        """The output shape for inputs of ``shapes``. Raises InvalidInput where the inputs do not fit."""

    @abstractmethod
    def complexity(self, *shapes: Shape) -> Complexity:
        """The cost on inputs of ``shapes``: flops (multiply-adds), params (elements), acts (elements)."""

    def channels(self, channels: Size | None) -> Size | None:
        """The channels that come out where ``channels`` go in (None: not known). Raises InvalidInput on a mismatch."""
        return channels

    def _accept(self, channels: Size | None, expected: Size) -> None:
        if channels is not None and not (channels is expected or same(channels, expected)):
            raise InvalidInput(f"{self} takes {expected} channels, not {channels}")


class Operation(Layer):
    """A leaf: one step of a computation. It says what comes out (``infer``) and what it costs (``cost``), in ``+ * **``
    and the helpers of ``core.sizes``, so that ints, symbols and arrays go through one formula.

    What else must be known of it stands in its row of ``graph.rows``.
    """

    __slots__ = ()
    arity: ClassVar[int | None] = 1  # number of inputs; None: one or more

    @abstractmethod
    def infer(self, *shapes: Shape) -> Shape:
        """The output shape for inputs of the right number. Raises InvalidInput where they do not fit."""

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        """The cost where ``shapes`` go in and ``output`` comes out; nothing unless an operation says otherwise."""
        return NOTHING

    def output(self, *shapes: Shape) -> Shape:
        self.check_number(len(shapes))
        for shape in shapes:
            if not isinstance(shape, Shape):
                raise InvalidInput(f"a layer takes a Shape, as Shape(channels, height, width), not {shape!r}")
        return self.infer(*shapes)

    def check_number(self, inputs: int) -> None:
        """Raises InvalidInput unless the operation takes that many inputs."""
        if inputs != self.arity and (self.arity is not None or not inputs):
            wanted = "one or more inputs" if self.arity is None else f"{self.arity} input{'s' * (self.arity != 1)}"
            raise InvalidInput(f"{self} takes {wanted}, not {inputs}")

    def complexity(self, *shapes: Shape) -> Complexity:
        return self.cost(self.output(*shapes), *shapes)


class ShapeKeeping(Operation):
    """An operation that keeps the shape and costs nothing unless it says otherwise."""

    __slots__ = ()

    def infer(self, *shapes: Shape) -> Shape:
        return shapes[0]


class PerChannel(ShapeKeeping):
    """An operation of fixed ``width`` that keeps the shape."""

    __slots__ = ()
    width: Size

    def __post_init__(self) -> None:
        check_size("width", self.width)

    def channels(self, channels: Size | None) -> Size:
        self._accept(channels, self.width)
        return self.width

    def infer(self, *shapes: Shape) -> Shape:
        self._accept(shapes[0].channels, self.width)
        return shapes[0]


def sizes(value: Size | tuple[Size, ...], rank: int) -> tuple[Size, ...]:
    """A setting that is one size or a tuple of ``rank`` sizes, as the tuple.

    >>> sizes(3, 2), sizes((1, 7), 2)
    ((3, 3), (1, 7))
    """
    return value if isinstance(value, tuple) else (value,) * rank


def check_sizes(name: str, value: Size | tuple[Size, ...], rank: int, least: int = 1) -> None:
    """``check_size`` for a setting that is one size or a tuple of ``rank`` of them."""
    if isinstance(value, tuple) and len(value) != rank:
        wanted = {1: "a tuple of one", 2: "a (height, width) pair", 3: "a (depth, height, width) triple"}[rank]
        raise InvalidInput(f"{name} must be one size or {wanted}, not {value!r}")
    for size in sizes(value, rank):
        if not (type(size) is int and size >= least):
            check_size(name, size, least)


def map_sides(operation: Layer, shape: Shape, rank: int) -> tuple[Size, ...]:
    """The sides of a feature map of ``rank`` of them behind the channels. Raises InvalidInput for another rank."""
    if len(shape.dims) != rank + 1:
        wanted = {1: "length", 2: "height x width", 3: "depth x height x width"}[rank]
        raise InvalidInput(f"{operation} takes a feature map of channels x {wanted}, not {shape}")
    return shape.dims[1:]


def window(size: Size, kernel: Size, stride: Size, padding: Size | None, dilation: Size = 1) -> Size:
    """Number of places of a sliding window along one side; padding None keeps the size at stride 1."""
    span = dilation * (kernel - 1)
    room = size + (span if padding is None else 2 * padding) - span
    if refuted(room >= 1):
        raise InvalidInput(
            f"a kernel of {kernel} (dilation {dilation}) is larger than its padded input: {size} + 2 * {padding}"
        )
    return ceil_div(room, stride)


def check_same_padding(name: str, kernel: tuple[Size, ...], dilation: tuple[Size, ...]) -> None:
    """Raises InvalidInput where no symmetric padding keeps the size."""
    for k, d in zip(kernel, dilation, strict=True):
        if not divides(2, d * (k - 1)):
            raise InvalidInput(f"{name} of even kernel {k} at dilation {d} has no symmetric default: give padding")


@final
@dataclass(frozen=True, slots=True)
class Borrowing(Operation):
    """An operation whose weights are those of another, or computed: it has no params of its own.

    >>> from complexity_theory.graph.operations import Linear
    >>> Borrowing(Linear(8, 3)).complexity(Shape(8))
    Complexity(flops=27, params=0, acts=3)
    """

    operation: Operation
    arity: ClassVar[int | None] = None

    def infer(self, *shapes: Shape) -> Shape:
        return self.operation.output(*shapes)

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        found = self.operation.cost(output, *shapes)
        return Complexity(found.flops, 0, found.acts, found.products)


@final
@dataclass(frozen=True, slots=True)
class Folded(Operation):
    """An operation on each of the images that the first ``lead`` sides hold: convolutions over windows, over frames.

    >>> from complexity_theory.graph.operations import Conv2d
    >>> Folded(Conv2d(8, 8, 3), 1).complexity(Shape(16, 8, 7, 7)).params
    576
    """

    operation: Operation
    lead: int = 1
    arity: ClassVar[int | None] = None

    def infer(self, *shapes: Shape) -> Shape:
        inner = [Shape(*shape.dims[self.lead :]) for shape in shapes]
        return Shape(*shapes[0].dims[: self.lead], *self.operation.output(*inner).dims)

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        inner = [Shape(*shape.dims[self.lead :]) for shape in (output, *shapes)]
        each = self.operation.cost(*inner)
        copies = Shape(*output.dims[: self.lead]).elements
        return Complexity(
            product(copies, each.flops), each.params, product(copies, each.acts), product(copies, each.products)
        )
