"""What ``derive`` says of whole networks: effective exponents at finite factors, and their limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.core.symbols import s
from complexity_theory.devices.growth import TimeGrowth, time_growth, time_step
from complexity_theory.graph.complexity import METRICS, Complexity
from complexity_theory.networks.knobs import Scalable
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling import kept
from complexity_theory.scaling import steps as written
from complexity_theory.scaling.effective import FACTORS, EffectiveExponents, effective_exponents
from complexity_theory.scaling.steps import DerivationStep
from complexity_theory.scaling.strategy import Multipliers, Strategy
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result
from complexity_theory.verbs.writing import step_data, told


@dataclass(frozen=True, repr=False)
class NetworkScaling(Result):
    """How networks scale along a strategy: ``scalings`` (``scaling.effective``), at one factor ``at`` or at several.

    ``times``: how the predicted time of each grows on a device (``devices.growth``).
    """

    strategy: Strategy
    scalings: tuple[EffectiveExponents, ...]
    at: float | None = None
    times: tuple[TimeGrowth, ...] | None = None
    with_steps: bool = False

    @property
    def factors(self) -> tuple[float, ...]:
        """The factors at which exponents are told."""
        return FACTORS if self.at is None else (self.at,)

    @property
    def exponents(self) -> Complexity:
        """The exponents of flops, params and acts of the first network: floats at ``at``, without it the limits."""
        first = self.scalings[0]
        return first.limits if self.at is None else first.at(self.at)

    @property
    def limits(self) -> Complexity:
        """The exact limits of the exponents of the first network as s grows: Fractions."""
        return self.scalings[0].limits

    @property
    def multipliers(self) -> Multipliers:
        """What the dimensions are multiplied by: floats at ``at``, without it sympy expressions in s."""
        if self.at is not None:
            return self.strategy.multipliers(self.at)
        return Multipliers(*(s**exponent for exponent in self.strategy.direction))

    @property
    def steps(self) -> list[DerivationStep]:
        """The derivation for the first network, step by step."""
        found = written.network_steps(self.scalings[0], self.factors)
        return found if self.times is None else [*found, time_step(self.times[0], self.strategy, self.factors)]

    def report(self, form: str = "text") -> Sequence[Table | str]:
        if self.with_steps:
            return told(self.steps, form)
        compared = [group_width_table(scaling.network, self.strategy, self.factors) for scaling in self.scalings]
        title = "Effective exponents at s, and how far they are off their limits"
        if self.times is not None:
            title = f"{title}; seconds on {self.times[0].profile.name}"
        return [Table(self.rows(), title), *(found for found in compared if found is not None)]

    def as_dict(self) -> Any:
        data = [self._data(scaling) for scaling in self.scalings]
        if self.times is not None:
            data = [self._timed(told, time) for told, time in zip(data, self.times, strict=True)]
        found: Any = data[0] if len(data) == 1 else data
        return {**found, "steps": step_data(self.steps)} if self.with_steps else found

    def _data(self, scaling: EffectiveExponents) -> dict[str, Any]:
        network, limits = scaling.network, scaling.limits.as_dict()
        about: dict[str, Any] = {"strategy": self.strategy.name, "network": network.name}
        about |= {"multipliers": self.multipliers._asdict()}
        limit = kept.limit(network, self.strategy)
        if self.at is not None:
            memory = {"kept": kept.effective_exponent(network, self.strategy, self.at), "kept_limit": limit}
            return {**about, "at": self.at, "exponents": scaling.at(self.at).as_dict(), "limits": limits, **memory}
        compared = group_width_table(network, self.strategy)
        group_widths = {} if compared is None else {"group_widths": compared.rows}
        memory = {"kept": limit, "kept_limit": limit}
        return {**about, "exponents": limits, **memory, "table": distances([scaling], FACTORS), **group_widths}

    def _timed(self, data: dict[str, Any], time: TimeGrowth) -> dict[str, Any]:
        """The data with those of ``seconds``, and the device."""
        limit = time.limit(self.strategy)
        found = {**data, "device": time.profile.name, "batch": time.batch}
        if self.at is not None:
            found["exponents"] = {**data["exponents"], "seconds": time.exponent(self.strategy, self.at)}
            return {**found, "limits": {**data["limits"], "seconds": limit}}
        found["exponents"] = {**data["exponents"], "seconds": limit}
        return {**found, "table": [self._timed_row(row, time) for row in data["table"]]}

    def _timed_row(self, row: Mapping[str, Any], time: TimeGrowth) -> dict[str, Any]:
        limit = time.limit(self.strategy)
        if row["s"] == "oo":
            return {**row, "seconds": limit}
        exponent = time.exponent(self.strategy, row["s"])
        return {**row, "seconds": exponent, "seconds off": exponent - float(limit)}

    def rows(self) -> list[dict[str, Any]]:
        rows = distances(self.scalings, self.factors)
        if self.times is None:
            return rows
        by_name = {time.network.name: time for time in self.times}
        return [self._timed_row(row, by_name[row["network"]]) for row in rows]

    def summary(self) -> str:
        names = ", ".join(scaling.network.name for scaling in self.scalings)
        return f"{self.strategy} on {names}"


def scaling_of(
    strategy: Strategy, found: list[Network | Traced], at: float | None, device: Any, batch: Any, with_steps: bool
) -> NetworkScaling:
    """The scaling of one network or several. Raises InvalidInput for what cannot be told."""
    if with_steps and len(found) > 1:
        raise InvalidInput(f"the steps (--steps) are those of one network at a time, not {len(found)}")
    if at is not None:
        resolve.number(at, "the factor at")
    scalings = tuple(effective_exponents(network, strategy) for network in found)
    for scaling in scalings if at is not None else ():
        scaling.at(at)  # type: ignore[arg-type]  # which refuses what floats do not hold
    if device is None:
        return NetworkScaling(strategy, scalings, at, None, with_steps)
    profile, images = resolve.device(device), resolve.whole(batch, "batch")
    times = tuple(time_growth(network, profile, images) for network in found)
    return NetworkScaling(strategy, scalings, at, times, with_steps)


def distances(scalings: Iterable[EffectiveExponents], factors: Sequence[float] = FACTORS) -> list[dict[str, Any]]:
    """How far networks are from their limits along a strategy: exponents at each s, and how much they are off.

    The limits are the paper's asymptotic values (those of a dense convolution) wherever depth, width or resolution is
    scaled. Rows: network, s, the exponents of flops, params and acts at s, and each less its limit; s = oo: the limits.
    """
    rows: list[dict[str, Any]] = []
    for scaling in scalings:
        name = {"network": scaling.network.name, "strategy": scaling.strategy.name}
        limits = scaling.limits.as_dict()
        for factor in factors:
            exponents = scaling.at(factor).as_dict()
            off = {f"{metric} off": exponents[metric] - float(limits[metric]) for metric in METRICS}
            memory = {"kept": kept.effective_exponent(scaling.network, scaling.strategy, factor)}
            rows.append({**name, "s": factor, **exponents, **memory, **off})
        rows.append({**name, "s": "oo", **limits, "kept": kept.limit(scaling.network, scaling.strategy)})
    return rows


def group_width_table(network: Scalable, strategy: Strategy, factors: Sequence[float] = FACTORS) -> Table | None:
    """What the group widths do: exponents along a strategy with them kept, scaled as the widths, and in a dense twin.

    The paper's finding (Dollár et al. 2021, section 3): a network with group convolutions scales as one with dense
    convolutions only where width and group width are scaled together. The twin has dense convolutions in place of the
    group convolutions. Rows: convolutions, s, exponents of flops, params and acts. None where the network has no
    group convolutions, or the strategy does not scale the width. Raises InvalidInput as ``effective_exponents`` does.
    """
    if all(knob.dimension != "group_width" for knob in network.knobs) or strategy.width == 0:
        return None
    cases = {
        "group, g kept": (network, replace(strategy, group_width=Fraction(0))),
        "group, g scaled as w": (network, replace(strategy, group_width=strategy.width)),
        "dense": (network.dense(), strategy),
    }
    scalings = {case: effective_exponents(*of) for case, of in cases.items()}
    rows = [
        {"convolutions": case, "s": factor, **scaling.at(factor).as_dict()}
        for factor in factors
        for case, scaling in scalings.items()
    ]
    return Table(rows, f"The group widths of {network.name} along {strategy}: effective exponents")
