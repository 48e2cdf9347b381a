"""Device profiles: the predictor's coefficients for a device, with what they were fitted to, as TOML files.

What fits them is in ``evidence.fitting``; here neither pandas nor scipy is imported, so that predictions start at once.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomli_w

from complexity_theory.core import files
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.terms import TERMS
from complexity_theory.zoo import kin

VERSION = 2  # of the files written; those of earlier ones are read

INTERVAL = 0.90  # of predictions
PRECISIONS = ("fp32", "tf32", "amp", "fp16", "bf16")
SIZES = ("batch", "resolution", "flops", "params", "acts")  # in which a profile has a range
MODES = ("inference", "training")
MOST = 1e18  # of a count of one image; int64 and the formulas of time hold it
COEFFICIENTS = (1e-30, 1e12)  # seconds per unit that are not 0; 1e12: 10^6 seconds for each of 10^6 images
RATIOS = (1e-9, 1e9)  # of measured to predicted times
SHOWN = 80  # characters of a name or path in a message


@dataclass(frozen=True)
class Spread:
    """Errors of predictions for networks held out: mean absolute relative error, and measured over predicted time.

    ``low`` and ``high`` are the ends of that ratio between which the next network lies in ``INTERVAL`` of all cases;
    ``coverage`` is the share of those measured that did, each held out of the fit and of the ends (None: not known).
    """

    mape: float
    low: float
    high: float
    coverage: float | None = None

    def as_dict(self) -> dict[str, float]:
        """What is known of it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Profile:
    """A device in one mode, as fitted.

    ``coefficients``: seconds per unit of each of the predictor's ``TERMS``. ``architecture`` and ``kin``: the spread of
    predictions for networks of a known and of an unknown kin (None where a single kin was measured). ``fitted``:
    smallest, median and largest of each of ``SIZES``. ``provenance``: source, device, mode and what else is known.
    """

    name: str
    coefficients: dict[str, float]
    n: int
    families: tuple[str, ...]
    architecture: Spread
    kin: Spread | None
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

    def knows(self, family: str) -> bool:
        """Whether it was fitted to networks of a family's kin."""
        return kin(family) in {kin(known) for known in self.families}

    def spread(self, family: str) -> Spread:
        """The spread of predictions for a family: that of known kin, or of unknown."""
        return self.architecture if self.kin is None or self.knows(family) else self.kin

    def as_dict(self) -> dict[str, Any]:
        """All of it as tables of a TOML file, with units and the meaning of the terms."""
        spreads = {"architecture": self.architecture, **({"kin": self.kin} if self.kin else {})}
        return {
            "version": VERSION,
            "name": self.name,
            "networks": self.n,
            "families": list(self.families),
            "provenance": dict(self.provenance),
            "seconds_per_unit": dict(self.coefficients),
            "units": {name: f"{term.unit}: {term.about}" for name, term in TERMS.items()},
            "held_out": {what: spread.as_dict() for what, spread in spreads.items()},
            "fitted_range": {
                size: {"least": least, "median": median, "most": most}
                for size, (least, median, most) in self.fitted.items()
            },
        }


def write(profile: Profile, path: Path) -> None:
    """Writes a profile as a TOML file. Raises InvalidInput where it cannot, and for what ``load_profile`` refuses."""
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


