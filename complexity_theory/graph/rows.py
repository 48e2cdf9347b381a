"""One row for each operation: what must be known of it beside its shape and its cost.

A new operation is its class, its row here, and its test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size
from complexity_theory.graph import keeping
from complexity_theory.graph import operations as ops
from complexity_theory.graph.keeping import Keeping, KeepRule, Keeps, elements_in, elements_out
from complexity_theory.graph.operations.base import Operation, sizes
from complexity_theory.graph.walk import Visit

Kind: TypeAlias = Literal[
    "conv", "linear", "product", "recurrent", "norm", "elementwise", "pool", "move", "view", "lookup"
]


class Call(NamedTuple):
    """How torch makes an operation: a class of ``torch.nn`` (or of ``measurement.modules``) or a function of ``torch``,
    and what it is given. A function takes the inputs first.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    settings: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """What must be known of an operation.

    ``torch``: how torch makes it. ``kind``: what a device does for it (``view``: nothing, it moves no data). ``keeps``:
    what autograd keeps for its backward pass, and what it makes beside its output (``graph.keeping``). ``extra``:
    multiply-adds that counters by that name count on top of those of convolutions and products. ``buffers``: bytes
    that its module holds beside its params. ``draws``: whether it draws at random in training, so that what comes out
    is new data where in inference it is the input.
    """

    torch: Callable[[Any], Call]
    kind: Kind
    keeping: Keeping = keeping.NOTHING
    extra: Mapping[str, KeepRule] = field(default_factory=dict)
    buffers: Callable[[Any], Size] = lambda _: 0
    draws: Callable[[Any], bool] = lambda _: False

    def keeps(self, visit: Visit) -> Keeps:
        """What autograd keeps of a visit. Raises InvalidInput for a function of which it is not known."""
        return self.keeping if isinstance(self.keeping, Keeps) else self.keeping(visit)


def _module(name: str, *fields: str) -> Callable[[Operation], Call]:
    """A class of torch.nn that takes these fields of the operation, in order."""
    return lambda operation: Call(name, tuple(getattr(operation, field) for field in fields))


def _function(name: str, **settings: Any) -> Callable[[Operation], Call]:
    return lambda operation: Call(name, (), settings)


def _plain(value: tuple[Any, ...]) -> Any:
    """One size where all sides have the same, as people write it."""
    return value[0] if len(set(map(str, value))) == 1 else value


def _conv(operation: Any) -> Call:
    n = operation.rank
    kernel, stride, dilation = (sizes(v, n) for v in (operation.kernel, operation.stride, operation.dilation))
    settings: dict[str, Any] = {"stride": stride, "dilation": dilation}
    if isinstance(operation, (ops.ConvTranspose1d, ops.ConvTranspose2d, ops.ConvTranspose3d)):
        name = f"nn.ConvTranspose{n}d"
        settings |= {"padding": sizes(operation.padding, n), "output_padding": sizes(operation.output_padding, n)}
    else:
        name = f"nn.Conv{n}d"
        if operation.padding is None:
            settings["padding"] = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
        else:
            settings["padding"] = sizes(operation.padding, n)
    settings = {name: _plain(value) for name, value in settings.items()}
    return Call(
        name,
        (operation.w_in, operation.w_out, _plain(kernel)),
        settings | {"groups": operation.groups, "bias": operation.bias},
    )


def _linear(operation: ops.Linear) -> Call:
    return Call("nn.Linear", (operation.w_in, operation.w_out), {"bias": operation.bias})


def _adaptive(name: str) -> Callable[[Any], Call]:
    """Of as many sides as ``size`` has; one size is that of both sides of a map."""

    def call(operation: Any) -> Call:
        rank = len(operation.size) if isinstance(operation.size, tuple) else 2
        return Call(f"{name}{rank}d", (operation.size,))

    return call


def _norm(name: str) -> Callable[[Any], Call]:
    return lambda operation: Call(name, (operation.width,), {"affine": operation.affine} | _eps(operation))


def _eps(operation: Any) -> dict[str, float]:
    return {} if operation.eps == 1e-5 else {"eps": operation.eps}


def _running(operation: Any) -> Size:
    """Bytes of the running mean and variance of each channel (float32), and of the count of batches (int64)."""
    return 2 * 4 * operation.width + 8


def _layer_norm(operation: ops.LayerNorm) -> Call:
    settings = (
        {}
        if operation.affine and operation.bias
        else {
            "elementwise_affine": operation.affine,
            "bias": operation.bias,
        }
    )
    return Call("nn.LayerNorm", (operation.shape.dims,), settings | _eps(operation))


def _rms_norm(operation: ops.RMSNorm) -> Call:
    return Call("nn.RMSNorm", (operation.width,), {} if operation.eps is None else {"eps": operation.eps})


def _pool(name: str) -> Callable[[Any], Call]:
    def made(operation: Any) -> Call:
        windows = (_plain(sizes(v, operation.rank)) for v in (operation.kernel, operation.stride, operation.padding))
        return Call(f"nn.{name}{operation.rank}d", tuple(windows), {"ceil_mode": True} if operation.ceil else {})

    return made


