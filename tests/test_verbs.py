"""The public verbs: text or objects in, a result out, and InvalidInput for all else."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy

import complexity_theory as ct
from complexity_theory.core.errors import InvalidInput
from complexity_theory.verbs.result import Result
from complexity_theory.verbs.timing import alike

# One call of each verb that is quick, and gives a result.
CALLS: dict[str, Callable[[], Any]] = {
    "derive": lambda: ct.derive("dWr"),
    "derive, a network": lambda: ct.derive("dWr", network="ResNet-18"),
    "tables": lambda: ct.tables(1),
    "optimal": lambda: ct.optimal(),
    "roofline": lambda: ct.roofline("w"),
    "closed_form": lambda: ct.closed_form("ResNet-18"),
    "count": lambda: ct.count("ResNet-18"),
    "count, by layer": lambda: ct.count("ResNet-18", per_layer=True),
    "count, conventions": lambda: ct.count("ResNet-18", convention="all"),
    "list_networks": lambda: ct.list_networks("RegNetZ"),
    "scale": lambda: ct.scale("ResNet-18", "w", factor=2),
    "export": lambda: ct.export("RegNetX-200MF", "pycls"),
    "predict": lambda: ct.predict("ResNet-18", "v100-inference"),
    "predict, many": lambda: ct.predict(ct.variants("ResNet-18", resolution=[192, 224]), "v100-inference"),
    "compare": lambda: ct.compare("ResNet-18", "v100-inference", "4GF", strategies=["w", "d"]),
    "choose": lambda: ct.choose("ResNet-18", max_params="20M"),
    "derive, a block": lambda: ct.derive("dWr", "mbconv"),
    "derive, a tree": lambda: ct.derive("dWr", ct.Repeat(ct.Conv2d(64, 64, 3), 2), input=(64, 28, 28)),
    "derive, budgets": lambda: ct.derive("dWr", budgets={"params": "9/10"}),
    "crossover": lambda: ct.crossover("ResNet-18", "v100-inference"),
    "list_devices": lambda: ct.list_devices(),
    "correlate": lambda: ct.correlate("v100-training"),
    "fit": lambda: ct.fit("v100-training", name="mine"),
    "figure": lambda: ct.figure("exponents"),
    "explore": lambda: ct.explore("ResNet-18", (), roundings="pycls"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_result_has_a_short_repr_a_frame_data_and_html(name: str) -> None:
    result = CALLS[name]()
    assert isinstance(result, Result)
    shown = repr(result)
    assert "\n" not in shown
    assert len(shown) < 250
    frame = result.frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame)
    assert isinstance(result.as_dict(), (dict, list))
    assert result._repr_html_().startswith("<")
    assert result._repr_markdown_()
    with pytest.raises(AttributeError):  # frozen
        result.report = None


def test_text_and_objects_mean_the_same() -> None:
    net, dWr, v100 = ct.network("ResNet-50"), ct.strategy("dWr"), ct.device("v100-training")
    assert ct.count(net).complexity == ct.count("ResNet-50").complexity == net.complexity()
    assert ct.scale(net, dWr, target_flops=8e9).network == ct.scale("resnet50", "dWr", target_flops="8GF").network
    assert ct.predict(net, v100).seconds == ct.predict("ResNet-50", "v100-training").seconds
    assert ct.derive(dWr).exponents == ct.derive("dWr").exponents
    assert ct.closed_form(net).flops == ct.closed_form("ResNet-50").flops


def test_a_name_that_begins_those_of_profiles_lists_them() -> None:
    with pytest.raises(InvalidInput, match="several modes: rtx4090-compiled-nchw, rtx4090-eager-nchw"):
        ct.device("rtx4090")


def test_the_public_names_are_few_and_none_is_ambiguous() -> None:
    assert not {"names", "find", "parse", "walk"} & set(ct.__all__)
    assert {"derive", "tables", "verify", "count", "closed_form", "scale", "export", "predict", "compare"} <= {*dir(ct)}


def test_variants_are_predicted_as_each_network_is() -> None:
    many = ct.predict(ct.variants("EfficientNet-B0", resolution=[192, 224, 256]), "v100-inference")
    for i, side in enumerate((192, 224, 256)):
        (one,) = ct.predict(ct.variants("EfficientNet-B0", resolution=[side]), "v100-inference").rows()
        assert many.rows()[i] | {"variant": 0} == one
    assert many.seconds[1] == pytest.approx(ct.predict("EfficientNet-B0", "v100-inference").seconds, rel=1e-12)
    assert many.flops[1] == ct.count("EfficientNet-B0").flops


def test_a_grid_is_all_combinations_and_lists_of_other_lengths_say_so() -> None:
    sizes: dict[str, Any] = {"stage1.width": [64, 128], "resolution": [192, 224, 256]}
    many = ct.predict(ct.variants("ResNet-18", sizes, grid=True), "v100-inference")
    assert many.variants.number == 6
    one = ct.variants("ResNet-18", {"stage1.width": [128], "resolution": [192]})
    assert many.rows()[3] | {"variant": 0} == ct.predict(one, "v100-inference").rows()[0]
    with pytest.raises(InvalidInput, match=r"stage1.width 2, resolution 3 \(for all combinations: a grid"):
        ct.variants("ResNet-18", sizes)


def test_the_front_holds_what_nothing_beats() -> None:
    rng = np.random.default_rng(0)
    values = {"seconds": rng.integers(0, 30, 200), "flops": rng.integers(0, 30, 200)}
    chosen = set(ct.pareto(values, least="seconds", most="flops").tolist())
    points = list(zip(values["seconds"].tolist(), values["flops"].tolist(), strict=True))
    beaten = {
        i for i, (s, f) in enumerate(points) if any(s2 <= s and f2 >= f and (s2, f2) != (s, f) for s2, f2 in points)
    }
    assert {points[i] for i in chosen} == {points[i] for i in range(200) if i not in beaten}
    assert len({points[i] for i in chosen}) == len(chosen)


def test_a_header_says_precision_execution_and_batch_of_a_device() -> None:
    device = "v100-inference"
    for result in (
        ct.predict("ResNet-18", device, batch=8),
        ct.compare("ResNet-18", device, "4GF", strategies=["w"], batch=8),
        ct.choose("ResNet-18", device, max_params="20M", strategies=["w"], batch=8),
    ):
        first = result.report()[0]
        assert "v100-inference (inference, fp32, eager, batch 8)" in first.title


def test_lines_that_differ_in_a_number_are_one() -> None:
    lines = [("r", "side 632 is outside 224 to 456"), ("d", "family X is new"), ("w", "family X is new")]
    assert alike(lines) == ("r: side 632 is outside 224 to 456", "d, w: family X is new")


# What a user may hand over by mistake.
WRONG: tuple[Any, ...] = (
    *(None, True, -1, 0, 2.5, float("nan"), float("inf"), 10**400, 1j, "", "ünknown", "\x00", "a/b.toml", b"ResNet-50"),
    *([], (), {}, {"a": 1}, [1, 2], ["dWr"], {1, 2}, object(), object, len, iter([1]), range(3), slice(1)),
    *(np.array([1.5]), np.array([1, 2]), np.float32(2), pd.DataFrame({"a": [1]}), sympy.Symbol("x"), Path("/nowhere")),
)
NOT_CALLED = {"Layer", "InvalidInput"}  # abstract, and what is raised
# Arguments that are right, of which the test makes one wrong at a time.
RIGHT: dict[str, dict[str, Any]] = {
    "derive": {
        **{"strategy": "dWr", "layer": "conv", "network": None, "at": None, "steps": False},
        **{"device": None, "batch": None, "budgets": None},
    },
    "tables": {"name": "simple"},
    "optimal": {"layer": "conv", "depth_floor": 0, "resolution_floor": 0, "network": None, "devices": None},
    "roofline": {"strategies": "w", "layer": "conv", "width": 64, "bandwidth": 1e9},
    "closed_form": {"network": "ResNet-18", "resolution": None},
    "count": {"network": "ResNet-18", "resolution": 64, "input": None, "convention": "pycls", "per_layer": False},
    "list_networks": {"family": "RegNetZ"},
    "scale": {
        **{"network": "ResNet-18", "strategy": "w", "factor": 2, "target_flops": None, "multipliers": None},
        **{"rounding": "pycls", "resolution": None, "fix": (), "only": ()},
    },
    "export": {"network": "RegNetX-200MF", "to": "pycls", "strategy": "w", "factor": 2, "snippet": False},
    "predict": {"network": "ResNet-18", "device": "v100-inference", "batch": 8, "strategy": "w", "factor": 2},
    "compare": {
        **{"network": "ResNet-18", "devices": "v100-inference", "target_flops": 4e9, "strategies": "w", "batch": 1},
        **{"factor": None, "roundings": "pycls", "resolution": None, "multiple": None},
    },
    "choose": {
        **{"network": "ResNet-18", "devices": (), "max_params": "20M", "max_time": None, "strategies": (), "alphas": 2},
        **{"mode": None, "batch": None, "roundings": "pycls", "resolution": None, "multiple": None, "free": False},
        **{"by_stage": False, "measure": "flops", "sure": False, "max_memory": None, "max_flops": None},
    },
    "crossover": {"network": "ResNet-18", "devices": "v100-inference"},
    "correlate": {"table": "early-convolutions", "where": None},
    "evaluate": {"table": "no table", "scope": "core", "where": None},
    "fit": {"table": "no table", "name": "mine", "where": None},
    "verify": {"timed": "no store"},
    "list_devices": {},
    "measure": {
        **{"what": "no study.toml", "store": "/nowhere/store.sqlite", "device": "cpu", "threads": 1, "rounds": 1},
        **{"budget": 1.0, "seed": 0, "retry": False},
    },
    "figure": {"name": "exponents", "networks": None, "strategies": None, "tables": None, "store": None},
    "explore": {
        **{"networks": "no network", "devices": (), "input": None, "strategies": (), "roundings": "pycls"},
        **{"batch": None, "max_time": None, "max_params": "20M", "max_memory": None, "max_flops": None},
        **{"max_acts": None, "free": False},
    },
    "variants": {"network": "ResNet-18", "sizes": {"stage1.depth": [1, 2]}},
    "pareto": {"values": {"a": [1.0], "b": [2.0]}, "least": "a", "most": "b"},
    "network": {"value": "ResNet-18"},
    "block": {"kind": "bottleneck", "kernel": 3, "ratio": "1/4", "se": 0, "stride": 1, "width": 64},
    "strategy": {"value": "w"},
    "device": {"value": "v100-inference"},
}
OFTEN = 5  # wrong values of each argument


def _public() -> list[str]:
    return sorted(name for name in ct.__all__ if callable(getattr(ct, name)) and name not in NOT_CALLED)


def _all_wrong(generator: random.Random, function: Callable[..., Any]) -> tuple[list[Any], dict[str, Any]]:
    """Arguments of a call that its signature takes, all of wrong types."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        wrong = generator.choice(WRONG)
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += [wrong, generator.choice(WRONG)]
        elif parameter.kind is parameter.VAR_KEYWORD:
            named["part"] = wrong
        elif parameter.default is parameter.empty or generator.random() < 0.5:
            named[parameter.name] = wrong
    return positional, named


