"""Networks as trees of layers: structure only, no formula. Names live in ``complexity_theory.zoo``."""

from complexity_theory.networks.spec import Network, Stage

__all__ = ["Network", "Stage"]
