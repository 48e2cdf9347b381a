"""Free variants, single stages and the figure of a choice."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complexity_theory.choice.budgets import Budgets
from complexity_theory.choice.choose import Choice, choose
from complexity_theory.choice.free import free, pareto
from complexity_theory.choice.paths import paths
from complexity_theory.choice.stages import Staged, _Greedy, by_stage
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.prediction import predict
from complexity_theory.devices.profile import load_profile
from complexity_theory.figures import front, style
from complexity_theory.scaling.realise import scale
from complexity_theory.zoo import find, network
from tests.test_cli_networks import run

DEVICE = "rtx4090-compiled-nchw"


@pytest.fixture(scope="module")
def choice() -> Choice:
    budgets = Budgets(seconds="0.5ms", params="20M")
    return choose(network("EfficientNet-B0"), budgets, [load_profile(DEVICE)], strategies=["dWr", "wr", "d"])


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    cost, measure = (np.array(column) for column in zip(*points, strict=True))
    kept = {(c, m) for c, m in points if not any((a <= c and b >= m) and (a, b) != (c, m) for a, b in points)}
    assert pareto(cost.astype(float), measure) == sorted(kept)


def test_free_variants_beat_the_strategies_and_keep_the_budgets(choice: Choice) -> None:
    found = free(choice, variants=8000)
    best = found.best
    assert found.variants >= 8000
    assert best.complexity == best.network.complexity()
    assert best.complexity.params <= 20_000_000
    assert best.devices[DEVICE].time == predict(best.network, load_profile(DEVICE))
    assert best.devices[DEVICE].time.seconds <= 0.5e-3
    assert found.gain == best.complexity.flops / found.nearest.complexity.flops - 1
    assert best.complexity.flops > choice.best.complexity.flops
    assert found.nearest.strategy.name == "wr"
    assert sum(best.shares[letter] for letter in "dwr") == pytest.approx(1)
    assert set(found.fronts) == {"params", "time", "memory"}
    for line in found.fronts.values():
        costs, flops = zip(*line, strict=True)
        assert list(costs) == sorted(costs)
        assert list(flops) == sorted(set(flops))
        assert flops[-1] == best.complexity.flops


def test_another_measure_is_as_large_as_can_be(choice: Choice) -> None:
    by_acts, by_flops = (free(choice, measure=measure, variants=4000).best for measure in ("acts", "flops"))
    assert by_acts.complexity.acts >= by_flops.complexity.acts
    assert "params" not in free(choice, measure="params", variants=500).fronts
    with pytest.raises(InvalidInput, match="measure"):
        free(choice, measure="seconds")


def test_group_widths_and_what_is_fixed() -> None:
    base = network("RegNetX-400MF")
    fixed = choose(base, Budgets(acts="8M"), strategies=["fast:1", "dWr", "w"], fix=["resolution"])
    found = free(fixed, variants=3000)
    assert found.best.network.resolution == base.resolution
    assert set(found.best.multipliers) == {"d", "w", "g"}
    assert free(fixed, variants=3000).best == found.best


def test_params_alone_leave_the_resolution_open() -> None:
    choice = choose(network("ResNet-18"), Budgets(params="20M"), strategies=["w"])
    with pytest.raises(InvalidInput, match="params alone hold no resolution back"):
        free(choice, variants=100)


def check_steps(found: Staged) -> None:
    """The steps lead from the base to the best, each from where the one before ended."""
    base = found.choice.base
    knobs = {knob.name: knob.base for knob in base.knobs}
    flops = base.complexity().flops
    for step in found.steps:
        assert knobs[step.knob] == step.old != step.new
        knobs[step.knob] = step.new
        flops += step.added
        assert step.flops == flops
    assert found.best.complexity.flops == flops
    assert found.best.complexity == found.best.network.complexity()
    for bound in ("flops", "params", "acts"):
        limit = getattr(found.choice.budgets, bound)
        assert limit is None or getattr(found.best.complexity, bound) <= limit


def test_single_stages_up_to_a_time() -> None:
    choice = choose(network("ResNet-18"), Budgets(seconds="0.3ms"), [load_profile(DEVICE)], strategies=["d"])
    found = by_stage(choice)
    check_steps(found)
    assert len(found.steps) > 5
    assert found.best.devices[DEVICE].time.seconds <= 0.3e-3
    # the first step is the one of most flops per second of all
    greedy = _Greedy(choice)
    moves = list(greedy._moves(up=True))
    base = choice.base
    start = predict(base, load_profile(DEVICE)).seconds
    worth = {
        name: (base.cost(row).flops - base.complexity().flops)
        / (predict(base.resized(row), load_profile(DEVICE)).seconds - start)
        for name, row in moves
    }
    assert found.steps[0].knob == max(worth, key=worth.__getitem__)
    # and at the end none fits
    list(greedy.steps())
    assert greedy._step(up=True) is None


def test_single_stages_down_to_what_fits() -> None:
    found = by_stage(choose(network("RegNetY-4.0GF"), Budgets(params="15M", acts="8M"), strategies=["dWr"]))
    check_steps(found)
    assert found.steps[0].added < 0


def test_paths_pass_through_the_candidates(choice: Choice) -> None:
    rows = paths(choice, points=6)
    chosen = {row["strategy"]: row for row in rows if row["chosen"]}
    for candidate in choice.candidates:
        row = chosen[candidate.strategy.name]
        assert row["flops"] == candidate.complexity.flops
        assert row["seconds"][DEVICE] == pytest.approx(candidate.devices[DEVICE].time.seconds)
        other = next(row for row in rows if row["strategy"] == candidate.strategy.name and not row["chosen"])
        scaled = scale(choice.base, candidate.strategy, factor=other["factor"], rounding=candidate.rounding)
        assert other["params"] == scaled.complexity.params


def test_the_figure_is_the_same_each_time(choice: Choice) -> None:
    found = free(choice, variants=500)
    once, again = (style.svg(front.draw(choice, found)) for _ in range(2))
    assert once == again
    axes = front.draw(choice, found).axes
    assert len(axes) == 2
    bounds = [line.get_xdata()[0] for panel in axes for line in panel.lines if list(line.get_ydata()) == [0, 1]]
    assert bounds == pytest.approx([20, 0.5])


def test_the_figure_of_flops_and_acts() -> None:
    choice = choose(
        network("ResNet-18"), Budgets(flops="2GF", acts="4M"), strategies=["w", "d", "r", "dw", "dwr", "dWr"]
    )
    [axes] = front.draw(choice).axes
    assert [line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == [0, 1]] == [2.0]
    flops = choose(network("ResNet-18"), Budgets(flops="2GF"), strategies=["w"])
    assert front.draw(flops).axes[0].get_xlabel() == "params (millions)"


def test_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure, best = tmp_path / "front.svg", tmp_path / "best.json"
    budgets = ("--max-acts", "5M", "--max-params", "10M")
    options = ("--free", "--by-stage", "--figure", str(figure), "-o", str(best))
    code, out, _ = run(capsys, "choose", "RegNetX-200MF", *budgets, *options, "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert found["free"]["best"]["flops"] > found["best"]["flops"]
    assert found["free"]["nearest"] in {candidate["strategy"] for candidate in found["candidates"]}
    assert found["by_stage"]["steps"][0]["old"] != found["by_stage"]["steps"][0]["new"]
    assert figure.read_text().startswith("<?xml")
    written = max(found["best"]["flops"], found["free"]["best"]["flops"], found["by_stage"]["best"]["flops"])
    assert find(str(best)).complexity().flops == written
    code, out, _ = run(capsys, "choose", "RegNetX-200MF", *budgets, "--free", "--by-stage")
    assert code == 0
    assert "variants the one with most flops" in out
    assert "Stage by stage" in out
    code, _, error = run(capsys, "choose", "RegNetX-200MF", *budgets, "--figure", str(tmp_path / "front.jpg"))
    assert (code, error.count("\n")) == (2, 1)
    assert "a figure is a file of .pdf, .svg, .png, not" in error
    picture = tmp_path / "front.PNG"
    code, _, _ = run(capsys, "choose", "RegNetX-200MF", *budgets, "--strategy", "w", "--figure", str(picture))
    assert code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert not math.isnan(found["free"]["gain"])
