"""What a module runs: the operations that torch dispatches, over values with identity, and the modules they ran in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]
from torch.utils._python_dispatch import TorchDispatchMode

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Shape
from complexity_theory.measurement.trace.copying import copied, random_state_kept, to_meta, to_real
from complexity_theory.measurement.trace.names import KEEPING, base_name, is_kept, is_norm

Input: TypeAlias = "Shape | Sequence[int] | Tensor"


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor among the arguments of an operation: the index of its value."""

    id: int


@dataclass(slots=True)
class TensorValue:
    """A tensor at one time of its life: in-place operations make a new value of the same tensor."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    name: str | None = None  # of a parameter or buffer
    is_parameter: bool = False
    node: int | None = None  # the operation that made it
    storage: int = 0  # what views share


@dataclass(slots=True)
class Dispatched:
    """One dispatched operation: its name without namespace and trailing underscore, arguments, results, module path."""

    name: str
    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: list[int]
    path: str

    def argument(self, index: int, name: str, default: Any = None) -> Any:
        """An argument given by place or by name."""
        return self.args[index] if len(self.args) > index else self.kwargs.get(name, default)

    def refs(self) -> list[int]:
        """The values that it reads, in the order of its arguments."""
        return [ref.id for ref in _leaves((self.args, self.kwargs), Ref)]

    @property
    def in_place(self) -> bool:
        """Whether it writes into one of its arguments."""
        return bool(self.func._schema.is_mutable)


@dataclass(slots=True)
class ModuleCall:
    """One call of a submodule: the operations ``start:stop`` ran in it."""

    name: str
    kind: type
    start: int
    inputs: tuple[int, ...]
    parent: int | None
    stop: int = 0
    outputs: tuple[int, ...] = ()


@dataclass(slots=True)
class Capture:
    """One run of a module."""

    device: str
    nodes: list[Dispatched] = field(default_factory=list)
    values: list[TensorValue] = field(default_factory=list)
    calls: list[ModuleCall] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)  # elements of each parameter, the shared once

    def shape(self, of: Ref | int) -> tuple[int, ...]:
        """The shape of a value, batch included."""
        return self.values[of.id if isinstance(of, Ref) else of].shape


def _leaves(tree: Any, kind: type) -> Iterator[Any]:
    if isinstance(tree, kind):
        yield tree
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            yield from _leaves(item, kind)
    elif isinstance(tree, dict):
        for item in tree.values():
            yield from _leaves(item, kind)


def _mapped(tree: Any, function: Callable[[Tensor], Any]) -> Any:
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, (list, tuple)):
        return type(tree)(_mapped(item, function) for item in tree)
    if isinstance(tree, dict):
        return {key: _mapped(item, function) for key, item in tree.items()}
    return tree


def tensors_of(out: Any) -> Iterator[Tensor]:
    """The tensors of anything that a forward may return, dataclasses and other objects included."""
    if isinstance(out, (Tensor, list, tuple, dict)):
        yield from _leaves(out, Tensor)
    elif isinstance(out, (set, frozenset)):
        for item in out:
            yield from tensors_of(item)
    elif hasattr(out, "__dict__") and not isinstance(out, (nn.Module, type)):
        for item in vars(out).values():
            yield from tensors_of(item)


def foreseen(func: Any, name: str, args: Sequence[Any]) -> Tensor | None:
    """What comes out on the meta device where it is as what goes in: torch runs these there in slow Python."""
    x = args[0] if args else None
    if not isinstance(x, Tensor) or x.device.type != "meta" or not x.is_floating_point():
        return None
    if not is_norm(name):
        if name not in KEEPING or not all(_alike(x, y) for y in args[1:]):
            return None
        if func._schema.is_mutable:
            return x if func._schema.name.endswith("_") else None
    return to_meta(x) if x.is_contiguous() else torch.empty_like(x)


def _alike(x: Tensor, y: Any) -> bool:
    """Whether an operation on both gives what one on ``x`` alone does; a complex number makes another type of it."""
    if not isinstance(y, Tensor):
        return not isinstance(y, complex)
    return (x.shape, x.stride(), x.dtype, x.device) == (y.shape, y.stride(), y.dtype, y.device)


class _Recorder(TorchDispatchMode):
    """Under ``inference_mode`` composite operations (conv2d, linear, attention) arrive here whole."""

    def __init__(self, module: nn.Module, device: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.capture = Capture(device)
        self.ids: dict[int, int] = {}
        self.alive: list[Tensor] = []  # an id is one of a living object
        self.stack: list[int] = []
        self.modules: dict[int, str] = {}
        for name, part in module.named_modules():
            self.modules.setdefault(id(part), name)
        for name, parameter in module.named_parameters():
            self.value(parameter, name)
            self.capture.sizes[name] = 0 if isinstance(parameter, UninitializedTensorMixin) else parameter.numel()
        for name, buffer in module.named_buffers():
            self.value(buffer, name)

    def value(self, x: Tensor, name: str | None = None, node: int | None = None) -> int:
        if isinstance(x, UninitializedTensorMixin):
            return -1
        values = self.capture.values
        self.ids[id(x)] = len(values)
        self.alive.append(x)
        shape, storage = tuple(x.shape), x.untyped_storage()._cdata
        values.append(TensorValue(shape, x.dtype, name, isinstance(x, nn.Parameter), node, storage))
        return len(values) - 1

    def ref(self, x: Tensor) -> Ref:
        known = self.ids.get(id(x))
        if known is None:  # made outside: a plain tensor that the module holds, or a layer kept in a list
            name = f"(unregistered {len(self.capture.values)})" if isinstance(x, nn.Parameter) else None
            known = self.value(x, name)
            if name:
                self.capture.sizes[name] = x.numel()
        return Ref(known)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = base_name(func)
        if not is_kept(name, func):
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        held, named = _mapped(args, self.ref), _mapped(kwargs, self.ref)
        out = foreseen(func, name, args)
        if out is None:
            out = func(*args, **kwargs)
        capture = self.capture
        path = capture.calls[self.stack[-1]].name if self.stack else ""
        node = Dispatched(name, func, held, named, [], path)
        for x in _leaves(out, Tensor):
            node.outputs.append(self.value(x, node=len(capture.nodes)))
        if node.in_place and not node.outputs and isinstance(args[0], Tensor):
            node.outputs.append(self.value(args[0], node=len(capture.nodes)))
        capture.nodes.append(node)
        return out

    def enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        capture = self.capture
        parent = self.stack[-1] if self.stack else None
        name = self.modules.get(id(module))
        if name is None:
            above = capture.calls[parent].name if parent is not None else ""
            name = f"{above}.({type(module).__name__})".lstrip(".")
        inputs = tuple(self.ref(x).id for x in _leaves((args, kwargs), Tensor))
        self.stack.append(len(capture.calls))
        capture.calls.append(ModuleCall(name, type(module), len(capture.nodes), inputs, parent))

    def leave(self, module: nn.Module, args: Any, out: Any) -> None:
        call = self.capture.calls[self.stack.pop()]
        call.stop = len(self.capture.nodes)
        call.outputs = tuple(self.ref(x).id for x in tensors_of(out))

    @contextmanager
    def watching(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.callback(register_module_forward_pre_hook(self.enter_without_keywords).remove)
            stack.callback(register_module_forward_hook(self.leave).remove)
            yield

    def enter_without_keywords(self, module: nn.Module, args: Any) -> None:
        self.enter(module, args, {})


@contextmanager
def whole_attention() -> Iterator[None]:
    """Without the fast path, which hides an encoder layer in one operation."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def capture(
    module: nn.Module, *inputs: Input, device: str | None = None, batch: int = 1, training: bool = False
) -> Capture:
    """What ``module`` runs on ``inputs``: each a shape without the batch (``batch`` images are taken) or a tensor.

    A copy is run in eval mode (or in ``training`` mode), under ``torch.inference_mode()``: the module, its tensors,
    modes, hooks and the random states stay as they are. The copy lies on the meta device, where nothing is computed;
    where that does not do (a forward that makes tensors of its own, or asks what is in one), it runs once more with
    real tensors. ``device``: "meta" or "cpu" for only the one or the other. Raises InvalidInput where the module does
    not run.
    """
    if not isinstance(module, nn.Module):
        raise InvalidInput(f"a torch.nn.Module is needed, not {module!r}")
    if device not in (None, "meta", "cpu"):
        raise InvalidInput(f"unknown device {device!r} for a trace: one of meta, cpu")
    if device is None:
        try:
            return _run(module, inputs, "meta", batch, training)
        except InvalidInput:
            return _run(module, inputs, "cpu", batch, training)
    return _run(module, inputs, device, batch, training)


