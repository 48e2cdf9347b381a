"""Verbs of networks that can be built: scale, export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from complexity_theory.core.checks import is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.quantities import quantity
from complexity_theory.core.report import Table
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling import realise
from complexity_theory.scaling.strategy import Strategy, by_multipliers
from complexity_theory.verbs import resolve
from complexity_theory.verbs.counting import shown_sides
from complexity_theory.verbs.result import Result

WARN_BEYOND = 0.03  # relative deviation of the flops from a target
WARN_FACTOR_BEYOND = 0.1  # of a factor, which a rule may miss where sizes are small


@dataclass(frozen=True, repr=False)
class Scaled(Result):
    """A network scaled so that it can be built: ``found`` (``scaling.realise.Scaled``) and what it says."""

    found: realise.Realised[Any]

    @property
    def base(self) -> Network | Traced:
        """The network that was scaled."""
        found: Network | Traced = self.found.base
        return found

    @property
    def network(self) -> Network | Traced:
        """The scaled network."""
        found: Network | Traced = self.found.network
        return found

    @property
    def strategy(self) -> Strategy:
        """The strategy."""
        return self.found.strategy

    @property
    def rounding(self) -> str:
        """The rule that rounded the sizes."""
        return self.found.rounding

    @property
    def factor(self) -> float:
        """The factor asked for, or for a target the one at which the ideal, unrounded network has its flops."""
        return self.found.factor

    @property
    def complexity(self) -> Complexity:
        """The counts of the scaled network: flops (multiply-adds), params and acts (elements)."""
        return self.found.complexity

    @property
    def deviation(self) -> float:
        """Relative deviation of the flops from those wanted: 0.01 is 1% above."""
        return self.found.deviation

    @property
    def dimensions(self) -> dict[str, dict[str, float]]:
        """For each dimension scaled or changed: its ideal and realised multipliers and its worst deviation."""
        return self.found.dimensions()

    @property
    def warnings(self) -> tuple[str, ...]:  # type: ignore[override]
        """That a target is missed by more than 3%, or that a factor is 10% off what the flops are multiplied by."""
        if self.found.target_flops is not None:
            missed = abs(self.deviation) > WARN_BEYOND
            return (f"the nearest sizes found miss the target by {self.deviation:+.1%}",) if missed else ()
        if abs(self.deviation) <= WARN_FACTOR_BEYOND:
            return ()
        reached = self.complexity.flops / self.found.base_complexity.flops
        return (
            f"the flops are multiplied by {reached:.3g} ({self.found.ideal_ratio:.3g} before rounding), not by "
            f"{self.factor:g}: --target-flops finds sizes for the flops wanted",
        )

    def report(self, form: str = "text") -> Sequence[Table | str]:
        data = self.found.as_dict()
        wanted: dict[str, Any] = {
            "strategy": data["strategy"],
            "rounding": data["rounding"],
            "factor": data["factor"],
            "wanted flops": round(self.found.wanted_flops),
            "reached": data["reached"],
            "deviation": f"{data['deviation']:+.2%}",
        }
        dimensions = [
            {
                "dimension": name.replace("_", " "),
                "ideal multiplier": row["ideal"],
                "realised": row["realised"],
                "farthest size": f"{row['worst']:+.1%}",
            }
            for name, row in data["dimensions"].items()
        ]
        return [Table(self.rows(), title=self.network.note), Table([wanted]), Table(dimensions)]

    def as_dict(self) -> dict[str, Any]:
        return self.found.as_dict()

    def rows(self) -> list[dict[str, Any]]:
        data = self.found.as_dict()
        return [
            {name: joined(name, value) for name, value in data[which].items() if name != "note"}
            for which in ("base", "scaled")
        ]

    def summary(self) -> str:
        counts = ", ".join(f"{name} {value:,}" for name, value in self.complexity.as_dict().items())
        return f"{self.network.name}: {counts}"


def joined(name: str, value: Any) -> Any:
    """Sizes as one cell: ``1, 2, -``; those of an input as 384x640."""
    if name == "resolution":
        return shown_sides(value)
    if not isinstance(value, (tuple, list)):
        return value
    return ", ".join("-" if size is None else str(size) for size in value)


def scale(
    network: Any,
    strategy: Any = None,
    *,
    factor: float | None = None,
    target_flops: float | str | None = None,
    multipliers: str | None = None,
    rounding: str | None = None,
    resolution: Any = None,
    input: Any = None,
    fix: Any = (),
    only: Any = (),
) -> Scaled:
    """A network scaled by a factor, or to ``target_flops`` (multiply-adds, as 8e9 or "8GF"), that can be built.

    ``network``: a name, a file or a Network; ``strategy``: text or a Strategy; ``rounding``: a rule (``scaling.rules``;
    default pycls). ``multipliers``: of d, w, g, r, instead of a strategy and how far, as text ("d1.4_w1.2_r300/224").
    ``resolution``, ``input``: of the base, where they are not its own. ``fix``, ``only``: patterns of sizes that stay,
    or alone move ("head", "stage1.*"). Raises InvalidInput for bad values, an unreachable target, or a strategy that
    scales nothing in this network.

    >>> scale("RegNetY-4.0GF", "d1_w8_g8_r1", factor=4).complexity
    Complexity(flops=15608249240, params=68144472, acts=26542408)
    """
    base = resolve.network(network, resolution=resolution, input=input)
    if (strategy is None) == (multipliers is None):
        raise InvalidInput("scaling takes a strategy such as dWr, or multipliers such as d1.4_w1.2_r1.34")
    if multipliers is not None:
        if (factor, target_flops) != (None, None):
            raise InvalidInput("multipliers say how far to scale: leave a factor and a flops target out")
        if not isinstance(multipliers, str):
            raise InvalidInput(f"multipliers are text such as 'd1.4_w1.2_r1.34', not {resolve.shown(multipliers)}")
        direction, factor = by_multipliers(multipliers)
    else:
        direction = resolve.strategy(strategy)
    if rounding is not None:
        resolve.choice(rounding, "rounding rule", list(realise.RULES))
    if factor is not None and is_number(factor) and type(factor) is not int:
        factor = float(factor)
    target = None if target_flops is None else quantity(target_flops, "flops", "a target")
    found = realise.scale(
        base,
        direction,
        factor=factor,
        target_flops=target,
        rounding=rounding,
        fix=resolve.patterns(fix, "fix"),
        only=resolve.patterns(only, "only"),
    )
    return Scaled(found)


@dataclass(frozen=True, repr=False)
class Exported(Result):
    """A network as text that another library loads: ``text``, of the form ``to``."""

    network: Network | Traced
    to: str
    text: str

    def report(self, form: str = "text") -> Sequence[Table | str]:
        return [self.text]

    def as_dict(self) -> dict[str, Any]:
        return {"network": self.network.name, "to": self.to, "text": self.text}

    def rows(self) -> list[dict[str, Any]]:
        return [self.as_dict()]

    def summary(self) -> str:
        return f"{self.network.name} to {self.to}: {len(self.text.splitlines())} lines"

    def __str__(self) -> str:
        return self.text

    def write(self, output: str | Path) -> None:
        """Writes the text as a file, whole or not at all. Raises InvalidInput where it cannot be written."""
        from complexity_theory.core import files

        files.write(resolve.path(output, "output"), self.text)


def export(
    network: Any,
    to: str,
    *,
    strategy: Any = None,
    factor: float | None = None,
    target_flops: float | str | None = None,
    rounding: str | None = None,
    resolution: Any = None,
    input: Any = None,
    snippet: bool = False,
) -> Exported:
    """A network, scaled first where a strategy is given, as text that other libraries load (``exports``).

    ``snippet``: only the Python that builds it. Raises InvalidInput, with the reason, where the library cannot express
    the network.

    >>> print(export("RegNetX-200MF", "pycls").text.splitlines()[0])
    MODEL: {TYPE: anynet, NUM_CLASSES: 1000, ACTIVATION_FUN: relu}
    """
    from complexity_theory import exports

    base = resolve.network(network, resolution=resolution, input=input)
    found = scaled_first(base, strategy, factor=factor, target_flops=target_flops, rounding=rounding)
    resolve.flag(snippet, "snippet")
    if not isinstance(to, str):
        raise InvalidInput(f"an export is one of {', '.join(exports.EXPORTS)}, not {resolve.shown(to)}")
    if snippet and not isinstance(found, Network):
        raise InvalidInput(f"there is no Python snippet for {found.name}, which was traced: export it to torch")
    return Exported(found, to, exports.snippet(found, to) if snippet else exports.export(found, to))  # type: ignore[arg-type]


def scaled_first(network: Any, strategy: Any, **how: Any) -> Network | Traced:
    """The network, scaled where a strategy is given. Raises InvalidInput where the one is given without the other."""
    if strategy is not None:
        return scale(network, strategy, **how).network
    given = [name for name, value in how.items() if value is not None]
    if given:
        option = given[0].replace("_", "-")
        raise InvalidInput(f"--{option} is for scaling first: give a strategy (--strategy) such as dWr as well")
    return resolve.network(network)
