"""Device profiles: the predictor's coefficients for a device, with what they were fitted to, as TOML files.

What fits them is in ``fitting``; here neither pandas nor scipy is imported, so that predictions start at once.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from complexity_theory.algebra import InvalidInput, check_size
from complexity_theory.networks.spec import Network
from complexity_theory.runtime.features import Features, network_features
from complexity_theory.runtime.terms import TERMS, terms

INTERVAL = 0.90  # of predictions
BYTES = {"fp32": 4, "tf32": 4, "amp": 2, "fp16": 2, "bf16": 2}  # of an activation
SIZES = ("batch", "resolution", "flops", "params", "acts")  # in which a profile has a range


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
    """Writes a profile as a TOML file."""
    path.write_text(tomli_w.dumps(profile.as_dict()), encoding="utf-8")


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
                f"unknown device {name_or_path!r}: one of {', '.join(names())}, or the path of a profile (.toml) "
                "made by `complexity-theory runtime fit`"
            )
        path = _folder() / f"{name_or_path}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as a device profile: {error}") from None
    return _from_dict(data, path)


def _from_dict(data: dict[str, Any], path: Path) -> Profile:
    try:
        spreads = {
            what: Spread(float(s["mape"]), float(s["low"]), float(s["high"])) for what, s in data["held_out"].items()
        }
        ranges = data["fitted_range"]
        profile = Profile(
            name=str(data["name"]),
            coefficients={term: float(data["seconds_per_unit"][term]) for term in TERMS},
            n=int(data["networks"]),
            families=tuple(data["families"]),
            architecture=spreads["architecture"],
            family=spreads.get("family"),
            fitted={size: tuple(float(ranges[size][k]) for k in ("least", "median", "most")) for size in SIZES},  # type: ignore[misc]
            provenance={key: str(value) for key, value in data["provenance"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{path} is no device profile: {type(error).__name__} {error}") from None
    if min(profile.coefficients.values()) < 0 or not any(profile.coefficients.values()):
        raise InvalidInput(f"{path} is no device profile: its seconds per unit must be at least 0, and not all 0")
    return profile


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


def predict(network: Network, profile: Profile, *, batch: int | None = None) -> Prediction:
    """The time of a network on a device, per image, at ``batch`` (default: the profile's median batch).

    The interval comes from the held-out errors of the profile: of other architectures where it knows the family, of
    other families where not. Raises InvalidInput for a batch below 1.

    >>> from complexity_theory.zoo import network
    >>> found = predict(network("RegNetY-4.0GF"), load("v100-inference"))
    >>> found.low < found.seconds < found.high
    True
    """
    batch = profile.batch if batch is None else batch
    check_size("batch", batch)
    work = network_features(network)
    amounts = terms(work, batch)
    seconds = {name: float(amounts[name]) * value for name, value in profile.coefficients.items()}
    total = sum(seconds.values())
    known = network.family in profile.families
    spread = profile.architecture if known or profile.family is None else profile.family
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
        "resolution": network.resolution,
        "flops": work.flops,
        "params": work.params,
        "acts": work.acts,
    }
    for size, value in sizes.items():
        least, _, most = profile.fitted[size]
        if not least <= value <= most:
            found.append(f"{size} {value:,} is outside what {profile.name} was fitted to: {least:,.0f} to {most:,.0f}")
    return tuple(found)


def memory(work: Features, batch: int, profile: Profile) -> float:
    """An estimate of the bytes that a device holds at a batch.

    Inference: the weights, and input and output of the largest layer. Training: weights, gradients and momentum, and
    what is kept for the backward pass (inputs of convolutions, norms and activations). Weights take 4 bytes, other
    elements those of the profile's precision (4 where it is not known); workspaces and the allocator come on top.
    """
    size = BYTES.get(profile.provenance.get("precision", ""), 4)
    if profile.mode == "training":
        return float(3 * 4 * work.params + size * batch * work.saved)
    return float(4 * work.params + size * batch * work.largest)
