"""Which way to scale a network for a device: every strategy at one flops target, by predicted time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.memory import memory
from complexity_theory.devices.profile import MOST, Prediction, Profile, predict
from complexity_theory.networks.spec import Network
from complexity_theory.scaling.realise import Scaled, scale

# Alpha in steps of a fifth: fast:0 is dr, fast:0.8 dWr, fast:1 w.
ALPHAS = (Fraction(1, 5), Fraction(2, 5), Fraction(3, 5))
STRATEGIES = ("d", "w", "r", "dw", "dr", "wr", "dwr", "dWr", *(f"fast:{float(alpha):g}" for alpha in ALPHAS))


class Choice(NamedTuple):
    """A strategy realised at the target, with what it costs on the device; ``memory``: bytes (``devices.memory``)."""

    strategy: str
    scaled: Scaled
    prediction: Prediction
    memory: int

    def as_dict(self) -> dict[str, Any]:
        """As a row: counts, seconds per image, memory and the sizes reached."""
        found, network = self.prediction, self.scaled.network
        return {
            "strategy": self.strategy,
            **self.scaled.complexity.as_dict(),
            "resolution": network.resolution,
            "seconds": found.seconds,
            "low": found.low,
            "high": found.high,
            "memory": self.memory,
            "deviation": self.scaled.deviation,
            "warnings": list(found.warnings),
        }


def compare(
    network: Network,
    target_flops: float,
    profile: Profile,
    *,
    batch: int | None = None,
    strategies: tuple[str, ...] = STRATEGIES,
) -> tuple[list[Choice], list[str]]:
    """The strategies realised at ``target_flops`` (multiply-adds), fastest first, and why others were left out.

    Raises InvalidInput where no strategy reaches the target, and as ``scale`` and ``predict`` do for other bad input.
    """
    if not 1 <= target_flops <= MOST:
        raise InvalidInput(f"a target must be from 1 to {MOST:g} flops, not {target_flops:g}")
    choices, left_out = [], []
    for strategy in strategies:
        try:
            scaled = scale(network, strategy, target_flops=target_flops)
        except InvalidInput as error:
            left_out.append(f"{strategy}: {error}")
            continue
        prediction = predict(scaled.network, profile, batch=batch)
        held = memory(scaled.network, prediction.batch, profile).total
        choices.append(Choice(strategy, scaled, prediction, held))
    if not choices:
        raise InvalidInput(left_out[0].partition(": ")[2])
    return sorted(choices, key=lambda choice: choice.prediction.seconds), left_out
