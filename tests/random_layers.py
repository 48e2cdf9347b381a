"""Random layers and trees for hypothesis: odd sizes, h != w, k_h != k_w, so that no swap of sides goes unseen.

``THOROUGH=1 python -m pytest tests/test_count.py`` runs 100,000 layers and 25,000 trees instead of 2,000 and 500.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from typing import TypeAlias

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from complexity_theory.core.sizes import pair
from complexity_theory.graph import compose, graph
from complexity_theory.graph import operations as layers
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.compose import Gate, Repeat, Residual, Sequential
from complexity_theory.graph.operations import (
    ACTIVATIONS,
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

MORE = 50 if os.environ.get("THOROUGH") else 1
Draw: TypeAlias = Callable


def examples(number: int) -> settings:
    """Settings for ``number`` random examples (50 times as many under THOROUGH)."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=number * MORE, deadline=None, database=None, suppress_health_check=slow)


def concrete_layers() -> Iterator[type[Layer]]:
    """Every class of layer of the package that can stand in a tree."""
    for module in (layers, compose, graph):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            home = module.__name__ if module is not layers else kind.__module__
            if issubclass(kind, Layer) and kind.__module__ == home and hasattr(kind, "__final__"):
                yield kind


def _sides(least: int, most: int) -> st.SearchStrategy[int | tuple[int, int]]:
    size = st.integers(least, most)
    return size | st.tuples(size, size)


# Made once: making a strategy costs more than drawing from it.
BOOL, KIND = st.booleans(), st.integers(0, 6)
ODD = st.sampled_from((1, 3, 5, 7))
STRIDE, DILATION, PADDING = _sides(1, 4), st.integers(1, 3), st.integers(0, 4)
WIDTH, SMALL = st.integers(1, 24), st.integers(1, 8)
ACTIVATION = st.sampled_from([Activation(kind) for kind in ACTIVATIONS])
DROPOUT = st.sampled_from([Dropout(p) for p in (0.0, 0.2, 1.0)])
PER_CHANNEL = st.sampled_from((BatchNorm2d, LayerNorm2d, LayerScale))
POOL = st.sampled_from((MaxPool2d, AvgPool2d))
SIDE = st.integers(1, 40)
SHAPE = st.builds(Shape, WIDTH, SIDE, SIDE)
FLAT = st.builds(Shape, st.integers(2, 64), st.just(1), st.just(1))


def _draw_group_width(draw: Draw, width: int) -> int:
    return draw(st.sampled_from([g for g in range(1, width + 1) if width % g == 0]))


