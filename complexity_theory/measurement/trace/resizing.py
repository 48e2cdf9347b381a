"""A module of the user's own classes with other sizes: layers resized, blocks repeated, settings patched."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from complexity_theory.measurement.trace.depth import ChildRun
from complexity_theory.measurement.trace.dims import Atom, Dim, expression, is_fixed
from complexity_theory.measurement.trace.widths import Widths

# Settings that are no widths, though they may have the size of one.
_NO_WIDTHS = frozenset(
    """groups num_heads heads kernel_size stride padding dilation output_size num_groups output_padding window_size
    shift_size patch_size img_size input_resolution grid_size block_size halo_size scale_factor upscale_factor radix
    cardinality size num_classes depth strides dilations paddings pads kernel feat_size num_layers""".split()  # noqa: SIM905
)
# Those of torch's own layers, which are widths for certain.
_WIDTHS = frozenset(
    """in_channels out_channels in_features out_features num_features normalized_shape num_channels embed_dim kdim vdim
    input_size hidden_size num_parameters""".split()  # noqa: SIM905
)
PATCHES = ("all", "scaled", "layers")  # which settings are patched, from the most to the least

# Old sizes of a submodule's tensors, each with what it becomes.
_Sizes = dict[str, dict[int, set[int]]]


class Scaler:
    """Gives other sizes to a module, a copy of one that was traced: ``size_of`` gives a variable's new size."""

    def __init__(self, module: nn.Module, widths: Widths, size_of: Callable[[Atom], int], patches: str) -> None:
        self.widths, self.ran = widths, widths.ran
        self.size_of = lambda atom: atom.size if atom.kind == "b" else size_of(atom)
        self.module = module
        self.modules = dict(self.module.named_modules())
        self._resize()
        self._regroup()
        self._patch(patches)
        self._initialise()

    def _new(self, dim: Dim) -> int:
        return int(expression(dim, self.size_of))

    def _resize(self) -> None:
        made: dict[int, Tensor] = {}
        self.resized: set[str] = set()
        for i, value in enumerate(self.ran.values):
            if value.name is None or value.name.startswith("("):
                continue
            shape = tuple(map(self._new, self.widths.of[i]))
            if shape == value.shape:
                continue
            owner, _, name = value.name.rpartition(".")
            old = getattr(self.modules[owner], name)
            made[id(old)] = _like(old, shape)
        for name, part in self.modules.items():
            for store in (part._parameters, part._buffers):
                for key, old in list(store.items()):
                    if old is not None and id(old) in made:
                        store[key] = made[id(old)]
                        self.resized.add(name)
            if isinstance(part, nn.RNNBase):  # it holds its weights in a list as well
                part._flat_weights = [getattr(part, key) for key in part._flat_weights_names]

    def _regroup(self) -> None:
        for widths in filter(None, (self.widths.trained, self.widths)):
            for number, kind in widths.grouped.items():
                node = widths.ran.nodes[number]
                part = self.modules.get(node.path)
                if kind not in ("group", "depthwise") or not isinstance(getattr(part, "groups", None), int):
                    continue
                weight = widths.get(node.args[1])
                channels = self._new(widths.get(node.args[0])[1 - len(weight)])
                transposed = node.name.startswith("conv_transpose")
                part.groups = channels if transposed else channels // self._new(weight[1])  # type: ignore[union-attr]

    def _patch(self, patches: str) -> None:
        sizes, own = self._sizes(moved=patches == "scaled"), self._own_sizes()
        for name, part in self.modules.items():
            for key, value in list(vars(part).items()):
                if key in _NO_WIDTHS or key.startswith("_") or isinstance(value, bool):
                    continue
                if patches == "layers" and key not in _WIDTHS:
                    continue
                known = own[name] if key in _WIDTHS and name in own else sizes.get(name, {})
                if isinstance(value, int):
                    setattr(part, key, _becomes(value, known))
                elif _is_sizes(value) and (len(value) > 1 or key == "normalized_shape"):
                    setattr(part, key, type(value)(_becomes(x, known) for x in value))
            if hasattr(part, "head_dim") and hasattr(part, "embed_dim") and hasattr(part, "num_heads"):
                part.head_dim = part.embed_dim // part.num_heads

    def _own_sizes(self) -> _Sizes:
        """By submodule: what the sizes of its own parameters and buffers become."""
        found: _Sizes = defaultdict(lambda: defaultdict(set))
        for i, value in enumerate(self.ran.values):
            if value.name is not None:
                for dim, old in zip(self.widths.get(i), value.shape, strict=True):
                    found[value.name.rpartition(".")[0]][old].add(self._new(dim))
        return found

    def _sizes(self, *, moved: bool) -> _Sizes:
        """By submodule: what the sizes of its tensors become; with ``moved``, of those alone that may change."""
        found: _Sizes = defaultdict(lambda: defaultdict(set))

        def add(name: str, value: int) -> None:
            for dim, old in zip(self.widths.get(value), self.ran.shape(value), strict=True):
                if not (moved and is_fixed(dim)):
                    found[name][old].add(self._new(dim))

        for i, value in enumerate(self.ran.values):
            if value.name is not None:
                add(value.name.rpartition(".")[0], i)
        for call in self.ran.calls:
            for i in (*call.inputs, *call.outputs):
                add(call.name, i)
        for node in self.ran.nodes:
            for i in node.outputs:
                add(node.path, i)
        return found

    def _initialise(self) -> None:
        """New weights by the layers' own rule, where they have one."""
        for name in self.resized:
            reset = getattr(self.modules[name], "reset_parameters", None)
            if callable(reset) and not any(x.device.type == "meta" for x in self.modules[name].parameters(False)):
                reset()

    def repeat(self, run: ChildRun, depth: int) -> None:
        """Puts as many blocks into the container of a run as its new depth asks for."""
        container = self.modules[run.container]
        prefix = f"{run.container}." if run.container else ""
        items = list(container._modules.items())
        keys = [key for key, _ in items]
        stop = keys.index(run.names[-1][len(prefix) :]) + 1
        block = [keys.index(name[len(prefix) :]) for name in run.names[-run.period :]]
        more = depth - run.depth
        if more < 0:
            gone = {keys.index(name[len(prefix) :]) for name in run.names[more * run.period :]}
            items = [item for i, item in enumerate(items) if i not in gone]
        else:
            copies = [(items[i][0], copy.deepcopy(items[i][1])) for _ in range(more) for i in block]
            items[stop:stop] = copies
        numbered = all(key.isdigit() for key in keys)
        container._modules.clear()
        for i, (key, part) in enumerate(items):
            name = str(i) if numbered else key
            while name in container._modules:
                name += "_again"
            container._modules[name] = part


def _like(old: Tensor, shape: tuple[int, ...]) -> Tensor:
    new = torch.empty(shape, dtype=old.dtype, device=old.device)
    if new.device.type != "meta":
        with torch.no_grad():
            if not new.is_floating_point():
                new.zero_()
            elif new.dim() == 1:
                new.fill_(1.0)
            else:
                new.normal_(std=0.02)
    return nn.Parameter(new, requires_grad=old.requires_grad) if isinstance(old, nn.Parameter) else new


def _is_sizes(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) <= 16 and all(type(x) is int for x in value)


def _becomes(value: int, known: Mapping[int, set[int]]) -> Any:
    new = known.get(value, ())
    return next(iter(new)) if value > 1 and len(new) == 1 else value
