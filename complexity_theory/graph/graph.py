"""A graph: layers in topological order with named inputs, for what no nesting of sequences and residuals says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.operations.base import Layer
from complexity_theory.graph.walk import Composite, Place, Value


@final
@dataclass(frozen=True, slots=True)
class Node:
    """A layer of a graph, by name, and the names of what goes into it: inputs of the graph, or nodes before it."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Graph(Composite):
    """Layers in topological order: ``nodes``, the names of the graph's ``inputs``, and of the node that comes out.

    A node may be any layer, another graph or a ``Repeat`` among them. ``more``: further nodes whose values leave the
    graph too (a backbone's other outputs). Raises InvalidInput for names that are used twice or are not known.

    >>> from complexity_theory.graph.complexity import Shape
    >>> from complexity_theory.graph.operations import Concat, Conv2d
    >>> fork = Graph(
    ...     (
    ...         Node("a", Conv2d(8, 8, 3), ("x",)),
    ...         Node("b", Conv2d(8, 8, 1), ("x",)),
    ...         Node("both", Concat(), ("a", "b")),
    ...     ),
    ...     output="both",
    ... )
    >>> fork.output(Shape(8, 4, 4)).channels, fork.complexity(Shape(8, 4, 4)).params
    (16, 640)
    """

    nodes: tuple[Node, ...]
    output_name: str
    inputs: tuple[str, ...] = ("x",)
    more: tuple[str, ...] = ()

    def __init__(
        self,
        nodes: tuple[Node, ...],
        output: str,
        inputs: tuple[str, ...] = ("x",),
        more: tuple[str, ...] = (),
    ) -> None:
        for name, value in (("nodes", tuple(nodes)), ("output_name", output), ("inputs", tuple(inputs))):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "more", tuple(more))
        self._check()

    def _check(self) -> None:
        known = set[str]()
        for name in self.inputs:
            if name in known:
                raise InvalidInput(f"two inputs of a graph are named {name!r}")
            known.add(name)
        for node in self.nodes:
            if not isinstance(node, Node) or not isinstance(node.layer, Layer):
                raise InvalidInput(f"a graph is made of Nodes of layers, not {node!r}")
            if node.name in known:
                raise InvalidInput(f"two nodes or inputs of a graph are named {node.name!r}")
            for name in node.inputs:
                if name not in known:
                    raise InvalidInput(f"node {node.name!r} of a graph takes {name!r}, which is no node before it")
            known.add(node.name)
        for name in (self.output_name, *self.more):
            if name not in known:
                raise InvalidInput(f"{name!r}, which comes out of a graph, is none of its nodes")

    def channels(self, channels: object) -> None:
        return None

    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        if len(inputs) != len(self.inputs):
            raise InvalidInput(f"a graph takes {len(self.inputs)} inputs ({', '.join(self.inputs)}), not {len(inputs)}")
        values = dict(zip(self.inputs, inputs, strict=True))
        for node in self.nodes:
            taken = tuple(values[name] for name in node.inputs)
            try:
                values[node.name] = at.visit(node.name, node.layer, taken)
            except InvalidInput as error:
                raise InvalidInput(f"{node.name}: {error}") from None
        return values[self.output_name]
