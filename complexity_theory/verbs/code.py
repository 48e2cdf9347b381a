"""What ``count`` says of code and torch modules: counted as they stand, by the operations that run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.graph.complexity import Complexity
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result


@dataclass(frozen=True, repr=False)
class CodeCount(Result):
    """Exact counts of a torch module for one image: ``complexity``; ``layers`` where they were asked for."""

    name: str
    sides: tuple[int, ...]
    complexity: Complexity
    layers: tuple[dict[str, Any], ...] | None = None

    @property
    def flops(self) -> int:
        """Multiply-adds of one image."""
        return int(self.complexity.flops)

    @property
    def params(self) -> int:
        """Free variables."""
        return int(self.complexity.params)

    @property
    def acts(self) -> int:
        """Elements of the outputs of convolutions and linear layers, for one image."""
        return int(self.complexity.acts)

    def _row(self) -> dict[str, Any]:
        about = {"network": self.name, "input": "x".join(map(str, self.sides))}
        return {**about, **self.complexity.as_dict(), "products": self.complexity.products}

    def report(self, form: str = "text") -> Sequence[Table | str]:
        if self.layers is None:
            return [Table([self._row()])]
        title = f"{self.name} at {self._row()['input']}; what costs nothing is left out"
        costs = {**self.complexity.as_dict(), "products": self.complexity.products}
        return [Table([*self.layers, {"layer": "total", **costs}], title)]

    def as_dict(self) -> dict[str, Any]:
        return self._row() | ({} if self.layers is None else {"layers": list(self.layers)})

    def rows(self) -> list[dict[str, Any]]:
        return [self._row()] if self.layers is None else list(self.layers)

    def summary(self) -> str:
        counts = ", ".join(f"{name} {value:,}" for name, value in self.complexity.as_dict().items())
        return f"{self.name}: {counts}"


def count_code(value: Any, resolution: Any, given: Any, per_layer: bool) -> CodeCount:
    """Counts a module, or what code makes, as it stands: it need not be a network that can be traced."""
    if resolution is not None:
        raise InvalidInput("the input of a network that is code is given as input (--input), such as 3x384x640")
    resolve.need_torch()
    from complexity_theory.measurement import code
    from complexity_theory.measurement.count import breakdown, count

    sides = None if given is None else resolve.sides_of(given)
    if isinstance(value, str):
        name, module = value, code.module_of(value)
        sides = sides or code.input_of(value, None)
    else:
        name, module, sides = type(value).__name__, value, sides or code.INPUT
    total = count(module, sides)
    return CodeCount(name, sides, total, tuple(_layers(breakdown(module, sides))) if per_layer else None)


def _layers(rows: Any) -> list[dict[str, Any]]:
    return [
        {
            "layer": row.name or "(the module itself)",
            "kind": row.kind,
            "output": "x".join(map(str, row.output or ())),
            "calls": row.calls,
            **row.complexity.as_dict(),
            "products": row.complexity.products,
        }
        for row in rows
        if any(row.complexity.as_dict().values()) or row.complexity.products
    ]
