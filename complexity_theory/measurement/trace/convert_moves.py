"""How torch's operations that move elements become steps: views, parts, joins, padding."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from complexity_theory.core.sizes import Size
from complexity_theory.measurement.trace.capture import Dispatched
from complexity_theory.measurement.trace.convert import Converter, NotWholeError, converts, numbers_of
from complexity_theory.measurement.trace.names import is_elementwise

# Views.


@converts("contiguous clone to _to_copy detach alias type_as lift_fresh lift_fresh_copy resolve_conj expand expand_as")
def _same(converter: Converter, node: Dispatched) -> None:
    value, [output] = node.args[0].id, node.outputs
    before, after = converter.numbers(value), converter.numbers(output)
    meets = len(before) == len(after) and all(is_elementwise(taker.func) for taker in converter.takers.get(output, []))
    if before != after and not meets:  # what is elementwise repeats its inputs by itself
        raise NotWholeError("it repeats its input")
    converter.same(node)


@converts("view reshape flatten _unsafe_view _reshape_alias unflatten view_as squeeze unsqueeze")
def _view(converter: Converter, node: Dispatched) -> None:
    regrouped(converter, node, node.args[0].id, node.outputs[0])


def regrouped(converter: Converter, node: Dispatched, value: int, output: int, suffix: str = "view") -> None:
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


@converts("repeat tile")
def _repeat(converter: Converter, node: Dispatched) -> None:
    """One thing for each image."""
    value, [output] = node.args[0].id, node.outputs
    if len(converter.numbers(output)) != len(converter.ran.shape(output)) - 1 or any(n != 1 for n in node.args[1][1:]):
        raise NotWholeError("it repeats its input")
    regrouped(converter, node, value, output)


@converts("permute transpose swapaxes swapdims t mT T numpy_T movedim moveaxis")
def _permute(converter: Converter, node: Dispatched) -> None:
    value, [output] = node.args[0].id, node.outputs
    rank = len(converter.ran.shape(value))
    order = list(range(rank))
    if node.name == "permute":
        order = [i % rank for i in node.argument(1, "dims")]
    elif node.name in ("movedim", "moveaxis"):
        pairs = {b % rank: a % rank for a, b in zip(numbers_of(node.args[1]), numbers_of(node.args[2]), strict=True)}
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
def _pixel_shuffle(converter: Converter, node: Dispatched) -> None:
    converter.add(node, "PixelShuffle", [converter.input(node)], node.outputs[0], factor=node.args[1])


@converts("pixel_unshuffle")
def _pixel_unshuffle(converter: Converter, node: Dispatched) -> None:
    converter.add(node, "PixelUnshuffle", [converter.input(node)], node.outputs[0], factor=node.args[1])


@converts("channel_shuffle native_channel_shuffle")
def _channel_shuffle(converter: Converter, node: Dispatched) -> None:
    converter.add(node, "ChannelShuffle", [converter.input(node)], node.outputs[0], groups=node.args[1])


# Parts and joins.


def _slice(
    converter: Converter, node: Dispatched, output: int, side: int, start: Size, length: Size, suffix: str
) -> str:
    value = node.args[0].id
    given = {"side": side, "start": start, "length": length}
    return converter.add(node, "Slice", [converter.named(value)], output, suffix=suffix, **given)


@converts("split split_with_sizes chunk tensor_split unsafe_split unsafe_chunk unsafe_split_with_sizes")
def _split(converter: Converter, node: Dispatched) -> None:
    side = converter.side(node.args[0].id, node.argument(2, "dim", 0))
    start: Size = 0
    for i, output in enumerate(node.outputs):
        length = converter.sides(output)[side]
        _slice(converter, node, output, side, start, length, f"part{i}")
        start = start + length


@converts("slice narrow")
def _part(converter: Converter, node: Dispatched) -> None:
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
def _select(converter: Converter, node: Dispatched) -> None:
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
def _cat(converter: Converter, node: Dispatched) -> None:
    [output] = node.outputs
    side = converter.side(output, node.argument(1, "dim", 0))
    refs = [ref for ref in node.args[0] if len(converter.ran.shape(ref)) == len(converter.ran.shape(output))]
    inputs = [converter.named(ref.id, output) for ref in refs]
    converter.add(node, "Concat", inputs, output, suffix="cat", side=side)


@converts("stack")
def _stack(converter: Converter, node: Dispatched) -> None:
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
def _pad(converter: Converter, node: Dispatched) -> None:
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
