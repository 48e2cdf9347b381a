"""Dimensions as what they are made of: concatenations of products of atoms, an atom being fixed or a variable.

Two dimensions that meet (a weight and what it multiplies, the two sides of a sum) are made equal, by binding variables
to what they must be. A view splits a product into its factors, a ``cat`` or ``split`` a concatenation into its parts.
What cannot be said in these terms is frozen at its size, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from complexity_theory.core.sizes import Size


class Atom:
    """A number of elements: fixed, or a variable, free or bound to the dimension that it must equal.

    ``kind``: "w" for a width, "g" for a group width, "b" for the batch, "" for what is fixed. ``tied``: variables that
    scale alike. The batch is never bound: what meets it becomes it.
    """

    __slots__ = ("bound", "kind", "size", "tied", "why")

    def __init__(self, size: int, kind: str = "") -> None:
        self.size, self.kind = size, kind
        self.bound: Dim | None = None
        self.tied: list[Atom] = []
        self.why = ""

    def __repr__(self) -> str:
        return f"{self.kind}{self.size}"


# Outer to inner: a concatenation of segments, each a product of atoms.
Segment: TypeAlias = tuple[Atom, ...]
Dim: TypeAlias = tuple[Segment, ...]


def fixed(size: int) -> Dim:
    """A dimension of a fixed size."""
    return ((Atom(size),),)


def free(size: int, kind: str = "w") -> Dim:
    """A dimension that may become any; of size 1 it is fixed (a broadcast, a depthwise kernel)."""
    return fixed(1) if size == 1 else ((Atom(size, kind),),)


def segment_size(segment: Iterable[Atom]) -> int:
    """Its elements."""
    return math.prod(atom.size for atom in segment)


def size(dim: Dim) -> int:
    """Its elements."""
    return sum(map(segment_size, dim))


def resolved(dim: Dim) -> Dim:
    """The dimension in terms of free variables: bindings followed, fixed neighbours joined."""
    if len(dim) == 1 and len(dim[0]) == 1 and dim[0][0].bound is None:  # as most are
        return dim
    found: list[Segment] = []
    for segment in dim:
        atoms, whole = _resolved_segment(segment)
        if whole is not None:
            found.extend(whole)
        elif len(atoms) == 1 and not atoms[0].kind and found and len(found[-1]) == 1 and not found[-1][0].kind:
            found[-1] = (Atom(found[-1][0].size + atoms[0].size),)
        else:
            found.append(atoms)
    return tuple(found)


def _resolved_segment(segment: Segment) -> tuple[Segment, Dim | None]:
    """The atoms of a product, or the concatenation that it is as a whole; one within a product stays an atom."""
    atoms: list[Atom] = []
    todo = list(segment)
    while todo:
        atom = todo.pop(0)
        if atom.bound is not None:
            atom.bound = resolved(atom.bound)
            if len(atom.bound) == 1:
                todo = [*atom.bound[0], *todo]
                continue
            if not atoms and all(x.size == 1 for x in todo):
                return (), atom.bound
        if not atom.kind and atom.size == 1:
            continue
        if atoms and not atom.kind and not atoms[-1].kind:
            atoms[-1] = Atom(atoms[-1].size * atom.size)
        else:
            atoms.append(atom)
    return tuple(atoms) or (Atom(1),), None


def is_fixed(dim: Dim) -> bool:
    """Whether nothing in it may change."""
    return not variables(dim)


def variables(dim: Dim) -> list[Atom]:
    """The free variables that it is made of."""
    found = []
    for segment in resolved(dim):
        for atom in segment:
            if atom.bound is not None:
                found.extend(variables(atom.bound))
            elif atom.kind:
                found.append(atom)
    return found


def expression(dim: Dim, of: Callable[[Atom], Size]) -> Size:
    """Its size where a free variable has the size ``of(variable)``: an int, or a symbol."""
    total: Size = 0
    for segment in resolved(dim):
        product: Size = 1
        for atom in segment:
            if atom.bound is not None:
                product = product * expression(atom.bound, of)
            else:
                product = product * (of(atom) if atom.kind else atom.size)
        total = total + product
    return total


class Dims:
    """The rules by which dimensions are made equal, split and joined; ``here`` tells where, for the reasons."""

    def __init__(self) -> None:
        self.here = ""
        self.frozen: list[Atom] = []

    def freeze(self, dim: Dim, why: str) -> None:
        """From now on its size is what it is, and so are those that are tied to it."""
        for atom in variables(dim):
            if atom.bound is None and atom.kind != "b":
                atom.bound, atom.why = fixed(atom.size), f"{why}{f' at {self.here}' if self.here else ''}"
                self.frozen.append(atom)
                for other in atom.tied:
                    self.freeze(((other,),), why)

    def bind(self, atom: Atom, dim: Dim) -> None:
        """A free variable is what ``dim`` is; what is tied to it is tied to the variables of ``dim``."""
        if atom.kind == "b":
            if _is_variable(dim) and dim[0][0].kind != "b":
                self.bind(dim[0][0], ((atom,),))
            return
        inside = variables(dim)
        if atom in inside:
            if not (len(inside) == 1 and size(dim) == atom.size and len(dim) == 1):
                self.freeze(dim, "a dimension that holds itself")
            return
        atom.bound = dim
        if not atom.tied:
            return
        if not inside:
            for other in atom.tied:
                self.freeze(((other,),), "scales with what is fixed")
        for other in atom.tied:
            for carrier in inside:
                if carrier is not other:
                    self._tie(carrier, other)

    @staticmethod
    def _tie(a: Atom, b: Atom) -> None:
        a.tied.append(b)
        b.tied.append(a)

    def tie(self, a: Dim, b: Dim) -> None:
        """Both scale alike, whatever they are made of."""
        x, y = variables(a), variables(b)
        if not x or not y or (len(x) != len(y) and (_is_power(a, x) or _is_power(b, y))):
            self.freeze(a, "scales with what is fixed")
            self.freeze(b, "scales with what is fixed")
            return
        for p in x:
            for q in y:
                if p is not q:
                    self._tie(p, q)

    def equal(self, a: Dim, b: Dim) -> None:
        """Makes two dimensions of one size equal."""
        a, b = resolved(a), resolved(b)
        assert size(a) == size(b), (a, b)
        if len(a) == len(b) == 1:
            self._equal_segments(a[0], b[0])
        elif _is_variable(a):
            self.bind(a[0][0], b)
        elif _is_variable(b):
            self.bind(b[0][0], a)
        else:
            left, right = list(a), list(b)
            while left and right:  # cut at each other's boundaries
                x, y = segment_size(left[0]), segment_size(right[0])
                if x < y:
                    right[0:1] = self._cut(right[0], [x, y - x])
                elif y < x:
                    left[0:1] = self._cut(left[0], [y, x - y])
                else:
                    self._equal_segments(left.pop(0), right.pop(0))
                    left, right = list(resolved(tuple(left))), list(resolved(tuple(right)))

    def _equal_segments(self, s: Segment, r: Segment) -> None:
        if not variables((s,)):
            self.freeze((r,), "meets what is fixed")
        elif not variables((r,)):
            self.freeze((s,), "meets what is fixed")
        elif _is_variable((s,)):
            if s[0] is not r[0] or len(r) > 1:
                self.bind(s[0], (r,))
        elif _is_variable((r,)):
            self.bind(r[0], (s,))
        elif sorted(map(id, variables((s,)))) != sorted(map(id, variables((r,)))):  # else a shuffle of one product
            self._equal_factors(list(s), list(r))

    def _equal_factors(self, s: list[Atom], r: list[Atom]) -> None:
        while s and r:  # outer to inner
            x, y = s[0].size, r[0].size
            if x == y:
                a, b = s.pop(0), r.pop(0)
                if a is not b:
                    self.equal(((a,),), ((b,),))
            elif y % x == 0 and r[0].bound is None:
                r[0:1] = self._factored(r[0], [x, y // x])
            elif x % y == 0 and s[0].bound is None:
                s[0:1] = self._factored(s[0], [y, x // y])
            else:
                self.tie((tuple(s),), (tuple(r),))
                return

    def _factored(self, atom: Atom, sizes: Sequence[int]) -> list[Atom]:
        """An atom as a product: the largest factor carries the variable, the others (heads, groups) are fixed."""
        if not atom.kind:
            return [Atom(n) for n in sizes]
        carrier = max(range(len(sizes)), key=lambda i: (sizes[i], i))
        if sizes[carrier] == atom.size:
            return [atom if i == carrier else Atom(1) for i in range(len(sizes))]
        parts = [Atom(n, atom.kind if i == carrier else "") for i, n in enumerate(sizes)]
        self.bind(atom, (tuple(parts),))
        return parts

    def _cut(self, segment: Segment, sizes: Sequence[int]) -> list[Segment]:
        """A product as a concatenation of parts of these sizes."""
        if not variables((segment,)):
            return [(Atom(n),) for n in sizes]
        first, rest = segment[0], segment[1:]
        inner = segment_size(rest)
        if all(n % inner == 0 for n in sizes):
            if not first.kind and rest and first.size > 1:  # so many copies of the rest
                return [(Atom(n // inner), *rest) for n in sizes]
            if first.bound is not None:
                parts = self.split(first.bound, [n // inner for n in sizes])
                return [(*(part[0] if len(part) == 1 else (_wrapped(part),)), *rest) for part in parts]
            if first.kind:
                # Equal parts stay equal: what is chunked scales alike; a part of 1 is a score, and no width.
                made = {n: free(n // inner, first.kind)[0][0] for n in sizes}
                same = len(made) == 1
                atoms = [made[n] if same else free(n // inner, first.kind)[0][0] for n in sizes]
                self.bind(first, tuple((atom,) for atom in atoms))
                return [(atom, *rest) for atom in atoms]
        if len(variables((segment,))) == 1:
            made = {n: Atom(n, "w") for n in sizes}
            for atom in made.values():
                self.tie((segment,), ((atom,),))
            return [(made[n],) for n in sizes]
        self.freeze((segment,), "cannot be cut")
        return [(Atom(n),) for n in sizes]

    def split(self, dim: Dim, sizes: Sequence[int]) -> list[Dim]:
        """A dimension as dimensions of these sizes one after the other."""
        found, segments = [], list(resolved(dim))
        for n in sizes:
            part: list[Segment] = []
            while n > 0:
                x = segment_size(segments[0])
                if x > n:
                    segments[0:1] = self._cut(segments[0], [n, x - n])
                    x = n
                part.append(segments.pop(0))
                n -= x
            found.append(tuple(part) if part else fixed(0))
        return found

    def merged(self, dims: Iterable[Dim]) -> Dim:
        """The product of dimensions, outer to inner."""
        kept = [resolved(dim) for dim in dims if size(dim) != 1]
        if len(kept) == 1:
            return kept[0]
        atoms = [atom for dim in kept for atom in (dim[0] if len(dim) == 1 else (_wrapped(dim),))]
        return (tuple(atoms) or (Atom(1),),)

    def factors(self, dim: Dim, sizes: Sequence[int]) -> list[Dim]:
        """A dimension as a product of dimensions of these sizes, outer to inner: what a view makes of it."""
        dim = resolved(dim)
        if is_fixed(dim):
            return [fixed(n) for n in sizes]
        if len(dim) > 1:
            return self._factors_of_parts(dim, sizes)
        atoms, todo, found = list(dim[0]), list(sizes), []
        while todo:
            n, part = todo.pop(0), []
            while n > 1:
                atom = atoms[0]
                if atom.size <= n and n % atom.size == 0:
                    part.append(atoms.pop(0))
                    n //= atom.size
                elif atom.size % n == 0 and atom.bound is None:
                    pieces = self._factored(atom, [n, *_common(atom.size // n, todo)])
                    part.append(pieces[0])
                    atoms[0:1] = pieces[1:]
                    n = 1
                else:
                    return self._carried(dim, sizes)
            found.append((tuple(part),) if part else fixed(1))
        return found

    def _factors_of_parts(self, dim: Dim, sizes: Sequence[int]) -> list[Dim]:
        """Of a concatenation: equal parts stacked, as many as the outermost size."""
        k = sizes[0]
        if k == 1:
            return [fixed(1), *self.factors(dim, sizes[1:])]
        if size(dim) % k or k > 64:
            return self._carried(dim, sizes)
        first, *others = self.split(dim, [size(dim) // k] * k)
        for other in others:
            self.equal(first, other)
        return [fixed(k), *(self.factors(first, sizes[1:]) if len(sizes) > 2 else [resolved(first)])]

    def _carried(self, dim: Dim, sizes: Sequence[int]) -> list[Dim]:
        """Factors that do not fall together with what it is made of: the largest scales as the whole does."""
        if any(len(variables((segment,))) != 1 for segment in resolved(dim)):
            self.freeze(dim, "a view across what it is made of")
            return [fixed(n) for n in sizes]
        carrier = max(range(len(sizes)), key=lambda i: (sizes[i], i))
        carried = free(sizes[carrier])
        for segment in resolved(dim):
            self.tie((segment,), carried)
        return [carried if i == carrier else fixed(n) for i, n in enumerate(sizes)]


def _is_variable(dim: Dim) -> bool:
    return len(dim) == 1 and len(dim[0]) == 1 and bool(dim[0][0].kind) and dim[0][0].bound is None


def _is_power(dim: Dim, inside: list[Atom]) -> bool:
    """Whether several variables multiply each other."""
    return len(inside) != 1 and len(dim) == 1


def _wrapped(dim: Dim) -> Atom:
    atom = Atom(size(dim), "w")
    atom.bound = dim
    return atom


def _common(rest: int, sizes: Sequence[int]) -> list[int]:
    """The sizes that ``rest`` is a product of, as far as they go, and what is left of it."""
    found = []
    for n in sizes:
        if rest == 1 or rest % n:
            break
        found.append(n)
        rest //= n
    return found + ([rest] if rest > 1 else [])
