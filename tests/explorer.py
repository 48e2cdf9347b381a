"""The explorer that tests open: its networks, and links to states of it."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from complexity_theory.choice.budgets import Budgets
from complexity_theory.devices.memory import memory
from complexity_theory.devices.prediction import predict
from complexity_theory.devices.profile import load_profile
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.page import grid
from complexity_theory.page.explore import Given, explored
from complexity_theory.page.verb import DEVICES, ROUNDINGS
from complexity_theory.scaling.realise import scale
from complexity_theory.verbs import resolve
from complexity_theory.zoo import network
from tests.browser import Browser

HOSTILE = "</script><script>document.title='injected'</script><b>"
SHELL = "$(touch injected) it's"
PROFILES = [load_profile(name) for name in DEVICES]


class Block(nn.Module):
    """A residual block with a group convolution."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(width, width, 3, padding=1, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.outer = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.outer(torch.relu(self.norm(self.inner(x)))))


class Own(nn.Module):
    """A module that a user wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.first = nn.Sequential(*(Block(32, 4) for _ in range(3)))
        self.down = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.second = nn.Sequential(*(Block(64, 8) for _ in range(4)))
        self.classes = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classes(self.second(self.down(self.first(self.stem(x)))).mean((2, 3)))


# With and without group convolutions, traced from a module, another shape of input, names that would do harm; by what
# their user calls them.
GIVEN: dict[str, Network | Traced] = {
    "EfficientNet-B0": network("EfficientNet-B0"),
    "RegNetY-400MF": network("RegNetY-400MF"),
    "own.py:Own": resolve.network(Own(), input=(3, 64, 64)),
    SHELL: replace(network("ResNet-18"), name=HOSTILE, note=HOSTILE, resolution=(160, 224)),
}
NETWORKS = {one.name: one for one in GIVEN.values()}


def written() -> str:
    """The page of these networks."""
    given = [Given(one, shlex.quote(text), repr(text)) for text, one in GIVEN.items()]
    return explored(given, PROFILES, strategies=(), roundings=ROUNDINGS, batch=None, budgets=Budgets(), free=False)


def link(browser: Browser, **changes: Any) -> str:
    """The link to the page's present state with changes."""
    return str(browser.run(f"fragmentOf({{ ...state, ...{json.dumps(changes)} }})"))


def nearest(s: float) -> float:
    """The factor of the page's tables nearest to s in ratio."""
    return min(grid.GRID_FACTORS, key=lambda factor: max(factor / s, s / factor))


@cache
def realised(name: str, strategy: str, factor: float, rule: str) -> dict[str, Any]:
    """What the library gives for a realised network: counts, sizes, times with intervals, memory."""
    scaled = scale(NETWORKS[name], strategy, factor=factor, rounding=rule)
    told: dict[str, Any] = {f"realised {metric}": value for metric, value in scaled.complexity.as_dict().items()}
    told |= {f"size {knob.name}": value for knob, value in zip(scaled.knobs, scaled.values, strict=True)}
    for profile in PROFILES:
        time = predict(scaled.network, profile)
        told |= {f"{end} {profile.name}": getattr(time, end) for end in ("seconds", "low", "high")}
        told[f"memory {profile.name}"] = memory(scaled.network, time.batch, profile).total
    return told
