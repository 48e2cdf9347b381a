"""All figures, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from complexity_theory.core.checks import check_choice
from complexity_theory.figures import (
    accuracy,
    blocks,
    choice,
    errors,
    fast_direction,
    networks,
    prediction,
    runtime,
    sweep,
    theory,
)
from complexity_theory.figures.registry import Spec

_MODULES = (theory, networks, blocks, runtime, sweep, prediction, choice, fast_direction, accuracy, errors)
FIGURES: Mapping[str, Spec] = MappingProxyType({spec.name: spec for module in _MODULES for spec in module.FIGURES})


def find(names: Iterable[str]) -> list[Spec]:
    """The figures of these names; all where there are none. Raises InvalidInput for an unknown name.

    >>> [spec.name for spec in find(["exponents"])]
    ['exponents']
    """
    names = list(names)
    for name in names:
        check_choice("figure", name, FIGURES)
    return [FIGURES[name] for name in names or FIGURES]
