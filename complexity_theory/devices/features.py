"""What a device has to do for one image, read from a network's layers in one walk. No time stands here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import singledispatch
from typing import TypeAlias

import numpy as np

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, ceil_div, pair
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.compose import Visit, walk
from complexity_theory.graph.operations import (
    Activation,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    LayerNorm2d,
    LayerScale,
    Linear,
    MaxPool2d,
)
from complexity_theory.networks.spec import Network

# Matrix units take channels by the 16: the depth of a half-precision tensor-core product, an AVX-512 word of floats.
TILE = 16
# Activations that need an exponential (or erf) per element; the others are comparisons and products.
EXPONENTIAL = frozenset({"silu", "gelu", "sigmoid", "tanh"})

# The features of one leaf, by name; what is not named is 0.
Work: TypeAlias = dict[str, Size]


@dataclass(frozen=True, slots=True)
class Features:
    """Work for one image at one batch; each entry an int, an int64 array, or a float (array) where channels are padded.

    ``flops``, ``params``, ``acts``: as in ``Complexity``. ``macs_1x1``, ``macs_kxk`` (dense), ``macs_group``,
    ``macs_depthwise``, ``macs_linear``: multiply-adds by kind of layer; ``conv_outputs``: outputs of convolutions.

    ``tiled_macs``: multiply-adds of all but depthwise convolutions, channels of dense ones padded to multiples of
    ``TILE``; ``tiled_traffic``: elements that these layers read and write, padded likewise.
    ``eager_traffic``: elements that all other layers read and write, each a kernel of its own; ``fused_traffic``: the
    same with every chain of norms, activations, scales and sums fused into one kernel. Both include
    ``depthwise_traffic``, ``gate_traffic`` (squeeze-excite: pooled, then multiplied) and ``pool_traffic``.

    ``uneven_outputs``: outputs of group convolutions whose group width is no power of two. ``exponentials``: elements
    of feature maps (not of gates) through an activation with an exponential. ``kernels``: layers, sums and products run
    one by one for each batch. ``largest``: elements in and out of the layer with most of them. ``saved``: elements kept
    for a backward pass.
    """

    flops: Size = 0
    params: Size = 0
    acts: Size = 0
    macs_1x1: Size = 0
    macs_kxk: Size = 0
    macs_group: Size = 0
    macs_depthwise: Size = 0
    macs_linear: Size = 0
    conv_outputs: Size = 0
    tiled_macs: Size = 0
    tiled_traffic: Size = 0
    eager_traffic: Size = 0
    fused_traffic: Size = 0
    depthwise_traffic: Size = 0
    gate_traffic: Size = 0
    pool_traffic: Size = 0
    uneven_outputs: Size = 0
    exponentials: Size = 0
    kernels: Size = 0
    largest: Size = 0
    saved: Size = 0


NAMES = tuple(field.name for field in fields(Features))


def _padded(width: Size) -> Size:
    return ceil_div(width, TILE) * TILE


@singledispatch
def work(layer: Layer, visit: Visit, macs: Size) -> Work:
    """The features of one leaf, met on a walk, beyond its cost, of which ``macs`` are the flops.

    Raises InvalidInput for a kind of layer that nothing is known of.
    """
    raise InvalidInput(f"no features are known of {type(layer).__name__}")


@work.register
def _conv(layer: Conv2d, visit: Visit, macs: Size) -> Work:
    read, written = visit.shape.elements, visit.output.elements
    common = {"conv_outputs": written, "kernels": 1, "saved": read}
    if layer.group_width is None:
        kind = "macs_1x1" if pair(layer.kernel) == (1, 1) else "macs_kxk"
        return {**common, kind: macs, **_tiled(layer.w_in, layer.w_out, macs, read, written)}
    depthwise = 1 * (layer.group_width == 1)
    traffic = depthwise * (read + written)
    uneven = 1 * ((layer.group_width & (layer.group_width - 1)) > 0)
    return {
        **common,
        "macs_depthwise": depthwise * macs,
        "macs_group": (1 - depthwise) * macs,
        "tiled_macs": (1 - depthwise) * macs,
        "tiled_traffic": (1 - depthwise) * (read + written),
        "depthwise_traffic": traffic,
        "eager_traffic": traffic,
        "fused_traffic": traffic,
        "uneven_outputs": uneven * written,
    }


def _tiled(w_in: Size, w_out: Size, macs: Size, read: Size, written: Size) -> Work:
    more_in, more_out = _padded(w_in) / w_in, _padded(w_out) / w_out
    return {"tiled_macs": macs * (more_in * more_out), "tiled_traffic": read * more_in + written * more_out}


@work.register
def _linear(layer: Linear, visit: Visit, macs: Size) -> Work:
    read, written = visit.shape.elements, visit.output.elements
    tiled = _tiled(layer.w_in, layer.w_out, macs, read, written)
    return {"macs_linear": macs, "kernels": 1, "saved": read, **tiled}


@work.register(BatchNorm2d)
@work.register(LayerNorm2d)
@work.register(LayerScale)
def _elementwise(layer: Layer, visit: Visit, macs: Size) -> Work:
    elements = visit.output.elements
    return {"eager_traffic": 2 * elements, "fused_traffic": 2 * elements, "kernels": 1, "saved": elements}


@work.register
def _activation(layer: Activation, visit: Visit, macs: Size) -> Work:
    exponentials = visit.output.elements if layer.kind in EXPONENTIAL and "gate" not in visit.path else 0
    return {**_elementwise(layer, visit, macs), "exponentials": exponentials}


@work.register(MaxPool2d)
@work.register(AvgPool2d)
@work.register(AdaptiveAvgPool2d)
@work.register(GlobalAvgPool2d)
def _pool(layer: Layer, visit: Visit, macs: Size) -> Work:
    traffic = visit.shape.elements + visit.output.elements
    return {"eager_traffic": traffic, "fused_traffic": traffic, "pool_traffic": traffic, "kernels": 1}


@work.register(Flatten)
@work.register(Dropout)
def _nothing(layer: Layer, visit: Visit, macs: Size) -> Work:
    return {}


ELEMENTWISE = (BatchNorm2d, LayerNorm2d, LayerScale, Activation)


def _leaves(layer: Layer, shape: Shape) -> Iterator[tuple[Size, Work]]:
    """How often each leaf stands in a tree, and its work; then the sums and products of the combinators."""
    before: Layer | None = None
    sums: dict[tuple[str, ...], Visit] = {}
    for visit in walk(layer, shape):
        leaf = visit.layer
        cost = leaf.complexity(visit.shape)
        done = {**cost.as_dict(), **work(leaf, visit, cost.flops)}
        done["largest"] = visit.shape.elements + visit.output.elements
        if isinstance(leaf, ELEMENTWISE) and isinstance(before, ELEMENTWISE):
            done["fused_traffic"] = 0
        before = leaf
        yield visit.times, done
        gated = "gate" in visit.path
        if gated and isinstance(leaf, GlobalAvgPool2d):
            product = 2 * visit.shape.elements
            yield (
                visit.times,
                {
                    "eager_traffic": product,
                    "fused_traffic": product,
                    "gate_traffic": product + visit.shape.elements,
                    "kernels": 1,
                    "saved": visit.shape.elements,
                },
            )
        if not gated:  # the last leaf of the body of each residual, whose output is the shape of the sum
            sums |= {visit.path[:i]: visit for i, part in enumerate(visit.path) if part == "body"}
    for visit in sums.values():
        elements = visit.output.elements
        yield visit.times, {"eager_traffic": 3 * elements, "fused_traffic": elements, "kernels": 1}


def features(layer: Layer, shape: Shape) -> Features:
    """The features of a network's tree (or any layer) on an input of ``shape``; the sizes are ints or int64 arrays.

    Sums are known by the part named "body" of a Residual, products by the part named "gate" of a Gate.
    Raises InvalidInput where shapes do not fit, and for a kind of layer that nothing is known of.

    >>> from complexity_theory.zoo import network
    >>> b0 = network("EfficientNet-B0")
    >>> found = features(b0.tree, b0.input())
    >>> found.flops, found.conv_outputs, found.exponentials
    (385825092, 6747036, 6157536)
    """
    totals: dict[str, Size] = defaultdict(int)
    largest: Size = 0
    for times, done in _leaves(layer, shape):
        largest = np.maximum(largest, done.pop("largest", 0))
        for name, value in done.items():
            totals[name] = totals[name] + times * value
    return Features(**totals, largest=largest)


def network_features(network: Network, resolution: Size | None = None) -> Features:
    """The features of a network for one image at ``resolution`` (default: the network's own)."""
    return features(network.tree, network.input(resolution))


def rooflines(layer: Layer, shape: Shape, batch: float, balances: Sequence[float]) -> np.ndarray:
    """The per-layer roofline of a tree at several balances: max(macs, balance x elements), summed over the leaves.

    ``balances``: multiply-adds that the device does while it moves one element. Weights are moved once per batch.
    Returns multiply-adds (for one image; a float64 array, one per balance): times a device's seconds per multiply-add
    they give its time (Williams et al. 2009). Raises InvalidInput as ``features`` does.
    """
    grid = np.asarray(balances, dtype=float)
    total = np.zeros(len(grid))
    for times, done in _leaves(layer, shape):
        moved = done.get("tiled_traffic", 0) + done.get("fused_traffic", 0) + done.get("params", 0) / batch
        total += times * np.maximum(done.get("tiled_macs", 0), grid * moved)
    return total
