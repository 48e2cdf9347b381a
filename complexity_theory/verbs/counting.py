"""Verbs of exact counts: count, list_networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.graph import conventions
from complexity_theory.graph.complexity import METRICS, Complexity, Shape
from complexity_theory.graph.conventions import Convention
from complexity_theory.graph.per_layer import LayerPart, per_layer
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result

if TYPE_CHECKING:
    from complexity_theory.verbs.code import CodeCount

ALL = "all"  # conventions


@dataclass(frozen=True, repr=False)
class Count(Result):
    """Exact counts of a network for one image: ``complexity``, of each of the ``conventions`` in ``by_convention``.

    ``parts``: its stages, blocks and layers (``graph.per_layer``), where they were asked for.
    """

    network: Network | Traced
    shape: Shape
    by_convention: dict[str, Complexity]
    told: bool
    parts: tuple[LayerPart, ...] | None = None

    @property
    def complexity(self) -> Complexity:
        """The counts: flops (multiply-adds), params and acts (elements); the first convention's."""
        return next(iter(self.by_convention.values()))

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

    def rows(self) -> list[dict[str, Any]]:
        if self.parts is not None:
            return part_data(self.parts, self.complexity)
        return [self._row(name, counts) for name, counts in self.by_convention.items()]

    def _row(self, convention: str, counts: Complexity) -> dict[str, Any]:
        row = {"network": self.network.name, "resolution": self.network.resolution}
        row |= {**counts.as_dict(), "products": counts.products}
        known = conventions.convention(convention)
        row |= {"convention": known.name, "counts": known.counts} if self.told else {}
        return row | ({"note": self.network.note} if self.network.note else {})

    def report(self, form: str = "text") -> Sequence[Table | str]:
        rows = [self._row(name, counts) for name, counts in self.by_convention.items()]
        rows = [row | {"resolution": shown_sides(row["resolution"])} for row in rows]
        if len(rows) > 1:
            return [Table(rows, "Acts are pycls's where a tool counts none")]
        if self.parts is None:
            return [Table(rows)]
        name = next(iter(self.by_convention))
        title = f"{self.network.name} at {self.shape}, as {name} counts; what costs nothing is left out."
        return [part_table(self.parts, self.complexity, f"{title} {self.network.note}".strip(), form)]

    def as_dict(self) -> Any:
        rows = [self._row(name, counts) for name, counts in self.by_convention.items()]
        if len(rows) > 1:
            return rows
        layers = {} if self.parts is None else {"layers": part_data(self.parts, self.complexity)}
        return {**rows[0], **layers}

    def summary(self) -> str:
        counts = ", ".join(f"{name} {value:,}" for name, value in self.complexity.as_dict().items())
        return f"{self.network.name}: {counts}"


def count(
    network: Any,
    *,
    resolution: Any = None,
    input: Any = None,
    convention: str | None = None,
    per_layer: bool = False,
) -> Count | CodeCount:
    """The exact flops (multiply-adds), params and acts (elements) of a network for one image.

    ``resolution``: side of the input, or height and width (also "384x640"; default: the network's own). ``input``: the
    same with the channels before ("3x384x640"), as code and torch modules need; these are counted as they stand, and
    need not be traceable. ``convention``: whose rules count (pycls, fvcore, torch, ptflops, torchinfo, thop; or all).
    ``per_layer``: by stage, block and layer too. Raises InvalidInput otherwise, and where sizes do not fit.

    >>> count("EfficientNet-B0").flops, count("EfficientNet-B0", convention="fvcore").flops
    (385825092, 401659392)
    """
    resolve.flag(per_layer, "per_layer")
    if convention is not None:
        resolve.choice(convention, "convention", [*conventions.CONVENTIONS, ALL])
    if resolve.stands_for_code(network) and convention in (None, "pycls"):
        from complexity_theory.verbs.code import count_code

        return count_code(network, resolution, input, per_layer)
    found = resolve.network(network, resolution=resolution, input=input)
    shape = found.input()
    if convention is None:
        rules: list[Convention] = [conventions.convention("pycls")]
    else:
        every = convention == ALL
        rules = list(conventions.CONVENTIONS.values()) if every else [conventions.convention(convention)]
    if per_layer and len(rules) > 1:
        raise InvalidInput("counts per layer (--per-layer) take one convention, not all")
    counts = {rule.name: rule.total(found.tree, shape) for rule in rules}
    parts = tuple(_parts(found, shape, rules[0])) if per_layer else None
    return Count(found, shape, counts, convention is not None, parts)


