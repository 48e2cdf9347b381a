"""Choosing under budgets: exact against brute force, and what is told of the choice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complexity_theory.choice import search
from complexity_theory.choice.budgets import Budgets
from complexity_theory.choice.choose import choose
from complexity_theory.choice.costs import ProfiledDevice, costs
from complexity_theory.choice.ladder import Ladder
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.prediction import predict
from complexity_theory.devices.profile import load_profile
from complexity_theory.scaling.realise import scale
from complexity_theory.scaling.rules import RULES
from complexity_theory.scaling.strategy import parse
from complexity_theory.zoo import find, network
from tests.brute_force import NETWORKS, beaten
from tests.test_cli_networks import run

DEVICE = "rtx4090-compiled-nchw"
GRID = st.one_of(
    st.floats(0.1, 30), st.integers(2, 400).map(lambda i: i / 16), st.integers(1, 24).map(lambda i: (i / 8) ** 2)
)


@pytest.mark.parametrize("seed", range(100, 112))
def test_brute_force_finds_no_larger_network_that_fits(seed: int) -> None:
    assert beaten(seed, tried=8) == []


def test_brute_force_would_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = search._largest

    def second(looked, mine, factors, sizes):  # type: ignore[no-untyped-def]
        found = largest(looked, mine, factors, sizes)
        if isinstance(found, str):
            return found
        fewer = looked.flops[mine] < found.flops
        return largest(looked, mine[fewer], factors[fewer], sizes[fewer])

    monkeypatch.setattr(search, "_largest", second)
    assert any(beaten(seed, tried=8) for seed in range(100, 112))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(NETWORKS),
    st.sampled_from(["d", "w", "r", "dWr", "fast:1/5", "wg", "g", "d1_w2_g4_r1"]),
    st.sampled_from(list(RULES)),
    GRID,
)
def test_whatever_scale_gives_is_on_the_ladder(name: str, strategy: str, rounding: str, factor: float) -> None:
    base = network(name)
    try:
        scaled = scale(base, strategy, factor=factor, rounding=rounding)
    except InvalidInput:
        return
    ladder = Ladder(base, parse(strategy), RULES[rounding], base.knobs)
    factors, sizes = ladder.between(factor / 1.01, factor * 1.01)
    assert scaled.values in {tuple(row) for row in sizes.tolist()}
    assert [ladder.at(found) for found in factors] == [tuple(row) for row in sizes.tolist()]


def test_a_ladder_without_a_step_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    base = network("ResNet-50")
    ladder = Ladder(base, parse("w"), RULES["pycls"], base.knobs)
    whole = len(ladder.between(1.5, 3)[0])
    assert whole > 100
    monkeypatch.setattr(Ladder, "_steps", lambda self, part, low, high: iter(()))
    _, sizes = ladder.between(1.5, 3)
    assert scale(base, "w", factor=2.2).values not in {tuple(row) for row in sizes.tolist()}


def test_candidates_are_what_scale_builds_and_predict_predicts() -> None:
    base, profile = network("RegNetY-4.0GF"), load_profile(DEVICE)
    budgets = Budgets(seconds="0.3ms", params="30M")
    choice = choose(base, budgets, [profile], strategies=["r", "fast:3/5", "wg"])
    assert len(choice.candidates) == 3
    for candidate in choice.candidates:
        scaled = scale(base, candidate.strategy, factor=candidate.factor, rounding=candidate.rounding)
        assert scaled.network == candidate.network
        assert scaled.complexity == candidate.complexity
        assert candidate.devices[DEVICE].time == predict(scaled.network, profile)
        assert candidate.devices[DEVICE].time.seconds <= 0.3e-3
        assert candidate.complexity.params <= 30_000_000
        assert min(candidate.room.values()) >= 0
        assert candidate.binding in candidate.room
    flops = [candidate.complexity.flops for candidate in choice.candidates]
    assert flops == sorted(flops, reverse=True)
    assert choice.best.complexity.flops == flops[0]


def test_the_bound_that_binds_is_the_one_that_must_give_way() -> None:
    base, profile = network("EfficientNet-B0"), load_profile(DEVICE)
    budgets = Budgets(seconds="0.5ms", params="20M")
    candidates = choose(base, budgets, [profile], strategies=["dr", "dWr"]).candidates
    assert {candidate.binding for candidate in candidates} == {"time", "params"}
    for candidate in candidates:
        wider = {"time": {"seconds": 1e-3}, "params": {"params": 40_000_000}}[candidate.binding]
        again = choose(base, replace(budgets, **wider), [profile], strategies=[candidate.strategy])
        assert again.best.complexity.flops > candidate.complexity.flops


def test_arrays_cost_what_single_networks_cost() -> None:
    base, profile = network("ResNeXt-50-32x4d"), load_profile("rtx3090-training-nhwc")
    ladder = Ladder(base, parse("fast:3/5"), RULES["pow2-groups"], base.knobs)
    _, sizes = ladder.between(0.2, 5)
    sizes = sizes[:: len(sizes) // 12]
    device = ProfiledDevice(profile, 16)
    found = costs(base, sizes, [device], with_memory=True)
    for i, row in enumerate(sizes.tolist()):
        one = base.resized(row)
        estimate = device.estimate(one)
        assert found.counts.flops[i] == one.complexity().flops
        assert found.counts.params[i] == one.complexity().params
        assert found.counts.acts[i] == one.complexity().acts
        assert found.seconds[profile.name][i] == pytest.approx(estimate.time.seconds, rel=1e-12)
        assert found.memory[profile.name][i] == pytest.approx(estimate.memory, rel=1e-12)


def test_sure_leaves_room_for_the_interval() -> None:
    base, profile = network("RegNetX-400MF"), load_profile(DEVICE)
    budgets = Budgets(seconds="0.1ms")
    likely, sure = (choose(base, budgets, [profile], sure=sure, strategies=["dWr"]).best for sure in (False, True))
    assert likely.devices[DEVICE].time.high > 0.1e-3 >= likely.devices[DEVICE].time.seconds
    assert sure.devices[DEVICE].time.high <= 0.1e-3
    assert sure.complexity.flops < likely.complexity.flops


def test_each_device_holds_its_own_budget() -> None:
    base, names = network("EfficientNet-B0"), (DEVICE, "i9-10940x-compiled")
    profiles = [load_profile(name) for name in names]
    both = choose(base, Budgets(seconds={names[0]: "0.2ms", names[1]: "15ms"}), profiles, strategies=["d", "dWr"])
    for candidate in both.candidates:
        assert candidate.devices[names[0]].time.seconds <= 0.2e-3
        assert candidate.devices[names[1]].time.seconds <= 15e-3
    assert {candidate.binding for candidate in both.candidates} <= {f"time on {name}" for name in names}
    alone = choose(base, Budgets(seconds="0.2ms"), profiles[:1], strategies=["d", "dWr"])
    assert alone.best.complexity.flops >= both.best.complexity.flops


def test_what_is_fixed_stays_and_multiples_are_kept() -> None:
    base = network("EfficientNet-B0")
    fixed = choose(base, Budgets(params="20M"), fix=["resolution"])
    assert {candidate.network.resolution for candidate in fixed.candidates} == {224}
    rounded = choose(base, Budgets(flops="3GF"), multiple=32)
    assert all(candidate.network.resolution % 32 == 0 for candidate in rounded.candidates)


def test_a_small_network_is_found_below_the_base() -> None:
    choice = choose(
        network("ResNet-50"), Budgets(memory="20MiB", acts="100k"), [load_profile("i9-10940x-compiled")], batch=1
    )
    assert choice.best.complexity.acts <= 100_000
    assert choice.best.factor < 0.1


@pytest.mark.parametrize(
    ("budgets", "devices", "said"),
    [
        ({}, (), "no budget is set: give at least one of --max-flops"),
        ({"seconds": 1}, (), "a budget of time (--max-time) needs a device"),
        ({"params": 100}, (), "needs params of at least 21,726 (not 100)"),
        ({"params": 30_000_000, "seconds": 1e-9}, (DEVICE,), "needs time of at least"),
        ({"seconds": {"tpu": 1}}, (DEVICE,), "a budget of time for 'tpu', which is none of"),
        ({"flops": 1e9}, (DEVICE, DEVICE), "devices must differ"),
        ({"flops": 1e29}, (), "d: no budget holds it back up to 1e+15 flops"),
        ({"seconds": {}}, (DEVICE,), "no budget is set"),
    ],
)
def test_what_cannot_be_is_said(budgets: dict[str, object], devices: tuple[str, ...], said: str) -> None:
    with pytest.raises(InvalidInput) as error:
        choose(network("EfficientNet-B0"), Budgets(**budgets), [load_profile(name) for name in devices])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_said_to_be_needed_is_enough() -> None:
    base = network("EfficientNet-B0")
    with pytest.raises(InvalidInput) as error:
        choose(base, Budgets(params=100))
    least = int(str(error.value).split("at least ")[1].split(" ")[0].replace(",", ""))
    assert choose(base, Budgets(params=least)).best.complexity.params == least


def test_a_strategy_that_no_budget_holds_back_is_left_out() -> None:
    choice = choose(network("EfficientNet-B0"), Budgets(params="8M"))
    assert choice.left_out == ("r: no budget holds it back up to 1e+15 flops",)
    assert "r" not in {candidate.strategy.name for candidate in choice.candidates}


def test_directions_are_tried_once() -> None:
    dense = choose(network("ResNet-18"), Budgets(flops="4GF"))
    assert [c.strategy.name for c in dense.candidates].count("w") == 1
    assert "fast:1" not in {c.strategy.name for c in dense.candidates}
    grouped = choose(network("RegNetX-400MF"), Budgets(flops="2GF"))
    assert {"w", "fast:1"} <= {c.strategy.name for c in grouped.candidates}


def test_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    best = tmp_path / "best.toml"
    arguments = ("choose", "EfficientNet-B0", "--max-time", "1ms", "--max-params", "30M", "--device", DEVICE)
    code, out, _ = run(capsys, *arguments, "--format", "json", "-o", str(best))
    found = json.loads(out)
    assert code == 0
    assert found["best"] == found["candidates"][0]
    for candidate in found["candidates"]:
        assert candidate["params"] <= 30_000_000
        assert candidate["devices"][DEVICE]["seconds"] <= 1e-3
        assert candidate["devices"][DEVICE]["low"] < candidate["devices"][DEVICE]["high"]
        assert {"strategy", "rounding", "flops", "acts", "memory", "binding", "sizes"} <= candidate.keys()
    assert find(str(best)).complexity().flops == found["best"]["flops"]
    code, out, _ = run(capsys, *arguments, "--device", "i9-10940x-compiled", "--max-time", "20ms")
    assert code == 0
    assert "On the devices" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--max-time", "1x", "--device", DEVICE), "a budget of time must be a number of seconds"),
        (
            ("--max-time", "1ms", "--device", DEVICE, "--mode", "training"),
            "was measured in inference only; for training",
        ),
        (("--max-time", "1ms", "--max-time", "2ms", "--device", DEVICE), "given once, or for each of 1 devices"),
        (("--max-params", "1M", "--resolution", "x"), "a resolution must be"),
        (("--max-params", "1M", "--multiple", "0"), "multiples of must be"),
        (("--max-params", "1M", "--alphas", "0"), "steps of alpha must be"),
        (("--max-params", "1M", "--rounding", "none"), "unknown rounding rule"),
        (("--max-params", "1M", "--strategy", "q"), "strategy 'q'"),
    ],
)
def test_bad_options(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str) -> None:
    code, out, error = run(capsys, "choose", "EfficientNet-B0", *arguments)
    assert (code, out) == (2, "")
    assert said in error
    assert error.count("\n") == 1


def test_nothing_is_written_where_nothing_fits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, _ = run(capsys, "choose", "ResNet-18", "--max-params", "10", "-o", str(tmp_path / "best.toml"))
    assert code == 2
    assert not list(tmp_path.iterdir())


def test_rank_is_flops_then_time() -> None:
    one = search.Found((1,), 1.0, 10, 2.0, np.zeros(1), 0)
    assert replace(one, flops=11).rank > one.rank
    assert replace(one, seconds=1.0).rank > one.rank
