"""Many variants of one network at once: idealised ones by its polynomials, realised ones by its tree on arrays.

Both work in chunks, so that memory stays bounded by the inputs and the three results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size
from complexity_theory.graph.complexity import METRICS, Complexity
from complexity_theory.networks.spec import Network
from complexity_theory.scaling.closed_form import closed_form, own_unit, terms

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

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


def polynomials(network: Network) -> Polynomials:
    """The closed forms of a network compiled to arrays, in the multipliers of its four dimensions.

    Raises InvalidInput for a network without a closed form.
    """
    unit = float(own_unit(network))
    metrics = [terms(form) for form in closed_form(network).as_dict().values()]
    known = sorted({term.powers for metric in metrics for term in metric})
    coefficients = np.zeros((len(metrics), len(known)))
    for row, metric in zip(coefficients, metrics, strict=True):
        for term in metric:
            row[known.index(term.powers)] = term.coefficient * unit ** term.powers[-1]
    return Polynomials(np.array(known, dtype=np.int64), coefficients)


def realised(
    network: Network,
    *,
    depths: ArrayLike | None = None,
    widths: ArrayLike | None = None,
    group_widths: ArrayLike | None = None,
    stem_width: ArrayLike | None = None,
    head_width: ArrayLike | None = None,
    resolution: ArrayLike | None = None,
) -> Complexity:
    """Exact costs of many realised variants of one topology: int64 arrays of flops, params and acts, one per variant.

    ``depths``, ``widths`` and ``group_widths`` are ints, variants x stages; ``stem_width``, ``head_width`` and
    ``resolution`` one int per variant; what is left out, or has a single row, is the same for all. The kinds of block
    and shortcut stay the network's own. Raises InvalidInput for shapes that do not match, sizes that do not fit (below
    1, a group width that does not divide), group widths for stages without group convolutions, a head width without
    a head convolution, and costs that exceed int64.

    >>> from complexity_theory.zoo import network
    >>> realised(network("EfficientNet-B0"), resolution=[192, 224]).flops
    array([283972068, 385825092])
    """
    given = {
        "depths": depths,
        "widths": widths,
        "group_widths": group_widths,
        "stem_width": stem_width,
        "head_width": head_width,
        "resolution": resolution,
    }
    columns, size = _columns(network, {name: values for name, values in given.items() if values is not None})
    out = np.empty((len(METRICS), size), dtype=np.int64)
    for chunk in _chunks(size, REALISED_CHUNK):
        part = {name: np.ascontiguousarray(values[chunk].T) for name, values in columns.items()}
        for row, metric in zip(out, _with_sizes(network, part).complexity().as_dict().values(), strict=True):
            row[chunk] = metric
    return Complexity(*out)


def sized(network: Network, given: Mapping[str, ArrayLike]) -> tuple[Network, int]:
    """The network with arrays for sizes, as ``realised`` takes them, and how many variants they are."""
    columns, size = _columns(network, given)
    return _with_sizes(network, {name: np.ascontiguousarray(values.T) for name, values in columns.items()}), size


def _columns(network: Network, given: Mapping[str, ArrayLike]) -> tuple[dict[str, Ints], int]:
    stages = len(network.stages)
    if "group_widths" in given and any(stage.group_width is None for stage in network.stages):
        raise InvalidInput(f"{network.name} has stages without group convolutions, so their group widths cannot be set")
    if "head_width" in given and network.head_width is None:
        raise InvalidInput(f"{network.name} has no convolution in its head, so its head width cannot be set")
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("depths", "widths", "group_widths"), (stages,))
    columns = {name: _ints(name, values, shapes.get(name, ())) for name, values in given.items()}
    variants = {len(values) for values in columns.values()} - {1}
    if len(variants) > 1:
        raise InvalidInput(f"sizes for different numbers of variants: {', '.join(map(str, sorted(variants)))}")
    size = variants.pop() if variants else 1
    return {name: np.broadcast_to(values, (size, *values.shape[1:])) for name, values in columns.items()}, size


def _ints(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Ints:
    array = np.asarray(values)
    array = array if array.ndim > len(shape) else array[np.newaxis]
    if array.dtype != np.int64 or array.shape[1:] != shape or not array.size:
        wanted = " x ".join(["variants", *map(str, shape)])
        raise InvalidInput(f"{name} must be int64 of shape {wanted}, not {array.dtype} of shape {array.shape}")
    return array


def _with_sizes(network: Network, sizes: dict[str, Any]) -> Network:
    """The network with other sizes: per stage (the first axis) depths, widths, group widths; and those of its ends."""

    def of(stage: int, name: str, own: Size) -> Size:
        return sizes[name][stage] if name in sizes else own

    stages = tuple(
        replace(
            stage,
            depth=of(i, "depths", stage.depth),
            width=of(i, "widths", stage.width),
            group_width=of(i, "group_widths", stage.group_width),
        )
        for i, stage in enumerate(network.stages)
    )
    ends = {name: sizes[name] for name in ("stem_width", "head_width", "resolution") if name in sizes}
    return replace(network, stages=stages, **ends)
