"""How dimensions meet in what has weights: convolutions, linear layers, products, norms, recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence

from complexity_theory.measurement.trace.capture import Dispatched, Ref
from complexity_theory.measurement.trace.dims import Dim, fixed, is_fixed, resolved, size, variables
from complexity_theory.measurement.trace.names import CELLS, CONVOLUTIONS, RECURRENT
from complexity_theory.measurement.trace.widths import Outputs, Widths, rule


def windows(widths: Widths, dims: Sequence[Dim], sizes: Sequence[int], what: str) -> list[Dim]:
    """The sides of a sliding window; over one that scales (ECA's convolution over channels) it must keep the size."""
    found = []
    for dim, n in zip(dims, sizes, strict=True):
        if size(dim) == n and not is_fixed(dim):
            found.append(dim)
        else:
            if n != 1:
                widths.dims.freeze(dim, f"a window of a {what} over it")
            found.append(fixed(n))
    return found


@rule(*CONVOLUTIONS)
def _convolution(widths: Widths, node: Dispatched) -> Outputs:
    x, weight = widths.first(node), widths.get(node.args[1])
    [shape] = widths.shapes(node)
    rank = len(weight) - 2
    transposed = node.args[6] if node.name == "convolution" else node.name.startswith("conv_transpose")
    groups = node.argument(8 if node.name == "convolution" else 6, "groups", 1)
    channels, sides = x[-rank - 1], x[-rank:]
    w_in, w_out = (weight[0], weight[1]) if transposed else (weight[1], weight[0])
    widths.freeze(weight[2:], "a kernel")
    out = _meeting(widths, channels, w_in, w_out, groups, transposed)
    bias = node.argument(2, "bias")
    if isinstance(bias, Ref):
        widths.dims.equal(widths.get(bias)[0], out)
    return [[*x[: -rank - 1], out, *windows(widths, sides, shape[-rank:], "convolution")]]


def _meeting(widths: Widths, channels: Dim, w_in: Dim, w_out: Dim, groups: int, transposed: bool) -> Dim:
    """The output channels; a group convolution's weight has a group width for its inputs."""
    widths.grouping = "dense"
    if groups == 1:
        widths.dims.equal(channels, w_in)
        return w_out
    if transposed:
        if size(w_out) == 1 and size(channels) == groups:
            widths.grouping = "depthwise"
            widths.dims.equal(channels, w_in)
            return channels
        widths.freeze((channels, w_in, w_out), "a transposed group convolution")
        return fixed(groups * size(w_out))
    if size(w_in) == 1:
        widths.grouping = "depthwise"
        out = widths.dims.merged([channels, fixed(size(w_out) // groups)])
        widths.dims.equal(out, w_out)
        return out
    if is_fixed(channels) or is_fixed(w_out):
        widths.grouping = "fixed"
        widths.freeze((channels, w_in, w_out), "groups of a fixed width")
        return w_out
    widths.grouping = "group"
    if size(channels) == size(w_out) and len(variables(channels)) == len(variables(w_out)) == 1:
        widths.dims.equal(channels, w_out)  # a width that whole groups fit is one for what goes in and comes out
    for segment in resolved(w_in):
        for atom in segment:
            if atom.kind:
                atom.kind = "g"
    return w_out


@rule("torchvision::deform_conv2d")
def _deformable(widths: Widths, node: Dispatched) -> Outputs:
    x, weight = widths.first(node), widths.get(node.args[1])
    widths.freeze((x[1], *weight), "a deformable convolution")
    return [[fixed(n) for n in shape] for shape in widths.shapes(node)]


@rule("linear")
def _linear(widths: Widths, node: Dispatched) -> Outputs:
    x, weight = widths.first(node), widths.get(node.args[1])
    held = widths.ran.values[node.args[0].id]
    if held.name is not None and not held.is_parameter:
        widths.freeze(x, "a table that the module holds")
    widths.dims.equal(x[-1], weight[-1])
    bias = node.argument(2, "bias")
    if isinstance(bias, Ref) and len(weight) == 2:
        widths.dims.equal(widths.get(bias)[-1], weight[0])
    return [[*x[:-1], *weight[:-1]]]


def _product(widths: Widths, x: list[Dim], y: list[Dim], shape: Sequence[int]) -> list[Dim]:
    if len(x) == 1 or len(y) == 1:
        inner = y[0] if len(y) == 1 else y[-2]
        widths.dims.equal(x[-1], inner)
        return x[:-1] if len(y) == 1 else [*y[:-2], y[-1]]
    widths.dims.equal(x[-1], y[-2])
    lead: list[Dim] = []
    for k in range(3, len(shape) + 1):
        met = [dims[-k] for dims in (x, y) if k <= len(dims) and size(dims[-k]) == shape[-k]]
        if len(met) == 2:
            widths.dims.equal(*met)
        lead.insert(0, met[0])
    return [*lead, x[-2], y[-1]]


@rule("mm", "bmm", "matmul", "mv", "dot", "vdot")
def _matmul(widths: Widths, node: Dispatched) -> Outputs:
    return [_product(widths, widths.first(node), list(widths.get(node.args[1])), widths.shapes(node)[0])]


@rule("addmm", "baddbmm", "addmv")
def _addmm(widths: Widths, node: Dispatched) -> Outputs:
    x, y = (list(widths.get(node.args[i])) for i in (1, 2))
    out = _product(widths, x, y, widths.shapes(node)[0])
    widths.meet(widths.first(node), out)
    return [out]


@rule("scaled_dot_product_attention")
def _attention(widths: Widths, node: Dispatched) -> Outputs:
    q, k, v = (widths.get(node.argument(i, name)) for i, name in enumerate(("query", "key", "value")))
    widths.dims.equal(q[-1], k[-1])
    widths.dims.equal(k[-2], v[-2])
    for other in (k, v):
        widths.meet(other[:-2], q[:-2])
    mask = node.argument(3, "attn_mask")
    if isinstance(mask, Ref):
        widths.meet(widths.get(mask), [*q[:-1], k[-2]])
    return [[*q[:-1], v[-1]]]


@rule("batch_norm", "instance_norm", "native_batch_norm", "group_norm", "native_group_norm")
def _norm(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    start = {"group_norm": 2}.get(node.name, 1)
    for ref in node.args[start : start + 4]:
        if isinstance(ref, Ref):
            widths.dims.equal(widths.get(ref)[0], x[1])
    return [x]


@rule("layer_norm", "native_layer_norm", "rms_norm")
def _last_norm(widths: Widths, node: Dispatched) -> Outputs:
    x = widths.first(node)
    for ref in node.args[2:4]:
        if isinstance(ref, Ref):
            widths.meet(widths.get(ref), x)
    return [x]


@rule("prelu", "_prelu_kernel")
def _prelu(widths: Widths, node: Dispatched) -> Outputs:
    x, slopes = widths.first(node), widths.get(node.args[1])
    if len(slopes) == 1 and size(slopes[0]) > 1:
        widths.dims.equal(slopes[0], x[1])
    elif len(slopes) > 1:
        widths.meet(slopes, x)
    return [x]


@rule("_weight_norm_interface")
def _weight_norm(widths: Widths, node: Dispatched) -> Outputs:
    weight = widths.first(node)
    widths.meet(widths.get(node.args[1]), weight)
    return [weight]


@rule(*RECURRENT)
def _recurrent(widths: Widths, node: Dispatched) -> Outputs:
    x, _, weights, _, layers, _, _, bidirectional = node.args[:8]
    dims, shapes = list(widths.get(x)), widths.shapes(node)
    per = len(weights) // (layers * (1 + bidirectional))
    gates = size(widths.get(weights[0])[0]) // size(widths.get(weights[1])[1])
    inner, hidden = dims[-1], widths.get(weights[1])[1]
    for layer in range(layers):
        outs = []
        for direction in range(1 + bidirectional):
            begin = (layer * (1 + bidirectional) + direction) * per
            block = weights[begin : begin + per]
            widths.dims.equal(widths.get(block[1])[1], hidden)  # one for all layers and directions
            widths.dims.equal(widths.get(block[0])[1], inner)
            for ref in block:
                widths.dims.equal(widths.get(ref)[0], widths.dims.merged([fixed(gates), hidden]))
            outs.append(hidden)
        inner = resolved(tuple(segment for dim in outs for segment in resolved(dim)))
    return [[*dims[:-1], inner]] + [[*(fixed(n) for n in shape[:-1]), hidden] for shape in shapes[1:]]


@rule(*CELLS)
def _cell(widths: Widths, node: Dispatched) -> Outputs:
    for ref in node.refs():
        widths.freeze(widths.get(ref), "a recurrent cell")
    return [[fixed(n) for n in shape] for shape in widths.shapes(node)]


@rule("embedding")
def _embedding(widths: Widths, node: Dispatched) -> Outputs:
    [shape] = widths.shapes(node)
    return [[*(fixed(n) for n in shape[:-1]), widths.get(node.args[0])[-1]]]
