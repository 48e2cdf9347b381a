"""The composites that people write: a sequence, a residual, a gate, repetition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, same
from complexity_theory.graph.operations.base import Layer
from complexity_theory.graph.operations.elementwise import Add, Multiply
from complexity_theory.graph.walk import Composite, Place, Value, check_same_shape, equal_sides, one_input

_SUM, _PRODUCT = Add(), Multiply()


def _check_layer(what: str, part: object) -> None:
    if not isinstance(part, Layer):
        raise InvalidInput(f"{what} must be a layer, not {part!r}")


def _check_same_channels(what: str, a: Size | None, b: Size | None) -> None:
    if a is not None and b is not None and not same(a, b):
        raise InvalidInput(f"{what}: {a} and {b} channels do not match")


@final
@dataclass(frozen=True, slots=True, init=False)
class Sequential(Composite):
    """Layers one after the other, by position or by name; a part that is None is left out.

    Raises InvalidInput where the channels of neighbours do not match.

    >>> from complexity_theory import Shape
    >>> from complexity_theory.graph.operations import BatchNorm2d, Conv2d
    >>> Sequential(conv=Conv2d(3, 8, 3), bn=BatchNorm2d(8)).complexity(Shape(3, 4, 4)).params
    232
    """

    parts: tuple[tuple[str, Layer], ...]

    def __init__(self, *parts: Layer | None, **named: Layer | None) -> None:
        pairs: list[tuple[str, Any]] = [*((str(i), p) for i, p in enumerate(parts)), *named.items()]
        object.__setattr__(self, "parts", tuple((name, part) for name, part in pairs if part is not None))
        for name, part in self.parts:
            _check_layer(f"part {name!r} of a Sequential", part)
        self.channels(None)

    def channels(self, channels: Size | None) -> Size | None:
        for _, part in self.parts:
            channels = part.channels(channels)
        return channels

    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        value = one_input(self, inputs)
        for name, part in self.parts:
            value = at.visit(name, part, (value,))
        return value


@final
@dataclass(frozen=True, slots=True)
class Residual(Composite):
    """``body(x) + shortcut(x)``; without a shortcut, ``body(x) + x``. Raises InvalidInput where the two do not match.

    >>> from complexity_theory import Shape
    >>> from complexity_theory.graph.operations import Conv2d
    >>> Residual(Conv2d(8, 8, 3)).complexity(Shape(8, 4, 4)).acts
    128
    """

    body: Layer
    shortcut: Layer | None = None

    def __post_init__(self) -> None:
        _check_layer("the body of a Residual", self.body)
        if self.shortcut is not None:
            _check_layer("the shortcut of a Residual", self.shortcut)
        out = self.channels(None)
        if self.shortcut is None:
            self.channels(out)  # what comes out must be able to go in

    def channels(self, channels: Size | None) -> Size | None:
        beside = channels if self.shortcut is None else self.shortcut.channels(channels)
        out = self.body.channels(channels)
        _check_same_channels("the body and the shortcut of a Residual", out, beside)
        return beside if out is None else out

    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        beside = one_input(self, inputs)
        out = at.visit("body", self.body, inputs)
        if self.shortcut is not None:
            beside = at.visit("shortcut", self.shortcut, inputs)
        check_same_shape("the body and the shortcut of a Residual", out.shape, beside.shape)
        return at.visit("sum", _SUM, (out, beside))


@final
@dataclass(frozen=True, slots=True)
class Gate(Composite):
    """``x * body(x)`` with a body that gives one factor per channel (squeeze-excite). Raises InvalidInput otherwise.

    >>> from complexity_theory import Shape
    >>> from complexity_theory.graph.operations import Conv2d, GlobalAvgPool2d
    >>> Gate(Sequential(GlobalAvgPool2d(), Conv2d(8, 8, 1, bias=True))).complexity(Shape(8, 4, 4))
    Complexity(flops=72, params=72, acts=8)
    """

    body: Layer

    def __post_init__(self) -> None:
        _check_layer("the body of a Gate", self.body)
        self.channels(self.channels(None))  # what comes out must be able to go in

    def channels(self, channels: Size | None) -> Size | None:
        out = self.body.channels(channels)
        _check_same_channels("the input and the body of a Gate", channels, out)
        return out if channels is None else channels

    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        value = one_input(self, inputs)
        factors = at.visit("gate", self.body, inputs)
        sides = value.shape.rank - 1
        one_each = (value.shape.channels, *(1,) * sides)
        if not equal_sides(factors.shape.dims + one_each[factors.shape.rank :], one_each):
            one = "x".join(map(str, one_each))
            raise InvalidInput(f"the body of a Gate and one factor per channel: {factors.shape} and {one} do not match")
        return at.visit("product", _PRODUCT, (value, factors))


@final
@dataclass(frozen=True, slots=True)
class Repeat(Composite):
    """``times`` copies of ``part`` in a row, each with its own params; ``times`` may be 0, a symbol or an int64 array.

    Raises InvalidInput unless the part keeps the shape of its input.

    >>> from complexity_theory import Shape
    >>> from complexity_theory.graph.operations import Conv2d
    >>> Repeat(Conv2d(8, 8, 3), 5).complexity(Shape(8, 4, 4)).params
    2880
    """

    part: Layer
    times: Size

    def __post_init__(self) -> None:
        _check_layer("what a Repeat repeats", self.part)
        check_size("times", self.times, least=0)
        self.channels(self.channels(None))  # what comes out must be able to go in

    def channels(self, channels: Size | None) -> Size | None:
        out = self.part.channels(channels)
        _check_same_channels("the input and the output of a repeated part", channels, out)
        return out if channels is None else channels

    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        value = one_input(self, inputs)
        if type(self.times) is int and self.times == 0:
            return value
        return at.repeat(self.part, value, self.times)
