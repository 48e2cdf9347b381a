"""How torch's pools, reductions and resampling become steps."""

from __future__ import annotations

from complexity_theory.measurement.trace.capture import Dispatched, Ref
from complexity_theory.measurement.trace.convert import RULES, Converter, converts, numbers_of
from complexity_theory.measurement.trace.names import POOLS
from complexity_theory.measurement.trace.operators import work

_REDUCTIONS = {"max": "amax", "min": "amin", "linalg_vector_norm": "norm"}


@converts(*POOLS)
def _pool(converter: Converter, node: Dispatched) -> None:
    does = work(node, converter.dims)
    assert does is not None
    dilated = node.name.startswith("max") and set(numbers_of(node.argument(4, "dilation") or 1)) != {1}
    divided = node.name.startswith("avg") and (
        node.argument(5, "count_include_pad", True) is not True or node.argument(6, "divisor_override") is not None
    )
    padded = any(numbers_of(node.argument(3, "padding") or 0))
    if dilated or (divided and padded):
        converter.whole.append(f"{node.name} in {node.path}: windows of another kind")
    for output in node.outputs[:1]:
        converter.operation(node, does.operation, [converter.input(node)], output)
        converter.last(lead=converter.lead(node.args[0].id, len(does.shapes[0].dims)))
    if len(node.outputs) > 1:
        converter.names[node.outputs[1]] = converter.names[node.outputs[0]]


@converts("adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d")
def _adaptive_avg(converter: Converter, node: Dispatched) -> None:
    _adaptive(converter, node, "AdaptiveAvgPool2d")


@converts("adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d")
def _adaptive_max(converter: Converter, node: Dispatched) -> None:
    _adaptive(converter, node, "AdaptiveMaxPool2d")


def _adaptive(converter: Converter, node: Dispatched, kind: str) -> None:
    before, sides = converter.numbers(node.args[0].id)[1:], converter.numbers(node.outputs[0])[1:]
    if any(a == b != 1 for a, b in zip(before, sides, strict=True)):  # perhaps the input's own size
        sides = converter.grown(node.outputs[0])[1:]
    name = converter.input(node)
    if set(sides) == {1} and len(sides) == 2 and kind == "AdaptiveAvgPool2d":
        converter.add(node, "GlobalAvgPool2d", [name], node.outputs[0])
    else:
        converter.add(node, kind, [name], node.outputs[0], size=sides)
    for output in node.outputs[1:]:
        converter.names[output] = converter.names[node.outputs[0]]


@converts("mean sum amax amin max min std var prod linalg_vector_norm argmax")
def _reduce(converter: Converter, node: Dispatched) -> None:
    value = node.args[0].id
    given = node.argument(2 if "norm" in node.name else 1, "dim")
    if isinstance(given, Ref):
        RULES["elementwise"](converter, node)
        return
    if node.name in ("std", "var") and (
        node.argument(2, "correction", 1) != 1 or node.argument(2, "unbiased", True) is False
    ):
        converter.whole.append(f"{node.name} in {node.path}: another correction")
    if given is None or given == []:
        given = list(range(len(converter.ran.shape(value))))
    sides = tuple(converter.side(value, dim) for dim in numbers_of(given))
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
def _upsample(converter: Converter, node: Dispatched) -> None:
    value, [output] = node.args[0].id, node.outputs
    before, after = converter.numbers(value)[1:], converter.numbers(output)[1:]
    mode = node.name.split("upsample_")[1].split("1d")[0].split("2d")[0].split("3d")[0]
    if any(value is True for value in node.args) or node.name.startswith("_"):
        converter.whole.append(f"{node.name} in {node.path}: corners aligned, or another kind")
    mode = "nearest" if mode not in _MODES else mode
    if all(b % a == 0 for a, b in zip(before, after, strict=True)) and converter.growth.alike(value, output):
        factor = tuple(b // a for a, b in zip(before, after, strict=True))
        converter.add(node, "Upsample", [converter.input(node)], output, factor=factor, mode=mode)
    else:
        size = converter.grown(output)[1:]
        converter.add(node, "Upsample", [converter.input(node)], output, size=size, mode=mode)
