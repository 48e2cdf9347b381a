"""A copy of a module that shares nothing with it, on the meta device or with real tensors, ready to be run once."""

from __future__ import annotations

import copy
import random
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]
from torch.overrides import TorchFunctionMode


def to_meta(x: Tensor) -> Tensor:
    """``x`` without its numbers: shape, strides and type on the meta device."""
    return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="meta")


def to_real(x: Tensor) -> Tensor:
    """A copy of ``x``; zeros on the CPU where ``x`` has no numbers itself."""
    if x.device.type == "meta":
        return torch.zeros(x.shape, dtype=x.dtype, device="cpu")
    return to_own(x)


def to_own(x: Tensor) -> Tensor:
    """A copy of ``x`` where it lies."""
    return x.detach().clone(memory_format=torch.preserve_format)


class _CopyTensors(TorchFunctionMode):
    """Within it, ``deepcopy`` copies any tensor by ``move``: non-leaf tensors too, wherever an object holds them."""

    def __init__(self, move: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.move = move

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.__deepcopy__:
            x, memo = args
            if id(x) not in memo:
                memo[id(x)] = self.move(x)
            return memo[id(x)]
        return func(*args, **(kwargs or {}))


def copied(module: nn.Module, move: Callable[[Tensor], Tensor]) -> nn.Module:
    """A deep copy of ``module`` with each tensor ``move``d once, so that what is shared stays shared within the copy.

    What cannot be copied (a lock, a file) and is no tensor is shared with the original.
    """
    module = getattr(module, "_orig_mod", module)  # of a compiled module: the module itself
    tensors: dict[int, Any] = {}
    parts = list(module.modules())
    plain = (value for part in parts for value in vars(part).values())
    held = (x for value in plain for x in _tensors_in(value))
    for x in (*module.parameters(), *module.buffers(), *held):
        if id(x) not in tensors:
            tensors[id(x)] = _moved(x, move)
    with _CopyTensors(move):
        try:
            return _deep(module, parts, dict(tensors))
        except (TypeError, AttributeError, RuntimeError):
            for part in parts:
                for value in vars(part).values():
                    _share_what_cannot_be_copied(value, tensors)
            return _deep(module, parts, tensors)


# What ``deepcopy`` returns as it is.
_ATOMS = frozenset([bool, int, float, str, type(None), type, FunctionType])
_CONTAINERS = (dict, OrderedDict, set, list)


def _deep(module: nn.Module, parts: Sequence[nn.Module], memo: dict[int, Any]) -> nn.Module:
    """What ``copy.deepcopy`` makes, several times as fast: most attributes are numbers and empty dicts of hooks."""
    kinds = {kind for kind in set(map(type, parts)) if _is_plain(kind)}
    plain = [part for part in parts if type(part) in kinds]
    for part in plain:
        memo[id(part)] = type(part).__new__(type(part))
    for part in reversed(plain):  # children before parents, as ``deepcopy`` has them
        held = part.__getstate__().items()  # type: ignore[no-untyped-call]
        state = {name: x if type(x) in _ATOMS else _attribute(x, memo) for name, x in held}
        memo[id(part)].__setstate__(state)
    return copy.deepcopy(module, memo)


def _attribute(value: Any, memo: dict[int, Any]) -> Any:
    found = memo.get(id(value))
    if found is not None:
        return found
    kind = type(value)
    if kind in _CONTAINERS and not value:
        return memo.setdefault(id(value), kind())
    if kind in _ATOMS or (kind is tuple and _ATOMS.issuperset(map(type, value))):
        return value
    if kind is dict and _ATOMS.issuperset(map(type, value)):
        twin = memo[id(value)] = {}
        twin |= {name: _attribute(item, memo) for name, item in value.items()}
        return twin
    return copy.deepcopy(value, memo)


def _is_plain(kind: type[nn.Module]) -> bool:
    """Whether objects of a class are copied by their attributes, and by ``__setstate__`` alone."""
    ways = ("__reduce_ex__", "__reduce__", "__getstate__")
    return not hasattr(kind, "__deepcopy__") and all(getattr(kind, way) is getattr(nn.Module, way) for way in ways)


def _moved(x: Tensor, move: Callable[[Tensor], Tensor]) -> Tensor:
    if isinstance(x, UninitializedTensorMixin):  # of a lazy layer, made when it is first called
        kind: Any = type(x)
        return kind(requires_grad=x.requires_grad, device=move(torch.empty(0)).device)  # type: ignore[no-any-return]
    moved = move(x)
    return nn.Parameter(moved, x.requires_grad) if isinstance(x, nn.Parameter) else moved


def _tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors_in(item)


def _share_what_cannot_be_copied(value: Any, memo: dict[int, Any]) -> None:
    """Puts it into ``memo`` as its own copy; what it holds is looked through, as far as it is a dict."""
    if isinstance(value, dict):
        for item in value.values():
            _share_what_cannot_be_copied(item, memo)
    elif not isinstance(value, nn.Module):
        try:
            copy.deepcopy(value, dict(memo))
        except Exception:  # whatever an object of the user's raises
            memo[id(value)] = value


@contextmanager
def random_state_kept(module: nn.Module) -> Iterator[None]:
    """Afterwards the random states of Python, numpy (where loaded) and torch are what they were."""
    cuda = {x.device.index for x in module.parameters() if x.device.type == "cuda"}
    numpy = sys.modules.get("numpy")
    python, of_numpy = random.getstate(), numpy.random.get_state() if numpy else None
    try:
        with torch.random.fork_rng(sorted(cuda)):
            yield
    finally:
        random.setstate(python)
        if numpy:
            numpy.random.set_state(of_numpy)
