"""The cost of a network by stage, block and layer, with subtotals and shares."""

from __future__ import annotations

from dataclasses import dataclass

from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.conventions import Convention
from complexity_theory.graph.operations import Layer
from complexity_theory.graph.walk import COPY, walk


@dataclass(frozen=True, slots=True)
class LayerPart:
    """A stage (level 0), block (1) or layer: how many copies there are, the output of one, and the cost of all."""

    path: tuple[str, ...]
    level: int
    times: int
    output: Shape
    complexity: Complexity

    @property
    def name(self) -> str:
        """The path below the stage and block that the part stands in."""
        return ".".join(self.path[self.level :])


def per_layer(tree: Layer, shape: Shape, convention: Convention) -> list[LayerPart]:
    """The parts of a tree on an input of ``shape``, each before what it is made of; those that cost nothing left out.

    Stages are the parts of the tree, blocks the parts of a stage; what repeats is told once, with its number of copies.

    >>> from complexity_theory.graph.conventions import convention
    >>> from complexity_theory.zoo import network
    >>> resnet = network("ResNet-18")
    >>> [part.name for part in per_layer(resnet.tree, resnet.input(), convention("pycls"))][:5]
    ['stem', 'conv', 'conv', 'bn', 'pool']
    """
    parts: dict[tuple[str, ...], LayerPart] = {}
    for visit in walk(tree, shape):
        path = _without_copies(visit.path)
        cost = visit.times * convention.cost(visit)
        for level in range(min(len(path), LEVELS)):
            here = path[: level + 1] if level + 1 < LEVELS else path
            before = parts.get(here)
            so_far, least = (before.complexity, before.times) if before else (Complexity(), visit.times)
            parts[here] = LayerPart(here, level, min(least, visit.times), visit.output.shape, so_far + cost)
    return [part for part in parts.values() if part.complexity != Complexity()]


LEVELS = 3  # stages, blocks, layers


def _without_copies(path: tuple[str, ...]) -> tuple[str, ...]:
    """A path without the step into a repeated stage or block."""
    return tuple(name for i, name in enumerate(path) if not (0 < i < LEVELS and name == COPY))
