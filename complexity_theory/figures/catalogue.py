"""All figures, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from complexity_theory.algebra import InvalidInput
from complexity_theory.figures import errors, networks, runtime, theory
from complexity_theory.figures.registry import Spec

FIGURES: Mapping[str, Spec] = MappingProxyType(
    {spec.name: spec for spec in (*theory.FIGURES, *networks.FIGURES, *runtime.FIGURES, *errors.FIGURES)}
)


def find(names: Iterable[str]) -> list[Spec]:
    """The figures of these names; all where there are none. Raises InvalidInput for an unknown name.

    >>> [spec.name for spec in find(["exponents"])]
    ['exponents']
    """
    names = list(names)
    for name in names:
        if name not in FIGURES:
            raise InvalidInput(f"unknown figure {name!r}: one of {', '.join(FIGURES)}")
    return [FIGURES[name] for name in names or FIGURES]
