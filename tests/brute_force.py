"""The largest network that fits budgets, by trying factors one by one: what ``choose`` is held against.

``python -m tests.brute_force 40`` tries 40 random problems.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from complexity_theory.choice.budgets import Budgets
from complexity_theory.choice.choose import Choice, choose
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.prediction import predict
from complexity_theory.devices.profile import Profile, load_profile, names
from complexity_theory.networks.spec import Network
from complexity_theory.scaling.realise import scale
from complexity_theory.zoo import network

NETWORKS = (
    *("EfficientNet-B0", "EfficientNet-B2", "MobileNetV2", "MobileNetV3-Large", "RegNetX-400MF", "RegNetY-500MF"),
    *("RegNetY-4.0GF", "RegNetZ-500MF", "ResNet-18", "ResNet-50", "ResNeXt-50-32x4d", "SE-ResNet-50"),
)
STRATEGIES = ("d", "w", "r", "dw", "dr", "wr", "dwr", "dWr", "fast:3/5", "d1_w2_g4_r1")
ROUNDINGS = ("pycls", "pow2-groups")


@dataclass(frozen=True)
class Problem:
    """A network, devices, budgets and strategies."""

    network: Network
    profiles: tuple[Profile, ...]
    budgets: Budgets
    strategies: tuple[str, ...]

    def solved(self) -> Choice | None:
        """What ``choose`` finds; None where it says that nothing fits."""
        try:
            return choose(self.network, self.budgets, self.profiles, strategies=self.strategies)
        except InvalidInput:
            return None

    def keeps(self, found: Network) -> bool:
        """Whether a network keeps the budgets, told one by one."""
        counts, budgets = found.complexity().as_dict(), self.budgets
        if any(getattr(budgets, name) is not None and counts[name] > getattr(budgets, name) for name in counts):
            return False
        return budgets.seconds is None or all(
            predict(found, profile).seconds <= budgets.seconds for profile in self.profiles
        )


def problem(seed: int, strategies: int) -> Problem:
    """A random problem: budgets from a hundredth to a hundred times what the network itself takes."""
    draw = random.Random(seed)
    base = network(draw.choice(NETWORKS))
    profiles = tuple(load_profile(name) for name in draw.sample(names(), draw.choice([0, 1, 1, 2])))
    counts = base.complexity().as_dict()
    bounds: dict[str, Any] = {
        name: max(1, round(counts[name] * 10 ** draw.uniform(-2, 2)))
        for name in draw.sample(sorted(counts), draw.choice([1, 2, 3]))
    }
    if profiles:
        slowest = max(predict(base, profile).seconds for profile in profiles)
        bounds["seconds"] = slowest * 10 ** draw.uniform(-1, 1.5)
    return Problem(base, profiles, Budgets(**bounds), tuple(draw.sample(STRATEGIES, strategies)))


def factors(seed: int, number: int) -> Iterator[float]:
    """Factors to try: random ones, and round ones, at which sizes lie exactly between two."""
    draw = random.Random(seed)
    for _ in range(number):
        yield draw.choice([2 ** draw.uniform(-6, 7), draw.randint(1, 64) / 16, float(draw.randint(1, 100))])


def beaten(seed: int, tried: int, strategies: int = 2) -> list[str]:
    """Networks with more flops, on the same strategies, that keep the budgets: none, where ``choose`` is right."""
    posed = problem(seed, strategies)
    choice = posed.solved()
    reached = {c.strategy.name: c.complexity.flops for c in choice.candidates} if choice else {}
    unbounded = {line.split(":")[0] for line in choice.left_out if "holds it back" in line} if choice else set()
    found = []
    for strategy in posed.strategies:
        if strategy in unbounded:
            continue
        around = next((c.factor for c in choice.candidates if c.strategy.name == strategy), 1.0) if choice else 1.0
        near = [around * 2 ** (step / 8) for step in range(-2, 9)]
        for factor in (*factors(seed, tried), *near):
            for rounding in ROUNDINGS:
                try:
                    scaled = scale(posed.network, strategy, factor=factor, rounding=rounding)
                except InvalidInput:
                    continue
                if scaled.complexity.flops > reached.get(strategy, 0) and posed.keeps(scaled.network):
                    found.append(f"{seed}: {scaled.network.name} by {rounding}: {scaled.complexity.flops:,} flops")
    return found


if __name__ == "__main__":
    worse = [line for seed in range(int(sys.argv[1])) for line in beaten(seed, tried=40, strategies=4)]
    print("\n".join(worse) or f"choose is as good as brute force on {sys.argv[1]} problems")
    sys.exit(bool(worse))
