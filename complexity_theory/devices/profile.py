"""Device profiles: the predictor's coefficients for a device, with what they were fitted to, as TOML files.

What fits them is in ``fitting``; here neither pandas nor scipy is imported, so that predictions start at once.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import tomli_w

from complexity_theory.core import files
from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import pair
from complexity_theory.devices.features import Features, network_features
from complexity_theory.devices.terms import TERMS, terms
from complexity_theory.networks.spec import Network

INTERVAL = 0.90  # of predictions
BYTES = {"fp32": 4, "tf32": 4, "amp": 2, "fp16": 2, "bf16": 2}  # of an activation
SIZES = ("batch", "resolution", "flops", "params", "acts")  # in which a profile has a range
MODES = ("inference", "training")
MOST = 1e18  # of a count of one image; int64 and the formulas of time hold it
MOST_IMAGES = 10**6  # of a batch
COEFFICIENTS = (1e-30, 1e12)  # seconds per unit that are not 0; 1e12: 10^6 seconds for each of 10^6 images
RATIOS = (1e-9, 1e9)  # of measured to predicted times
SHOWN = 80  # characters of a name or path in a message


@dataclass(frozen=True)
class Spread:
    """Errors of predictions for networks held out: mean absolute relative error, and measured over predicted time.

    ``low`` and ``high`` are the quantiles of that ratio between which ``INTERVAL`` of the networks lie.
    """

    mape: float
    low: float
    high: float


@dataclass(frozen=True)
class Profile:
    """A device in one mode, as fitted.

    ``coefficients``: seconds per unit of each of the predictor's ``TERMS``. ``architecture`` and ``family``: the spread
    of predictions for networks of a known and of an unknown family (None where a single family was measured).
    ``fitted``: smallest, median and largest of each of ``SIZES``. ``provenance``: source, device, mode and what else is
    known.
    """

    name: str
    coefficients: dict[str, float]
    n: int
    families: tuple[str, ...]
    architecture: Spread
    family: Spread | None
    fitted: dict[str, tuple[float, float, float]]
    provenance: dict[str, str]

    @property
    def mode(self) -> str:
        """``inference`` or ``training``."""
        return self.provenance.get("mode", "inference")

    @property
    def batch(self) -> int:
        """The median batch of the measurements."""
        return round(self.fitted["batch"][1])

    def spread_of(self, family: str) -> Spread:
        """The spread of predictions for a network of a family: of architectures where it is known, else of families."""
        return self.architecture if family in self.families or self.family is None else self.family

    def as_dict(self) -> dict[str, Any]:
        """All of it as tables of a TOML file, with units and the meaning of the terms."""
        spreads = {"architecture": self.architecture, **({"family": self.family} if self.family else {})}
        return {
            "name": self.name,
            "networks": self.n,
            "families": list(self.families),
            "provenance": dict(self.provenance),
            "seconds_per_unit": dict(self.coefficients),
            "units": {name: f"{term.unit}: {term.about}" for name, term in TERMS.items()},
            "held_out": {
                what: {"mape": spread.mape, "low": spread.low, "high": spread.high} for what, spread in spreads.items()
            },
            "fitted_range": {
                size: {"least": least, "median": median, "most": most}
                for size, (least, median, most) in self.fitted.items()
            },
        }


def write(profile: Profile, path: Path) -> None:
    """Writes a profile as a TOML file. Raises InvalidInput where it cannot, and for one that ``load`` would refuse."""
    data = profile.as_dict()
    try:
        _from_dict(data)
    except InvalidInput as error:
        raise InvalidInput(f"no usable profile, so {path} is not written: {error}") from None
    files.write(path, tomli_w.dumps(data))


def names() -> tuple[str, ...]:
    """The names of the profiles that come with the package.

    >>> "v100-training" in names()
    True
    """
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def _folder() -> Path:
    return Path(__file__).parent / "profiles"


def load(name_or_path: str) -> Profile:
    """The profile of a name or of a ``.toml`` file. Raises InvalidInput for others and for what is no profile.

    >>> load("v100-training").provenance["device"]
    'NVIDIA V100'
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if name_or_path not in names():
            raise InvalidInput(
                f"unknown device {name_or_path[:SHOWN]!r}: one of {', '.join(names())}, or the path of a profile "
                "(.toml) made by `complexity-theory runtime fit`"
            )
        path = _folder() / f"{name_or_path}.toml"
    try:
        return _from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidInput(f"cannot read {name_or_path[:SHOWN]}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # InvalidInput, bad TOML, bad UTF-8, tables nested without end
        reason = " ".join(str(error).split())
        raise InvalidInput(f"{name_or_path[:SHOWN]!r} is no device profile: {reason}") from None


def _from_dict(data: dict[str, Any]) -> Profile:
    """The profile that ``as_dict`` gave. Raises InvalidInput for what is missing and for values that cannot be."""
    name, families, provenance = _entry(data, "name"), _entry(data, "families"), _entry(data, "provenance")
    if not (isinstance(name, str) and name.isprintable() and 0 < len(name) <= SHOWN):
        raise InvalidInput(f"name must be a line of 1 to {SHOWN} characters, not {name!r:.{SHOWN}}")
    if not (isinstance(families, list) and all(isinstance(family, str) for family in families)):
        raise InvalidInput(f"families must be a list of names, not {families!r:.{SHOWN}}")
    _check_table(provenance, "provenance")
    for key, known in (("mode", MODES), ("precision", tuple(BYTES))):  # known of some tables only
        if (value := provenance.get(key, known[0])) not in known:
            raise InvalidInput(f"provenance.{key} must be one of {', '.join(known)}, not {value!r:.{SHOWN}}")
    networks = _number(data, "networks", bounds=(1, MOST))
    if not networks.is_integer():
        raise InvalidInput(f"networks must be a whole number, not {networks:g}")
    coefficients = {term: _number(data, "seconds_per_unit", term, bounds=(0, COEFFICIENTS[1])) for term in TERMS}
    paid = [seconds for seconds in coefficients.values() if seconds]
    if not paid or min(paid) < COEFFICIENTS[0]:
        raise InvalidInput(f"seconds_per_unit must not all be 0, nor between 0 and {COEFFICIENTS[0]:g}")
    architecture = _spread(data, "architecture")
    return Profile(
        name=name,
        coefficients=coefficients,
        n=int(networks),
        families=tuple(families),
        architecture=architecture,
        family=_spread(data, "family") if "family" in data["held_out"] else None,
        fitted={size: _range(data, size) for size in SIZES},
        provenance={key: str(value) for key, value in provenance.items()},
    )


def _entry(data: dict[str, Any], *names: str) -> Any:
    """The value under nested names. Raises InvalidInput where one is missing, or one above it is no table."""
    found: Any = data
    for i, name in enumerate(names):
        _check_table(found, ".".join(names[:i]))
        if name not in found:
            raise InvalidInput(f"{'.'.join(names[: i + 1])} is missing")
        found = found[name]
    return found


def _check_table(value: Any, what: str) -> None:
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} must be a table, not {value!r:.{SHOWN}}")