def _recurrent(operation: ops.Recurrent) -> Call:
    kind, _, nonlinearity = operation.kind.partition("-")
    settings: dict[str, Any] = {"batch_first": True, "bidirectional": operation.bidirectional, "bias": operation.bias}
    if nonlinearity:
        settings["nonlinearity"] = nonlinearity
    return Call(f"nn.{kind.upper()}", (operation.w_in, operation.hidden, operation.layers), settings)


# As torch.nn names them; torch's own capitals.
_ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "silu": "SiLU",
    "gelu": "GELU",
    "sigmoid": "Sigmoid",
    "hardswish": "Hardswish",
    "hardsigmoid": "Hardsigmoid",
    "tanh": "Tanh",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "selu": "SELU",
    "celu": "CELU",
    "mish": "Mish",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "hardtanh": "Hardtanh",
    "logsigmoid": "LogSigmoid",
    "tanhshrink": "Tanhshrink",
    "softshrink": "Softshrink",
    "hardshrink": "Hardshrink",
    "threshold": "Threshold",
    "rrelu": "RReLU",
}


def _activation(operation: ops.Activation) -> Call:
    return Call(f"nn.{_ACTIVATIONS[operation.kind]}", (0.0, 0.0) if operation.kind == "threshold" else ())


def _not_built(operation: ops.Other) -> Call:
    raise InvalidInput(f"{operation.name} is known by its shape alone: it can be counted, and not be built")


def _behind_batch(side: int) -> int:
    """The number of a side in a tensor whose first side is the batch."""
    return side if side < 0 else side + 1


def _sides(operation: ops.Reduce) -> Call:
    kind = {"norm": "linalg.vector_norm"}.get(operation.kind, operation.kind)
    return Call(f"torch.{kind}", (), {"dim": tuple(map(_behind_batch, operation.sides)), "keepdim": operation.keep})


def _upsample(operation: ops.Upsample) -> Call:
    given = {"scale_factor": operation.factor} if operation.size is None else {"size": operation.size}
    return Call("nn.Upsample", (), {**given, "mode": operation.mode})


def _pad(operation: ops.Pad) -> Call:
    flat = tuple(amount for pair in reversed(operation.amounts) for amount in pair)
    return Call("nn.functional.pad", (flat,), {"mode": operation.mode})


def _params(visit: Visit) -> Size:
    return visit.complexity.params


def _times(factor: int, rule: KeepRule) -> KeepRule:
    return lambda visit: factor * rule(visit)


def _ptflops_activation(visit: Visit) -> Size:
    """Elements for each time that ptflops sees the activation: as a module, as a function, or both."""
    seen = {"relu": 2, "gelu": 2, "relu6": 1, "silu": 1}
    return seen.get(visit.operation.kind, 0) * elements_out(visit)  # type: ignore[attr-defined]  # of Activation


def _thop_adaptive(visit: Visit) -> Size:
    """An addition for each element of an output's window, and a division."""
    return elements_in(visit) + elements_out(visit)


def _fvcore_norm(visit: Visit) -> Size:
    return (5 if getattr(visit.operation, "affine", True) else 4) * elements_in(visit)


_BATCH_NORM = {
    "fvcore": _times(2, elements_in),
    "ptflops": _times(2, elements_in),
    "thop": _times(4, elements_in),
    "torchinfo": _params,
}
_OTHER_NORM = {"fvcore": _fvcore_norm, "torchinfo": _params}
_WINDOW = {"ptflops": _times(2, elements_in)}
_AVERAGE = _WINDOW | {"thop": elements_out}
_GRID = {"fvcore": elements_in, "ptflops": _times(2, elements_in), "thop": _thop_adaptive}


