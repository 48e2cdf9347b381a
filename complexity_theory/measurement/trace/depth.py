"""Runs of alike blocks in a module: what a depth multiplier repeats."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import nn

from complexity_theory.graph.complexity import Complexity
from complexity_theory.measurement.trace.capture import Capture, ModuleCall
from complexity_theory.measurement.trace.dims import expression
from complexity_theory.measurement.trace.widths import Widths

LONGEST_PERIOD = 6  # blocks that alternate (window attention with and without a shift)


@dataclass(frozen=True, slots=True)
class ChildRun:
    """``count`` copies of ``period`` children of a container, in a row, after an ``entry`` of their kind or not.

    The entry (a first block that strides or widens) counts as one of the depth, and stays.
    """

    container: str
    calls: tuple[ModuleCall, ...]
    period: int
    count: int
    entry: bool

    @property
    def depth(self) -> int:
        """The number of blocks, the entry among them."""
        return self.count + int(self.entry)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the repeated submodules."""
        return tuple(call.name for call in self.calls)

    def holds(self, node: int) -> bool:
        """Whether an operation ran in a repeated block."""
        return any(call.start <= node < call.stop for call in self.calls)


def find_runs(
    module: nn.Module, ran: Capture, widths: Widths, costs: Sequence[Complexity], without: Iterable[str] = ()
) -> list[ChildRun]:
    """The runs of a module, outermost containers first; none in a container of ``without``, nor within another run.

    Blocks are alike where their kinds, shapes, costs and params are, and those of one run hand the same shape on.
    """
    return _Finder(module, ran, widths, costs, set(without)).found()


class _Finder:
    def __init__(
        self, module: nn.Module, ran: Capture, widths: Widths, costs: Sequence[Complexity], without: set[str]
    ) -> None:
        self.ran, self.widths, self.costs, self.without = ran, widths, costs, without
        self.modules = dict(module.named_modules())
        self.times = Counter(call.name for call in ran.calls)
        self.params: dict[str, list[int]] = defaultdict(list)
        for i, value in enumerate(ran.values):
            owner = value.name or ""
            while owner:  # every submodule that holds it
                owner = owner.rpartition(".")[0]
                self.params[owner].append(i)
        self._known: dict[int, tuple[Any, ...]] = {}
        self.owners: dict[int, set[str]] = defaultdict(set)
        for name, parameter in module.named_parameters(remove_duplicate=False):
            self.owners[id(parameter)].add(name)

    def found(self) -> list[ChildRun]:
        by_container: dict[str, list[ModuleCall]] = defaultdict(list)
        for call in self.ran.calls:
            if call.name in self.modules and call.name:
                by_container[call.name.rpartition(".")[0]].append(call)
        runs: list[ChildRun] = []
        taken: list[str] = []
        for container in sorted(by_container, key=lambda name: name.count(".") + bool(name)):
            within = any(container == name or container.startswith(f"{name}.") for name in taken)
            if within or container in self.without or not self._in_order(container, by_container[container]):
                continue
            for run, names in self._runs(container, by_container[container]):
                runs.append(run)
                taken.extend(names)
        return runs

    def _in_order(self, container: str, calls: Sequence[ModuleCall]) -> bool:
        """Whether its children run once each, in the order that they stand in, and share no weights with others."""
        names = {call.name for call in calls}
        prefix = f"{container}." if container else ""
        order = [prefix + key for key in self.modules[container]._modules if prefix + key in names]
        if [call.name for call in calls] != order or any(self.times[name] != 1 for name in order):
            return False
        for name in order:
            for parameter in self.modules[name].parameters():
                if not all(owner.startswith(f"{name}.") for owner in self.owners[id(parameter)]):
                    return False
        return True

    def _runs(self, container: str, calls: Sequence[ModuleCall]) -> Iterable[tuple[ChildRun, list[str]]]:
        signatures = [self._signature(call) for call in calls]
        flows = [bool(set(a.outputs) & set(b.inputs)) for a, b in pairwise(calls)]
        plain = isinstance(self.modules[container], (nn.Sequential, nn.ModuleList))
        at = free_from = 0
        while at < len(calls):
            for period in range(1, LONGEST_PERIOD + 1):
                block = calls[at : at + period]
                if len(block) < period or not all(flows[at : at + period - 1]):
                    break
                if not self._may_repeat(block, plain):
                    continue
                count = 1
                while signatures[at + count * period : at + (count + 1) * period] == signatures[
                    at : at + period
                ] and all(flows[at + count * period - 1 : at + (count + 1) * period - 1]):
                    count += 1
                before = calls[at - period : at] if at - period >= free_from and all(flows[at - period : at]) else []
                entry = bool(before) and [*map(self._kind, before)] == [*map(self._kind, block)]
                if count > 1 or entry:
                    repeated = tuple(calls[at : at + count * period])
                    yield ChildRun(container, repeated, period, count, entry), [c.name for c in (*before, *repeated)]
                    free_from = at + count * period
                    at = free_from - 1
                    break
            at += 1

    def _may_repeat(self, block: Sequence[ModuleCall], plain: bool) -> bool:
        """Whether it hands on what it takes in, and does work; in a container of one's own, blocks are no leaves."""
        taken, made = block[0].inputs, block[-1].outputs
        if not taken or not made or (len(taken) != len(made) and len(made) != 1):
            return False
        if self._sizes(taken[: len(made)]) != self._sizes(made):
            return False
        if not plain and not all(any(True for _ in self.modules[call.name].children()) for call in block):
            return False
        return any(cost.flops or cost.products for call in block for cost in self.costs[call.start : call.stop])

    def _sizes(self, values: Sequence[int]) -> list[tuple[Any, ...]]:
        """Their dimensions, each as its size and what it becomes where widths, and where group widths, double."""
        for value in values:
            if value not in self._known:
                self._known[value] = tuple(map(self._size, self.widths.get(value)))
        return [self._known[value] for value in values]

    @staticmethod
    def _size(dim: Any) -> tuple[Any, ...]:
        def times(kind: str) -> Any:
            return expression(dim, lambda atom: atom.size * (2 if atom.kind == kind else 1))

        return times("none"), times("w"), times("g")

    def _signature(self, call: ModuleCall) -> tuple[Any, ...]:
        total = Complexity()
        for cost in self.costs[call.start : call.stop]:
            total = total + cost
        prefix = f"{call.name}."
        params = tuple((str(self.ran.values[i].name)[len(prefix) :], *self._sizes([i])) for i in self.params[call.name])
        return call.kind, self._sizes(call.inputs), self._sizes(call.outputs), total, params

    def _kind(self, call: ModuleCall) -> Any:
        return _tree(self.modules[call.name])


def _tree(module: nn.Module) -> Any:
    """Its class; of a mere container also those of its children."""
    if isinstance(module, (nn.Sequential, nn.ModuleList)):
        return type(module), tuple(map(_tree, module.children()))
    return type(module)