def _number(data: dict[str, Any], *names: str, bounds: tuple[float, float]) -> float:
    value, (least, most) = _entry(data, *names), bounds
    if type(value) not in (int, float) or not least <= value <= most:
        raise InvalidInput(f"{'.'.join(names)} must be a number from {least:g} to {most:g}, not {value!r:.{SHOWN}}")
    return float(value)


def _ascending(what: str, *values: float) -> None:
    if list(values) != sorted(values):
        raise InvalidInput(f"{what} must ascend, not be {', '.join(f'{value:g}' for value in values)}")


def _spread(data: dict[str, Any], what: str) -> Spread:
    mape = _number(data, "held_out", what, "mape", bounds=(0, RATIOS[1]))
    low, high = (_number(data, "held_out", what, end, bounds=RATIOS) for end in ("low", "high"))
    _ascending(f"low and high of held_out.{what}", low, high)
    return Spread(mape, low, high)


def _range(data: dict[str, Any], size: str) -> tuple[float, float, float]:
    least, median, most = (
        _number(data, "fitted_range", size, k, bounds=(1, MOST)) for k in ("least", "median", "most")
    )
    _ascending(f"least, median and most of fitted_range.{size}", least, median, most)
    return least, median, most


@dataclass(frozen=True)
class Prediction:
    """Predicted seconds per image at a batch, between ``low`` and ``high`` for 9 of 10 networks.

    ``terms``: the seconds of each term. ``warnings``: in what the network is unlike those that the profile was fitted
    to.
    """

    seconds: float
    low: float
    high: float
    batch: int
    terms: dict[str, float]
    warnings: tuple[str, ...]


