"""What scaling a convolutional network costs: in closed form, in exact integers, and in measured time.

>>> import complexity_theory as ct
>>> ct.network("EfficientNet-B0").complexity()
Complexity(flops=385825092, params=5288548, acts=6748036)
>>> ct.derive(ct.parse("dWr")).exponents
Complexity(flops=1, params=9/10, acts=3/5)

Names are loaded when first used, so that the import is quick and brings in neither sympy nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from complexity_theory.algebra import InvalidInput
    from complexity_theory.complexity import Complexity, Shape
    from complexity_theory.compose import Gate, Repeat, Residual, Sequential, walk
    from complexity_theory.layers import (
        Activation,
        AdaptiveAvgPool2d,
        AvgPool2d,
        BatchNorm2d,
        Conv2d,
        Dropout,
        Flatten,
        GlobalAvgPool2d,
        Layer,
        LayerNorm2d,
        LayerScale,
        Linear,
        MaxPool2d,
    )
    from complexity_theory.networks.spec import Network, Stage
    from complexity_theory.runtime.choice import compare
    from complexity_theory.runtime.devices import predict
    from complexity_theory.scaling.closed_form import closed_form
    from complexity_theory.scaling.effective import effective_exponents
    from complexity_theory.scaling.exponents import derive
    from complexity_theory.scaling.export import export
    from complexity_theory.scaling.population import polynomials, realised
    from complexity_theory.scaling.realise import scale
    from complexity_theory.scaling.strategy import Strategy, fast, parse
    from complexity_theory.zoo import find, names, network

_HOMES = {
    "algebra": ("InvalidInput",),
    "complexity": ("Complexity", "Shape"),
    "compose": ("Gate", "Repeat", "Residual", "Sequential", "walk"),
    "layers": (
        *("Activation", "AdaptiveAvgPool2d", "AvgPool2d", "BatchNorm2d", "Conv2d", "Dropout", "Flatten"),
        *("GlobalAvgPool2d", "Layer", "LayerNorm2d", "LayerScale", "Linear", "MaxPool2d"),
    ),
    "networks.spec": ("Network", "Stage"),
    "runtime.choice": ("compare",),
    "runtime.devices": ("predict",),
    "scaling.closed_form": ("closed_form",),
    "scaling.effective": ("effective_exponents",),
    "scaling.exponents": ("derive",),
    "scaling.export": ("export",),
    "scaling.population": ("polynomials", "realised"),
    "scaling.realise": ("scale",),
    "scaling.strategy": ("Strategy", "fast", "parse"),
    "zoo": ("find", "names", "network"),
}
_HOME = {name: home for home, found in _HOMES.items() for name in found}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
