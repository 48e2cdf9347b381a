"""Two ways of counting a module that share nothing with ours: torch's counter, and rules on modules and functions."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

CONV_MODULES = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TURNED_MODULES = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
POOL_MODULES = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
LAYER_FUNCTIONS = ("linear", *(f"conv{turned}{n}d" for turned in ("", "_transpose") for n in (1, 2, 3)))
POOL_FUNCTIONS = tuple(f"{kind}_pool{n}d" for kind in ("max", "avg") for n in (1, 2, 3))


def run(module: nn.Module, shapes: list[tuple[int, ...]], device: str = "cpu") -> Any:
    """One forward in eval mode, without the fast path of attention, which hides a whole layer in one operation."""
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            return module.eval()(*(torch.zeros((1, *shape), dtype=dtype, device=device) for shape in shapes))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def multiply_adds(module: nn.Module, shapes: list[tuple[int, ...]], device: str = "cpu") -> int:
    """Those of all convolutions, linear layers and products, by torch's FlopCounterMode (which counts two for one)."""
    with FlopCounterMode(display=False) as counter:
        run(module, shapes, device)
    twice = counter.get_total_flops()
    assert twice % 2 == 0
    return twice // 2


def _add(found: Counter[str], weight: Tensor, bias: Tensor | None, x: Tensor, out: Tensor, turned: bool) -> None:
    found["macs"] += weight[0].numel() * (x if turned else out).numel()
    found["biased"] += 0 if bias is None else out.numel()
    found["acts"] += out.numel()


def by_functions(module: nn.Module, shapes: list[tuple[int, ...]]) -> Counter[str]:
    """``macs`` and ``biased`` outputs of convolutions and linear layers, ``acts`` of these and of pools.

    By wrappers round the functions of ``torch.nn.functional``, which torch's own modules call as well.
    """
    found: Counter[str] = Counter()

    def layer(name: str, function: Any) -> Any:
        def wrapper(x: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any) -> Tensor:
            out = function(x, weight, bias, *args, **kwargs)
            _add(found, weight, bias, x, out, "transpose" in name)
            return out

        return wrapper

    def pool(function: Any) -> Any:
        def wrapper(*args: Any, **kwargs: Any) -> Tensor:
            out = function(*args, **kwargs)
            found["acts"] += out.numel()
            return out

        return wrapper

    with ExitStack() as stack:
        for name in LAYER_FUNCTIONS:
            stack.enter_context(mock.patch.object(F, name, layer(name, getattr(F, name))))
        for name in POOL_FUNCTIONS:
            stack.enter_context(mock.patch.object(F, name, pool(getattr(F, name))))
        run(module, shapes)
    return found


def by_hooks(module: nn.Module, shapes: list[tuple[int, ...]]) -> Counter[str]:
    """The same by forward hooks on torch's own layers: sees those that are called as modules."""
    found: Counter[str] = Counter()

    def layer(part: Any, args: tuple[Tensor, ...], out: Tensor) -> None:
        _add(found, part.weight, part.bias, args[0], out, isinstance(part, TURNED_MODULES))

    def pool(part: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
        found["acts"] += out.numel()

    with ExitStack() as stack:
        for part in module.modules():
            if isinstance(part, (*CONV_MODULES, *TURNED_MODULES, nn.Linear)):
                stack.callback(part.register_forward_hook(layer, prepend=True).remove)
            elif isinstance(part, POOL_MODULES):
                stack.callback(part.register_forward_hook(pool, prepend=True).remove)
        run(module, shapes)
    return found
