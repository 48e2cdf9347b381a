"""The page of networks on devices, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from complexity_theory.choice.budgets import Budgets
from complexity_theory.choice.choose import choose
from complexity_theory.choice.costs import ProfiledDevice
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.profile import Profile
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.page import data, grid
from complexity_theory.page.render import render
from complexity_theory.scaling.strategy import Strategy

MADE = "Made by complexity-theory explore."


@dataclass(frozen=True)
class Given:
    """A network, and what names it in a ``shell`` and in ``python``."""

    network: Network | Traced
    shell: str
    python: str


def explored(
    networks: Sequence[Given],
    profiles: Sequence[Profile],
    *,
    strategies: Sequence[Strategy],
    roundings: Sequence[str],
    batch: int | None,
    budgets: Budgets,
    free: bool,
) -> str:
    """The page as HTML. ``strategies``: more than those that are always there.

    With budgets, what ``choice`` finds within them is drawn too, with the front of all variants where they are
    ``free``. Raises InvalidInput where two networks or devices have one name, and where nothing fits.
    """
    for what, names in (("networks", [g.network.name for g in networks]), ("devices", [p.name for p in profiles])):
        if len(set(names)) < len(names):
            raise InvalidInput(f"{what} of a page must differ in name, not be {', '.join(names)}")
    if free and not budgets:
        raise InvalidInput("the front of free variants (--free) is that within budgets: give one, such as max_params")
    chosen = grid.strategies(strategies)
    devices = [ProfiledDevice.of(profile, networks[0].network, batch) for profile in profiles]
    told = []
    for given in networks:
        found = None
        if budgets:
            found = data.choice(choose(given.network, budgets, profiles, roundings=roundings, batch=batch), free)
        about = data.network(given.network, devices, chosen, roundings)
        told.append({**about, "shell": given.shell, "python": given.python, "choice": found})
    page = data.page(devices, chosen, roundings)
    return render({**page, "networks": [given.network.name for given in networks], "made": MADE}, told)
