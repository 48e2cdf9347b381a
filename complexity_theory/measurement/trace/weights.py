"""A traced network built anew with the weights of the module that it was traced from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.compose import Repeat
from complexity_theory.measurement.build import assemble
from complexity_theory.networks.traced import Run, Step, Traced


def with_weights(network: Traced, module: nn.Module) -> nn.Module:
    """The built network, in eval mode, with the weights of ``module``, of which it was traced at the same sizes.

    It gives what the module gives (in eval mode). Raises InvalidInput where the graph is not whole: an operation known
    by its shape alone, weights that the module computes.
    """
    if network.loose:
        raise InvalidInput(f"{network.name} cannot be built as it is: {network.loose[0]}")
    built = assemble(network.tree).eval()
    tensors = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    with torch.no_grad():
        for step, part, weights in _parts(network, built):
            _load(step, part, [tensors[name] for name in weights])
    return built


def _load(step: Step, part: nn.Module, weights: list[Tensor]) -> None:
    own = [*part.parameters(), *(x for x in part.buffers() if x.is_floating_point())]
    if len(own) != len(weights):
        raise InvalidInput(f"{step.name} has {len(own)} weights, and the module {len(weights)}")
    for mine, given in zip(own, weights, strict=True):
        if mine.numel() != given.numel():
            raise InvalidInput(
                f"{step.name} has weights of {tuple(mine.shape)}, and the module of {tuple(given.shape)}"
            )
        mine.copy_(given.reshape(mine.shape))


def _parts(network: Traced, built: nn.Module) -> Iterator[tuple[Step, nn.Module, tuple[str, ...]]]:
    """Each step that has weights, with its module and the names of the weights; of runs, those of each copy."""
    inside = {i: run for run in network.runs for i in range(run.start, run.stop)}
    repeated = {node.name: node for node in network.tree.nodes if isinstance(node.layer, Repeat)}
    for i, step in enumerate(network.steps):
        run = inside.get(i)
        if run is None:
            yield from _one(step, _at(built, step.name), step.weights)
            continue
        name = f"{run.copies[0][0]}.repeated"
        for copy in range(len(run.copies)):
            if name in repeated:
                part = _at(_at(built, name).get_submodule(str(copy)), step.name)
            else:
                part = _at(built, f"{step.name}#copy{copy + 1}")
            yield from _one(step, part, tuple(_renamed(run, copy, weight) for weight in step.weights))


def _one(step: Step, part: nn.Module, weights: tuple[str, ...]) -> Iterator[tuple[Step, nn.Module, tuple[str, ...]]]:
    if weights or any(True for _ in part.parameters()):
        yield step, part, weights


def _at(graph: nn.Module, name: str) -> nn.Module:
    nodes: Mapping[str, nn.Module] = graph.nodes  # type: ignore[assignment]
    return nodes[name.replace(".", "/")]


def _renamed(run: Run, copy: int, weight: str) -> str:
    """The name of a weight of the first copy in another."""
    for first, name in zip(run.copies[0], run.copies[copy], strict=True):
        if weight.startswith(f"{first}."):
            return name + weight[len(first) :]
    return weight
