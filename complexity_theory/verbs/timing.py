"""Verbs of predicted time: list_devices, predict, compare, crossover."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from complexity_theory.choice import compare as rivals
from complexity_theory.choice.compare import ROUNDINGS, STRATEGIES
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.quantities import flops_text, quantity
from complexity_theory.core.report import Table
from complexity_theory.devices import profile as profiles
from complexity_theory.devices.memory import Memory, memory
from complexity_theory.devices.prediction import Prediction
from complexity_theory.devices.prediction import predict as predicted
from complexity_theory.devices.profile import Profile
from complexity_theory.evidence.known import known_accuracy, told
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.verbs import resolve
from complexity_theory.verbs.counting import shown_sides
from complexity_theory.verbs.result import Result
from complexity_theory.verbs.scaling import scaled_first

if TYPE_CHECKING:
    from complexity_theory.verbs.many import Many

_NUMBER = re.compile(r"(?<!\S)(\d[\d,]*(?:\.\d+)?)(?!\S)")


def setting(profile: Profile) -> dict[str, Any]:
    """How the device of a profile was run: mode, precision, layout, execution, batch; None where it is not known."""
    about = profile.provenance
    known = {name: about.get(name) for name in ("precision", "layout", "execution")}
    return {"mode": profile.mode, **known, "batch": profile.batch}


def described(profile: Profile, batch: int) -> str:
    """The setting in words, as a title has it: ``training, fp32, batch 64``."""
    words = [
        str(word) for name, word in setting(profile).items() if word is not None and name not in ("layout", "batch")
    ]
    return ", ".join([*words, f"batch {batch:,}"])


@dataclass(frozen=True, repr=False)
class Devices(Result):
    """The device profiles that come with the package: ``profiles``."""

    profiles: tuple[Profile, ...]

    def report(self, form: str = "text") -> Sequence[Table | str]:
        return [
            Table(self.rows(), optional=("families", "layout", "execution", "covered", "error, known kin", "precision"))
        ]

    def as_dict(self) -> list[dict[str, Any]]:
        return self.rows()

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "device": profile.name,
                **setting(profile),
                "measurements": profile.n,
                "families": len(profile.families),
                "error, known kin": profile.architecture.mape,
                "error, new kin": None if profile.kin is None else profile.kin.mape,
                "9 of 10 within": None if profile.kin is None else f"x {profile.kin.low:.2f} to {profile.kin.high:.2f}",
                "covered": None if profile.kin is None else profile.kin.coverage,
            }
            for profile in self.profiles
        ]

    def summary(self) -> str:
        return ", ".join(profile.name for profile in self.profiles)


def list_devices() -> Devices:
    """The device profiles that come with the package: how they were measured and how well they predict.

    >>> "v100-training" in list_devices().summary()
    True
    """
    return Devices(tuple(profiles.load_profile(name) for name in profiles.names()))


@dataclass(frozen=True, repr=False)
class Predicted(Result):
    """Predicted time of a network on a device (``prediction``), and its ``memory``, in bytes."""

    network: Network | Traced
    device: Profile
    prediction: Prediction
    memory: Memory
    strategy: str | None = None

    @property
    def seconds(self) -> float:
        """Predicted seconds per image."""
        return self.prediction.seconds

    @property
    def low(self) -> float:
        """The seconds per image above which 19 of 20 networks lie."""
        return self.prediction.low

    @property
    def high(self) -> float:
        """The seconds per image below which 19 of 20 networks lie."""
        return self.prediction.high

    @property
    def batch(self) -> int:
        """Images per batch."""
        return self.prediction.batch

    @property
    def terms(self) -> dict[str, float]:
        """Seconds per image by what they are spent on."""
        return self.prediction.terms

    @property
    def warnings(self) -> tuple[str, ...]:  # type: ignore[override]
        """In what the network is unlike those that the profile was fitted to."""
        return self.prediction.warnings

    def _about(self) -> dict[str, Any]:
        counts = self.network.complexity().as_dict()
        about = {"network": self.network.name, "device": self.device.name, "mode": self.device.mode}
        return {**about, "batch": self.batch, **counts}

    def report(self, form: str = "text") -> Sequence[Table | str]:
        shares = [
            {"term": name, "ms": value * 1e3, "share": f"{value / self.seconds:.0%}"}
            for name, value in self.terms.items()
        ]
        title = f"{self.network.name} on {self.device.name} ({described(self.device, self.batch)})"
        return [Table(self._shown(), title), Table(shares, "Where the time goes")]

    def _shown(self) -> list[dict[str, Any]]:
        times = {"ms per image": self.seconds * 1e3, "low": self.low * 1e3, "high": self.high * 1e3}
        return [{**self._about(), **times, "memory, GiB": self.memory.total / 2**30}]

    def as_dict(self) -> dict[str, Any]:
        return {
            **self._about(),
            "resolution": self.network.resolution,
            "strategy": self.strategy,
            **asdict(self.prediction),
            "interval": profiles.INTERVAL,
            "memory": self.memory.total,
            "memory_parts": asdict(self.memory),
        }

    def rows(self) -> list[dict[str, Any]]:
        times = {"seconds": self.seconds, "low": self.low, "high": self.high}
        return [{**self._about(), **times, "memory": self.memory.total}]

    def summary(self) -> str:
        times = f"{1e3 * self.seconds:.4g} ms per image ({1e3 * self.low:.4g} to {1e3 * self.high:.4g})"
        return f"{self.network.name} on {self.device.name}: {times}"


def predict(
    network: Any,
    device: Any,
    *,
    input: Any = None,
    batch: int | None = None,
    strategy: Any = None,
    factor: float | None = None,
    target_flops: float | str | None = None,
    rounding: str | None = None,
) -> Predicted | Many:
    """The predicted time of a network on a device, per image, with the interval in which 9 of 10 networks lie.

    ``network``: a name, a file, a Network, or variants of one (``verbs.many.Variants``), which are predicted at once as
    arrays; ``device``: a profile by name, file or as an object. Scaled first where a ``strategy`` is given. Raises
    InvalidInput for what is none of these and for counts and batches that no profile takes.

    >>> found = predict("RegNetY-4.0GF", "v100-inference")
    >>> found.low < found.seconds < found.high
    True
    """
    from complexity_theory.verbs.many import Variants, predict_many

    profile = resolve.device(device)
    if (strategy is None) != (factor is None and target_flops is None):
        raise InvalidInput(
            "to scale takes a strategy (--strategy), and a factor or a flops target (--factor, --target-flops)"
        )
    resolve.whole(batch, "batch")
    if isinstance(network, Variants):
        if strategy is not None:
            raise InvalidInput("variants have sizes of their own: leave the strategy out")
        return predict_many(network, profile, batch)
    how = {"factor": factor, "target_flops": target_flops, "rounding": rounding}
    chosen = scaled_first(resolve.network(network, input=input), strategy, **how)
    told = None if strategy is None else resolve.strategy(strategy).name
    found = predicted(chosen, profile, batch=batch)
    return Predicted(chosen, profile, found, memory(chosen, found.batch, profile), told)


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """A network under every strategy at one flops target or factor, on devices: ``choices``, fastest first.

    Each (``choice.compare.Compared``) is realised by the rounding rule that gives the faster network.
    """

    network: Network | Traced
    devices: tuple[Profile, ...]
    target_flops: int | None
    factor: float | None
    choices: tuple[rivals.Compared, ...]
    left_out: tuple[str, ...]

    @property
    def batch(self) -> int:
        """Images per batch, on the first device."""
        return self.choices[0].prediction.batch

    @property
    def best(self) -> rivals.Compared:
        """The fastest."""
        return self.choices[0]

    @property
    def warnings(self) -> tuple[str, ...]:  # type: ignore[override]
        """In what the networks are unlike those that profiles were fitted to, with the strategies it concerns."""
        return alike((row["strategy"], line) for row in self.rows() for line in row["warnings"])

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Why strategies were left out, and what is known of the accuracy of those that were not."""
        known = told(self.network.name, family(self.network), [choice.strategy for choice in self.choices])
        return (*(f"left out: {line}" for line in self.left_out), known)

    def report(self, form: str = "text") -> Sequence[Table | str]:
        at = f"by {self.factor:g}" if self.target_flops is None else f"at {flops_text(self.target_flops)}"
        names = ", ".join(profile.name for profile in self.devices)
        title = f"{self.network.name} {at} on {names} ({described(self.devices[0], self.batch)})"
        return [Table([self._shown(row) for row in self.rows()], title, optional=("low", "rounding"))]

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        shown = {name: row[name] for name in ("strategy", "rounding", "flops", "params", "acts")}
        shown["resolution"] = shown_sides(row["resolution"])
        alone = len(self.devices) == 1
        for name, found in row["devices"].items():
            shown["ms per image" if alone else f"ms per image on {name}"] = found["seconds"] * 1e3
            if alone:
                shown |= {"low": found["low"] * 1e3, "high": found["high"] * 1e3}
        return {**shown, "memory, GiB": row["memory"] / 2**30}

    def as_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.name,
            "device": self.devices[0].name,
            "mode": self.devices[0].mode,
            "batch": self.batch,
            "devices": [profile.name for profile in self.devices],
            "target_flops": self.target_flops,
            "factor": self.factor,
            "interval": profiles.INTERVAL,
            "strategies": self.rows(),
            "left_out": list(self.left_out),
        }

    def rows(self) -> list[dict[str, Any]]:
        rows = (choice.as_dict() for choice in self.choices)
        return [{**row, "accuracy": accuracy(self.network, row["strategy"])} for row in rows]

    def summary(self) -> str:
        order = ", ".join(choice.strategy for choice in self.choices)
        return f"{self.network.name} on {self.devices[0].name}, fastest first: {order}"


