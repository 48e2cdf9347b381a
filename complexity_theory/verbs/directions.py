"""What ``derive`` and ``optimal`` say of directions: those that keep budgets, and those of slowest time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.devices import growth
from complexity_theory.devices import profile as profiles
from complexity_theory.devices.growth import TimeGrowth
from complexity_theory.scaling import directions
from complexity_theory.scaling.exponents import Derivation
from complexity_theory.scaling.exponents import derive as derive_layer
from complexity_theory.scaling.steps import DerivationStep
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result
from complexity_theory.verbs.writing import growth_row, step_data, told


@dataclass(frozen=True, repr=False)
class Directions(Result):
    """All directions that keep bounds on exponents: ``found`` (``scaling.directions``).

    ``asked``: a strategy that is held against them; ``times``: the exponent of predicted time along each corner.
    """

    found: directions.FeasibleDirections
    asked: Derivation | None = None
    times: tuple[TimeGrowth, float] | None = None
    with_steps: bool = False

    @property
    def keeps(self) -> dict[str, bool]:
        """Which bounds the asked strategy keeps."""
        if self.asked is None:
            return {}
        return {name: bool(getattr(self.asked.exponents, name) <= bound) for name, bound in self.found.bounds.items()}

    @property
    def seconds(self) -> dict[str, float]:
        """The exponent of predicted time along each corner, by its name."""
        if self.times is None:
            return {}
        time, s = self.times
        return {corner.strategy.name: time.exponent(corner.strategy, s) for corner in self.found.vertices}

    @property
    def steps(self) -> list[DerivationStep]:
        """The derivation, step by step."""
        return directions.direction_steps(self.found)

    def report(self, form: str = "text") -> Sequence[Table | str]:
        if self.with_steps:
            return told(self.steps, form)
        bounds = ", ".join(f"{metric} at most s^{bound}" for metric, bound in self.found.bounds.items())
        alphas = self.found.alphas
        family = "no alpha" if alphas is None else f"alpha from {alphas[0]} to {alphas[1]}"
        title = f"Flops as s, {bounds}: the corners of all directions ({self.found.layer}); fast scaling: {family}"
        return [Table(self.rows(), title)]

    def rows(self) -> list[dict[str, Any]]:
        rows = [growth_row(corner) for corner in self.found.vertices] or [{"directions": self.found.why_none()}]
        if self.asked is not None:
            kept = ", ".join(name for name, keeps in self.keeps.items() if keeps) or None
            rows = [*rows, {**growth_row(self.asked), "keeps": kept}]
        if self.times is None:
            return rows
        time, s = self.times
        name = f"time of {time.network.name} on {time.profile.name} at s = {s:g}"
        return [{**row, name: self.seconds.get(str(row.get("strategy")))} for row in rows]

    def as_dict(self) -> dict[str, Any]:
        data = self.found.as_dict()
        if self.asked is not None:
            data |= {**self.asked.as_dict(), "keeps": self.keeps}
        if self.times is not None:
            fastest = min(self.seconds, key=self.seconds.__getitem__, default=None)
            data |= {"seconds": self.seconds, "slowest": {**data["slowest"], "seconds": fastest}}
        return data | ({"steps": step_data(self.steps)} if self.with_steps else {})

    def summary(self) -> str:
        bounds = ", ".join(f"{metric} at most s^{bound}" for metric, bound in self.found.bounds.items())
        return f"{bounds}: {len(self.found.vertices)} corners"


def directions_of(
    budgets: Any,
    strategy: Any,
    layer: Any,
    networks: list[Any] | None,
    at: float | None,
    device: Any,
    batch: Any,
    steps: bool,
) -> Directions:
    """All directions that keep ``budgets``, with what is asked of them. Raises InvalidInput as ``derive`` does."""
    resolve.text(layer, "a layer", "conv")
    if isinstance(budgets, Mapping):
        budgets = ",".join(f"{name}:{bound}" for name, bound in budgets.items())
    bounds = directions.parse_bounds(resolve.text(budgets, "budgets", "params:9/10,acts:3/5"))
    found = directions.directions(bounds, layer)
    asked = None if strategy is None else derive_layer(resolve.strategy(strategy), found.layer)
    times = None
    if networks is not None:
        if device is None or len(networks) > 1:
            raise InvalidInput(
                "with budgets (--budgets), a network takes a device (--device), and is given once: its time picks a "
                "corner"
            )
        times = (time_growth(networks[0], device, batch), 1.0 if at is None else resolve.number(at, "the factor at"))
    return Directions(found, asked, times, steps)


def time_growth(network: Any, device: Any, batch: Any) -> TimeGrowth:
    """How the predicted time of a network on a device grows. Raises InvalidInput for what is no network or device."""
    return growth.time_growth(resolve.network(network), resolve.device(device), resolve.whole(batch, "batch"))


@dataclass(frozen=True, repr=False)
class Slowest(Result):
    """The direction along which predicted time grows slowest, a row for each network on each device."""

    found: tuple[dict[str, Any], ...]

    def report(self, form: str = "text") -> Sequence[Table | str]:
        optional = ("mode", "batch", "is dWr", "share of r")
        return [Table(self.found, "The direction along which predicted time grows slowest, by device", optional)]

    def as_dict(self) -> list[dict[str, Any]]:
        return list(self.found)

    def rows(self) -> Sequence[dict[str, Any]]:
        return self.found

    def summary(self) -> str:
        return "; ".join(f"{row['network']} on {row['device']}: {row['direction']}" for row in self.found[:3])


def slowest_of(network: Any, devices: Any, at: float | None, batch: Any, floors: dict[str, Fraction]) -> Slowest:
    """The directions of slowest time of networks on devices. Raises InvalidInput as ``optimal`` does."""
    factor = growth.FACTOR if at is None else resolve.number(at, "the factor at")
    chosen = profiles.names() if devices is None else resolve.several(devices, "devices")
    rows = [
        _slowest_row(time_growth(each, device, batch), factor, floors)
        for each in resolve.several(network, "networks")
        for device in chosen
    ]
    return Slowest(tuple(rows))


def _slowest_row(time: TimeGrowth, factor: float, floors: Mapping[str, Fraction]) -> dict[str, Any]:
    found = growth.slowest(time, factor, **floors)
    depth, width, _, resolution = found.strategy.shares
    return {
        "network": time.network.name,
        "device": time.profile.name,
        "mode": time.profile.mode,
        "batch": time.batch,
        "s": found.factor,
        "direction": found.strategy.name,
        "share of d": float(depth),
        "share of w": float(width),
        "share of r": float(resolution),
        "exponent": found.exponent,
        "exponent of dWr": found.paper,
        "dWr takes longer by": found.gain,
        "is dWr": found.agrees,
    }
