"""Which dimensions of a module scale with its width: those of all tensors of a run, made equal where they meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TypeAlias

from complexity_theory.measurement.trace.capture import Capture, Dispatched, Ref
from complexity_theory.measurement.trace.dims import Atom, Dim, Dims, fixed, free, size
from complexity_theory.measurement.trace.names import is_elementwise

# What an operation makes: the dimensions of each of its outputs.
Outputs: TypeAlias = "list[list[Dim]]"
WidthRule: TypeAlias = "Callable[[Widths, Dispatched], Outputs]"
RULES: dict[str, WidthRule] = {}


def rule(*names: str) -> Callable[[WidthRule], WidthRule]:
    """Registers the rule of operations by their names, blanks between them."""

    def add(function: WidthRule) -> WidthRule:
        RULES.update(dict.fromkeys(" ".join(names).split(), function))
        return function

    return add


# What hands on what a head made, and what heads are.
_PASSING = frozenset(
    ["contiguous", "clone", "detach", "view", "reshape", "permute", "sigmoid", "tanh", "softmax", "log_softmax"]
    + [f"upsample_{kind}2d" for kind in ("nearest", "bilinear", "bicubic")]
    + ["dropout", "slice", "constant_pad_nd", "pixel_shuffle"]
)
_HEADS = frozenset(["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"])


class Widths:
    """The dimensions of every value of a run. Inputs and the outputs of heads are fixed, and so is what ``fix`` names.

    ``fix``: patterns of submodules whose output channels stay; ``only``: of those whose output channels alone change.
    ``batch``: the first side of every input is the batch. ``training``: a run of the same module in training mode, of
    which the dimensions meet too (heads that run in training alone). ``like``: one that has the parameters' already.
    """

    def __init__(
        self,
        ran: Capture,
        fix: Sequence[str] = (),
        only: Sequence[str] | None = None,
        *,
        batch: bool = False,
        training: Capture | None = None,
        like: Widths | None = None,
    ) -> None:
        self.ran = ran
        self.dims: Dims = Dims() if like is None else like.dims
        known = {} if like is None else {str(v.name): like.of[i] for i, v in enumerate(like.ran.values) if v.name}
        self.of: dict[int, list[Dim]] = {}
        self.grouped: dict[int, str] = {}  # how a convolution (by the number of its node) groups its channels
        self.starts: dict[int, Dim] = {}  # what lies before a slice (by the value that it makes)
        for i, value in enumerate(ran.values):
            if value.name is not None:
                floats = value.dtype.is_floating_point or value.dtype.is_complex
                self.of[i] = known.get(value.name) or [free(n) if floats else fixed(n) for n in value.shape]
        self.batch = Atom(ran.shape(ran.inputs[0])[0], "b") if batch and ran.inputs else None
        self.batch = self.batch if like is None else like.batch
        for i in ran.inputs:
            first, *sides = (fixed(n) for n in ran.shape(i))
            self.of[i] = [first if self.batch is None else ((self.batch,),), *sides]
        for number, node in enumerate(ran.nodes):
            self._apply(number, node)
        self.dims.here = ""
        self.trained = None if training is None else Widths(training, like=self)
        if like is None:
            self._idle([ran] if training is None else [ran, training])
            self._fix(fix, only)
        for i in ran.outputs:
            if not self._is_features(i):
                for dim in self.get(i):
                    self.dims.freeze(dim, "an output of the module")

    def _idle(self, runs: Sequence[Capture]) -> None:
        """What does not run: kernels stay; what is of one size in a norm stays so."""
        ran = {call.name for run in runs for call in run.calls}
        first: dict[str, Dim] = {}
        for i, value in enumerate(self.ran.values):
            owner = (value.name or "").rpartition(".")[0]
            if not owner or owner in ran or not value.dtype.is_floating_point:
                continue
            self.freeze(self.of[i][2:], "a kernel of what does not run")
            if len(value.shape) == 1:
                met = first.setdefault(owner, self.of[i][0])
                if size(met) == value.shape[0] and met is not self.of[i][0]:
                    self.dims.equal(met, self.of[i][0])

    def _is_features(self, value: int) -> bool:
        """Whether an output is a map of features, as a backbone gives: of a norm, a sum or the like, no head's."""
        if len(self.ran.shape(value)) < 4 or set(self.ran.shape(value)[2:]) == {1}:
            return False
        made = self.ran.values[value].node
        while made is not None and self.ran.nodes[made].name in _PASSING:
            made = self.ran.values[self.ran.nodes[made].args[0].id].node
        return made is not None and self.ran.nodes[made].name not in _HEADS

    def _fix(self, fix: Sequence[str], only: Sequence[str] | None) -> None:
        for i, value in enumerate(self.ran.values):
            if value.name is None or not value.shape or not value.name.endswith("weight"):
                continue
            owner = value.name.rpartition(".")[0]
            kept = only is not None and len(value.shape) > 1 and not _matches(owner, only)
            if _matches(owner, fix) or kept:
                self.dims.freeze(self.of[i][0], "asked for")

    def get(self, of: Ref | int) -> list[Dim]:
        """The dimensions of a value; of one that came from outside, free ones."""
        i = of.id if isinstance(of, Ref) else of
        if i not in self.of:
            value = self.ran.values[i]
            self.of[i] = [free(n) if value.dtype.is_floating_point else fixed(n) for n in value.shape]
        return self.of[i]

    def _apply(self, number: int, node: Dispatched) -> None:
        self.dims.here = f"{node.name} in {node.path or 'the module'}"
        found = RULES.get(node.name, elementwise if is_elementwise(node.func) else _unknown)
        made = found(self, node)
        for i, dims in zip(node.outputs, made, strict=False):
            shape = self.ran.shape(i)
            if tuple(map(size, dims)) != shape:
                for dim in dims:
                    self.dims.freeze(dim, "a shape without a rule")
                dims = [fixed(n) for n in shape]
            self.of[i] = list(dims)
        for i in node.outputs[len(made) :]:
            self.of[i] = [fixed(n) for n in self.ran.shape(i)]
        if node.name in ("conv1d", "conv2d", "conv3d", "conv_transpose2d", "convolution"):
            self.grouped[number] = self.grouping

    grouping = "dense"  # of the convolution that was last looked at

    # What rules are made of.

    def first(self, node: Dispatched) -> list[Dim]:
        """The dimensions of the first input."""
        return list(self.get(node.args[0]))

    def shapes(self, node: Dispatched) -> list[tuple[int, ...]]:
        """The shapes that come out."""
        return [self.ran.shape(i) for i in node.outputs]

    def broadcast(self, refs: Iterable[int], shape: Sequence[int]) -> list[Dim]:
        """The dimensions of an elementwise function: equal where they meet, the last with the last."""
        found: list[Dim | None] = [None] * len(shape)
        for ref in refs:
            dims = self.get(ref)
            for k in range(1, min(len(dims), len(shape)) + 1):
                met = found[-k]
                if size(dims[-k]) != shape[-k]:
                    continue
                if met is None:
                    found[-k] = dims[-k]
                elif shape[-k] != 1:
                    self.dims.equal(met, dims[-k])
        return [fixed(n) if dim is None else dim for dim, n in zip(found, shape, strict=True)]

    def meet(self, small: Sequence[Dim], large: Sequence[Dim]) -> None:
        """Equal where the sizes are, the last with the last."""
        for a, b in zip(reversed(small), reversed(large), strict=False):
            if size(a) == size(b):
                self.dims.equal(a, b)

    def freeze(self, dims: Iterable[Dim], why: str) -> None:
        """Their sizes stay."""
        for dim in dims:
            self.dims.freeze(dim, why)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def elementwise(widths: Widths, node: Dispatched) -> Outputs:
    """All inputs meet; every output has their shape."""
    return [widths.broadcast(node.refs(), shape) for shape in widths.shapes(node)[:1]] * len(node.outputs)


def _unknown(widths: Widths, node: Dispatched) -> Outputs:
    for ref in node.refs():
        widths.freeze(widths.get(ref), "an operation without a rule of widths")
    return [[fixed(n) for n in shape] for shape in widths.shapes(node)]
