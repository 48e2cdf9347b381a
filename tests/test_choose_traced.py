"""Choosing among the sizes of a traced network: one that joins feature maps, so that not every input fits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from complexity_theory.choice.budgets import Budgets
from complexity_theory.choice.choose import choose
from complexity_theory.choice.costs import buildable
from complexity_theory.choice.free import free
from complexity_theory.choice.stages import by_stage
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.growth import time_growth
from complexity_theory.devices.profile import load_profile
from complexity_theory.measurement.trace.tracing import trace
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.realise import scale

DEVICE = "rtx4090-eager-nchw"


class Joined(nn.Module):
    """Down by 8, up again, and joined: takes sides in multiples of 8 alone."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Conv2d(3, 16, 3, padding=1)
        self.down = nn.Sequential(nn.MaxPool2d(8), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(32, 16, 8, stride=8)
        self.out = nn.Conv2d(32, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.into(x)
        return self.out(torch.cat([x, self.up(self.down(x))], 1))


@pytest.fixture(scope="module")
def joined() -> Traced:
    return trace(Joined(), (3, 64, 64), check=False)


def test_inputs_that_do_not_fit_are_left_out(joined: Traced) -> None:
    sizes = np.array([[knob.base for knob in joined.knobs]] * 5, dtype=np.int64)
    [side] = [i for i, knob in enumerate(joined.knobs) if knob.dimension == "resolution"]
    sizes[:, side] = [4, 60, 64, 68, 72]
    assert buildable(joined, joined.knobs, sizes).tolist() == [False, False, True, False, True]


def test_the_largest_that_fits_is_one_that_scale_builds(joined: Traced) -> None:
    counts = joined.complexity()
    budgets = Budgets(flops=5 * counts.flops, acts=2 * counts.acts)
    choice = choose(joined, budgets, [load_profile(DEVICE)], strategies=["r", "w", "wr", "dWr"])
    for candidate in choice.candidates:
        again = scale(joined, candidate.strategy, factor=candidate.factor, rounding=candidate.rounding)
        assert again.complexity == candidate.complexity
        assert candidate.complexity.acts <= 2 * counts.acts
        for step in range(-20, 40):
            try:
                other = scale(joined, candidate.strategy, factor=candidate.factor * 1.03**step).complexity
            except InvalidInput:
                continue
            fits = other.acts <= 2 * counts.acts and other.flops <= 5 * counts.flops
            assert not fits or other.flops <= candidate.complexity.flops


def test_free_variants_and_stages_and_time(joined: Traced) -> None:
    choice = choose(joined, Budgets(acts="1M"), [load_profile(DEVICE)], strategies=["w", "wr"])
    assert free(choice, variants=300).best.network.resolution % 8 == 0
    assert by_stage(choice).best.complexity.acts <= 1_000_000
    assert time_growth(joined, load_profile(DEVICE)).seconds([1, 1, 1, 1]) > 0
