"""Many variants of one network at once: idealised ones by its polynomials, realised ones by its own count on arrays.

Both work in chunks, so that memory stays bounded by the inputs and the three results.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from complexity_theory.core.arrays import Floats, Ints
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import check_limit
from complexity_theory.graph.complexity import METRICS, Complexity
from complexity_theory.networks.knobs import Scalable
from complexity_theory.scaling.closed_form import closed_form, own_terms

IDEAL_CHUNK = 8_192  # variants at a time: the working arrays stay in the cache of a core
REALISED_CHUNK = 16_384


def _chunks(size: int, chunk: int) -> Iterator[slice]:
    return (slice(start, start + chunk) for start in range(0, size, chunk))


@dataclass(frozen=True, slots=True, eq=False)
class Polynomials:
    """The closed forms of a network, ready for floats: metrics = ``coefficients`` @ monomials.

    ``powers`` (monomials x 4) are the exponents of the multipliers of depth, width, group width and resolution in each
    monomial, ``coefficients`` (3 x monomials) what each metric takes of it, the network's own resolution worked in.
    """

    powers: Ints
    coefficients: Floats

    def monomials(self, multipliers: Floats) -> Floats:
        """The monomials (monomials x variants) at multipliers (4 x variants)."""
        result = np.ones((len(self.powers), multipliers.shape[1]))
        for dimension, values in enumerate(multipliers):
            power = np.ones_like(values)
            for exponent in range(1, int(self.powers[:, dimension].max(initial=0)) + 1):
                power = power * values
                result[self.powers[:, dimension] == exponent] *= power
        return result

    def __call__(
        self, depth: ArrayLike = 1, width: ArrayLike = 1, group_width: ArrayLike = 1, resolution: ArrayLike = 1
    ) -> Complexity:
        """Costs of the ideal variants: float64 arrays of flops, params and acts, of the multipliers' common shape.

        Exact up to the rounding of floats (integers above 2^53 lose their last digits). Raises InvalidInput for
        multipliers that are not positive and finite, and for costs beyond floats.

        >>> from complexity_theory.zoo import network
        >>> polynomials(network("EfficientNet-B0"))(width=[1, 2]).params
        array([ 5288548., 18122720.])
        """
        columns = np.broadcast_arrays(*(np.asarray(m, float) for m in (depth, width, group_width, resolution)))
        for name, values in zip(("depth", "width", "group_width", "resolution"), columns, strict=True):
            if not np.all((values > 0) & (values < np.inf)):
                raise InvalidInput(f"multipliers must be positive and finite: {name} has others")
        flat = [column.reshape(-1) for column in columns]
        out = np.empty((len(METRICS), columns[0].size))
        with np.errstate(over="ignore", invalid="ignore"):
            for chunk in _chunks(columns[0].size, IDEAL_CHUNK):
                out[:, chunk] = self.coefficients @ self.monomials(np.stack([column[chunk] for column in flat]))
        if not np.isfinite(out).all():
            raise InvalidInput("multipliers give costs that no float holds: use smaller ones")
        return Complexity(*out.reshape(len(METRICS), *columns[0].shape))


def polynomials(network: Scalable) -> Polynomials:
    """The closed forms of a network compiled to arrays, in the multipliers of its four dimensions.

    Raises InvalidInput for a network without a closed form.
    """
    metrics = [own_terms(network, form) for form in closed_form(network).as_dict().values()]
    known = sorted({term.powers for metric in metrics for term in metric})
    coefficients = np.zeros((len(metrics), len(known)))
    for row, metric in zip(coefficients, metrics, strict=True):
        for term in metric:
            row[known.index(term.powers)] = term.coefficient
    return Polynomials(np.array(known, dtype=np.int64), coefficients)


def counts(network: Scalable, sizes: Mapping[str, ArrayLike]) -> Complexity:
    """Exact costs of many realised variants of a network: int64 arrays of flops, params and acts, one per variant.

    ``sizes``: ints for knobs by name, one per variant, or one that all share; the other knobs keep their base. Each
    count equals that of the network ``resized`` on its own. Raises InvalidInput for names that no knob has, for other
    shapes or types, and as ``Scalable.cost`` does for sizes that do not fit and costs that exceed int64.

    >>> from complexity_theory.zoo import network
    >>> counts(network("EfficientNet-B0"), {"resolution": [192, 224]}).flops
    array([283972068, 385825092])
    """
    given, size = columns(network, sizes)
    out = np.empty((len(METRICS), size), dtype=np.int64)
    for chunk in _chunks(size, REALISED_CHUNK):
        values = [
            np.ascontiguousarray(given[knob.name][chunk]) if knob.name in given else knob.base for knob in network.knobs
        ]
        for row, metric in zip(out, network.cost(values).as_dict().values(), strict=True):
            row[chunk] = metric
    return Complexity(*out)


def columns(network: Scalable, sizes: Mapping[str, ArrayLike]) -> tuple[dict[str, Ints], int]:
    """Sizes as ``counts`` takes them, as arrays of one length, and that length. Raises InvalidInput as it does."""
    names = [knob.name for knob in network.knobs]
    for name in sizes:
        if name not in names:
            raise InvalidInput(f"{network.name} has no knob {name!r}: it has {', '.join(names[:12])}")
    found = {name: _ints(name, values) for name, values in sizes.items()}
    variants = {len(values) for values in found.values()} - {1}
    if len(variants) > 1:
        given = ", ".join(f"{name} {len(values)}" for name, values in found.items())
        raise InvalidInput(f"sizes hold one element for each variant, not {given} (for all combinations: a grid)")
    size = variants.pop() if variants else 1
    return {name: np.broadcast_to(values, size) for name, values in found.items()}, size


def combined(sizes: Mapping[str, ArrayLike]) -> dict[str, Ints]:
    """Sizes of all combinations of their elements, the last fastest. Raises InvalidInput for other than ints.

    >>> {name: values.tolist() for name, values in combined({"a": [1, 2], "b": [5, 6, 7]}).items()}
    {'a': [1, 1, 1, 2, 2, 2], 'b': [5, 6, 7, 5, 6, 7]}
    """
    found = [_ints(name, values) for name, values in sizes.items()]
    check_limit("variants of a network", math.prod(map(len, found)), "a grid")
    return {name: values.ravel() for name, values in zip(sizes, np.meshgrid(*found, indexing="ij"), strict=True)}


def _ints(name: str, values: ArrayLike) -> Ints:
    array = np.asarray(values)
    array = array if array.ndim else array[np.newaxis]
    if array.dtype != np.int64 or array.ndim != 1 or not array.size:
        raise InvalidInput(f"{name} must be int64, one per variant, not {array.dtype} of shape {array.shape}")
    if array.min() < 1:
        raise InvalidInput(f"{name} must be at least 1, not {array.min()}")
    return array