def compare(
    network: Any,
    devices: Any,
    target_flops: float | str | None = None,
    *,
    factor: float | None = None,
    batch: int | None = None,
    strategies: Any = STRATEGIES,
    roundings: Any = ROUNDINGS,
    resolution: Any = None,
    input: Any = None,
    multiple: int | None = None,
) -> Comparison:
    """Which way to scale a network: strategies at one flops target or factor, by predicted time, fastest first.

    Takes text or objects, one device or several (the first decides the order); ``target_flops`` as 3.1e9 or "3.1GF".
    ``roundings``: rules of which the one with the faster network is kept. ``resolution``: an input, or "fixed" for one
    that stays as it is; ``multiple``: of what its sides are multiples. Raises InvalidInput where no strategy reaches
    the target.

    >>> compare("EfficientNet-B0", "v100-training", "3.1GF").best.strategy
    'w'
    """
    base, fix = held(network, resolution, input)
    given = tuple(resolve.device(device) for device in resolve.several(devices, "devices"))
    target = None if target_flops is None else int(quantity(target_flops, "flops", "a target"))
    found, left_out = rivals.compare(
        base,
        target,
        given,
        factor=factor,
        batch=resolve.whole(batch, "batch"),
        strategies=[resolve.strategy(strategy).name for strategy in resolve.several(strategies, "strategies")],
        roundings=rules(roundings),
        multiple=resolve.whole(multiple, "multiple"),
        fix=fix,
    )
    return Comparison(base, given, target, factor, tuple(found), tuple(left_out))