def shown_sides(resolution: int | tuple[int, int]) -> int | str:
    """The sides of an input for a table: a number, or as 384x640."""
    return "x".join(map(str, resolution)) if isinstance(resolution, tuple) else resolution


def _parts(network: Network | Traced, shape: Shape, rule: Convention) -> list[LayerPart]:
    return per_layer(network.tree, shape, rule)


def part_data(parts: Iterable[LayerPart], total: Complexity) -> list[dict[str, Any]]:
    """Parts as data: path, level, times, output (its sides), costs, and shares of the ``total``."""
    return [
        {
            "path": ".".join(part.path),
            "level": part.level,
            "times": part.times,
            "output": list(part.output.dims),
            **part.complexity.as_dict(),
            "shares": _shares(part.complexity, total),
        }
        for part in parts
    ]


def part_table(parts: Iterable[LayerPart], total: Complexity, title: str, form: str = "text") -> Table:
    """Parts as a table, with the total last; names are indented by level in text, and told as whole paths elsewhere."""
    rows = []
    for part in parts:
        name = "  " * part.level + part.name if form == "text" else ".".join(part.path)
        copies = f" ×{part.times}" if part.times != 1 and part.level < 2 else ""
        rows.append({"layer": name + copies, "output": str(part.output), **_costs(part.complexity, total)})
    rows.append({"layer": "total", "output": None, **_costs(total, total)})
    return Table(rows, title)


def _costs(complexity: Complexity, total: Complexity) -> dict[str, Any]:
    shares = _shares(complexity, total)
    return complexity.as_dict() | {f"% of {metric}": f"{100 * shares[metric]:5.1f}" for metric in METRICS}


def _shares(complexity: Complexity, total: Complexity) -> dict[str, float]:
    whole = total.as_dict()
    return {metric: value / whole[metric] if whole[metric] else 0.0 for metric, value in complexity.as_dict().items()}


@dataclass(frozen=True, repr=False)
class Networks(Result):
    """The known networks: a row each, with its family, counts at its own resolution, other names and a note."""

    found: tuple[dict[str, Any], ...]

    def report(self, form: str = "text") -> Sequence[Table | str]:
        rows = [row | {"aliases": ", ".join(row["aliases"])} for row in self.found]
        return [Table(rows, optional=("note", "aliases", "family"))]

    def as_dict(self) -> list[dict[str, Any]]:
        return list(self.found)

    def rows(self) -> Sequence[dict[str, Any]]:
        return self.found

    def summary(self) -> str:
        return f"{len(self.found)} known"


def list_networks(family: str | None = None) -> Networks:
    """The known networks, all or of one family, with their counts and the other names they go by.

    >>> int(list_networks("RegNetZ").frame()["flops"][0])
    507217126
    """
    from complexity_theory import zoo

    if family is not None and not isinstance(family, str):
        raise InvalidInput(f"a family is text such as 'RegNetY', not {resolve.shown(family)}")
    rows = []
    for name in zoo.names(family):
        network = zoo.network(name)
        sizes = {"network": name, "family": network.family, "resolution": network.resolution}
        rows.append({**sizes, **network.complexity().as_dict(), "aliases": zoo.aliases(name), "note": network.note})
    return Networks(tuple(rows))
