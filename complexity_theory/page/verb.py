"""The verb ``explore``: networks, devices and budgets as a page to play with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from complexity_theory.choice.compare import ROUNDINGS
from complexity_theory.core import files
from complexity_theory.core.report import Table
from complexity_theory.page.explore import Given, explored
from complexity_theory.verbs import resolve
from complexity_theory.verbs.choosing import budgets
from complexity_theory.verbs.result import Result
from complexity_theory.verbs.timing import rules

__all__ = ["DEVICES", "NETWORKS", "ROUNDINGS", "explore"]

NETWORKS = ("EfficientNet-B0", "RegNetY-500MF", "RegNetZ-500MF")  # the paper's
DEVICES = ("rtx4090-compiled-nchw", "v100-training")


@dataclass(frozen=True, repr=False)
class Explored(Result):
    """A page: ``html``, the names of its ``networks`` and ``devices``."""

    networks: tuple[str, ...]
    devices: tuple[str, ...]
    html: str = field(repr=False)

    def report(self, form: str = "text") -> Sequence[Table | str]:
        return [Table(self.rows(), f"A page of {len(self.html.encode()):,} bytes")]

    def as_dict(self) -> dict[str, Any]:
        return {"networks": list(self.networks), "devices": list(self.devices), "html": self.html}

    def rows(self) -> list[dict[str, Any]]:
        return [{"network": name, "devices": ", ".join(self.devices)} for name in self.networks]

    def summary(self) -> str:
        return f"{', '.join(self.networks)} on {', '.join(self.devices) or 'no device'}"

    def write(self, output: str | Path) -> None:
        """Writes the page as an HTML file. Raises InvalidInput where it cannot."""
        files.write(resolve.path(output, "output"), self.html, mark=files.MADE)


def explore(
    networks: Any = NETWORKS,
    devices: Any = DEVICES,
    *,
    input: Any = None,
    strategies: Any = (),
    roundings: Any = ROUNDINGS,
    batch: int | None = None,
    max_time: Any = None,
    max_params: Any = None,
    max_memory: Any = None,
    max_flops: Any = None,
    max_acts: Any = None,
    free: bool = False,
) -> Explored:
    """A page to play with: one HTML file that needs no server and no network.

    ``networks``, ``devices``: one or several, as text or objects (no device: ``()``); ``input``: theirs, such as
    "3x384x640". ``strategies``: more than those that are always there; ``roundings``: rules to choose from.
    With budgets (as ``choose`` takes them), what it finds is drawn too, and with ``free`` the front of all variants.
    Raises InvalidInput for bad values, two networks or devices of one name, and where no network fits the budgets.

    >>> explore("EfficientNet-B0", (), strategies="d1_w3_r1", roundings="pycls")
    <Explored EfficientNet-B0 on no device>
    """
    profiles = [resolve.device(device) for device in _any(devices, "devices")]
    how: dict[str, Any] = {
        "strategies": [resolve.strategy(strategy) for strategy in _any(strategies, "strategies")],
        "roundings": rules(roundings),
        "batch": resolve.whole(batch, "batch"),
        "budgets": budgets(
            profiles,
            max_time=max_time,
            max_params=max_params,
            max_memory=max_memory,
            max_flops=max_flops,
            max_acts=max_acts,
        ),
        "free": resolve.flag(free, "free"),
    }
    found = [_given(network, input) for network in resolve.several(networks, "networks")]
    html = explored(found, profiles, **how)
    return Explored(tuple(one.network.name for one in found), tuple(profile.name for profile in profiles), html)


def _any(values: Any, kind: str) -> list[Any]:
    """None, one or several."""
    return [] if isinstance(values, (tuple, list)) and not values else resolve.several(values, kind)


def _given(value: Any, input: Any) -> Given:
    """A network with how it is named in a terminal and in Python."""
    network = resolve.network(value, input=input)
    text = str(value) if isinstance(value, (str, Path)) else network.name
    if input is None:
        return Given(network, shlex.quote(text), repr(text))
    size = "x".join(map(str, network.input().dims))
    return Given(network, f"{shlex.quote(text)} --input {size}", f"ct.network({text!r}, input={size!r})")
