"""Measured times in one form: a frame of networks with their times, counts, features and terms of the predictors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from complexity_theory.core import limits
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import network_features, rooflines
from complexity_theory.evidence.predictors import BALANCES, columns_of
from complexity_theory.networks.spec import Network

LIMITS = {what: limits.LIMITS[limit][:2] for what, limit in (("seconds", "seconds per image"), ("batch", "a batch"))}
LISTED = 20  # names listed in a note


@dataclass(frozen=True)
class TimeTable:
    """Measured times of networks on one device in one mode.

    ``frame``, one row per measurement: ``name`` (as its source has it), ``network`` (our name; None where the zoo does
    not know it), ``architecture`` (what rows share that differ only in resolution or batch), ``family``, ``twin`` (a
    ``tf_`` network, padded by kernels of its own that our description lacks), ``seconds`` (per image), ``batch``,
    ``resolution``; ``flops``, ``params``, ``acts`` of one image (our own counts, or the source's where the network is
    not known); and, NaN where it is not known, the other ``Features``, the ``TERMS`` and ``roofline_<balance>``.
    ``provenance``: source, device, mode, software and what else is known of all rows. ``unknown``: names left out
    because the zoo does not know them. ``mismatched``: those left out because the source's counts differ from ours.
    ``aside``: rows that cannot be used, each with the reason. ``remarks``: what else is to be said of the table.
    """

    name: str
    frame: pd.DataFrame
    provenance: Mapping[str, str]
    unknown: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def known(self) -> pd.DataFrame:
        """The rows with features, twins set aside: what models are fitted to and held against."""
        return self.frame[self.frame.network.notna() & ~self.frame.twin].reset_index(drop=True)

    @property
    def notes(self) -> list[str]:
        """What was left out, one line for each reason."""
        lines = []
        if self.unknown:
            lines.append(f"{len(self.unknown)} names that the zoo does not know: {_some(self.unknown)}")
        if self.aside:
            lines.append(f"{len(self.aside)} rows set aside: {_some(self.aside, '; ')}")
        if self.mismatched:
            lines.append(f"{len(self.mismatched)} whose counts differ from ours: {'; '.join(self.mismatched)}")
        if twins := int(self.frame.twin.sum()):
            lines.append(f"{twins} tf_ twins set aside: their padding runs as kernels that our description lacks")
        if counted := int(self.frame.network.isna().sum()):
            lines.append(f"{counted} of which only counts are known: `correlate` takes them, a fit cannot")
        return [*lines, *self.remarks]


def _some(names: tuple[str, ...], between: str = ", ") -> str:
    return between.join(names) if len(names) <= LISTED else f"{between.join(names[:LISTED])}, ... (all in JSON)"


@lru_cache(maxsize=4096)
def described(network: Network, batch: float) -> dict[str, float]:
    """Features, terms and rooflines of a network at a batch, as columns of a table's frame."""
    roofs = rooflines(network.tree, network.input(), batch, BALANCES)
    return columns_of(network_features(network), batch, roofs)


def _height(resolution: int | tuple[int, int]) -> int:
    return resolution[0] if isinstance(resolution, tuple) else resolution


def frame_of(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The frame of rows with ``name``, ``network`` (at its resolution), ``seconds`` (per image) and ``batch``.

    Where ``network`` is None the row has ``family`` and the counts. What else a row holds becomes a column.

    Raises InvalidInput where there is no row, and for times and batches outside ``LIMITS``.
    """
    records = []
    for row in rows:
        for what, (least, most) in LIMITS.items():
            if not least <= row[what] <= most:
                raise InvalidInput(f"{what} of {row['name']} must be from {least:g} to {most:g}, not {row[what]:g}")
        network: Network | None = row["network"]
        about: dict[str, Any] = {"twin": False, "architecture": row["name"], **row}
        if network is not None:
            about |= {"network": network.name, "family": row.get("family", network.family)}
            about |= {"architecture": row.get("architecture", network.name), "resolution": _height(network.resolution)}
            about |= described(network, float(row["batch"]))
        records.append(about)
    if not records:
        raise InvalidInput("no network that the zoo knows: see `complexity-theory networks`")
    return pd.DataFrame(records)
