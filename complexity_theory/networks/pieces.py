"""Many variants of one network counted together, piece by piece: what two variants share is counted once.

A piece (stem, stage, head) costs by its own sizes and by the map that enters it. Of many variants it has few distinct
ones, and a search meets most of them again and again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from complexity_theory.core.arrays import Ints
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import MOST_INT64, Size
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations.base import Layer
from complexity_theory.graph.walk import counted

REMEMBERED = 200_000  # rows of all pieces of a network
FEW = 1_000  # new rows of a piece that are worth remembering

# By piece and sizes: flops, params, acts, and height and width of what comes out.
KnownPieces: TypeAlias = "dict[str, dict[tuple[int, ...], tuple[int, ...]]]"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a network in sequence: ``build`` makes it of its ``sizes``, of which the first are the channels that
    enter. ``structure`` tells from them (arrays) which variants have trees of their own kinds.
    """

    name: str
    sizes: tuple[Size, ...]
    build: Callable[..., Layer]
    structure: Callable[..., tuple[Any, ...]] = lambda *sizes: ()

    def layer(self) -> Layer:
        """What it stands for. Raises InvalidInput, with its name, where sizes do not fit."""
        with said_of(self.name):
            return self.build(*self.sizes)


@contextmanager
def said_of(part: str) -> Iterator[None]:
    """Says which part of a network an error is of."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(f"{part}: {error}") from None


def cost(pieces: Iterable[Piece], input: Shape, number: int, memory: KnownPieces) -> Complexity:
    """The exact cost of ``number`` variants: int64 arrays, as are the sizes that differ and the sides of ``input``.

    ``memory``: what is known of the pieces of this network, which is added to. Raises InvalidInput where sizes of a
    variant do not fit, and where counts would exceed int64.
    """
    height, width = (np.broadcast_to(side, number) for side in (input.height, input.width))
    found = None
    for piece in pieces:
        sizes = [np.broadcast_to(size, number) for size in piece.sizes]
        rows, places = _distinct(np.stack([*sizes, height, width], axis=1))
        with said_of(piece.name):
            counts = _counts(piece, rows, memory)[:, places]
        height, width = counts[3:]
        own = Complexity(*counts[:3])
        found = own if found is None else found + own
    assert found is not None
    return found


def _distinct(rows: Ints) -> tuple[Ints, Ints]:
    """The rows that differ, and for each row which of them it is."""
    least, most = rows.min(axis=0), rows.max(axis=0)
    spans = [int(b) - int(a) + 1 for a, b in zip(least, most, strict=True)]
    if math.prod(spans) >= 2**62:
        found, places = np.unique(rows, axis=0, return_inverse=True)
        return found, places.reshape(-1)
    # One number for each row, as digits of different bases: sorted much faster than rows.
    digits = np.cumprod([1, *spans[:-1]], dtype=np.int64)
    _, first, places = np.unique((rows - least) @ digits, return_index=True, return_inverse=True)
    return rows[first], places


def _counts(piece: Piece, rows: Ints, memory: KnownPieces) -> Ints:
    """Of distinct rows of a piece: flops, params, acts, height and width of what comes out, as rows of an array."""
    known = memory.setdefault(piece.name, {})
    keys = list(map(tuple, rows.tolist()))
    new = np.array([key not in known for key in keys])
    out = np.empty((5, len(rows)), dtype=np.int64)
    if not new.all():
        out[:, ~new] = np.array([known[key] for key in keys if key in known], dtype=np.int64).T
    for chosen in _alike(piece, rows, np.flatnonzero(new)):
        *sizes, height, width = (_plain(column) for column in rows[chosen].T)
        cost, left = counted(piece.build(*sizes), Shape(sizes[0], height, width))
        counts = (*cost.as_dict().values(), *((left.height, left.width) if left.rank == 3 else (1, 1)))
        if large := [count for count in counts if isinstance(count, int) and count > MOST_INT64]:
            raise InvalidInput(
                f"arrays count in int64, up to {MOST_INT64:.2e}, which {large[0]} exceeds: count by ints"
            )
        for row, count in zip(out, counts, strict=True):
            row[chosen] = count
    if new.sum() <= FEW and sum(map(len, memory.values())) < REMEMBERED:
        known |= {keys[i]: tuple(out[:, i].tolist()) for i in np.flatnonzero(new)}
    return out


def _plain(column: Ints) -> Size:
    """A size that all have as an int, and others as they are."""
    return int(column[0]) if (column == column[0]).all() else column.copy()


def _alike(piece: Piece, rows: Ints, chosen: Ints) -> list[Ints]:
    """Those of one structure together."""
    if not len(chosen):
        return []
    patterns = [np.broadcast_to(told, len(chosen)) for told in piece.structure(*rows[chosen, : len(piece.sizes)].T)]
    return [chosen[one] for one in groups(patterns, len(chosen))]


def groups(patterns: Sequence[Any], number: int) -> list[Any]:
    """Which of a ``number`` of variants have all patterns (arrays of bools) in common: indices, together."""
    varied = [pattern for pattern in patterns if pattern.any() and not pattern.all()]
    if not varied:
        return [slice(None)]
    _, which = np.unique(np.stack(varied), axis=1, return_inverse=True)
    which = which.reshape(-1)
    return [np.flatnonzero(which == group) for group in range(which.max() + 1)]