def family(network: Network | Traced) -> str:
    """The family of a network; of one that has none, no name of a family."""
    return getattr(network, "family", "")


def accuracy(network: Network | Traced, strategy: str) -> list[dict[str, Any]]:
    """What is known of the accuracy of a network under a strategy, as JSON holds it (``evidence.known``)."""
    return [known._asdict() for known in known_accuracy(network.name, strategy, family=family(network))]


def held(network: Any, resolution: Any, input: Any = None) -> tuple[Any, tuple[str, ...]]:
    """The network, at an input where ``resolution`` is one, and what stays: the input where it is "fixed"."""
    if isinstance(resolution, str) and resolution == "fixed":
        return resolve.network(network, input=input), ("resolution",)
    return resolve.network(network, resolution=resolution, input=input), ()


def rules(roundings: Any) -> list[str]:
    """Names of rounding rules, one or several. Raises InvalidInput for others."""
    from complexity_theory.scaling.rules import RULES

    return [resolve.choice(rule, "rounding rule", list(RULES)) for rule in resolve.several(roundings, "roundings")]


@dataclass(frozen=True, repr=False)
class Crossovers(Result):
    """Where acts govern a network's time on devices and where flops do: a row per device (``devices.balance``)."""

    network: Network | Traced
    found: tuple[dict[str, Any], ...]

    def report(self, form: str = "text") -> Sequence[Table | str]:
        return [Table(self.found, f"{self.network.name}: flops per act, and the s from which flops govern its time")]

    def as_dict(self) -> list[dict[str, Any]]:
        return list(self.found)

    def rows(self) -> Sequence[dict[str, Any]]:
        return self.found

    def summary(self) -> str:
        return f"{self.network.name} on {', '.join(row['device'] for row in self.found)}"


def alike(lines: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Lines that differ in their first number alone as one: whom they concern, and from which number to which.

    >>> alike([("r", "side 632 is outside 224 to 456"), ("d", "acts 9"), ("dr", "side 480 is outside 224 to 456")])
    ('r, dr: side 480 to 632 is outside 224 to 456', 'd: acts 9')
    """
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for who, line in lines:
        parts = _NUMBER.split(line, maxsplit=1)
        number = parts[1] if len(parts) > 1 else ""
        found.setdefault((parts[0], parts[-1] if number else ""), []).append((who, number))
    told = []
    for (before, after), those in found.items():
        numbers = sorted({number for _, number in those}, key=lambda text: float(text.replace(",", "") or 0))
        told.append(
            f"{', '.join(who for who, _ in those)}: {before}{' to '.join(numbers[:1] + numbers[1:][-1:])}{after}"
        )
    return tuple(told)


def crossover(network: Any = "EfficientNet-B0", devices: Any = None, *, input: Any = None) -> Crossovers:
    """Where acts govern time and where flops do: a device's balance, and the s at which a scaled network reaches it.

    ``devices``: one or several (default: all that come with the package).

    >>> crossover("EfficientNet-B0", "v100-training").rows()[0]["governed_by"]
    'acts'
    """
    from complexity_theory.devices import balance

    base = resolve.network(network, input=input)
    chosen = profiles.names() if devices is None else resolve.several(devices, "devices")
    return Crossovers(base, tuple(balance.crossovers(base, resolve.device(device)) for device in chosen))
