"""How torch's free operations become steps: norms, elementwise functions, pools, views, parts, joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from complexity_theory.core.sizes import Size
from complexity_theory.graph.operations import ACTIVATIONS
from complexity_theory.measurement.trace.capture import Node, Ref
from complexity_theory.measurement.trace.convert import Converter, NotWholeError, converts
from complexity_theory.measurement.trace.names import POOLS, is_elementwise
from complexity_theory.measurement.trace.operators import work

_REDUCTIONS = {"max": "amax", "min": "amin", "linalg_vector_norm": "norm"}


@converts("batch_norm")
def _batch_norm(converter: Converter, node: Node) -> None:
    value, [output] = node.args[0].id, node.outputs
    owns, names = converter.weights(node.args[1:3], node.args[3:5])
    width, affine = converter.dims(value)[1], isinstance(node.args[1], Ref)
    rank = len(converter.ran.shape(value)) - 1
    kind = f"BatchNorm{max(rank - 1, 1)}d"
    converter.add(node, kind, [converter.input(node)], output, owns=owns, width=width, affine=affine, eps=node.args[7])
    converter.last(weights=names, lead=converter.lead(value, rank))


@converts("instance_norm")
def _instance_norm(converter: Converter, node: Node) -> None:
    owns, names = converter.weights(node.args[1:3])
    given = {"width": converter.dims(node.args[0])[1], "affine": isinstance(node.args[1], Ref), "eps": node.args[7]}
    converter.add(node, "InstanceNorm", [converter.input(node)], node.outputs[0], owns=owns, **given)
    converter.last(weights=names)


@converts("group_norm")
def _group_norm(converter: Converter, node: Node) -> None:
    weight = node.argument(2, "weight")
    owns, names = converter.weights([weight, node.argument(3, "bias")])
    given = {
        "groups": node.args[1],
        "width": converter.dims(node.args[0])[1],
        "affine": isinstance(weight, Ref),
        "eps": node.argument(4, "eps", 1e-5),
    }
    converter.add(node, "GroupNorm", [converter.input(node)], node.outputs[0], owns=owns, **given)
    converter.last(weights=names)


@converts("layer_norm")
def _layer_norm(converter: Converter, node: Node) -> None:
    weight, bias = node.argument(2, "weight"), node.argument(3, "bias")
    owns, names = converter.weights([weight, bias])
    sides = converter.dims(node.args[0])[-len(node.args[1]) :]
    given: dict[str, Any] = {
        "shape": sides,
        "affine": isinstance(weight, Ref),
        "bias": isinstance(bias, Ref) or weight is None,
    }
    eps = node.argument(4, "eps", 1e-5)
    converter.add(node, "LayerNorm", [converter.input(node)], node.outputs[0], owns=owns, **given, eps=eps)
    converter.last(weights=names)


@converts("rms_norm")
def _rms_norm(converter: Converter, node: Node) -> None:
    weight = node.argument(2, "weight")
    if not isinstance(weight, Ref) or len(node.args[1]) != 1:
        raise NotWholeError("a norm without weights, or over several sides")
    owns, names = converter.weights([weight])
    width, eps = converter.dims(node.args[0])[-1], node.argument(3, "eps")
    converter.add(node, "RMSNorm", [converter.input(node)], node.outputs[0], owns=owns, width=width, eps=eps)
    converter.last(weights=names)


@converts("prelu", "_prelu_kernel")
def _prelu(converter: Converter, node: Node) -> None:
    weight = node.args[1]
    count: Size = 1
    for side in converter.sides(weight.id):
        count = count * side
    owns, names = converter.weights([weight])
    converter.add(node, "PReLU", [converter.input(node)], node.outputs[0], owns=owns, weights=count)
    converter.last(weights=names)


@converts("embedding")
def _embedding(converter: Converter, node: Node) -> None:
    entries, width = converter.dims(node.args[0])
    owns, names = converter.weights([node.args[0]])
    converter.add(
        node, "Embedding", [converter.input(node, 1)], node.outputs[0], owns=owns, entries=entries, width=width
    )
    converter.last(weights=names)


# Elementwise functions.


_RELU6 = (("hardtanh", ("max_val", 6), ("min_val", 0)), ("clamp", ("max", 6), ("min", 0)))


@converts("elementwise")
def _elementwise(converter: Converter, node: Node) -> None:
    """Of one value an activation or a function with settings; of several a sum, a product, or a function."""
    schema = node.func._schema.arguments
    given = dict(zip((argument.name for argument in schema), node.args, strict=False)) | node.kwargs
    tensors = [value.id for value in given.values() if isinstance(value, Ref)]
    if any(isinstance(value, (list, tuple)) and any(isinstance(x, Ref) for x in value) for value in given.values()):
        raise NotWholeError("a list of tensors")
    settings = {name: value for name, value in given.items() if not isinstance(value, Ref)}
    defaults = {argument.name: argument.default_value for argument in schema if argument.has_default_value()}
    settings = {k: v for k, v in settings.items() if k not in defaults or defaults[k] != v}
    [output, *_] = node.outputs
    inputs = [_of_rank(converter, node, value, output) for value in tensors]
    if len(inputs) == 1 and not settings and node.name in ACTIVATIONS:
        converter.add(node, "Activation", inputs, output, kind=node.name)
    elif len(inputs) == 1 and (node.name, *sorted(settings.items())) in _RELU6:
        converter.add(node, "Activation", inputs, output, kind="relu6")
    elif len(inputs) > 1 and not settings and node.name in ("add", "mul"):
        converter.add(node, {"add": "Add", "mul": "Multiply"}[node.name], inputs, output, suffix=node.name)
    else:
        if not all(isinstance(value, (bool, int, float, str)) for value in settings.values()):
            raise NotWholeError("settings that are no numbers")
        kind = {"_conj": "conj"}.get(node.name, node.name)
        converter.add(
            node, "Elementwise", inputs, output, suffix=node.name, kind=kind, settings=tuple(sorted(settings.items()))
        )


def _of_rank(converter: Converter, node: Node, value: int, like: int) -> str:
    """A value with leading sides of 1, as torch aligns the last sides of what is combined."""
    if value not in converter.names and value not in converter.lives:
        return converter.constant(value, like)
    name, kept, own = converter.named(value), set(converter.kept(like)), set(converter.kept(value))
    offset = len(converter.ran.shape(like)) - len(converter.ran.shape(value))
    groups: list[tuple[int, tuple[Size | None, ...]]] = []
    for i in range(len(converter.ran.shape(like))):
        if i - offset in own:
            groups.append((1, (None,) if i in kept else ()))
        elif i in kept:
            groups.append((0, (1,)))
    if all(group == (1, (None,)) for group in groups):
        return name
    made = converter.add(node, "Regroup", [name], value, suffix="sides", groups=tuple(groups))
    converter.names[value] = name
    return made


@converts("softmax _softmax _safe_softmax")
def _softmax(converter: Converter, node: Node) -> None:
    side = converter.side(node.args[0].id, node.argument(1, "dim"))
    converter.add(node, "Softmax", [converter.input(node)], node.outputs[0], suffix="softmax", side=side)


@converts("log_softmax _log_softmax")
def _log_softmax(converter: Converter, node: Node) -> None:
    _softmax(converter, node)
    name = converter.names[node.outputs[0]]
    converter.add(node, "Elementwise", [name], node.outputs[0], suffix="log", kind="log")


@converts("dropout feature_dropout alpha_dropout feature_alpha_dropout")
def _dropout(converter: Converter, node: Node) -> None:
    converter.add(node, "Dropout", [converter.input(node)], node.outputs[0], p=float(node.args[1]))


@converts("glu")
def _glu(converter: Converter, node: Node) -> None:
    value, [output] = node.args[0].id, node.outputs
    side = converter.side(value, node.argument(1, "dim", -1))
    half, name = converter.sides(output)[side], converter.input(node)
    a = converter.add(node, "Slice", [name], output, suffix="a", side=side, start=0, length=half)
    b = converter.add(node, "Slice", [name], output, suffix="b", side=side, start=half, length=half)
    gate = converter.add(node, "Activation", [b], output, suffix="gate", kind="sigmoid")
    converter.add(node, "Multiply", [a, gate], output, suffix="glu")


# Pools, reductions, resampling.


@converts(*POOLS)
def _pool(converter: Converter, node: Node) -> None:
    does = work(node, converter.dims)
    assert does is not None
    dilated = node.name.startswith("max") and set(_tuple(node.argument(4, "dilation") or 1)) != {1}
    divided = node.name.startswith("avg") and (
        node.argument(5, "count_include_pad", True) is not True or node.argument(6, "divisor_override") is not None
    )
    padded = any(_tuple(node.argument(3, "padding") or 0))
    if dilated or (divided and padded):
        converter.whole.append(f"{node.name} in {node.path}: windows of another kind")
    for output in node.outputs[:1]:
        converter.operation(node, does.operation, [converter.input(node)], output)
        converter.last(lead=converter.lead(node.args[0].id, len(does.shapes[0].dims)))
    if len(node.outputs) > 1:
        converter.names[node.outputs[1]] = converter.names[node.outputs[0]]


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


@converts("adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d")
def _adaptive_avg(converter: Converter, node: Node) -> None:
    _adaptive(converter, node, "AdaptiveAvgPool2d")


@converts("adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d")
def _adaptive_max(converter: Converter, node: Node) -> None:
    _adaptive(converter, node, "AdaptiveMaxPool2d")


def _adaptive(converter: Converter, node: Node, kind: str) -> None:
    before, sides = converter.numbers(node.args[0].id)[1:], converter.numbers(node.outputs[0])[1:]
    if any(a == b != 1 for a, b in zip(before, sides, strict=True)):  # perhaps the input's own size
        sides = converter.grown(node.outputs[0])[1:]
    name = converter.input(node)
    if set(sides) == {1} and kind == "AdaptiveAvgPool2d":
        converter.add(node, "GlobalAvgPool2d", [name], node.outputs[0])
    else:
        converter.add(node, kind, [name], node.outputs[0], size=sides)
    for output in node.outputs[1:]:
        converter.names[output] = converter.names[node.outputs[0]]


@converts("mean sum amax amin max min std var prod linalg_vector_norm argmax")
def _reduce(converter: Converter, node: Node) -> None:
    value = node.args[0].id
    given = node.argument(2 if "norm" in node.name else 1, "dim")
    if isinstance(given, Ref):
        _elementwise(converter, node)
        return
    if node.name in ("std", "var") and (
        node.argument(2, "correction", 1) != 1 or node.argument(2, "unbiased", True) is False
    ):
        converter.whole.append(f"{node.name} in {node.path}: another correction")
    if given is None or given == []:
        given = list(range(len(converter.ran.shape(value))))
    sides = tuple(converter.side(value, dim) for dim in _tuple(given))
    keep = len(converter.sides(node.outputs[0])) == len(converter.sides(value))
    kind = _REDUCTIONS.get(node.name, node.name)
    name = converter.input(node)
    for output in node.outputs:
        converter.add(node, "Reduce", [name], output, suffix=kind, kind=kind, sides=sides, keep=keep)


_MODES = {
    "nearest": "nearest",
    "linear": "linear",
    "bilinear": "bilinear",
    "trilinear": "trilinear",
    "bicubic": "bicubic",
}


@converts(
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d "
    "upsample_trilinear3d upsample_bicubic2d _upsample_nearest_exact2d _upsample_bilinear2d_aa _upsample_bicubic2d_aa"
)
def _upsample(converter: Converter, node: Node) -> None:
    value, [output] = node.args[0].id, node.outputs
    before, after = converter.numbers(value)[1:], converter.numbers(output)[1:]
    mode = node.name.split("upsample_")[1].split("1d")[0].split("2d")[0].split("3d")[0]
    if any(value is True for value in node.args) or node.name.startswith("_"):
        converter.whole.append(f"{node.name} in {node.path}: corners aligned, or another kind")
    mode = "nearest" if mode not in _MODES else mode
    if all(b % a == 0 for a, b in zip(before, after, strict=True)):
        factor = tuple(b // a for a, b in zip(before, after, strict=True))
        converter.add(node, "Upsample", [converter.input(node)], output, factor=factor, mode=mode)
    else:
        size = converter.grown(output)[1:]
        converter.add(node, "Upsample", [converter.input(node)], output, size=size, mode=mode)


# Views.


@converts("contiguous clone to _to_copy detach alias type_as lift_fresh lift_fresh_copy resolve_conj expand expand_as")
def _same(converter: Converter, node: Node) -> None:
    value, [output] = node.args[0].id, node.outputs
    before, after = converter.numbers(value), converter.numbers(output)
    meets = len(before) == len(after) and all(is_elementwise(taker.func) for taker in converter.takers.get(output, []))
    if before != after and not meets:  # what is elementwise repeats its inputs by itself
        raise NotWholeError("it repeats its input")
    converter.same(node)


@converts("view reshape flatten _unsafe_view _reshape_alias unflatten view_as squeeze unsqueeze")
def _view(converter: Converter, node: Node) -> None:
    regrouped(converter, node, node.args[0].id, node.outputs[0])


def regrouped(converter: Converter, node: Node, value: int, output: int, suffix: str = "view") -> None:
    """A step for a view; none where the sides stay what they are."""
    before, after = converter.numbers(value), converter.numbers(output)
    name = converter.named(value)
    if before == after:
        converter.names[output] = name
        return
    symbols = converter.sides(output)
    groups: list[tuple[int, tuple[Size | None, ...]]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        begin_in, begin_out = i, j
        if i < len(before) and j < len(after):
            a, b = before[i], after[j]
            i, j = i + 1, j + 1
            while a != b:
                if a < b:
                    a, i = a * before[i], i + 1
                else:
                    b, j = b * after[j], j + 1
        elif j == len(after) and groups:  # sides of 1 at the end
            groups[-1] = (groups[-1][0] + len(before) - i, groups[-1][1])
            break
        else:
            i, j = len(before), len(after)
        parts = symbols[begin_out:j]
        if i > begin_in:
            parts = _open(converter, output, begin_out, parts, after[begin_out:j])
        groups.append((i - begin_in, tuple(parts)))
    if all(merged == 1 and parts == (None,) for merged, parts in groups[:-1]) and groups[-1][1] == (None,):
        converter.add(node, "Flatten", [name], output, suffix="flatten", first=len(groups) - 1)
        return
    converter.add(node, "Regroup", [name], output, suffix=suffix, groups=tuple(groups))


def _open(
    converter: Converter, output: int, begin: int, symbols: Sequence[Size], numbers: Sequence[int]
) -> tuple[Size | None, ...]:
    """The parts of a group of sides, one left open: that which grows, or the largest of those that nothing scales."""
    if len(symbols) == 1:
        return (None,)
    plain = [i for i, size in enumerate(symbols) if numbers[i] > 1 and not getattr(size, "free_symbols", None)]
    if not plain:
        return tuple(symbols)
    rest = plain[0]
    if len(plain) > 1:
        growing = [i for i in plain if converter.growing(output, begin + i)]
        if len(growing) > 1:  # both sides of a map made of tokens
            return tuple(converter.grown(output)[begin : begin + len(symbols)])
        if not growing and len(plain) < len(symbols):
            return tuple(symbols)
        rest = growing[0] if growing else max(plain, key=lambda i: numbers[i])
    return tuple(None if i == rest else size for i, size in enumerate(symbols))


@converts("permute transpose swapaxes swapdims t mT T numpy_T movedim moveaxis")
def _permute(converter: Converter, node: Node) -> None:
    value, [output] = node.args[0].id, node.outputs
    rank = len(converter.ran.shape(value))
    order = list(range(rank))
    if node.name == "permute":
        order = [i % rank for i in node.argument(1, "dims")]
    elif node.name in ("movedim", "moveaxis"):
        pairs = {b % rank: a % rank for a, b in zip(_tuple(node.args[1]), _tuple(node.args[2]), strict=True)}
        rest = iter([i for i in order if i not in pairs.values()])
        order = [pairs[i] if i in pairs else next(rest) for i in range(rank)]
    elif node.name in ("T", "numpy_T"):
        order.reverse()
    else:
        a, b = (node.args[1] % rank, node.args[2] % rank) if len(node.args) > 2 else (rank - 2, rank - 1)
        order[a], order[b] = order[b], order[a]
    kept = converter.kept(value)
    sides = tuple(kept.index(i) for i in order if i in kept)
    if sides == tuple(range(len(sides))):
        converter.same(node)
    else:
        converter.add(node, "Permute", [converter.input(node)], output, suffix="permute", order=sides)


@converts("pixel_shuffle")
def _pixel_shuffle(converter: Converter, node: Node) -> None:
    converter.add(node, "PixelShuffle", [converter.input(node)], node.outputs[0], factor=node.args[1])


@converts("pixel_unshuffle")
def _pixel_unshuffle(converter: Converter, node: Node) -> None:
    converter.add(node, "PixelUnshuffle", [converter.input(node)], node.outputs[0], factor=node.args[1])


@converts("channel_shuffle native_channel_shuffle")
def _channel_shuffle(converter: Converter, node: Node) -> None:
    converter.add(node, "ChannelShuffle", [converter.input(node)], node.outputs[0], groups=node.args[1])


# Parts and joins.


def _slice(converter: Converter, node: Node, output: int, side: int, start: Size, length: Size, suffix: str) -> str:
    value = node.args[0].id
    given = {"side": side, "start": start, "length": length}
    return converter.add(node, "Slice", [converter.named(value)], output, suffix=suffix, **given)


@converts("split split_with_sizes chunk tensor_split unsafe_split unsafe_chunk unsafe_split_with_sizes")
def _split(converter: Converter, node: Node) -> None:
    side = converter.side(node.args[0].id, node.argument(2, "dim", 0))
    start: Size = 0
    for i, output in enumerate(node.outputs):
        length = converter.sides(output)[side]
        _slice(converter, node, output, side, start, length, f"part{i}")
        start = start + length


@converts("slice narrow")
def _part(converter: Converter, node: Node) -> None:
    value, [output] = node.args[0].id, node.outputs
    if converter.numbers(value) == converter.numbers(output):
        converter.same(node)
        return
    at = node.argument(1, "dim", 0) % len(converter.ran.shape(value))
    side, whole = converter.side(value, at), converter.ran.shape(value)[at]
    start = node.argument(2, "start") or 0
    if node.name == "slice" and node.argument(4, "step", 1) != 1:
        raise NotWholeError("a slice with a step")
    start = start + whole if start < 0 else start
    before = converter.widths.starts.get(output)
    first = converter.expression(before) if before is not None and start else start
    if not getattr(first, "free_symbols", None) and converter.growing(value, side) and start > whole // 2:
        raise NotWholeError("a slice at the end of what grows")
    _slice(converter, node, output, side, first, converter.grown(output)[side], "part")


@converts("select unbind")
def _select(converter: Converter, node: Node) -> None:
    value = node.args[0].id
    side = converter.side(value, node.argument(1, "dim", 0))
    rank = len(converter.sides(value))
    groups = tuple((1, () if i == side else (None,)) for i in range(rank))
    for i, output in enumerate(node.outputs):
        index = node.args[2] if node.name == "select" else i
        index = index + converter.numbers(value)[side] if index < 0 else index
        part = _slice(converter, node, output, side, index, 1, f"part{i}")
        converter.add(node, "Regroup", [part], output, suffix=f"item{i}", groups=groups)


@converts("cat concat concatenate")
def _cat(converter: Converter, node: Node) -> None:
    [output] = node.outputs
    side = converter.side(output, node.argument(1, "dim", 0))
    refs = [ref for ref in node.args[0] if len(converter.ran.shape(ref)) == len(converter.ran.shape(output))]
    inputs = [converter.named(ref.id, output) for ref in refs]
    converter.add(node, "Concat", inputs, output, suffix="cat", side=side)


@converts("stack")
def _stack(converter: Converter, node: Node) -> None:
    [output] = node.outputs
    side = converter.side(output, node.argument(1, "dim", 0))
    rank = len(converter.sides(output)) - 1
    sides = [(1, (None,)) for _ in range(rank)]
    parts = []
    live = next(ref.id for ref in node.args[0] if ref.id in converter.lives)
    for i, ref in enumerate(node.args[0]):
        name = converter.named(ref.id, live)
        groups = (*sides[:side], (0, (1,)), *sides[side:])
        parts.append(converter.add(node, "Regroup", [name], output, suffix=f"side{i}", groups=groups))
    converter.add(node, "Concat", parts, output, suffix="stack", side=side)


@converts("pad constant_pad_nd", *(f"{kind}_pad{n}d" for kind in ("reflection", "replication") for n in (1, 2, 3)))
def _pad(converter: Converter, node: Node) -> None:
    value, [output] = node.args[0].id, node.outputs
    amounts = node.args[1]
    pairs = [(amounts[i], amounts[i + 1]) for i in range(0, len(amounts), 2)][::-1]
    while pairs and pairs[0] == (0, 0):
        pairs = pairs[1:]
    rank = len(converter.sides(value))
    if len(pairs) > rank or any(isinstance(size, sympy.Expr) for size in converter.sides(output)[rank - len(pairs) :]):
        raise NotWholeError("channels are padded")
    mode = {"reflection": "reflect", "replication": "replicate"}.get(node.name.split("_")[0], "constant")
    if node.name == "pad":
        mode = node.argument(2, "mode", "constant")
    filled = node.argument(3 if node.name == "pad" else 2, "value", 0)
    if mode == "constant" and filled not in (0, None):
        converter.whole.append(f"{node.name} in {node.path}: filled with {filled}")
    if not pairs:
        converter.same(node)
        return
    converter.add(node, "Pad", [converter.input(node)], output, suffix="pad", amounts=tuple(pairs), mode=mode)
