"""Modules in the styles found in the wild: our counts against torch's counter, forward hooks and wrapped functions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from complexity_theory.measurement.count import breakdown, count
from complexity_theory.measurement.trace.capture import capture
from tests.other_counters import by_functions, by_hooks, multiply_adds
from tests.wilder_modules import WILD

# Forward hooks see layers that are called as modules; these call functions with their weights, or none of their own.
BY_FUNCTIONS = frozenset(
    [
        "conv_by_function",
        "cosine_head",
        "pools_by_function",
        "fixed_blur",
        "same_padding_by_name",
        "standardised_weights",
        "UNet",
        "PlainList",
        "dynamic_weights",
        "depthwise_by_function",
        "forward_called_directly",
        "encoder_layer",
        "AttentionWithWeights",
        "with_hooks",
        "free_layers",
    ]
)
# These ask for numbers, which the meta device does not have, or make their parameters when they run.
NEED_NUMBERS = frozenset(
    ["makes_cpu_tensors", "cpu_tensor_by_device", "branches_on_data", "numpy_inside", "boolean_mask", "lazy"]
)
# These hold tensors that stay where they are when the module is moved.
UNMOVED = NEED_NUMBERS | {"HoldsPlainTensor", "NonLeafTensor", "PlainList"}


def differences(name: str, planted: int = 0) -> list[str]:
    """Where our count of a module of ``WILD`` differs from what others see in it."""
    make, shapes = WILD[name]
    torch.manual_seed(0)
    ours = count(make(), *shapes)
    functions = by_functions(make(), shapes)
    device = "cpu" if name in UNMOVED else "meta"  # on the CPU torch's counter has no rule for attention and LSTM
    total = multiply_adds(make().to(device), shapes, device)
    expected = {
        "flops": functions["macs"] + functions["biased"] + planted,
        "acts": functions["acts"],
        "products": total - functions["macs"],
    }
    got = {"flops": ours.flops, "acts": ours.acts, "products": ours.products}
    return [f"{key}: {got[key]} is not {expected[key]}" for key in expected if got[key] != expected[key]]


def test_there_are_sixty_of_them() -> None:
    assert len(WILD) >= 60


@pytest.mark.parametrize("name", WILD)
def test_a_module_costs_what_others_see_in_it(name: str) -> None:
    assert differences(name) == []


@pytest.mark.parametrize("name", WILD)
def test_forward_hooks_see_the_same_where_layers_are_called_as_modules(name: str) -> None:
    make, shapes = WILD[name]
    assert (by_hooks(make(), shapes) == by_functions(make(), shapes)) == (name not in BY_FUNCTIONS)


def test_the_comparison_sees_a_planted_error() -> None:
    assert differences("shared_module", planted=1) == ["flops: 230400 is not 230401"]


@pytest.mark.parametrize("name", WILD)
def test_params_are_those_of_the_module_and_those_that_run(name: str) -> None:
    make, shapes = WILD[name]
    module = make()
    expected = sum(p.numel() for p in module.parameters() if not isinstance(p, nn.UninitializedParameter))
    if name == "PlainList":
        expected += sum(p.numel() for layer in module.layers for p in layer.parameters())
    if name == "lazy":
        expected = (3 * 9 + 1) * 6 + 2 * 6 + (6 * 14 * 10 + 1) * 4
    assert count(module, *shapes).params == expected


@pytest.mark.parametrize("name", WILD)
def test_the_breakdown_adds_up(name: str) -> None:
    make, shapes = WILD[name]
    module = make()
    rows, total = breakdown(module, *shapes), count(module, *shapes)
    for metric in ("flops", "params", "acts", "products"):
        assert sum(getattr(row.complexity, metric) for row in rows) == getattr(total, metric)


@pytest.mark.parametrize("name", WILD)
def test_real_tensors_give_the_same_counts(name: str) -> None:
    make, shapes = WILD[name]
    assert count(make(), *shapes, device="cpu") == count(make(), *shapes)


@pytest.mark.parametrize("name", WILD)
def test_the_meta_device_does_unless_numbers_are_asked_for(name: str) -> None:
    make, shapes = WILD[name]
    assert capture(make(), *shapes).device == ("cpu" if name in NEED_NUMBERS else "meta")