@st.composite
def convs(draw: Draw, shape: Shape) -> Conv2d:
    """A convolution that fits ``shape``: dense, group or depthwise, with odd kernels or explicit padding."""
    kernel, padding, dilation = [], [], []
    same = draw(BOOL)
    for side in (shape.height, shape.width):
        d, p = draw(DILATION), draw(PADDING)
        dilation.append(d)
        padding.append(p)
        kernel.append(draw(ODD) if same else 1 + draw(SMALL) % ((side + 2 * p - 1) // d + 1))
    group_width = _draw_group_width(draw, shape.channels)
    groups = shape.channels // group_width
    return Conv2d(
        shape.channels,
        groups * (1 + draw(WIDTH) // groups),
        tuple(kernel),
        stride=draw(STRIDE),
        padding=None if same else tuple(padding),
        dilation=tuple(dilation),
        group_width=None if groups == 1 and draw(BOOL) else group_width,
        bias=draw(BOOL),
    )


@st.composite
def pools(draw: Draw, shape: Shape) -> MaxPool2d | AvgPool2d:
    """A pooling window that fits ``shape``."""
    kernel = tuple(1 + draw(SMALL) % side for side in (shape.height, shape.width))
    padding = tuple(draw(PADDING) % (k // 2 + 1) for k in kernel)
    return draw(POOL)(kernel, stride=pair(draw(STRIDE)), padding=padding, ceil=draw(BOOL))


def _draw_same_conv(draw: Draw, w: int) -> Conv2d:
    group_width = _draw_group_width(draw, w) if draw(BOOL) else None
    return Conv2d(w, w, (draw(ODD), draw(ODD)), group_width=group_width, bias=draw(BOOL))


def _draw_keeper(draw: Draw, w: int) -> Layer:
    """A leaf that keeps any shape, without a convolution."""
    kind = draw(KIND)
    return draw(ACTIVATION) if kind < 2 else draw(DROPOUT) if kind == 2 else draw(PER_CHANNEL)(w)


@st.composite
def leaves(draw: Draw, shape: Shape) -> Layer:
    """A leaf that fits ``shape``; linear layers where it is flat."""
    kind = draw(KIND)
    if kind == 0 and shape.height == shape.width == 1 < shape.channels:
        return Linear(shape.channels, draw(WIDTH), bias=draw(BOOL))
    if kind == 1:
        return _draw_keeper(draw, shape.channels)
    if kind == 2:
        return draw(pools(shape))
    if kind == 3:
        return GlobalAvgPool2d() if draw(BOOL) else AdaptiveAvgPool2d(draw(SMALL))
    return draw(convs(shape))


@st.composite
def layers_on_shapes(draw: Draw) -> tuple[Layer, Shape]:
    """A random leaf with an input that fits it."""
    shape = draw(SHAPE) if draw(KIND) else draw(FLAT)
    return draw(leaves(shape)), shape


@st.composite
def gates(draw: Draw, shape: Shape) -> Gate:
    """Squeeze-excite with convolutions, or with flat linear layers."""
    w, inner = shape.channels, draw(SMALL)
    act, sigmoid = draw(ACTIVATION), Activation("sigmoid")
    if draw(BOOL):
        squeeze, excite = Conv2d(w, inner, 1, bias=True), Conv2d(inner, w, 1, bias=True)
        return Gate(Sequential(GlobalAvgPool2d(), squeeze, act, excite, sigmoid))
    flatten = Flatten() if draw(BOOL) else None
    return Gate(Sequential(GlobalAvgPool2d(), flatten, Linear(w, inner), act, Linear(inner, w), sigmoid))


@st.composite
def keeping_trees(draw: Draw, shape: Shape, depth: int) -> Layer:
    """A tree that keeps the shape."""
    kind = draw(KIND) if depth else 0
    if kind == 0:
        return _draw_keeper(draw, shape.channels)
    if kind == 1:
        return _draw_same_conv(draw, shape.channels)
    if kind == 2:
        return draw(gates(shape))
    if kind == 3:
        return Residual(draw(keeping_trees(shape, depth - 1)))
    if kind == 4:
        return Repeat(draw(keeping_trees(shape, depth - 1)), draw(PADDING))
    return _sequence([draw(keeping_trees(shape, depth - 1)) for _ in range(draw(PADDING))], kind == 5)


def _sequence(parts: list[Layer], named: bool) -> Sequential:
    return Sequential(**{f"part{i}": part for i, part in enumerate(parts)}) if named else Sequential(*parts)


@st.composite
def projected(draw: Draw, shape: Shape, depth: int) -> Residual:
    """A residual block of another shape, with a projection for a shortcut."""
    w, stride = draw(WIDTH), draw(STRIDE)
    conv = Conv2d(shape.channels, w, draw(ODD), stride=stride)
    body = Sequential(draw(keeping_trees(shape, depth)), conv, draw(keeping_trees(conv.output(shape), depth)))
    return Residual(body, Conv2d(shape.channels, w, 1, stride=stride))


@st.composite
def trees_on_shapes(draw: Draw) -> tuple[Layer, Shape]:
    """A random tree of all combinators with an input that fits it; some end in a flat head."""
    shape = start = draw(SHAPE)
    parts: list[Layer] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(KIND)
        some = leaves(shape) if kind < 2 else keeping_trees(shape, 2) if kind < 5 else projected(shape, 1)
        parts.append(draw(some))
        if isinstance(parts[-1], Linear):  # flat from here on
            return _sequence(parts, draw(BOOL)), start
        shape = parts[-1].output(shape)
    if draw(BOOL):
        parts += [GlobalAvgPool2d() if draw(BOOL) else Flatten()]
        parts += [*([Flatten()] if draw(BOOL) else []), Dropout(0.2)]
        parts += [Linear(Sequential(*parts).output(start).channels, 10)]
    return _sequence(parts, draw(BOOL)), start
