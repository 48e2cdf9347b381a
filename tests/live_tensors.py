"""What torch holds while a real module runs: tensors saved for the backward pass, and tensors alive at once."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def _storage(tensor: Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()


def _own(module: nn.Module) -> set[int]:
    """The storages of params and buffers, which the module holds anyway."""
    return {_storage(tensor)._cdata for tensor in (*module.parameters(), *module.buffers())}


def saved_bytes(module: nn.Module, *inputs: Tensor) -> int:
    """Bytes of the distinct storages that autograd saves in a forward pass in training, params and buffers apart."""
    own, found = _own(module.train()), dict[int, torch.UntypedStorage]()

    def pack(tensor: Tensor) -> Tensor:
        storage = _storage(tensor)
        if storage._cdata not in own:
            found[storage._cdata] = storage  # held, so that no other tensor gets its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = module(*inputs)
    del output
    return sum(storage.nbytes() for storage in found.values())


class _Alive(TorchDispatchMode):
    """Counts the bytes of the storages that operations make, until they are freed."""

    def __init__(self, own: set[int]) -> None:
        super().__init__()
        self.known = own
        self.now = self.most = 0

    def meet(self, values: Any) -> None:
        for value in tree_leaves(values):
            if isinstance(value, Tensor) and _storage(value)._cdata not in self.known:
                storage = _storage(value)
                self.known.add(storage._cdata)
                self.now += storage.nbytes()
                weakref.finalize(storage, self._gone, storage._cdata, storage.nbytes())
        self.most = max(self.most, self.now)

    def _gone(self, place: int, size: int) -> None:
        self.known.discard(place)
        self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.meet(output)
        return output


def peak_bytes(module: nn.Module, *inputs: Tensor) -> int:
    """The most bytes of tensors alive at once in inference, inputs among them, params and buffers apart."""
    module.eval()
    alive = _Alive(_own(module))
    alive.meet(inputs)
    with torch.no_grad(), alive:
        module(*inputs)
    return alive.most