def load_profile(name_or_path: str) -> Profile:
    """The profile of a name or of a ``.toml`` file. Raises InvalidInput for others and for what is no profile.

    >>> load_profile("v100-training").provenance["device"]
    'NVIDIA V100'
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if name_or_path not in names():
            raise InvalidInput(_unknown(name_or_path))
        path = _folder() / f"{name_or_path}.toml"
    try:
        return _from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidInput(f"cannot read {name_or_path[:SHOWN]}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # InvalidInput, bad TOML, bad UTF-8, tables nested without end
        reason = " ".join(str(error).split())
        raise InvalidInput(f"{name_or_path[:SHOWN]!r} is no device profile: {reason}") from None


def _unknown(name: str) -> str:
    """What there is instead of a profile: those of the same device, if any, or of the mode in the name, or all."""
    made = "or the path of a profile (.toml) made by `complexity-theory runtime fit`"
    words = name.lower().split("-")
    same = [known for known in names() if words[0] and known.split("-")[0].startswith(words[0])]
    mode = next((mode for mode in MODES if any(word and mode.startswith(word) for word in words[1:])), None)
    if not same:
        return f"unknown device {name[:SHOWN]!r}: one of {', '.join(names())}, {made}"
    modes = {known: load_profile(known).mode for known in names()}
    there = f"of {words[0]} there are {', '.join(f'{known} ({modes[known]})' for known in same)}"
    if mode and mode not in {modes[known] for known in same}:
        there += f"; of {mode}, of other devices, {', '.join(known for known in names() if modes[known] == mode)}"
    return f"no profile {name[:SHOWN]!r}: {there}; {made}"


def _from_dict(data: dict[str, Any]) -> Profile:
    """The profile that ``as_dict`` gave, of this version or an earlier one.

    Raises InvalidInput for what is missing, for values that cannot be, and for later versions.
    """
    version = data.get("version", 1)
    if version not in range(1, VERSION + 1):
        raise InvalidInput(f"version must be from 1 to {VERSION}, not {version!r:.{SHOWN}}")
    name, families, provenance = _entry(data, "name"), _entry(data, "families"), _entry(data, "provenance")
    if not (isinstance(name, str) and name.isprintable() and 0 < len(name) <= SHOWN):
        raise InvalidInput(f"name must be a line of 1 to {SHOWN} characters, not {name!r:.{SHOWN}}")
    if not (isinstance(families, list) and all(isinstance(family, str) for family in families)):
        raise InvalidInput(f"families must be a list of names, not {families!r:.{SHOWN}}")
    _check_table(provenance, "provenance")
    for key, known in (("mode", MODES), ("precision", PRECISIONS)):  # known of some tables only
        if (value := provenance.get(key, known[0])) not in known:
            raise InvalidInput(f"provenance.{key} must be one of {', '.join(known)}, not {value!r:.{SHOWN}}")
    networks = _number(data, "networks", bounds=(1, MOST))
    if not networks.is_integer():
        raise InvalidInput(f"networks must be a whole number, not {networks:g}")
    coefficients = _coefficients(data, version)
    paid = [seconds for seconds in coefficients.values() if seconds]
    if not paid or min(paid) < COEFFICIENTS[0]:
        raise InvalidInput(f"seconds_per_unit must not all be 0, nor between 0 and {COEFFICIENTS[0]:g}")
    architecture = _spread(data, "architecture")
    kin_held_out = "kin" if version > 1 else "family"
    return Profile(
        name=name,
        coefficients=coefficients,
        n=int(networks),
        families=tuple(families),
        architecture=architecture,
        kin=_spread(data, kin_held_out) if kin_held_out in data["held_out"] else None,
        fitted={size: _range(data, size) for size in SIZES},
        provenance={key: str(value) for key, value in provenance.items()},
    )


def _coefficients(data: dict[str, Any], version: int) -> dict[str, float]:
    """Seconds per unit by term. In version 1, group convolutions and weights of linear layers had no terms."""
    later = {"group_macs", "linear_weights"} if version == 1 else set()
    found = {
        term: _number(data, "seconds_per_unit", term, bounds=(0, COEFFICIENTS[1]))
        for term in TERMS
        if term not in later
    }
    earlier = {"group_macs": 0.0, "linear_weights": found["weights"]} if later else {}
    return {term: (found | earlier)[term] for term in TERMS}


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
    known = "coverage" in data["held_out"][what]
    return Spread(mape, low, high, _number(data, "held_out", what, "coverage", bounds=(0, 1)) if known else None)


def _range(data: dict[str, Any], size: str) -> tuple[float, float, float]:
    least, median, most = (
        _number(data, "fitted_range", size, k, bounds=(1, MOST)) for k in ("least", "median", "most")
    )
    _ascending(f"least, median and most of fitted_range.{size}", least, median, most)
    return least, median, most