ROWS: dict[type[Operation], Row] = {
    **dict.fromkeys((ops.Conv1d, ops.Conv2d, ops.Conv3d), Row(_conv, "conv", keeping.INPUTS)),
    **dict.fromkeys(
        (ops.ConvTranspose1d, ops.ConvTranspose2d, ops.ConvTranspose3d), Row(_conv, "conv", keeping.INPUTS)
    ),
    ops.Linear: Row(_linear, "linear", keeping.INPUTS),
    ops.MatMul: Row(_function("torch.matmul"), "product", keeping.BOTH_FACTORS),
    ops.Attention: Row(_function("nn.functional.scaled_dot_product_attention"), "product", keeping.attention),
    ops.Recurrent: Row(_recurrent, "recurrent", keeping.recurrent),
    ops.Embedding: Row(_module("nn.Embedding", "entries", "width"), "lookup", keeping.INPUTS),
    ops.Parameter: Row(
        lambda operation: Call("Loose", (operation.shape.dims,), {} if operation.learned else {"learned": False}),
        "view",
    ),
    ops.BatchNorm1d: Row(_norm("nn.BatchNorm1d"), "norm", keeping.BATCH_NORM, _BATCH_NORM, _running),
    ops.BatchNorm2d: Row(_norm("nn.BatchNorm2d"), "norm", keeping.BATCH_NORM, _BATCH_NORM, _running),
    ops.BatchNorm3d: Row(_norm("nn.BatchNorm3d"), "norm", keeping.BATCH_NORM, _BATCH_NORM, _running),
    ops.InstanceNorm: Row(_norm("InstanceNorm"), "norm", keeping.instance_norm, _OTHER_NORM),
    ops.GroupNorm: Row(
        lambda operation: Call(
            "nn.GroupNorm", (operation.groups, operation.width), {"affine": operation.affine} | _eps(operation)
        ),
        "norm",
        keeping.group_norm,
        _OTHER_NORM,
    ),
    ops.LayerNorm2d: Row(_module("ChannelNorm", "width"), "norm", keeping.CHANNEL_NORM, _OTHER_NORM),
    ops.LayerNorm: Row(_layer_norm, "norm", keeping.layer_norm, _OTHER_NORM),
    ops.RMSNorm: Row(_rms_norm, "norm", keeping.RMS_NORM, {"torchinfo": _params}),
    ops.LayerScale: Row(_module("Scale", "width"), "elementwise", keeping.INPUTS, {"torchinfo": _params}),
    ops.Activation: Row(_activation, "elementwise", keeping.elementwise, {"ptflops": _ptflops_activation}),
    ops.PReLU: Row(_module("nn.PReLU", "weights"), "elementwise", keeping.INPUTS),
    ops.Add: Row(_function("torch.add"), "elementwise", keeping.ADD),
    ops.Multiply: Row(_function("torch.mul"), "elementwise", keeping.MULTIPLY),
    ops.Elementwise: Row(
        lambda operation: Call(f"torch.{operation.kind}", (), dict(operation.settings)),
        "elementwise",
        keeping.elementwise,
    ),
    ops.Softmax: Row(
        lambda operation: Call("torch.softmax", (), {"dim": _behind_batch(operation.side)}), "norm", keeping.OUTPUT
    ),
    ops.Dropout: Row(_module("nn.Dropout", "p"), "view", keeping.dropout, draws=lambda operation: operation.p > 0),
    ops.MaxPool1d: Row(_pool("MaxPool"), "pool", keeping.MAXIMUM_1D, _WINDOW),
    ops.MaxPool2d: Row(_pool("MaxPool"), "pool", keeping.MAXIMUM, _WINDOW),
    ops.MaxPool3d: Row(_pool("MaxPool"), "pool", keeping.MAXIMUM, _WINDOW),
    ops.AvgPool1d: Row(_pool("AvgPool"), "pool", keeping.INPUTS, _AVERAGE),
    ops.AvgPool2d: Row(_pool("AvgPool"), "pool", keeping.INPUTS, _AVERAGE),
    ops.AvgPool3d: Row(_pool("AvgPool"), "pool", keeping.INPUTS, _AVERAGE),
    ops.AdaptiveAvgPool2d: Row(_adaptive("nn.AdaptiveAvgPool"), "pool", keeping.adaptive_average, _GRID),
    ops.AdaptiveMaxPool2d: Row(_adaptive("nn.AdaptiveMaxPool"), "pool", keeping.MAXIMUM, _GRID),
    ops.GlobalAvgPool2d: Row(lambda operation: Call("nn.AdaptiveAvgPool2d", (1,)), "pool", keeping.NOTHING, _GRID),
    ops.Reduce: Row(_sides, "pool", keeping.reduce),
    ops.Flatten: Row(lambda operation: Call("nn.Flatten", (operation.first + 1,) if operation.first else ()), "view"),
    ops.Reshape: Row(lambda operation: Call("torch.reshape", ((-1, *operation.shape.dims),)), "view"),
    ops.Regroup: Row(_module("Regroup", "groups"), "view"),
    ops.Other: Row(_not_built, "move"),
    ops.Permute: Row(lambda operation: Call("torch.permute", ((0, *(side + 1 for side in operation.order)),)), "view"),
    ops.Concat: Row(lambda operation: Call("torch.cat", (), {"dim": _behind_batch(operation.side)}), "move"),
    ops.Slice: Row(
        lambda operation: Call("torch.narrow", (_behind_batch(operation.side), operation.start, operation.length)),
        "view",
    ),
    ops.Pad: Row(_pad, "move", keeping.pad),
    ops.Upsample: Row(_upsample, "move"),
    ops.PixelShuffle: Row(_module("nn.PixelShuffle", "factor"), "move"),
    ops.PixelUnshuffle: Row(_module("nn.PixelUnshuffle", "factor"), "move"),
    ops.ChannelShuffle: Row(_module("nn.ChannelShuffle", "groups"), "move"),
}


def row(operation: Operation) -> Row:
    """The row of an operation. Raises InvalidInput for one that has none.

    >>> row(ops.Conv2d(8, 16, 3, stride=2)).torch(ops.Conv2d(8, 16, 3, stride=2)).name
    'nn.Conv2d'
    """
    if isinstance(operation, (ops.Folded, ops.Borrowing)):
        return row(operation.operation)  # ``measurement.build`` folds what it makes of it
    try:
        return ROWS[type(operation)]
    except KeyError:
        raise InvalidInput(
            f"nothing is known of the operation {type(operation).__name__}: add its row to graph.rows"
        ) from None
