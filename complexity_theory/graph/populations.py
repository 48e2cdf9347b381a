"""Populations of layers (sizes as arrays) parted into those of one structure, which edges can be told of."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np

from complexity_theory.graph.compose import Repeat

T = TypeVar("T")
ALIKE = 2  # copies from which on parts are repeated in the same way: a first, some between, a last


def structures(population: T) -> Iterator[tuple[np.ndarray | None, T]]:
    """The parts of a population in which each part is repeated never, once, or more often: their indices, and the part.

    ``population``: layers and shapes, as a tuple or one of them. A single layer, or a population of one structure,
    comes back as it is, with None for the indices.

    >>> from complexity_theory.graph.operations import Activation
    >>> [(index.tolist(), part.times.tolist()) for index, part in structures(Repeat(Activation(), np.array([3, 0, 2])))]
    [([1], [0]), ([0, 2], [3, 2])]
    """
    times = [array for array in _repeated(population) if array.size > 1]
    if not times:
        yield None, population
        return
    signatures = np.minimum(np.stack(np.broadcast_arrays(*times)), ALIKE)
    kinds, which = np.unique(signatures, axis=1, return_inverse=True)
    if kinds.shape[1] == 1:
        yield None, population
        return
    for kind in range(kinds.shape[1]):
        index = np.flatnonzero(which.reshape(-1) == kind)
        yield index, at(population, index)


def by_structure(read: Callable[..., T], population: tuple[Any, ...]) -> T:
    """What ``read`` tells of a population (layers and shapes, its arguments), from its parts of one structure.

    ``read`` returns a size, or a dataclass of sizes; so does this, with arrays in the population's order.

    >>> from complexity_theory.graph.operations import Activation
    >>> by_structure(lambda layer: 10 * layer.times, (Repeat(Activation(), np.array([3, 0, 2])),)).tolist()
    [30, 0, 20]
    """
    parts = [(index, read(*part)) for index, part in structures(population)]
    if parts[0][0] is None:
        return parts[0][1]
    found = [(index, part) for index, part in parts if index is not None]
    first: Any = found[0][1]
    if not is_dataclass(first):
        return cast(T, _merged(found))
    merged = {f.name: _merged([(index, getattr(part, f.name)) for index, part in found]) for f in fields(first)}
    return cast(T, replace(cast(Any, first), **merged))


def _merged(parts: list[tuple[np.ndarray, Any]]) -> np.ndarray:
    """One array of the parts' sizes, each at its indices."""
    merged = np.zeros(sum(len(index) for index, _ in parts), dtype=np.result_type(*(np.asarray(v) for _, v in parts)))
    for index, value in parts:
        merged[index] = value
    return merged


def _repeated(value: Any) -> Iterator[np.ndarray]:
    """The arrays that say how often parts are repeated."""
    if isinstance(value, Repeat) and isinstance(value.times, np.ndarray):
        yield value.times
    if isinstance(value, tuple):
        for item in value:
            yield from _repeated(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _repeated(getattr(value, field.name))


def at(value: Any, index: np.ndarray) -> Any:
    """A population's elements at ``index``: the same, with each of its arrays cut to them."""
    if isinstance(value, np.ndarray):
        return value[index] if value.size > 1 else value
    if isinstance(value, tuple):
        return tuple(at(item, index) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        found = copy.copy(value)
        for field in fields(value):
            object.__setattr__(found, field.name, at(getattr(value, field.name), index))
        return found
    return value
