"""The verb of the page: networks, devices, and what else to show, as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence

from complexity_theory.choice.budgets import Budgets
from complexity_theory.choice.compare import ROUNDINGS
from complexity_theory.choice.costs import Device
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.profile import Profile
from complexity_theory.networks.spec import Network
from complexity_theory.page import data, grid
from complexity_theory.page.render import render
from complexity_theory.scaling.rules import rule
from complexity_theory.scaling.strategy import Strategy

__all__ = ["DEVICES", "NETWORKS", "ROUNDINGS", "explore"]

NETWORKS = ("EfficientNet-B0", "RegNetY-500MF", "RegNetZ-500MF")  # the paper's
DEVICES = ("rtx4090-compiled-nchw", "v100-training")


def explore(
    networks: Sequence[tuple[str, Network]],
    profiles: Sequence[Profile],
    *,
    strategies: Sequence[Strategy] = (),
    roundings: Sequence[str] = ROUNDINGS,
    batch: int | None = None,
    budgets: Budgets | None = None,
    free: bool = False,
) -> str:
    """The explorer of networks (each with what its user calls it) on devices, as HTML that needs nothing else.

    ``strategies``: more than those that are always there; ``budgets``: what ``choice`` finds within them is drawn too,
    with the front of all variants where they are ``free``. Raises InvalidInput where two networks or devices have one
    name, nothing fits, and for bad values.
    """
    if not networks:
        raise InvalidInput("a page needs at least one network")
    for what, names in (("networks", [n.name for _, n in networks]), ("devices", [p.name for p in profiles])):
        if len(set(names)) < len(names):
            raise InvalidInput(f"{what} of a page must differ in name, not be {', '.join(names)}")
    for rounding in roundings:
        rule(rounding)
    chosen = grid.strategies(strategies)
    devices = [Device.of(profile, networks[0][1], batch) for profile in profiles]
    told = []
    for given, network in networks:
        found = data.chosen_within(network, budgets, profiles, roundings, batch) if budgets else None
        told.append(data.network(given, network, devices, chosen, roundings, found, free))
    about = data.page(devices, chosen, roundings)
    return render(
        {**about, "networks": [one["name"] for one in told], "made": "Made by complexity-theory explore."}, told
    )
