"""What the zoo knows of a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from complexity_theory.networks.spec import Network


@dataclass(frozen=True, slots=True)
class Entry:
    """A known network, not yet built: what builds it, called with ``name=`` and ``family=``, and its other names."""

    family: str
    build: Callable[..., Network]
    aliases: tuple[str, ...] = ()
