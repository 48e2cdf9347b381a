"""What the zoo knows of a name, and of a family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from complexity_theory.networks.spec import Network


class Family(NamedTuple):
    """A family of networks and its kin: families that share blocks, generators or tables of sizes have one kin.

    What is held out is held out with its kin, so that no network is predicted from its own variants.
    """

    name: str
    kin: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A known network, not yet built: what builds it, called with ``name=`` and ``family=``, and its other names."""

    family: Family
    build: Callable[..., Network]
    aliases: tuple[str, ...] = ()
