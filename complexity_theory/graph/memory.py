"""What is kept for a backward pass, and what lives at once without one: readings of the edges of a walk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from complexity_theory.core.sizes import Size, product, total
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.edges import Edges
from complexity_theory.graph.keeping import Extra, KeptPart
from complexity_theory.graph.operations import Layer, Parameter
from complexity_theory.graph.populations import by_structure
from complexity_theory.graph.rows import row
from complexity_theory.graph.walk import Visit, walk


class ElementBytes(NamedTuple):
    """Bytes of an element of each sort of tensor (``graph.keeping.Sort``); those of float32 on a CPU by default."""

    values: int = 4
    masks: int = 4
    indices: int = 8
    statistics: int = 4


@dataclass(frozen=True, slots=True)
class Elements:
    """Elements of tensors for one image, by sort, and ``once``: of float32, the same for any batch.

    ``values``: of the network's precision; ``masks``: drawn by dropout; ``indices``: int64; ``statistics``: float32 in
    any precision. Each an int, a sympy expression or an int64 array.
    """

    values: Size = 0
    masks: Size = 0
    indices: Size = 0
    statistics: Size = 0
    once: Size = 0

    @property
    def each(self) -> Size:
        """Elements for one image, of all sorts."""
        return self.values + self.masks + self.indices + self.statistics

    def bytes(self, batch: Size = 1, widths: ElementBytes = ElementBytes()) -> Size:  # noqa: B008  # immutable
        """Bytes at a batch, with elements of these widths.

        >>> Elements(values=10, indices=1, once=2).bytes(batch=3)
        152
        """
        each = (
            self.values * widths.values
            + self.masks * widths.masks
            + self.indices * widths.indices
            + self.statistics * widths.statistics
        )
        return total(product(batch, each), self.once * widths.statistics)


def _needs(edges: Edges) -> frozenset[int]:
    """The values that a gradient flows into: what is made with params, and what is made of such values."""
    found = set[int]()
    for visit in edges.visits:
        if any(value.id in found for value in visit.inputs) or not _is_zero(visit.complexity.params):
            found.add(visit.output.id)
    return frozenset(found)


def buffers(layer: Layer, *shapes: Shape) -> Size:
    """Bytes that the module of a layer holds beside its params: the running statistics of its norms.

    >>> from complexity_theory.graph.operations import BatchNorm2d
    >>> buffers(BatchNorm2d(8), Shape(8, 4, 4))  # mean and variance of each channel, and the count of batches
    72
    """
    return sum(visit.times * row(visit.operation).buffers(visit.operation) for visit in walk(layer, *shapes))


def _is_zero(size: Size) -> bool:
    return type(size) is int and size == 0


def _kept_inputs(parts: tuple[KeptPart, ...], needs: tuple[bool, ...]) -> Iterator[int]:
    """The numbers of the inputs that are kept, by which of them a gradient flows into."""
    for i in range(len(needs)):
        others = any(needs[:i]) or any(needs[i + 1 :])
        if "inputs" in parts or ("factors" in parts and others) or ("last" in parts and i == len(needs) - 1):
            yield i


def kept(layer: Layer, *shapes: Shape) -> Elements:
    """What autograd keeps for the backward pass of a layer in training, on inputs that need no gradient themselves.

    Each tensor counts once, however many operations keep it, and whole where a view of it is kept; params and running
    statistics, which the module holds anyway, do not count. It is what torch keeps of the module that ``build`` makes,
    to the byte; of recurrent layers where torch's own kernels run them (GRUs and plain ones, on a CPU): cuDNN and
    oneDNN have workspaces of their own, so that an LSTM keeps more than is told. Activations that work in place keep as
    much, and save memory only while they run. A reshape is a view here; of permuted values torch makes it a copy.

    Sizes may be ints, symbols (the closed form) or arrays. Raises InvalidInput where shapes do not fit and for an
    operation of which it is not known what it keeps.

    >>> from complexity_theory.graph.compose import Sequential
    >>> from complexity_theory.graph.operations import Activation, BatchNorm2d, Conv2d
    >>> block = Sequential(Conv2d(3, 8, 3), BatchNorm2d(8), Activation("relu"), Conv2d(8, 8, 3))
    >>> kept(block, Shape(3, 4, 4))  # the input, and the outputs of the first convolution and of the relu
    Elements(values=304, masks=0, indices=0, statistics=0, once=16)
    """
    return by_structure(_kept, (layer, *shapes))


def _kept(layer: Layer, *shapes: Shape) -> Elements:
    edges = Edges.of(layer, *shapes, training=True)
    needs, found = _needs(edges), set[int]()
    totals: dict[str, Size] = defaultdict(int)
    for visit, about in zip(edges.visits, edges.rows, strict=True):
        if visit.output.id not in needs:
            continue
        keeps = about.keeps(visit)
        values = [visit.inputs[i] for i in _kept_inputs(keeps.parts, tuple(v.id in needs for v in visit.inputs))]
        found |= {edges.sources[value.id] for value in (*values, *([visit.output] if "output" in keeps.parts else []))}
        for extra in keeps.extras:
            if extra.kept:
                totals[extra.sort] = total(totals[extra.sort], product(visit.times, extra.elements(visit)))
    shapes_of, indices = _data(edges), _looked_up(edges)
    for source in sorted(found):
        if source in shapes_of:
            sort = "indices" if source in indices else "values"
            totals[sort] = total(totals[sort], product(edges.times(source), shapes_of[source].elements))
    return Elements(**totals)


def _data(edges: Edges) -> dict[int, Shape]:
    """By value with data of its own, params apart: its shape."""
    found = {value.id: value.shape for value in edges.inputs}
    params = {visit.output.id for visit in edges.visits if isinstance(visit.operation, Parameter)}
    for source, made in edges.makers.items():
        if made and source not in params:
            found.setdefault(source, edges.visits[made[0]].output.shape)
    return found


def _looked_up(edges: Edges) -> set[int]:
    """The values that are indices into a table."""
    looks = [visit for visit, about in zip(edges.visits, edges.rows, strict=True) if about.kind == "lookup"]
    return {edges.sources[value.id] for visit in looks for value in visit.inputs}


def peak(layer: Layer, *shapes: Shape, batch: Size = 1, widths: ElementBytes = ElementBytes()) -> Size:  # noqa: B008  # immutable
    """The most bytes of activations that live at once in inference at a batch; params come on top.

    A value lives from the operation that makes it to the last that takes it or a view of it, and while a composite
    runs that it went into: who calls a module holds what it gave it. Inputs live to the end. What an operation makes
    beside its output (a maximum's indices, a layer norm's statistics) lives with it. It is what lives in the module
    that ``build`` makes; workspaces of single kernels are not told, nor the copy that torch makes where values that a
    channel norm permuted are flattened (a reshape is a view here). Raises InvalidInput as ``kept`` does.

    >>> from complexity_theory.graph.compose import Residual, Sequential
    >>> from complexity_theory.graph.operations import Activation, Conv2d
    >>> block = Sequential(Conv2d(8, 8, 3), Residual(Sequential(Conv2d(8, 8, 3), Activation())))
    >>> peak(block, Shape(8, 4, 4)) // (4 * 8 * 4 * 4)  # the input, the shortcut, the second convolution, the relu
    4
    """
    return by_structure(lambda *part: _peak(*part, batch=batch, widths=widths), (layer, *shapes))


def _peak(layer: Layer, *shapes: Shape, batch: Size, widths: ElementBytes) -> Size:
    edges = Edges.of(layer, *shapes)
    shapes_of, indices, ends = _data(edges), _looked_up(edges), _ends(edges)

    def size(source: int) -> Size:
        width = widths.indices if source in indices else widths.values
        return product(batch, product(shapes_of[source].elements, width))

    live: dict[int, Size] = {value.id: size(value.id) for value in edges.inputs}
    now = most = sum(live.values())
    dying: dict[int, list[int]] = defaultdict(list)
    for source, end in ends.items():
        dying[end].append(source)
    for i, (visit, about) in enumerate(zip(edges.visits, edges.rows, strict=True)):
        made = edges.sources[visit.output.id]
        # The copies between make what the first made; the last copy, which lives as they do, tells the most of them.
        if made in shapes_of and made not in live:
            live[made] = size(made)
            now = total(now, live[made])
        beside = Elements(**_beside(visit, about.keeps(visit).extras)).bytes(batch, widths)
        most = np.maximum(most, now + beside)
        for source in dying[i]:
            now = now - live.pop(source, 0)
    return most if isinstance(most, np.ndarray) else int(most)


def _beside(visit: Visit, extras: tuple[Extra, ...]) -> dict[str, Size]:
    """What an operation makes beside its output in inference."""
    found: dict[str, Size] = defaultdict(int)
    for extra in extras:
        if not extra.trained:
            found[extra.sort] = found[extra.sort] + extra.elements(visit)
    return found


def _ends(edges: Edges) -> dict[int, int]:
    """By value with data of its own: the visit with which it ceases to live."""
    last = len(edges.visits) - 1
    scope_ends: dict[int, int] = {}
    for i, visit in enumerate(edges.visits):
        scope_ends.update(dict.fromkeys(visit.scopes, i))
    made_in: dict[int, tuple[int, ...]] = {value.id: () for value in edges.inputs}
    for visit in edges.visits:
        made_in.setdefault(visit.output.id, visit.scopes)
    found: dict[int, int] = {}
    for i, visit in enumerate(edges.visits):
        for value in visit.inputs:
            # The outermost composite that the value went into; the operation itself where it went into none.
            depth = next(
                (n for n, (a, b) in enumerate(zip(made_in[value.id], visit.scopes, strict=False)) if a != b),
                min(len(made_in[value.id]), len(visit.scopes)),
            )
            end = scope_ends[visit.scopes[depth]] if depth < len(visit.scopes) else i
            source = edges.sources[value.id]
            found[source] = max(found.get(source, i), end)
    for value in (*edges.inputs, edges.output, *edges.more):
        found[edges.sources[value.id]] = last
    return found
