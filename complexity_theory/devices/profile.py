"""Device profiles: the predictor's coefficients for a device, with what they were fitted to, as TOML files.

What fits them is in ``evidence.fitting``; here neither pandas nor scipy is imported, so that predictions start at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tomli_w
from msgspec import Meta

from complexity_theory.core import files, schema
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.terms import TERMS
from complexity_theory.zoo import kin

VERSION = 2  # of the files written; those of earlier ones are read

INTERVAL = 0.90  # of predictions
PRECISIONS = ("fp32", "tf32", "amp", "fp16", "bf16")
SIZES = ("batch", "resolution", "flops", "params", "acts")  # in which a profile has a range
MODES = ("inference", "training")
MOST = 1e18  # of a count of one image; int64 and the formulas of time hold it
LEAST_SECONDS = 1e-30  # per unit, where it is not 0
SHOWN = 80  # characters of a name or path in a message

_Text = Annotated[str, Meta(max_length=1000, description="text of at most 1000 characters")]
_NAME = f"a line of 1 to {SHOWN} characters"
_Name = Annotated[str, Meta(min_length=1, max_length=SHOWN, description=_NAME)]
_Share = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]
_Error = Annotated[float, Meta(ge=0, le=1e9, description="a number from 0 to 1e9")]
_Ratio = Annotated[float, Meta(ge=1e-9, le=1e9, description="a number from 1e-9 to 1e9")]  # measured over predicted
_Whole = Annotated[int, Meta(ge=1, le=10**9, description="a whole number from 1 to 10^9")]
_Count = Annotated[float, Meta(ge=1, le=MOST, description="a number from 1 to 1e18")]
# At most 10^6 seconds for each of 10^6 images.
_Seconds = Annotated[float, Meta(ge=0, le=1e12, description="a number from 0 to 1e12")]


class Spread(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Errors of predictions for networks held out: mean absolute relative error, and measured over predicted time.

    ``low`` and ``high`` are the ends of that ratio between which the next network lies in ``INTERVAL`` of all cases;
    ``coverage`` is the share of those measured that did, each held out of the fit and of the ends (None: not known).
    """

    mape: _Error
    low: _Ratio
    high: _Ratio
    coverage: _Share | None = None

    def as_dict(self) -> dict[str, float]:
        """What is known of it."""
        found: dict[str, float] = msgspec.to_builtins(self)
        return found


class HeldOut(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The spreads of a file: for networks of a known kin, and of an unknown one where it is told."""

    architecture: Spread
    kin: Spread | None = None


class Range(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The sizes that a profile was fitted to."""

    least: _Count
    median: _Count
    most: _Count


def _fields(name: str, fields: Iterable[str], of: Any) -> Any:
    return msgspec.defstruct(name, [(field, of) for field in fields], forbid_unknown_fields=True, kw_only=True)


_Coefficients = _fields("Coefficients", TERMS, _Seconds)
_Ranges = _fields("Ranges", SIZES, Range)


class ProfileFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A file of a profile."""

    version: Annotated[int, Meta(ge=2, le=VERSION, description=f"from 1 to {VERSION}")]
    name: _Name
    networks: _Whole
    families: Annotated[list[_Text], Meta(max_length=1000, description="a list of names")]
    provenance: Annotated[dict[_Text, Any], Meta(max_length=100, description="named fields")]
    seconds_per_unit: _Coefficients  # type: ignore[valid-type]  # made from fields
    units: dict[str, str] = {}
    held_out: HeldOut
    fitted_range: _Ranges  # type: ignore[valid-type]  # made from fields


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
    data = schema.read(path)
    try:
        return _from_dict(data)
    except InvalidInput as error:
        raise InvalidInput(f"{name_or_path[:SHOWN]!r} is no device profile: {error}") from None


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


def _upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """A file of version 1 as one of version 2.

    Its families were not held out with their kin, and group convolutions and weights of linear layers had no terms.
    """
    new = {**data, "version": 2}
    if isinstance(held_out := data.get("held_out"), dict):
        new["held_out"] = {{"family": "kin"}.get(name, name): spread for name, spread in held_out.items()}
    if isinstance(seconds := data.get("seconds_per_unit"), dict):
        new["seconds_per_unit"] = {"group_macs": 0.0, "linear_weights": seconds.get("weights"), **seconds}
    return new


def _from_dict(data: dict[str, Any]) -> Profile:
    """The profile that ``as_dict`` gave, of this version or an earlier one.

    Raises InvalidInput for what is missing, for values that cannot be, and for later versions.
    """
    found = schema.checked(_upgraded(data) if data.get("version", 1) == 1 else data, ProfileFile, "a profile")
    if not found.name.isprintable():
        raise InvalidInput(f"name must be {_NAME}, not {found.name!r}")
    coefficients = msgspec.structs.asdict(found.seconds_per_unit)
    paid = [seconds for seconds in coefficients.values() if seconds]
    if not paid or min(paid) < LEAST_SECONDS:
        raise InvalidInput(f"seconds_per_unit must not all be 0, nor between 0 and {LEAST_SECONDS:g}")
    return Profile(
        name=found.name,
        coefficients=coefficients,
        n=found.networks,
        families=tuple(found.families),
        architecture=_spread("architecture", found.held_out.architecture),
        kin=_spread("kin", found.held_out.kin) if found.held_out.kin else None,
        fitted={size: _range(size, getattr(found.fitted_range, size)) for size in SIZES},
        provenance=_provenance(found.provenance),
    )


def _provenance(told: dict[str, Any]) -> dict[str, str]:
    for key, known in (("mode", MODES), ("precision", PRECISIONS)):  # known of some tables only
        if (value := told.get(key, known[0])) not in known:
            raise InvalidInput(f"provenance: {key} must be one of {', '.join(known)}, not {value!r:.{SHOWN}}")
    return {key: str(value) for key, value in told.items()}


def _spread(what: str, found: Spread) -> Spread:
    _ascending(f"held_out: {what}: low and high", found.low, found.high)
    return found


def _range(size: str, found: Range) -> tuple[float, float, float]:
    _ascending(f"fitted_range: {size}: least, median and most", found.least, found.median, found.most)
    return found.least, found.median, found.most


def _ascending(what: str, *values: float) -> None:
    if list(values) != sorted(values):
        raise InvalidInput(f"{what} must ascend, not be {', '.join(f'{value:g}' for value in values)}")
