"""How dimensions go through what moves elements: views, parts, joins, reductions, windows, new tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from complexity_theory.measurement.trace.capture import Dispatched, Ref
from complexity_theory.measurement.trace.dims import Dim, fixed, free, is_fixed, resolved, segment_size, size
from complexity_theory.measurement.trace.layer_rules import windows
from complexity_theory.measurement.trace.names import POOLS
from complexity_theory.measurement.trace.widths import Outputs, Widths, elementwise, rule


def viewed(widths: Widths, dims: Sequence[Dim], shape: Sequence[int]) -> list[Dim]:
    """The dimensions of a view: the smallest runs of equal size are merged, and factored anew."""
    if math.prod(shape) == 0:
        return [fixed(n) for n in shape]
    found: list[Dim] = []
    i = j = 0
    while i < len(dims) or j < len(shape):
        if i < len(dims) and size(dims[i]) == 1:
            i += 1
            continue
        if j < len(shape) and shape[j] == 1:
            found.append(fixed(1))
            j += 1
            continue
        begin_in, begin_out = i, j
        a, b = size(dims[i]), shape[j]
        i, j = i + 1, j + 1
        while a != b:
            if a < b:
                a, i = a * size(dims[i]), i + 1
            else:
                b, j = b * shape[j], j + 1
        merged = widths.dims.merged(dims[begin_in:i])
        sizes = shape[begin_out:j]
        found.extend([merged] if len(sizes) == 1 else widths.dims.factors(merged, sizes))
    return found


@rule("view", "reshape", "flatten", "_unsafe_view", "_reshape_alias", "unflatten", "view_as", "squeeze")
def _view(widths: Widths, node: Dispatched) -> Outputs:
    return [viewed(widths, widths.first(node), widths.shapes(node)[0])]


@rule("unsqueeze")
def _unsqueeze(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    at = node.argument(1, "dim") % (len(x) + 1)
    return [[*x[:at], fixed(1), *x[at:]]]


@rule(
    "dropout native_dropout feature_dropout alpha_dropout feature_alpha_dropout contiguous clone to _to_copy detach "
    "alias lift_fresh lift_fresh_copy flip softmax _softmax log_softmax _log_softmax _safe_softmax cumsum cumprod "
    "logcumsumexp type_as tril triu zeros_like ones_like full_like empty_like rand_like randn_like fill zero normal "
    "uniform bernoulli roll resolve_conj index_put copy"
)
def _same(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    if node.name == "copy" and isinstance(node.args[1], Ref):
        widths.meet(widths.get(node.args[1]), x)
    return [x]


@rule("permute")
def _permute(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    return [[x[i] for i in node.argument(1, "dims")]]


@rule("transpose", "swapaxes", "swapdims")
def _transpose(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    a, b = (node.argument(i, f"dim{i - 1}") % len(x) for i in (1, 2))
    x[a], x[b] = x[b], x[a]
    return [x]


@rule("t", "mT", "T", "numpy_T", "matrix_H")
def _turned(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    return [x[::-1] if node.name in ("T", "numpy_T") else [*x[:-2], *x[-2:][::-1]]]


@rule("movedim", "moveaxis")
def _movedim(widths: Widths, node: Dispatched) -> Outputs:
    x, source, target = widths.first(node), node.args[1], node.args[2]
    pairs = [(source, target)] if isinstance(source, int) else list(zip(source, target, strict=True))
    moved = {b % len(x): x[a % len(x)] for a, b in pairs}
    rest = iter([dim for i, dim in enumerate(x) if i not in {a % len(x) for a, _ in pairs}])
    return [[moved[i] if i in moved else next(rest) for i in range(len(x))]]


@rule("expand", "expand_as")
def _expand(widths: Widths, node: Dispatched) -> Outputs:
    x, [shape] = widths.first(node), widths.shapes(node)
    lead = len(shape) - len(x)
    return [[x[i - lead] if i >= lead and size(x[i - lead]) == n else free(n) for i, n in enumerate(shape)]]


@rule("repeat", "tile")
def _repeat(widths: Widths, node: Dispatched) -> Outputs:
    x, times = widths.first(node), node.args[1]
    lead = len(times) - len(x)
    found = [widths.dims.merged([fixed(n), x[i - lead]]) if i >= lead else fixed(n) for i, n in enumerate(times)]
    if widths.batch is not None and size(found[0]) == times[0] == widths.batch.size:  # one thing, for each image
        found[0] = free(times[0])
    return [found]


@rule("repeat_interleave")
def _repeat_interleave(widths: Widths, node: Dispatched) -> Outputs:
    x, times, at = widths.first(node), node.args[1], node.argument(2, "dim")
    if not isinstance(times, int) or at is None:
        widths.freeze(x, "repeated by data")
        return [[fixed(n) for n in shape] for shape in widths.shapes(node)]
    x[at] = widths.dims.merged([x[at], fixed(times)])
    return [x]


@rule("select")
def _select(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    at = node.args[1] % len(x)
    widths.dims.freeze(x[at], "one of it is taken by its number")
    return [[*x[:at], *x[at + 1 :]]]


def _part(widths: Widths, node: Dispatched, x: list[Dim], at: int, start: int, stop: int, step: int) -> list[Dim]:
    whole = size(x[at])
    if (start, stop, step) == (0, whole, 1):
        return x
    length = len(range(start, stop, step))
    if step != 1:
        widths.dims.freeze(x[at], "a slice with a step")
    if is_fixed(x[at]):
        x[at] = fixed(length)
    else:
        before, x[at], _ = widths.dims.split(x[at], [start, stop - start, whole - stop])
        widths.starts[node.outputs[0]] = before
    return x


@rule("slice")
def _slice(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    at = node.argument(1, "dim", 0) % len(x)
    bounds = slice(node.argument(2, "start"), node.argument(3, "end"), node.argument(4, "step", 1))
    start, stop, step = bounds.indices(size(x[at]))
    return [_part(widths, node, x, at, start, max(start, stop), step)]


@rule("narrow")
def _narrow(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    at, start, length = node.args[1] % len(x), node.args[2], node.args[3]
    start = start % size(x[at]) if isinstance(start, int) and start < 0 else start
    return [_part(widths, node, x, at, start, start + length, 1)]


@rule("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split", "unsafe_chunk", "unsafe_split_with_sizes")
def _split(widths: Widths, node: Dispatched) -> Outputs:
    x, shapes = widths.first(node), widths.shapes(node)
    at = node.argument(2, "dim", 0) % len(x)
    sizes = [shape[at] for shape in shapes]
    parts = [fixed(n) for n in sizes] if is_fixed(x[at]) else widths.dims.split(x[at], sizes)
    return [[*x[:at], part, *x[at + 1 :]] for part in parts]


@rule("unbind")
def _unbind(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    at = node.argument(1, "dim", 0) % len(x)
    widths.dims.freeze(x[at], "taken apart one by one")
    return [[*x[:at], *x[at + 1 :]] for _ in node.outputs]


@rule("cat", "concat", "concatenate")
def _cat(widths: Widths, node: Dispatched) -> Outputs:
    [shape] = widths.shapes(node)
    parts = [list(widths.get(ref)) for ref in node.args[0]]
    parts = [x for x in parts if len(x) == len(shape)]  # an empty list's tensor has one side
    at = node.argument(1, "dim", 0) % len(shape)
    for other in parts[1:]:
        for i, (a, b) in enumerate(zip(parts[0], other, strict=True)):
            if i != at:
                widths.dims.equal(a, b)
    joined = [segment for x in parts for segment in resolved(x[at]) if segment_size(segment)]
    return [[*parts[0][:at], resolved(tuple(joined)), *parts[0][at + 1 :]]]


@rule("stack")
def _stack(widths: Widths, node: Dispatched) -> Outputs:
    parts = [list(widths.get(ref)) for ref in node.args[0]]
    at = node.argument(1, "dim", 0) % (len(parts[0]) + 1)
    for other in parts[1:]:
        widths.meet(other, parts[0])
    return [[*parts[0][:at], fixed(len(parts)), *parts[0][at:]]]


@rule("pad", "constant_pad_nd", *(f"{kind}_pad{n}d" for kind in ("reflection", "replication") for n in (1, 2, 3)))
def _pad(widths: Widths, node: Dispatched) -> Outputs:
    x, amounts = widths.first(node), node.args[1]
    for i in range(len(amounts) // 2):
        before, after = amounts[2 * i : 2 * i + 2]
        at = len(x) - 1 - i
        if not (before or after):
            continue
        if is_fixed(x[at]) or min(before, after) < 0:
            widths.dims.freeze(x[at], "padded")
            x[at] = fixed(size(x[at]) + before + after)
        else:  # channels that grow by a width of their own (PyramidNet)
            sides = [free(n) if n else () for n in (before, after)]
            x[at] = resolved((*sides[0], *x[at], *sides[1]))
    return [x]


@rule(
    *POOLS,
    *(f"adaptive_{kind}_pool{n}d" for kind in ("avg", "max") for n in (1, 2, 3)),
    "_adaptive_avg_pool2d _adaptive_avg_pool3d upsample_nearest1d upsample_nearest2d upsample_nearest3d "
    "upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d _upsample_nearest_exact1d "
    "_upsample_nearest_exact2d _upsample_nearest_exact3d _upsample_bilinear2d_aa _upsample_bicubic2d_aa "
    "grid_sampler_2d grid_sampler_3d grid_sampler",
)
def _pool(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    rank = 1 if "1d" in node.name else 3 if "3d" in node.name else len(x) - 2 if node.name == "grid_sampler" else 2
    lead = len(x) - rank
    return [[*x[:lead], *windows(widths, x[lead:], s[lead:], "pool")] for s in widths.shapes(node)]


@rule("pixel_shuffle")
def _pixel_shuffle(widths: Widths, node: Dispatched) -> Outputs:
    x, [shape], factor = widths.first(node), widths.shapes(node), node.args[1]
    channels = free(shape[-3])
    widths.dims.equal(x[-3], widths.dims.merged([channels, fixed(factor * factor)]))
    return [[*x[:-3], channels, fixed(shape[-2]), fixed(shape[-1])]]


@rule("pixel_unshuffle")
def _pixel_unshuffle(widths: Widths, node: Dispatched) -> Outputs:
    x, [shape], factor = widths.first(node), widths.shapes(node), node.args[1]
    channels = widths.dims.merged([x[-3], fixed(factor * factor)])
    return [[*x[:-3], channels, fixed(shape[-2]), fixed(shape[-1])]]


@rule("channel_shuffle", "native_channel_shuffle")
def _channel_shuffle(widths: Widths, node: Dispatched) -> Outputs:
    x, groups = widths.first(node), node.args[1]
    a, b = widths.dims.factors(x[1], [groups, size(x[1]) // groups])
    x[1] = widths.dims.merged([b, a])
    return [x]


@rule("im2col")
def _im2col(widths: Widths, node: Dispatched) -> Outputs:
    x, [shape] = widths.first(node), widths.shapes(node)
    return [[*x[:-3], widths.dims.merged([x[-3], fixed(shape[-2] // size(x[-3]))]), fixed(shape[-1])]]


@rule("unfold")
def _unfold(widths: Widths, node: Dispatched) -> Outputs:
    x, [shape] = widths.first(node), widths.shapes(node)
    at = node.args[1] % len(x)
    widths.dims.freeze(x[at], "unfolded")
    x[at] = fixed(shape[at])
    return [[*x, fixed(node.args[2])]]


@rule(
    "mean sum nansum amax amin max min var var_mean std std_mean norm linalg_vector_norm any all argmax argmin prod "
    "logsumexp count_nonzero median aminmax"
)
def _reduce(widths: Widths, node: Dispatched) -> Outputs:
    x, shapes = widths.first(node), widths.shapes(node)
    given: Any = node.argument(2 if "norm" in node.name else 1, "dim")
    if isinstance(given, Ref):  # the larger of two tensors
        return elementwise(widths, node)
    if not shapes[0] and x:
        return [[] for _ in shapes]
    sides = range(len(x)) if given in (None, []) else [given] if isinstance(given, int) else given
    reduced = {side % len(x) for side in sides}
    if len(shapes[0]) == len(x):
        return [[fixed(1) if i in reduced else dim for i, dim in enumerate(x)]] * len(shapes)
    return [[dim for i, dim in enumerate(x) if i not in reduced]] * len(shapes)


@rule("index", "_unsafe_index")
def _index(widths: Widths, node: Dispatched) -> Outputs:
    x, [shape] = widths.first(node), widths.shapes(node)
    at = [i for i, ref in enumerate(node.args[1]) if isinstance(ref, Ref)]
    taken = set(at)
    if any(not widths.ran.values[node.args[1][i].id].dtype.is_floating_point for i in at):
        widths.freeze([x[i] for i in at], "indexed")
    rest = [dim for i, dim in enumerate(x) if i not in taken]
    made = len(shape) - len(rest)
    first = at[0] if at == list(range(at[0], at[-1] + 1)) else 0
    return [[*rest[:first], *(fixed(n) for n in shape[first : first + made]), *rest[first:]]]


@rule("gather", "index_select", "take_along_dim")
def _gather(widths: Widths, node: Dispatched) -> Outputs:
    x, [shape] = widths.first(node), widths.shapes(node)
    at = node.args[1] % len(x)
    widths.dims.freeze(x[at], "gathered")
    return [[fixed(n) if i == at or n != size(x[i]) else x[i] for i, n in enumerate(shape)]]


@rule("topk", "sort")
def _sorted(widths: Widths, node: Dispatched) -> Outputs:
    x, shapes = widths.first(node), widths.shapes(node)
    at = node.argument(2 if node.name == "topk" else 1, "dim", -1) % len(x)
    widths.dims.freeze(x[at], "sorted")
    x[at] = fixed(shapes[0][at])
    return [x for _ in shapes]


@rule("glu")
def _glu(widths: Widths, node: Dispatched) -> Outputs:
    x, [shape] = widths.first(node), widths.shapes(node)
    at = node.argument(1, "dim", -1) % len(x)
    a, b = widths.dims.split(x[at], [shape[at]] * 2)
    widths.dims.equal(a, b)
    x[at] = a
    return [x]


@rule("zeros ones full empty new_zeros new_ones new_empty new_full rand randn scalar_tensor empty_strided")
def _new(widths: Widths, node: Dispatched) -> Outputs:
    return [[free(n) for n in shape] for shape in widths.shapes(node)]


@rule("arange", "linspace", "randperm", "eye", "one_hot", "meshgrid", "logspace")
def _counted(widths: Widths, node: Dispatched) -> Outputs:
    return [[fixed(n) for n in shape] for shape in widths.shapes(node)]
