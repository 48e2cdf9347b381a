"""What a device has to do for one image, read from the values and operations of one walk. No time stands here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from complexity_theory.core.sizes import Size, ceil_div
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.edges import FUSED, Edges
from complexity_theory.graph.operations import Layer, Linear
from complexity_theory.graph.operations.elementwise import EXPONENTIAL
from complexity_theory.graph.populations import by_structure
from complexity_theory.graph.walk import Visit
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced

# Matrix units take channels by the 16: the depth of a half-precision tensor-core product, an AVX-512 word of floats.
TILE = 16

# The features of one visit, by name; what is not named is 0.
Work: TypeAlias = dict[str, Size]


@dataclass(frozen=True, slots=True)
class Features:
    """Work for one image at one batch; each entry an int, an int64 array, or a float (array) where channels are padded.

    ``flops``, ``params``, ``acts``: as in ``Complexity``. ``macs_1x1``, ``macs_kxk`` (dense), ``macs_group``:
    multiply-adds of convolutions by kind; ``conv_outputs``: outputs of convolutions.

    ``tiled_macs``: multiply-adds of all but depthwise convolutions, channels of dense ones padded to multiples of
    ``TILE``; ``tiled_traffic``: elements that these operations read and write, padded likewise.
    ``eager_traffic``: elements that all other operations read and write, each a kernel of its own; ``fused_traffic``:
    the same with elementwise operations and norms fused with their neighbours (``graph.edges``).

    ``linear_weights``: params of linear layers. ``uneven_outputs``: outputs of group convolutions whose group width is
    no power of two. ``exponentials``: elements through a function with an exponential. ``kernels``: operations run one
    by one for each batch.
    """

    flops: Size = 0
    params: Size = 0
    acts: Size = 0
    macs_1x1: Size = 0
    macs_kxk: Size = 0
    macs_group: Size = 0
    conv_outputs: Size = 0
    tiled_macs: Size = 0
    tiled_traffic: Size = 0
    eager_traffic: Size = 0
    fused_traffic: Size = 0
    linear_weights: Size = 0
    uneven_outputs: Size = 0
    exponentials: Size = 0
    kernels: Size = 0


NAMES = tuple(field.name for field in fields(Features))


def _padded(width: Size) -> Size:
    return ceil_div(width, TILE) * TILE


def _conv(visit: Visit, cost: Complexity, read: Size, written: Size) -> Work:
    conv: Any = visit.operation
    groups, group_width = conv.groups, conv.w_in if conv.group_width is None else conv.group_width
    dense = 1 * (groups == 1)
    depthwise = (1 - dense) * (group_width == 1)
    uneven = (1 - dense) * ((group_width & (group_width - 1)) > 0)
    pointwise = int(all(k == 1 for k in conv.kernel_sides))
    more_in, more_out = _padded(conv.w_in) / conv.w_in, _padded(conv.w_out) / conv.w_out
    macs, traffic = cost.flops, read + written
    group = 1 - dense - depthwise
    return {
        "conv_outputs": written,
        "macs_1x1": dense * pointwise * macs,
        "macs_kxk": dense * (1 - pointwise) * macs,
        "macs_group": group * macs,
        "tiled_macs": dense * macs * (more_in * more_out) + group * macs,
        "tiled_traffic": dense * (read * more_in + written * more_out) + group * traffic,
        "eager_traffic": depthwise * traffic,
        "fused_traffic": depthwise * traffic,
        "uneven_outputs": uneven * written,
    }


def _matrix(visit: Visit, cost: Complexity, read: Size, written: Size) -> Work:
    """Linear layers, and products of activations, whose sides are taken as they are."""
    macs = cost.flops + cost.products
    if not isinstance(visit.operation, Linear):
        return {"tiled_macs": macs, "tiled_traffic": read + written}
    layer = visit.operation
    more_in, more_out = _padded(layer.w_in) / layer.w_in, _padded(layer.w_out) / layer.w_out
    tiled = {"tiled_macs": macs * (more_in * more_out), "tiled_traffic": read * more_in + written * more_out}
    return {**tiled, "linear_weights": cost.params}


def _moved(visit: Visit, cost: Complexity, read: Size, written: Size) -> Work:
    """What a device does by moving elements alone."""
    return {"eager_traffic": read + written, "fused_traffic": read + written}


def _elementwise(visit: Visit, cost: Complexity, read: Size, written: Size) -> Work:
    exponential = getattr(visit.operation, "kind", "") in EXPONENTIAL
    return {"eager_traffic": read + written, "exponentials": written if exponential else 0}


_WORK: dict[str, Callable[[Visit, Complexity, Size, Size], Work]] = {
    "conv": _conv,
    "linear": _matrix,
    "product": _matrix,
    "recurrent": _matrix,
    "norm": _elementwise,
    "elementwise": _elementwise,
    "pool": _moved,
    "move": _moved,
    "lookup": _moved,
}


def _visits(edges: Edges) -> Iterator[tuple[Visit, Work]]:
    """Each visit and its work."""
    for visit, about, fused in zip(edges.visits, edges.rows, edges.fused_traffic, strict=True):
        cost = visit.complexity
        done: Work = cost.as_dict()
        if about.kind != "view":
            distinct = {value.id: value.shape for value in visit.inputs}
            read, written = sum(shape.elements for shape in distinct.values()), visit.output.shape.elements
            done |= _WORK[about.kind](visit, cost, read, written)
            done |= {"kernels": 1}
            if about.kind in FUSED:
                done["fused_traffic"] = fused
        yield visit, done


def features(layer: Layer, *shapes: Shape) -> Features:
    """The features of a network's tree (or any layer) on inputs of ``shapes``; the sizes are ints or int64 arrays.

    Raises InvalidInput where shapes do not fit, and for an operation of which nothing is known.

    >>> from complexity_theory.zoo import network
    >>> b0 = network("EfficientNet-B0")
    >>> found = features(b0.tree, b0.input())
    >>> found.flops, found.conv_outputs
    (385825092, 6747036)
    """
    return by_structure(_features, (layer, *shapes))


def _features(layer: Layer, *shapes: Shape) -> Features:
    """The features of layers of one structure."""
    edges = Edges.of(layer, *shapes)
    totals: dict[str, Size] = defaultdict(int)
    for visit, done in _visits(edges):
        for name, value in done.items():
            totals[name] = totals[name] + visit.times * value
    return Features(**totals)


def network_features(network: Network | Traced, resolution: Size | None = None) -> Features:
    """The features of a network for one image at ``resolution`` (default: the network's own)."""
    try:
        return _remembered(network, resolution)
    except TypeError:  # sizes as arrays, which have no hash
        return features(network.tree, network.input(resolution))


@lru_cache(maxsize=4096)
def _remembered(network: Network | Traced, resolution: Size | None) -> Features:
    return features(network.tree, network.input(resolution))


def rooflines(layer: Layer, shape: Shape, batch: float, balances: Sequence[float]) -> np.ndarray:
    """The roofline of each operation of a layer at several balances: max(macs, balance x elements), summed over all.

    ``balances``: multiply-adds that the device does while it moves one element. Weights are moved once per batch.
    Returns multiply-adds (for one image; a float64 array, one per balance): times a device's seconds per multiply-add
    they give its time (Williams et al. 2009). Raises InvalidInput as ``features`` does.
    """
    steps = list(_visits(Edges.of(layer, shape)))
    macs = [done.get("tiled_macs", 0) for _, done in steps]
    moved = [
        done.get("tiled_traffic", 0) + done.get("fused_traffic", 0) + done.get("params", 0) / batch for _, done in steps
    ]
    least = np.maximum(np.array(macs, float)[:, None], np.outer(moved, balances))
    times = np.array([visit.times for visit, _ in steps], float)
    total: np.ndarray = (times[:, None] * least).sum(axis=0)
    return total
