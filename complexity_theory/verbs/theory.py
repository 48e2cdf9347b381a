"""Verbs of the theory: derive, tables, closed_form, optimal, roofline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.core.symbols import s
from complexity_theory.graph.complexity import Complexity
from complexity_theory.scaling import steps as written
from complexity_theory.scaling.closed_form import VARIABLES, own_unit, terms
from complexity_theory.scaling.closed_form import closed_form as polynomials_of
from complexity_theory.scaling.exponents import LAYERS, Derivation, known_as
from complexity_theory.scaling.exponents import derive as derive_layer
from complexity_theory.scaling.kept import kept_form, layer_exponent
from complexity_theory.scaling.steps import DerivationStep
from complexity_theory.scaling.strategy import NAMED, Multipliers, Strategy
from complexity_theory.scaling.tables import TABLES, ScalingTable, table
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result
from complexity_theory.verbs.writing import growth_row, step_data, told

if TYPE_CHECKING:
    from complexity_theory.networks.spec import Network
    from complexity_theory.networks.traced import Traced

__all__ = ["ClosedForm", "LayerScaling", "Roofline", "Tables", "closed_form", "derive", "optimal", "roofline", "tables"]


@dataclass(frozen=True, repr=False)
class LayerScaling(Result):
    """How a kind of layer scales along a strategy, exactly: Rationals, or sympy expressions in alpha.

    ``direction``: the exponents of s in depth, width, group width and resolution, where flops grow as s;
    ``multipliers``: s to these; ``exponents``: of flops, params and acts; ``growth``: s to these.
    """

    derivation: Derivation
    with_steps: bool = False

    @property
    def strategy(self) -> Strategy:
        """The strategy."""
        return self.derivation.strategy

    @property
    def layer(self) -> str:
        """The kind of layer."""
        return self.derivation.layer

    @property
    def direction(self) -> Multipliers:
        """The exponents of s in the multipliers of depth, width, group width and resolution."""
        return self.derivation.direction

    @property
    def multipliers(self) -> Multipliers:
        """What depth, width, group width and resolution are multiplied by: sympy expressions in s."""
        return self.derivation.multipliers

    @property
    def exponents(self) -> Complexity:
        """The exponents with which flops, params and acts grow in s."""
        return self.derivation.exponents

    @property
    def growth(self) -> Complexity:
        """What flops, params and acts are multiplied by: sympy expressions in s."""
        return self.derivation.growth

    @property
    def kept(self) -> Any:
        """The exponent with which the activations grow that training keeps for the backward pass."""
        return layer_exponent(self.derivation)

    @property
    def steps(self) -> list[DerivationStep]:
        """The derivation, step by step."""
        return written.layer_steps(self.derivation)

    def report(self, form: str = "text") -> Sequence[Table | str]:
        if self.with_steps:
            return told(self.steps, form)
        return [Table(self.rows(), f"What s multiplies: a stack of {self.layer}")]

    def as_dict(self) -> dict[str, Any]:
        steps = {"steps": step_data(self.steps)} if self.with_steps else {}
        return {**self.derivation.as_dict(), "kept": self.kept, **steps}

    def rows(self) -> list[dict[str, Any]]:
        return [{**growth_row(self.derivation), "kept": s**self.kept}]

    def summary(self) -> str:
        return f"{self.strategy} on {self.layer}: {_metrics(self.exponents)}"


def _metrics(exponents: Complexity) -> str:
    return ", ".join(f"{metric} s^{exponent}" for metric, exponent in exponents.as_dict().items())


def derive(
    strategy: Any = None,
    layer: Any = None,
    *,
    network: Any = None,
    input: Any = None,
    at: float | None = None,
    device: Any = None,
    batch: int | None = None,
    budgets: Any = None,
    steps: bool = False,
) -> Any:
    """How sizes and costs grow along a strategy where flops grow as s: of a kind of layer, exactly, or of networks.

    ``strategy``: text as ``dWr`` or a Strategy. ``layer``: conv (the default), group-conv or depthwise-conv; or a block
    by name, by ``block`` or as a tree of layers (of numbers with its ``input``, as (64, 56, 56)). ``network``: one or
    several, by name, file or as objects, instead of a layer; their exponents at the factors 1 to 32, or at one factor
    ``at``; ``input`` of those that are code; with ``device`` (and ``batch``) those of predicted time as well.
    ``budgets``: bounds on exponents ("params:9/10,acts:3/5", or a mapping): all directions that keep them. ``steps``:
    show the derivation. Returns a ``LayerScaling``, a ``BlockResult``, a ``NetworkScaling`` or ``Directions``. Tables 1
    to 4 of Dollár et al. 2021. Raises InvalidInput for what is none of these.

    >>> derive("dWr").exponents
    Complexity(flops=1, params=9/10, acts=3/5)
    >>> round(derive("dWr", network="EfficientNet-B0", at=16).exponents.params, 2)
    0.87
    """
    resolve.flag(steps, "steps")
    if at is not None and network is None:
        raise InvalidInput("at (--at) is the scaling factor of a network: give a network (--network) as well")
    if (device is not None or batch is not None) and network is None:
        given = "a device (--device)" if device is not None else "a batch (--batch)"
        raise InvalidInput(f"{given} tells the time of a network: give a network (--network) as well")
    if network is not None and layer is not None:
        raise InvalidInput(
            "a layer (--layer) and a network (--network) exclude each other: a network has layers of its own"
        )
    kind = "conv" if layer is None else layer
    networks = None
    if network is not None:
        networks = [resolve.network(each, input=input) for each in resolve.several(network, "networks")]
    if budgets is not None:
        from complexity_theory.verbs.directions import directions_of

        return directions_of(budgets, strategy, kind, networks, at, device, batch, steps)
    if strategy is None:
        raise InvalidInput("give a strategy such as dWr, or budgets (--budgets) such as params:9/10,acts:3/5")
    direction = resolve.strategy(strategy)
    if networks is not None:
        from complexity_theory.verbs.networks import scaling_of

        return scaling_of(direction, networks, at, device, batch, steps)
    if isinstance(kind, str) and kind in LAYERS:
        return LayerScaling(derive_layer(direction, kind), steps)
    from complexity_theory.graph.operations import Layer
    from complexity_theory.scaling.blocks import USUAL, Block
    from complexity_theory.verbs.blocks import derive_block

    if not isinstance(kind, (Block, Layer)) and not (isinstance(kind, str) and kind in USUAL):
        known = ", ".join((*LAYERS, *USUAL))
        raise InvalidInput(f"unknown layer {resolve.shown(kind)}: one of {known}, a tree of layers or a block")
    return derive_block(direction, kind, input, steps)


@dataclass(frozen=True, repr=False)
class Tables(Result):
    """Tables of the paper, derived: ``tables``, each with its rows (``LayerScaling.derivation``)."""

    tables: tuple[ScalingTable, ...]

    def report(self, form: str = "text") -> Sequence[Table | str]:
        return [growth_table(found) for found in self.tables]

    def as_dict(self) -> list[dict[str, Any]]:
        return [{"table": found.name, **row.as_dict()} for found in self.tables for row in found.rows]

    def rows(self) -> list[dict[str, Any]]:
        return [{"table": found.name, **row} for found in self.tables for row in growth_table(found).rows]

    def summary(self) -> str:
        return ", ".join(found.name for found in self.tables)


def growth_table(found: ScalingTable) -> Table:
    """The table as the paper prints it: the growth of each dimension and metric as a power of s.

    Where a strategy is one of the named ones on these layers, a column says which.
    """
    rows = []
    for derivation in found.rows:
        known = known_as(derivation)
        other_name = {} if known in (None, derivation.strategy.name) else {"known as": known}
        rows.append(growth_row(derivation, found.dimensions) | other_name)
    return Table(rows, found.title)


def tables(name: str | int | None = None) -> Tables:
    """The paper's closed-form tables (Dollár et al. 2021, tables 1 to 4), derived: all, or one by name or number.

    >>> tables(2)
    <Tables compound>
    """
    if name is None:
        return Tables(tuple(TABLES.values()))
    if type(name) not in (str, int):
        raise InvalidInput(f"a table is a name or a number, not {resolve.shown(name)}")
    number = str(name)
    if number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= len(TABLES):
        return Tables((list(TABLES.values())[int(number) - 1],))
    if not isinstance(name, str) or name not in TABLES:
        known = ", ".join(f"{other} ({i})" for i, other in enumerate(TABLES, 1))
        raise InvalidInput(f"unknown table {resolve.shown(name)}: one of {known}")
    return Tables((table(name),))


@dataclass(frozen=True, repr=False)
class ClosedForm(Result):
    """The closed form of a network: sympy polynomials ``flops``, ``params``, ``acts`` in d, w, g and n.

    ``kept``: the elements of activations that training keeps for the backward pass of one image.
    """

    network: Network | Traced
    polynomials: Complexity
    kept: Any

    @property
    def flops(self) -> Any:
        """The polynomial of the flops (multiply-adds)."""
        return self.polynomials.flops

    @property
    def params(self) -> Any:
        """The polynomial of the params (elements)."""
        return self.polynomials.params

    @property
    def acts(self) -> Any:
        """The polynomial of the acts (elements)."""
        return self.polynomials.acts

    def report(self, form: str = "text") -> Sequence[Table | str]:
        if form == "csv":
            return [Table(self.rows())]
        return told([written.closed_form_step(self.network, self.polynomials, kept=self.kept)], form)

    def as_dict(self) -> dict[str, Any]:
        import sympy

        return {
            "network": self.network.name,
            **self._all(),
            "latex": {name: sympy.latex(polynomial) for name, polynomial in self._all().items()},
            "terms": self.rows(),
            "resolution": self.network.sizes()["resolution"],
            "n": own_unit(self.network),
        }

    def rows(self) -> list[dict[str, Any]]:
        """A row for each monomial: its powers of d, w, g and n, and what flops, params and acts take of it."""
        metrics = {name: {term.powers: term.coefficient for term in terms(form)} for name, form in self._all().items()}
        known = sorted({powers for coefficients in metrics.values() for powers in coefficients}, reverse=True)
        return [
            dict(zip(map(str, VARIABLES), powers, strict=True))
            | {name: coefficients.get(powers, 0) for name, coefficients in metrics.items()}
            for powers in known
        ]

    def _all(self) -> dict[str, Any]:
        return {**self.polynomials.as_dict(), "kept": self.kept}

    def summary(self) -> str:
        return f"{self.network.name}: {len(self.rows())} terms"


def closed_form(network: Any, *, resolution: Any = None, input: Any = None) -> ClosedForm:
    """What a whole network costs: polynomials in the multipliers d, w, g of depth, width, group width, and in n.

    The input is 32 n x 32 n, or of n = height / 32 and its own proportions (``resolution``, ``input``: others than the
    network's own). Raises InvalidInput for what is no network, and for one without a closed form.

    >>> closed_form("EfficientNet-B0").acts
    108864*d*n**2*w + 11220*d*w + 28640*n**2*w - 1880*w + 1000
    """
    found = resolve.network(network, resolution=resolution, input=input)
    return ClosedForm(found, polynomials_of(found), kept_form(found))


def optimal(
    layer: str | None = None,
    *,
    depth_floor: Any = None,
    resolution_floor: Any = None,
    network: Any = None,
    devices: Any = None,
    at: float | None = None,
    batch: int | None = None,
) -> Any:
    """The strategy along which acts grow slowest, with floors on the exponents of depth and resolution.

    A linear program, solved exactly (``scaling.optimal``). Floors: ints, Fractions, or text as ``1/10`` (default: 0).
    With ``network`` (one or several): the direction along which its predicted time grows slowest up to the factor
    ``at`` (default: 16), on each of the ``devices`` (default: all), under the floors of dWr by default.

    >>> optimal(depth_floor="1/10", resolution_floor="1/20").strategy.name
    'dWr'
    """
    given = {"depth": depth_floor, "resolution": resolution_floor}
    floors = {name: _exact(value, f"the {name} floor") for name, value in given.items() if value is not None}
    if network is not None:
        if layer is not None:
            raise InvalidInput(
                "a layer (--layer) and a network (--network) exclude each other: a network has layers of its own"
            )
        from complexity_theory.verbs.directions import slowest_of

        return slowest_of(network, devices, at, batch, floors)
    if devices is not None or at is not None or batch is not None:
        raise InvalidInput(
            "--device, --at and --batch are of the time of a network: give a network (--network) as well"
        )
    from complexity_theory.scaling.optimal import slowest_acts

    kind = "conv" if layer is None else resolve.text(layer, "a layer", "conv")
    return LayerScaling(slowest_acts(kind, **floors))


def _exact(value: Any, what: str) -> Fraction:
    from complexity_theory.scaling.strategy import exact

    if isinstance(value, str):
        return exact(value, what)
    if type(value) is int or isinstance(value, Fraction):
        return Fraction(value)
    raise InvalidInput(f"{what} must be an int, a Fraction or text such as '1/10', not {resolve.shown(value)}")


@dataclass(frozen=True, repr=False)
class Roofline(Result):
    """Flops per act along strategies, and from which s on a layer is compute-bound: rows."""

    found: tuple[dict[str, Any], ...]

    def report(self, form: str = "text") -> Sequence[Table | str]:
        return [Table(self.found, "Flops per act at s")]

    def as_dict(self) -> list[dict[str, Any]]:
        return list(self.found)

    def rows(self) -> Sequence[Mapping[str, Any]]:
        return self.found

    def summary(self) -> str:
        return ", ".join(row["strategy"] for row in self.found)


def roofline(
    strategies: Any = NAMED,
    layer: str = "conv",
    *,
    flop_rate: float | None = None,
    bandwidth: float | None = None,
    bytes_per_act: float | None = None,
    width: int | None = None,
    group_width: int | None = None,
    kernel: int | None = None,
) -> Roofline:
    """Flops per act along each strategy, and the s at which a layer turns from memory-bound to compute-bound.

    In closed form (``scaling.roofline``); what is given as a number is put in: multiply-adds and bytes a second, bytes
    moved per act, base sizes. Raises InvalidInput for numbers that are not above 0.

    >>> roofline("w").frame()["compute-bound from s"][0]
    F**2*b**2/(B**2*k**4*w**2)
    """
    from complexity_theory.core import symbols
    from complexity_theory.scaling.roofline import roofline_rows

    given = {
        "flop_rate": (symbols.rate, flop_rate),
        "bandwidth": (symbols.bandwidth, bandwidth),
        "bytes_per_act": (symbols.bytes_per_act, bytes_per_act),
        "width": (symbols.w, width),
        "group_width": (symbols.g, group_width),
        "kernel": (symbols.k, kernel),
    }
    values = {
        symbol: resolve.number(value, f"--{name.replace('_', '-')}")
        for name, (symbol, value) in given.items()
        if value is not None
    }
    resolve.text(layer, "a layer", "conv")
    chosen = [resolve.strategy(strategy) for strategy in resolve.several(strategies, "strategies")]
    return Roofline(tuple(roofline_rows([derive_layer(strategy, layer) for strategy in chosen], values)))
