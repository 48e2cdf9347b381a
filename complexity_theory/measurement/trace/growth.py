"""How sides of values grow with the resolution: runs at larger inputs, and the polynomials in n that they follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import sympy

from complexity_theory.core.sizes import Size
from complexity_theory.core.symbols import n
from complexity_theory.measurement.trace.capture import Capture

RUNS = 3  # at larger inputs: with the traced one they tell a polynomial of degree 2, and that it is none


class Growth:
    """The runs of a module at larger inputs, made when first asked for. ``unit``: n of the traced one, where whole."""

    def __init__(self, ran: Capture, unit: int | None, larger: Callable[[], Sequence[tuple[int, Capture]]]) -> None:
        self.ran, self.unit, self.larger = ran, unit, larger

    @cached_property
    def runs(self) -> Sequence[tuple[int, Capture]]:
        """The larger runs, each with its n; none where they are of other operations."""
        found = self.larger() if self.unit is not None else ()
        same = [run for _, run in found if [node.name for node in run.nodes] == [node.name for node in self.ran.nodes]]
        return found if len(same) == len(found) and all(len(r.values) == len(self.ran.values) for r in same) else ()

    def grows(self, value: int, dim: int) -> bool:
        """Whether a side of a tensor has another size at a larger input."""
        return any(run.shape(value)[dim] != self.ran.shape(value)[dim] for _, run in self.runs)

    def alike(self, a: int, b: int) -> bool:
        """Whether the last side of one tensor is in the same proportion to that of another at every larger input."""
        first = self.ran.shape(a)[-1], self.ran.shape(b)[-1]
        return all(run.shape(a)[-1] * first[1] == run.shape(b)[-1] * first[0] for _, run in self.runs)

    def size(self, value: int, dim: int, size: Size) -> Size:
        """Its ``size``, with what it grows by: a polynomial in n, where it follows one."""
        if not self.grows(value, dim):
            return size
        base = self.ran.shape(value)[dim]
        points = [(self.unit, base), *((unit, run.shape(value)[dim]) for unit, run in self.runs)]
        fitted: Any = sympy.interpolate(points, n)
        if sympy.degree(fitted, n) >= len(points) - 1:
            return size
        return fitted if not getattr(size, "free_symbols", None) else sympy.expand(size * fitted / base)
