"""What other devices tell of a device that is hardly measured: a log-normal prior of its seconds per unit of each term.

The seconds per unit of two devices are alike in their ratios, the more so the more they share: the kind of device, its
execution and layout, mode, precision. So the logarithms of the seconds per unit of all tables are taken to be jointly
normal: with the guesses of ``TERMS`` as means, a covariance that is a sum over what two tables share (``Variances``),
and a scale of its own for each table. What is known of a new table is the normal distribution conditional on the tables
at hand, those of its own device left out. (A Gaussian process over tables: Rasmussen and Williams 2006, chapter 2.)
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from complexity_theory.core import schema
from complexity_theory.core.arrays import Floats
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.profile import Spread
from complexity_theory.devices.terms import TERMS

FILE = "prior.toml"
VERSION = 1
SCALE = 25.0  # variance of the logarithm of a table's scale: nothing is known of it
SAME = {"channels_last": "nhwc", "fp16": "amp", "bf16": "amp"}  # in what they have in common with other tables
CPUS = re.compile(r"cpu|epyc|xeon|ryzen|threadripper|core|\bi[3579]\b|apple|neoverse|graviton", re.IGNORECASE)
MAKERS = re.compile(r"nvidia|geforce|tesla|amd|intel|cpu|\(r\)|\(tm\)|[^a-z0-9]", re.IGNORECASE)


class Setting(NamedTuple):
    """What of a table's provenance tells what it has in common with others; None where it is not known."""

    kind: str | None
    execution: str | None
    layout: str | None
    mode: str | None
    precision: str | None

    @classmethod
    def of(cls, about: Mapping[str, str]) -> Setting:
        """Of a provenance."""
        device = about.get("device")
        kind = about.get("kind") or (None if device is None else "cpu" if CPUS.search(device) else "gpu")
        layout, precision = (SAME.get(about.get(what, ""), about.get(what)) for what in ("layout", "precision"))
        return cls(kind, about.get("execution"), layout, about.get("mode"), precision)


class Variances(NamedTuple):
    """Of the logarithm of a term's seconds per unit: of its guess, which all tables have in common; of what two tables
    have in common as well where they share the kind of device, execution and layout, mode, precision, or all of kind,
    execution, layout and mode (``setting``); of a table's own.

    Chosen by ``evidence.priors.tuned``: devices held out in turn, and kin within them; one choice for all tables.
    """

    guessed: float
    kind: float
    execution: float
    mode: float
    precision: float
    setting: float
    own: float

    def between(self, one: Setting, other: Setting) -> float:
        """What two tables have in common."""
        alike = [a is not None and a == b for a, b in zip(one, other, strict=True)]
        kind, execution, layout, mode, precision = alike
        shared = {"kind": True, "execution": execution and layout, "mode": mode, "precision": precision}
        shared["setting"] = execution and layout and mode
        return self.guessed + (sum(getattr(self, name) for name, both in shared.items() if both) if kind else 0.0)


def same_device(name: str, other: str) -> bool:
    """Whether two names mean one device: one is in the other, makers and punctuation aside.

    >>> same_device("rtx3090", "NVIDIA GeForce RTX 3090"), same_device("rtx3090", "rtx4090")
    (True, False)
    """
    a, b = (MAKERS.sub("", text).lower() for text in (name, other))
    return bool(a and b) and (a in b or b in a)


@dataclass(frozen=True)
class KnownDevice:
    """What a table says of its device: logarithms of seconds per unit of each of ``TERMS``, and their spreads.

    ``fits``: by the kin that was left out of the table, "" for none.
    """

    about: Mapping[str, str]
    networks: int
    fits: Mapping[str, tuple[Floats, Floats]]

    def fit(self, without: str) -> tuple[Floats, Floats]:
        """The fit without a kin: that of the whole table where it has none of it."""
        return self.fits.get(without, self.fits[""])

    def as_dict(self) -> dict[str, Any]:
        """All of it as a TOML file holds it."""
        fits = [
            {
                "without": without,
                "seconds_per_unit": [float(f"{value:.5g}") for value in np.exp(logs)],
                "spread": [float(f"{value:.3g}") for value in spread],
            }
            for without, (logs, spread) in self.fits.items()
        ]
        return {"about": dict(self.about), "networks": self.networks, "fits": fits}


class Belief(NamedTuple):
    """A normal distribution of the logarithms of seconds per unit, in the order of ``TERMS``."""

    mean: Floats
    covariance: Floats


class Few(NamedTuple):
    """How far predictions are off on a new device of a kind of which so many networks are measured."""

    kind: str
    networks: int
    spread: Spread


class Prior(NamedTuple):
    """What is known of devices: what each table says, how much they have in common, and what few networks are worth."""

    tables: tuple[KnownDevice, ...]
    variances: Variances
    few: tuple[Few, ...]

    def as_dict(self) -> dict[str, Any]:
        """All of it as a TOML file holds it."""
        return {
            "version": VERSION,
            "terms": list(TERMS),
            "variances": self.variances._asdict(),
            "few": [{"kind": few.kind, "networks": few.networks, **few.spread.as_dict()} for few in self.few],
            "tables": [known.as_dict() for known in self.tables],
        }


