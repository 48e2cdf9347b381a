"""What other devices tell of a device that is hardly measured: a log-normal prior of its seconds per unit of each term.

The seconds per unit of two devices are alike in their ratios, the more so the more they share: the kind of device, its
execution and layout, mode, precision. So the logarithms of the seconds per unit of all tables are taken to be jointly
normal, with a covariance that is a sum over what two tables share (``VARIANCES``), and a scale of its own for each
table. What is known of a new table is the normal distribution conditional on the tables at hand, those of its own
device left out. (A Gaussian process over tables: Rasmussen and Williams 2006, chapter 2.)
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.profile import Spread
from complexity_theory.devices.terms import TERMS

Floats: TypeAlias = NDArray[np.float64]

FILE = "prior.toml"
VERSION = 1
SCALE = 25.0  # variance of the logarithm of a table's scale: nothing is known of it
GUESSED = 4.0  # of the logarithm of a term's ``guess``
# Variance of the logarithm of a term that two tables have in common where they share ...; the last is a table's own.
# Chosen by ``evidence.priors.chosen``: devices held out in turn, and kin within them.
VARIANCES = {"all": 1.5, "kind": 0.3, "execution": 0.7, "mode": 0.1, "precision": 0.2, "setting": 0.2, "own": 0.05}
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
        layout = {"channels_last": "nhwc"}.get(about.get("layout", ""), about.get("layout"))
        return cls(kind, about.get("execution"), layout, about.get("mode"), about.get("precision"))

    def shares(self, other: Setting) -> float:
        """The variance that the logarithm of a term has in common in two tables."""
        kind = self.kind is not None and self.kind == other.kind
        run = kind and None not in self[1:3] and self[1:3] == other[1:3]
        mode = kind and self.mode is not None and self.mode == other.mode
        precision = kind and self.precision is not None and self.precision == other.precision
        alike = {"all": True, "kind": kind, "execution": run, "mode": mode, "precision": precision}
        alike["setting"] = run and mode
        return sum(VARIANCES[what] for what, shared in alike.items() if shared)


def same_device(name: str, other: str) -> bool:
    """Whether two names mean one device: one is in the other, makers and punctuation aside.

    >>> same_device("rtx3090", "NVIDIA GeForce RTX 3090"), same_device("rtx3090", "rtx4090")
    (True, False)
    """
    a, b = (MAKERS.sub("", text).lower() for text in (name, other))
    return bool(a and b) and (a in b or b in a)


@dataclass(frozen=True)
class Known:
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


def guess() -> Belief:
    """What is believed before any device is measured."""
    mean = np.log([term.guess for term in TERMS.values()])
    return Belief(mean, np.eye(len(TERMS)) * GUESSED + SCALE)


def believe(about: Mapping[str, str], tables: Sequence[Known] | None = None, without: str = "") -> Belief:
    """What the tables of other devices tell of a table with the provenance ``about``.

    ``tables``: default, those that come with the package. ``without``: a kin that is to be unknown everywhere.

    >>> mean, covariance = believe({"device": "RTX 4090", "execution": "eager", "layout": "nchw"})
    >>> bool(mean[list(TERMS).index("launches")] > mean[0])
    True
    """
    device, setting = about.get("device", ""), Setting.of(about)
    others = [
        known
        for known in (shipped().tables if tables is None else tables)
        if not same_device(known.about["device"], device)
    ]
    start = guess()
    if not others:
        return start
    k, n = len(TERMS), len(others)
    settings = [Setting.of(known.about) for known in others]
    own = VARIANCES["own"]
    common = np.array([[a.shares(b) for b in settings] for a in settings]) + own * np.eye(n)
    mine = np.array([setting.shares(b) for b in settings])
    guessed = GUESSED * np.eye(k)
    fits = [known.fit(without) for known in others]
    noise = np.concatenate([spread**2 for _, spread in fits])
    joint = np.kron(common, np.eye(k)) + np.kron(np.ones((n, n)), guessed) + np.kron(np.eye(n), np.full((k, k), SCALE))
    joint += np.diag(noise)
    cross = np.kron(mine[None], np.eye(k)) + np.kron(np.ones((1, n)), guessed)
    surprise = np.concatenate([logs for logs, _ in fits]) - np.tile(start.mean, n)
    solved = np.linalg.solve(joint, np.column_stack([surprise, cross.T]))
    covariance = sum(VARIANCES.values()) * np.eye(k) + guessed + SCALE - cross @ solved[:, 1:]
    return Belief(start.mean + cross @ solved[:, 0], (covariance + covariance.T) / 2)


class Few(NamedTuple):
    """How far predictions are off on a new device of a kind of which so many networks are measured."""

    kind: str
    networks: int
    spread: Spread


class Prior(NamedTuple):
    """What is known of devices: what each table says, and how far predictions from few networks are off."""

    tables: tuple[Known, ...]
    few: tuple[Few, ...]

    def as_dict(self) -> dict[str, Any]:
        """All of it as a TOML file holds it."""
        return {
            "version": VERSION,
            "terms": list(TERMS),
            "few": [{"kind": few.kind, "networks": few.networks, **few.spread.as_dict()} for few in self.few],
            "tables": [known.as_dict() for known in self.tables],
        }


def few_spread(kind: str | None, networks: int) -> Spread:
    """How far predictions are off on a new device of which so many ``networks`` are measured: the widest of its kind."""
    fit = [few for few in shipped().few if kind in (few.kind, None) and few.networks <= max(networks, 1)]
    most = max(few.networks for few in fit)
    return max((few.spread for few in fit if few.networks == most), key=lambda spread: spread.high)


@cache
def shipped() -> Prior:
    """The prior that comes with the package, as ``complexity-theory runtime prior`` wrote it."""
    return read(files("complexity_theory.devices").joinpath(FILE).read_text(encoding="utf-8"))


def read(text: str) -> Prior:
    """The prior of a TOML file. Raises InvalidInput for another version and other terms."""
    data = tomllib.loads(text)
    if data.get("version") != VERSION or data.get("terms") != list(TERMS):
        raise InvalidInput(f"{FILE} is not of version {VERSION} and these terms: write it by `runtime prior`")
    tables = tuple(
        Known(
            table["about"],
            table["networks"],
            {fit["without"]: (np.log(fit["seconds_per_unit"]), np.array(fit["spread"])) for fit in table["fits"]},
        )
        for table in data["tables"]
    )
    few = tuple(
        Few(row["kind"], row["networks"], Spread(row["mape"], row["low"], row["high"], row.get("coverage")))
        for row in data["few"]
    )
    return Prior(tables, few)
