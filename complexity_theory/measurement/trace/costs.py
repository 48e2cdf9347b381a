"""What the operations of a run cost."""

from __future__ import annotations

from complexity_theory.graph.complexity import Complexity
from complexity_theory.measurement.trace.capture import Capture
from complexity_theory.measurement.trace.operators import work


def costs(ran: Capture) -> list[Complexity]:
    """The cost of each operation of a run, without params. Raises InvalidInput for one that has no rule."""
    found = []
    for node in ran.nodes:
        does = work(node, ran.shape)
        found.append(Complexity() if does is None else does.cost())
    return found


def total(ran: Capture) -> Complexity:
    """The cost of a run, each parameter of the module once. Raises InvalidInput for an operation without a rule."""
    return sum(costs(ran), Complexity(params=sum(ran.sizes.values())))
