"""What flows between operations (``Shape``) and what they cost (``Complexity``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, product, total, total_product

_MAP = ("channels", "height", "width")


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Shape:
    """The sides of a tensor, without the batch (elements): of any rank, channels first where it is a feature map.

    ``Shape(64, 56, 56)`` is a map of channels x height x width, ``Shape(1000)`` flat, ``Shape(197, 768)`` tokens.
    Each side is an int, a sympy expression or an int64 array. Raises InvalidInput for sizes below 1 and other types.

    >>> Shape(3, 224, 224).elements
    150528
    >>> Shape(197, 768)
    Shape(197, 768)
    """

    dims: tuple[Size, ...]
    _elements: Size = field(init=False, compare=False)  # of others than ints once they were asked for

    def __init__(self, *dims: Size, **named: Size) -> None:
        if named:
            dims = _with_names(dims, named)
        ints = True
        for i, size in enumerate(dims):
            if not (type(size) is int and size >= 1):
                check_size(_MAP[i] if len(dims) == 3 else f"side {i + 1} of a shape", size)
                ints = False
        object.__setattr__(self, "dims", dims)
        object.__setattr__(self, "_elements", math.prod(dims) if ints else None)

    @property
    def rank(self) -> int:
        """The number of sides."""
        return len(self.dims)

    @property
    def channels(self) -> Size:
        """The first side: the channels of a feature map. Raises InvalidInput for a shape without sides."""
        return self.dims[0] if self.dims else self._side(0)

    @property
    def height(self) -> Size:
        """The second side. Raises InvalidInput where there is none."""
        return self._side(1)

    @property
    def width(self) -> Size:
        """The third side. Raises InvalidInput where there is none."""
        return self._side(2)

    def _side(self, i: int) -> Size:
        if i >= len(self.dims):
            raise InvalidInput(f"a shape of {self.rank} sides, {self}, has no {_MAP[i]}")
        return self.dims[i]

    @property
    def elements(self) -> Size:
        """Number of elements: the product of the sides."""
        if self._elements is None:
            object.__setattr__(self, "_elements", reduce(product, self.dims, 1))
        return self._elements

    def __str__(self) -> str:
        return "x".join(map(str, self.dims)) or "1"

    def __repr__(self) -> str:
        if self.rank == 3:
            return f"Shape({', '.join(f'{name}={size!r}' for name, size in zip(_MAP, self.dims, strict=True))})"
        return f"Shape({', '.join(map(repr, self.dims))})"


def _with_names(dims: tuple[Size, ...], named: dict[str, Size]) -> tuple[Size, ...]:
    """The sides of a feature map, some given by name."""
    missing = _MAP[len(dims) :]
    if set(named) != set(missing):
        raise InvalidInput(
            f"a shape is given by its sides, or by channels, height, width; not by {', '.join(named)} "
            f"beside {len(dims)} sides"
        )
    return (*dims, *(named[name] for name in missing))


@dataclass(frozen=True, slots=True, repr=False)
class Complexity:
    """What a layer or network costs: flops (multiply-adds), params (elements), acts (output elements of its convs).

    ``products``: multiply-adds of products of activations (matrix products, attention), which are not in ``flops``.
    Costs add, and repeat by a factor; the entries are ints, sympy expressions or int64 arrays.
    Raises InvalidInput where an array would exceed int64.

    >>> 2 * Complexity(flops=10, params=3, acts=1) + Complexity(flops=5)
    Complexity(flops=25, params=6, acts=2)
    """

    flops: Size = 0
    params: Size = 0
    acts: Size = 0
    products: Size = 0

    # Without this numpy would take `array * complexity` for itself and build an array of objects.
    __array_ufunc__ = None

    def __add__(self, other: Complexity) -> Complexity:
        return Complexity(
            total(self.flops, other.flops),
            total(self.params, other.params),
            total(self.acts, other.acts),
            total(self.products, other.products),
        )

    def __mul__(self, times: Size) -> Complexity:
        return Complexity(
            product(self.flops, times),
            product(self.params, times),
            product(self.acts, times),
            product(self.products, times),
        )

    __rmul__ = __mul__

    def map(self, f: Callable[[Size], Any]) -> Complexity:
        """``f`` of each entry, e.g. ``map(sympy.expand)``.

        >>> Complexity(1, 2, 3).map(float)
        Complexity(flops=1.0, params=2.0, acts=3.0)
        """
        return Complexity(f(self.flops), f(self.params), f(self.acts), f(self.products) if self._has_products() else 0)

    def _has_products(self) -> bool:
        return (self.products == 0) is not True  # an int or a symbol that is 0; of arrays it is not asked

    def as_dict(self) -> dict[str, Size]:
        """``{"flops": ..., "params": ..., "acts": ...}``, in that order.

        >>> Complexity(1, 2, 3).as_dict()
        {'flops': 1, 'params': 2, 'acts': 3}
        """
        return {"flops": self.flops, "params": self.params, "acts": self.acts}

    def __repr__(self) -> str:
        entries = self.as_dict() | ({"products": self.products} if self._has_products() else {})
        return f"Complexity({', '.join(f'{name}={value!r}' for name, value in entries.items())})"


NOTHING = Complexity()


def summed(costs: Iterable[tuple[Size, Complexity]]) -> Complexity:
    """The sum of costs, each so many times. Raises InvalidInput where an array would exceed int64.

    >>> summed([(2, Complexity(flops=10, params=3, acts=1)), (1, Complexity(flops=5))])
    Complexity(flops=25, params=6, acts=2)
    """
    costs = tuple(costs)
    times = [often for often, _ in costs]
    return Complexity(
        total_product(times, [cost.flops for _, cost in costs]),
        total_product(times, [cost.params for _, cost in costs]),
        total_product(times, [cost.acts for _, cost in costs]),
        total_product(times, [cost.products for _, cost in costs]),
    )


METRICS = ("flops", "params", "acts")