def work_of(network: Network) -> Features:
    """The features of a network for one image. Raises InvalidInput where one of its counts is above ``MOST``."""
    for what, count in network.complexity().as_dict().items():
        if count > MOST:
            raise InvalidInput(f"{what} of {network.name:.{SHOWN}} must be at most {MOST:g}, not {Decimal(count):.3g}")
    return network_features(network)


def checked_batch(profile: Profile, batch: int | None) -> int:
    """A batch, or the profile's median. Raises InvalidInput for one below 1 or above 10^6."""
    batch = profile.batch if batch is None else batch
    check_size("batch", batch)
    if batch > MOST_IMAGES:
        raise InvalidInput(f"batch must be at most {MOST_IMAGES:,}, not {Decimal(batch):.3g}")
    return batch


def predict(network: Network, profile: Profile, *, batch: int | None = None) -> Prediction:
    """The time of a network on a device, per image, at ``batch`` (default: the profile's median batch).

    The interval comes from the held-out errors of the profile: of other architectures where it knows the family, of
    other families where not. Raises InvalidInput for a batch below 1 or above 10^6, for counts too large (``work_of``),
    and where none of what the profile takes time for stands in the network.

    >>> from complexity_theory.zoo import network
    >>> found = predict(network("RegNetY-4.0GF"), load("v100-inference"))
    >>> found.low < found.seconds < found.high
    True
    """
    batch = checked_batch(profile, batch)
    work = work_of(network)
    amounts = terms(work, batch)
    seconds = {name: float(amounts[name]) * value for name, value in profile.coefficients.items()}
    total = sum(seconds.values())
    if not total:
        raise InvalidInput(f"{profile.name} takes no time for anything that {network.name:.{SHOWN}} does")
    spread = profile.spread_of(network.family)
    warnings = _warnings(network, work, batch, profile)
    return Prediction(total, total * spread.low, total * spread.high, batch, seconds, warnings)


def seconds(profile: Profile, work: Features, batch: Any) -> Any:
    """The predicted seconds per image for features of any kind: one network's, or arrays of many."""
    amounts = terms(work, batch)
    return sum(value * amounts[name] for name, value in profile.coefficients.items())


def _warnings(network: Network, work: Features, batch: int, profile: Profile) -> tuple[str, ...]:
    found = []
    if network.family not in profile.families:
        found.append(f"family {network.family} is not among those that {profile.name} was fitted to")
    sizes = {
        "batch": batch,
        "resolution": max(pair(network.resolution)),
        "flops": work.flops,
        "params": work.params,
        "acts": work.acts,
    }
    for size, value in sizes.items():
        least, _, most = profile.fitted[size]
        if not least <= value <= most:
            found.append(f"{size} {value:,} is outside what {profile.name} was fitted to: {least:,.0f} to {most:,.0f}")
    return tuple(found)