_Positive = Annotated[float, Meta(gt=0, le=1e30, description="a number above 0")]
_OF_EACH = f"numbers above 0, one of each of the {len(TERMS)} terms"
_Terms = Annotated[list[_Positive], Meta(min_length=len(TERMS), max_length=len(TERMS), description=_OF_EACH)]
_Variance = Annotated[float, Meta(ge=0, le=1e6, description="a number from 0")]
_Variances = msgspec.defstruct(
    "VariancesFile", [(name, _Variance) for name in Variances._fields], forbid_unknown_fields=True
)


class FitFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A fit of a table of a file, without a kin."""

    without: str
    seconds_per_unit: _Terms
    spread: _Terms


class DeviceFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a file says of a device."""

    about: dict[str, str]
    networks: Annotated[int, Meta(ge=1, description="a whole number from 1")]
    fits: Annotated[list[FitFile], Meta(min_length=1, description="fits, one at least")]


class FewFile(Spread, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """``Few`` in a file."""

    kind: str
    networks: Annotated[int, Meta(ge=1, description="a whole number from 1")]


class PriorFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A file of a prior."""

    version: int
    terms: list[str]
    variances: _Variances  # type: ignore[valid-type]  # made from fields
    few: list[FewFile]
    tables: list[DeviceFile]


def guess(variances: Variances) -> Belief:
    """What is believed before any device is measured."""
    mean = np.log([term.guess for term in TERMS.values()])
    return Belief(mean, np.eye(len(TERMS)) * sum(variances) + SCALE)


def believe(about: Mapping[str, str], prior: Prior | None = None, without: str = "") -> Belief:
    """What the tables of other devices tell of a table with the provenance ``about``.

    ``prior``: default, that which comes with the package. ``without``: a kin that is to be unknown everywhere.

    >>> mean, covariance = believe({"device": "RTX 4090", "execution": "eager", "layout": "nchw"})
    >>> bool(mean[list(TERMS).index("launches")] > mean[0])
    True
    """
    prior = shipped() if prior is None else prior
    device, setting, variances = about.get("device", ""), Setting.of(about), prior.variances
    others = [known for known in prior.tables if not same_device(known.about["device"], device)]
    start = guess(variances)
    if not others:
        return start
    k, n = len(TERMS), len(others)
    settings = [Setting.of(known.about) for known in others]
    common = np.array([[variances.between(a, b) for b in settings] for a in settings]) + variances.own * np.eye(n)
    cross = np.kron([[variances.between(setting, b) for b in settings]], np.eye(k))
    fits = [known.fit(without) for known in others]
    joint = np.kron(common, np.eye(k)) + np.kron(np.eye(n), np.full((k, k), SCALE))
    joint += np.diag(np.concatenate([spread**2 for _, spread in fits]))
    surprise = np.concatenate([logs for logs, _ in fits]) - np.tile(start.mean, n)
    solved = np.linalg.solve(joint, np.column_stack([surprise, cross.T]))
    covariance = start.covariance - cross @ solved[:, 1:]
    return Belief(start.mean + cross @ solved[:, 0], (covariance + covariance.T) / 2)


def few_spread(prior: Prior | None, kind: str | None, networks: int) -> Spread:
    """How far predictions are off on a new device of which so many networks are measured; the widest of its kind."""
    told = [few for few in (prior or shipped()).few if few.networks <= max(networks, 1)]
    told = [few for few in told if few.kind == kind] or told or list(shipped().few)
    most = max(few.networks for few in told)
    return max((few.spread for few in told if few.networks == most), key=lambda spread: spread.high)


@cache
def shipped() -> Prior:
    """The prior that comes with the package, as ``complexity-theory runtime prior`` wrote it."""
    return _from_dict(tomllib.loads(_text()))


def shipped_variances() -> Variances:
    """Its variances, whatever terms it was written for."""
    return Variances(**tomllib.loads(_text())["variances"])


def _text() -> str:
    return files("complexity_theory.devices").joinpath(FILE).read_text(encoding="utf-8")


def load_prior(path: Path) -> Prior:
    """The prior of a TOML file. Raises InvalidInput for one that cannot be read and for what is no prior."""
    try:
        return _from_dict(schema.read(path))
    except InvalidInput as error:
        raise InvalidInput(f"{path} is no prior of devices: {error}") from None


def _from_dict(data: Any) -> Prior:
    """The prior that ``as_dict`` gave. Raises InvalidInput for another version and other terms."""
    if not isinstance(data, dict) or data.get("version") != VERSION or data.get("terms") != list(TERMS):
        raise InvalidInput(f"it is not of version {VERSION} and these terms: write it by `runtime prior`")
    found = schema.checked(data, PriorFile, "a prior")
    tables = tuple(
        KnownDevice(
            table.about,
            table.networks,
            {fit.without: (np.log(fit.seconds_per_unit), np.array(fit.spread)) for fit in table.fits},
        )
        for table in found.tables
    )
    few = tuple(Few(row.kind, row.networks, Spread(row.mape, row.low, row.high, row.coverage)) for row in found.few)
    return Prior(tables, Variances(**msgspec.structs.asdict(found.variances)), few)