def _calls(name: str) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    function, generator = getattr(ct, name), random.Random(name)
    for argument, right in RIGHT.get(name, {}).items():
        for wrong in generator.sample(WRONG, OFTEN):
            if wrong is not right:
                yield [], {**RIGHT[name], argument: wrong}
    for _ in range(3 * OFTEN):
        yield _all_wrong(generator, function)


@pytest.mark.parametrize("name", _public())
def test_wrong_types_are_refused_and_nothing_else_is_raised(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("complexity_theory.measurement.verify.verify_tables", lambda: iter(()))  # which takes a minute
    for positional, named in _calls(name):
        try:
            getattr(ct, name)(*positional, **named)
        except InvalidInput as error:
            assert "\n" not in str(error)  # noqa: PT017 - what is raised is what is tested


def test_every_verb_is_called_with_one_argument_wrong() -> None:
    assert {name for name in _public() if not isinstance(getattr(ct, name), type)} == set(RIGHT)
    for name, right in RIGHT.items():
        parameters = inspect.signature(getattr(ct, name)).parameters
        loose = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        assert loose or set(right) <= set(parameters)


def test_the_test_of_wrong_types_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("complexity_theory.verbs.resolve.network", lambda value, resolution=None, input=None: value)
    with pytest.raises(AttributeError):
        test_wrong_types_are_refused_and_nothing_else_is_raised("count", monkeypatch)
