"""How torch's layers and functions become steps: convolutions, products, norms, elementwise functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from complexity_theory.core.sizes import Size
from complexity_theory.graph.operations import ACTIVATIONS, Operation
from complexity_theory.measurement.trace.capture import Dispatched, Ref
from complexity_theory.measurement.trace.convert import Converter, NotWholeError, converts
from complexity_theory.measurement.trace.names import CELLS, COSTLY, POOLS
from complexity_theory.measurement.trace.operators import work


@converts(*(COSTLY - POOLS))
def _costly(converter: Converter, node: Dispatched) -> None:
    does = work(node, converter.dims)
    assert does is not None
    kind = type(does.operation).__name__
    if kind == "MatMul":
        _matmul(converter, node)
        return
    if kind == "Attention":
        if isinstance(node.argument(3, "attn_mask"), Ref):
            converter.whole.append(f"a mask of {node.path}")
        inputs = [converter.named(node.argument(i, name).id) for i, name in enumerate(("query", "key", "value"))]
        converter.add(node, kind, inputs, node.outputs[0])
        return
    refs = _refs([*node.args[1:], *node.kwargs.values()])
    if kind == "Recurrent":
        refs = _refs(node.args[2:])
    owns, names = converter.weights(refs)
    if any(ref.id in converter.lives for ref in refs):
        converter.whole.append(f"{node.name} in {node.path or 'the module'}: its weights are computed of the input")
    inputs = [converter.input(node)]
    if node.name in CELLS:
        _cell(converter, node, does.operation, inputs, owns=owns)
        return
    lead = 0 if kind in ("Linear", "Recurrent") else converter.lead(node.args[0].id, len(does.shapes[0].dims))
    converter.operation(node, does.operation, inputs, node.outputs[0], owns=owns)
    converter.last(weights=names, lead=lead)
    for output in node.outputs[1:]:  # the last states of a recurrent layer
        if output in converter.takers:
            converter.add(node, "Other", inputs, output, suffix="state", name=node.name, shape=converter.grown(output))


def _cell(converter: Converter, node: Dispatched, operation: Operation, inputs: list[str], *, owns: bool) -> None:
    """One step of a recurrent layer; what it keeps from step to step is known by its shape alone."""
    converter.whole.append(f"{node.name} in {node.path or 'the module'}: its state")
    output, *more = node.outputs
    row = converter.add(node, "Regroup", inputs, output, suffix="row", groups=((0, (1,)), (1, (None,))))
    converter.operation(node, operation, [row], output, suffix="step", owns=owns)
    made = converter.names[output]
    converter.add(node, "Regroup", [made], output, suffix="state", groups=((1, ()), (1, (None,))))
    for other in more:
        converter.names[other] = converter.names[output]


def _matmul(converter: Converter, node: Dispatched) -> None:
    first = 1 if node.name.startswith(("add", "badd")) else 0
    [output] = node.outputs
    a, b = (node.args[first + i].id for i in (0, 1))
    names = [converter.named(a), converter.named(b)]
    drop: list[tuple[int, tuple[None, ...]]] = [(1, (None,))] * len(converter.sides(output))
    if len(converter.sides(a)) < 2:
        names[0] = converter.add(node, "Regroup", names[:1], output, suffix="row", groups=((0, (1,)), (1, (None,))))
        drop.insert(0, (1, ()))
    if len(converter.sides(b)) < 2:
        names[1] = converter.add(node, "Regroup", names[1:], output, suffix="column", groups=((1, (None,)), (0, (1,))))
        drop.append((1, ()))
    made = converter.add(node, "MatMul", names, output, suffix="product")
    if len(drop) > len(converter.sides(output)):
        converter.add(node, "Regroup", [made], output, suffix="vector", groups=tuple(drop))
    if first:
        _added(converter, node)


def _added(converter: Converter, node: Dispatched) -> None:
    """The sum of ``addmm``."""
    output = node.outputs[0]
    product = converter.names[output]
    converter.add(node, "Add", [product, converter.named(node.args[0].id, output)], output, suffix="sum")


def _refs(tree: Any) -> list[Ref]:
    return list(_walk(tree))


def _walk(tree: Any) -> Iterator[Ref]:
    if isinstance(tree, Ref):
        yield tree
    elif isinstance(tree, Iterable) and not isinstance(tree, str):
        for item in tree:
            yield from _walk(item)


@converts("batch_norm")
def _batch_norm(converter: Converter, node: Dispatched) -> None:
    value, [output] = node.args[0].id, node.outputs
    owns, names = converter.weights(node.args[1:3], node.args[3:5])
    width, affine = converter.dims(value)[1], isinstance(node.args[1], Ref)
    rank = len(converter.ran.shape(value)) - 1
    kind = f"BatchNorm{max(rank - 1, 1)}d"
    converter.add(node, kind, [converter.input(node)], output, owns=owns, width=width, affine=affine, eps=node.args[7])
    converter.last(weights=names, lead=converter.lead(value, rank))


@converts("instance_norm")
def _instance_norm(converter: Converter, node: Dispatched) -> None:
    owns, names = converter.weights(node.args[1:3])
    given = {"width": converter.dims(node.args[0])[1], "affine": isinstance(node.args[1], Ref), "eps": node.args[7]}
    converter.add(node, "InstanceNorm", [converter.input(node)], node.outputs[0], owns=owns, **given)
    converter.last(weights=names)


@converts("group_norm")
def _group_norm(converter: Converter, node: Dispatched) -> None:
    """One without a shift is one without weights, times its scale."""
    weight, bias, [output] = node.argument(2, "weight"), node.argument(3, "bias"), node.outputs
    whole = (weight is None) == (bias is None)
    owns, names = converter.weights([weight, bias]) if whole else (True, ())
    given = {
        "groups": node.args[1],
        "width": converter.dims(node.args[0])[1],
        "affine": whole and isinstance(weight, Ref),
        "eps": node.argument(4, "eps", 1e-5),
    }
    name = converter.add(node, "GroupNorm", [converter.input(node)], output, owns=owns, **given)
    converter.last(weights=names)
    if not whole:
        if weight is None:
            raise NotWholeError("a shift without a scale")
        scale = converter.constant(weight.id, after=len(converter.ran.shape(output)) - 2)
        converter.add(node, "Multiply", [name, scale], output, suffix="scale")


@converts("layer_norm")
def _layer_norm(converter: Converter, node: Dispatched) -> None:
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
def _rms_norm(converter: Converter, node: Dispatched) -> None:
    weight = node.argument(2, "weight")
    if not isinstance(weight, Ref) or len(node.args[1]) != 1:
        raise NotWholeError("a norm without weights, or over several sides")
    owns, names = converter.weights([weight])
    width, eps = converter.dims(node.args[0])[-1], node.argument(3, "eps")
    converter.add(node, "RMSNorm", [converter.input(node)], node.outputs[0], owns=owns, width=width, eps=eps)
    converter.last(weights=names)


@converts("prelu", "_prelu_kernel")
def _prelu(converter: Converter, node: Dispatched) -> None:
    weight = node.args[1]
    count: Size = 1
    for side in converter.sides(weight.id):
        count = count * side
    owns, names = converter.weights([weight])
    converter.add(node, "PReLU", [converter.input(node)], node.outputs[0], owns=owns, weights=count)
    converter.last(weights=names)


@converts("embedding")
def _embedding(converter: Converter, node: Dispatched) -> None:
    entries, width = converter.dims(node.args[0])
    owns, names = converter.weights([node.args[0]])
    converter.add(
        node, "Embedding", [converter.input(node, 1)], node.outputs[0], owns=owns, entries=entries, width=width
    )
    converter.last(weights=names)


# Elementwise functions.


_RELU6 = (("hardtanh", ("max_val", 6), ("min_val", 0)), ("clamp", ("max", 6), ("min", 0)))


@converts("elementwise")
def _elementwise(converter: Converter, node: Dispatched) -> None:
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


def _of_rank(converter: Converter, node: Dispatched, value: int, like: int) -> str:
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
def _softmax(converter: Converter, node: Dispatched) -> None:
    side = converter.side(node.args[0].id, node.argument(1, "dim"))
    converter.add(node, "Softmax", [converter.input(node)], node.outputs[0], suffix="softmax", side=side)


@converts("log_softmax _log_softmax")
def _log_softmax(converter: Converter, node: Dispatched) -> None:
    _softmax(converter, node)
    name = converter.names[node.outputs[0]]
    converter.add(node, "Elementwise", [name], node.outputs[0], suffix="log", kind="log")


@converts("dropout feature_dropout alpha_dropout feature_alpha_dropout")
def _dropout(converter: Converter, node: Dispatched) -> None:
    converter.add(node, "Dropout", [converter.input(node)], node.outputs[0], p=float(node.args[1]))


@converts("glu")
def _glu(converter: Converter, node: Dispatched) -> None:
    value, [output] = node.args[0].id, node.outputs
    side = converter.side(value, node.argument(1, "dim", -1))
    half, name = converter.sides(output)[side], converter.input(node)
    a = converter.add(node, "Slice", [name], output, suffix="a", side=side, start=0, length=half)
    b = converter.add(node, "Slice", [name], output, suffix="b", side=side, start=half, length=half)
    gate = converter.add(node, "Activation", [b], output, suffix="gate", kind="sigmoid")
    converter.add(node, "Multiply", [a, gate], output, suffix="glu")