def _run(module: nn.Module, inputs: Sequence[Input], device: str, batch: int, training: bool) -> Capture:
    with random_state_kept(module), torch.inference_mode(False), torch.no_grad():
        twin = copied(module, to_meta if device == "meta" else to_real)
        return watched(twin.train(training), *inputs, device=device, batch=batch)


def watched(module: nn.Module, *inputs: Input, device: str, batch: int = 1) -> Capture:
    """A run of ``module`` itself, which lies on ``device``, in the mode in which it is. Errors as ``capture`` has."""
    with random_state_kept(module), torch.inference_mode(False), torch.no_grad():
        like = next((x for x in module.parameters() if x.is_floating_point()), torch.empty(()))
        place = torch.device("meta") if device == "meta" else like.device
        move = to_meta if device == "meta" else to_real
        given = [_tensor(x, batch, like.dtype, place, move) for x in inputs]
        recorder = _Recorder(module, device)
        recorder.capture.inputs = [recorder.value(x) for x in given]
        try:
            with torch.inference_mode(), whole_attention(), recorder.watching(), place, recorder:
                out = module(*given)
        except Exception as error:  # whatever a forward raises
            raise InvalidInput(_told(recorder, given, error)) from error
        recorder.capture.outputs = [recorder.ref(x).id for x in tensors_of(out)]
    return recorder.capture


def _tensor(x: Input, batch: int, dtype: torch.dtype, place: torch.device, move: Callable[[Tensor], Tensor]) -> Tensor:
    if isinstance(x, Tensor):
        return move(x)
    return torch.zeros((batch, *(x.dims if isinstance(x, Shape) else x)), dtype=dtype, device=place)


def _told(recorder: _Recorder, given: Sequence[Tensor], error: Exception) -> str:
    call = recorder.capture.calls[recorder.stack[-1]] if recorder.stack else None
    where = "the module" if call is None or not call.name else f"{call.name!r} ({call.kind.__name__})"
    sizes = ", ".join("x".join(map(str, x.shape[1:])) for x in given)
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{where} does not run on an input of {sizes}: {type(error).__name__}: {first}"
