"""What flows between layers (``Shape``) and what they cost (``Complexity``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from complexity_theory.core.checks import check_size
from complexity_theory.core.sizes import Size, product, total


@dataclass(frozen=True, slots=True)
class Shape:
    """A feature map: ``channels`` x ``height`` x ``width`` (elements; the batch is left out).

    Each is an int, a sympy expression or an int64 array. Raises InvalidInput for sizes below 1 and other types.

    >>> Shape(3, 224, 224).elements
    150528
    """

    channels: Size
    height: Size
    width: Size

    def __post_init__(self) -> None:
        check_size("channels", self.channels)
        check_size("height", self.height)
        check_size("width", self.width)

    @property
    def elements(self) -> Size:
        """Number of elements: channels * height * width."""
        return product(product(self.channels, self.height), self.width)

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"


@dataclass(frozen=True, slots=True)
class Complexity:
    """What a layer or network costs: flops (multiply-adds), params (elements), acts (output elements of its convs).

    Costs add, and repeat by a factor; the entries are ints, sympy expressions or int64 arrays.
    Raises InvalidInput where an array would exceed int64.

    >>> 2 * Complexity(flops=10, params=3, acts=1) + Complexity(flops=5)
    Complexity(flops=25, params=6, acts=2)
    """

    flops: Size = 0
    params: Size = 0
    acts: Size = 0

    # Without this numpy would take `array * complexity` for itself and build an array of objects.
    __array_ufunc__ = None

    def __add__(self, other: Complexity) -> Complexity:
        return Complexity(
            total(self.flops, other.flops), total(self.params, other.params), total(self.acts, other.acts)
        )

    def __mul__(self, times: Size) -> Complexity:
        return Complexity(product(self.flops, times), product(self.params, times), product(self.acts, times))

    __rmul__ = __mul__

    def map(self, f: Callable[[Size], Any]) -> Complexity:
        """``f`` of each entry, e.g. ``map(sympy.expand)``.

        >>> Complexity(1, 2, 3).map(float)
        Complexity(flops=1.0, params=2.0, acts=3.0)
        """
        return Complexity(f(self.flops), f(self.params), f(self.acts))

    def as_dict(self) -> dict[str, Size]:
        """``{"flops": ..., "params": ..., "acts": ...}``, in that order.

        >>> Complexity(1, 2, 3).as_dict()
        {'flops': 1, 'params': 2, 'acts': 3}
        """
        return {"flops": self.flops, "params": self.params, "acts": self.acts}


METRICS = ("flops", "params", "acts")
