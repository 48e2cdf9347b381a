"""The explorer in a real browser: its numbers are Python's, its controls work, and names do it no harm."""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from complexity_theory import cli
from complexity_theory.core.symbols import d, g, n, w
from complexity_theory.page import grid
from complexity_theory.page.verb import DEVICES, ROUNDINGS
from complexity_theory.scaling import kept
from complexity_theory.scaling.closed_form import own_unit
from complexity_theory.scaling.effective import effective_exponents
from complexity_theory.scaling.population import polynomials
from complexity_theory.scaling.strategy import parse
from tests.browser import Browser
from tests.explorer import NETWORKS, link, nearest, realised

pytestmark = pytest.mark.xdist_group("browser")


# -- the numbers


def states(number: int) -> list[dict[str, Any]]:
    """Random states: networks, strategies of both sorts, factors of the slider and others, rules, devices."""
    draw = random.Random(15)
    listed = [strategy.name for strategy in grid.strategies()]
    found = []
    for _ in range(number):
        name = draw.choice(list(NETWORKS))
        shares = "_".join(f"{letter}{draw.randint(1, 10)}" for letter in "dwgr")
        along = [*grid.directions(NETWORKS[name], [parse(each) for each in listed])]
        strategy = draw.choice([*along, shares, shares])
        factor = draw.choice([draw.choice(grid.GRID_FACTORS), round(2 ** draw.uniform(-2, 6), 3)])
        found.append(
            {
                "network": name,
                "strategy": strategy,
                "s": factor,
                "rule": draw.choice(ROUNDINGS),
                "device": draw.choice(DEVICES),
            }
        )
    return found


def python_says(state: Mapping[str, Any], shown: Mapping[str, str]) -> dict[str, Any]:
    """What the library gives for a state: ints where the page must show the same ints, floats to 1e-9."""
    base, strategy, s = NETWORKS[state["network"]], parse(state["strategy"]), state["s"]
    told: dict[str, Any] = {f"base {name}": value for name, value in base.complexity().as_dict().items()}
    ideal = polynomials(base)(*strategy.multipliers(s)).as_dict()
    told |= {f"ideal {name}": float(value) for name, value in ideal.items()}
    scaling = effective_exponents(base, strategy)
    told |= {f"exponent {name}": value for name, value in scaling.at(s).as_dict().items()}
    told |= {f"limit {name}": float(value) for name, value in scaling.limits.as_dict().items()}
    told["exponent kept"] = kept.effective_exponent(base, strategy, s)
    told["limit kept"] = float(kept.limit(base, strategy))
    at = strategy.multipliers(s)
    values = {d: at.depth, w: at.width, g: at.group_width, n: float(own_unit(base)) * at.resolution}
    told["ideal kept"] = float(kept.kept_form(base).subs(values))
    told["base kept"] = float(kept.kept_form(base).subs({d: 1, w: 1, g: 1, n: own_unit(base)}))
    if "realised flops" in shown:
        told |= realised(base.name, state["strategy"], nearest(s), state["rule"])
    return told


def differences(shown: Mapping[str, str], expected: Mapping[str, Any]) -> list[str]:
    """Where numbers of the page are not those expected: ints the same, floats to 1e-9."""
    wrong = []
    for key, value in expected.items():
        text = shown.get(key)
        if text is None:
            same = False
        elif isinstance(value, int):
            same = text == str(value)
        else:
            same = float(text) == pytest.approx(value, rel=1e-9, abs=1e-16)  # its own abs is 1e-12
        if not same:
            wrong.append(f"{key}: {text}, not {value}")
    return wrong


def test_the_comparison_can_fail() -> None:
    assert differences({"flops": "12", "seconds": "0.5"}, {"flops": 12, "seconds": 0.5}) == []
    assert len(differences({"seconds": "1.000000002e-5"}, {"seconds": 1e-5})) == 1
    assert len(differences({"flops": "13", "seconds": "0.50000001"}, {"flops": 12, "seconds": 0.5, "acts": 1})) == 3


def test_a_hundred_states_have_pythons_numbers(explorer: Browser) -> None:
    chosen = states(100)
    read = explorer.read([link(explorer, **state) for state in chosen])
    with_tables = 0
    for state, shown in zip(chosen, read, strict=True):
        with_tables += "realised flops" in shown
        assert differences(shown, python_says(state, shown)) == [], state
    assert 40 < with_tables < 100  # both sorts were among them


def test_every_strategy_stands_in_the_table(explorer: Browser) -> None:
    [shown] = explorer.read([link(explorer, network="RegNetY-400MF", s=8, rule="pow2-groups", device=DEVICES[1])])
    for name in grid.directions(NETWORKS["RegNetY-400MF"], grid.strategies()):
        expected = realised("RegNetY-400MF", name, 8.0, "pow2-groups")
        of = {f"{name} {metric}": expected[f"realised {metric}"] for metric in ("flops", "params", "acts")}
        of |= {f"{name} {cost}": expected[f"{cost} {DEVICES[1]}"] for cost in ("seconds", "memory")}
        assert differences(shown, of) == []


def test_own_shares_that_are_a_strategys_have_its_table(explorer: Browser) -> None:
    [own, named] = explorer.read([link(explorer, strategy=name, s=2) for name in ("d1_w8_g8_r1", "dWr")])
    assert own == named
    assert "realised flops" in own


def test_what_fits_and_what_binds(explorer: Browser) -> None:
    name, rule = "EfficientNet-B0", "pycls"
    budgets = {"params": 9e6, f"seconds@{DEVICES[1]}": 4e-3, f"memory@{DEVICES[1]}": 12e9}
    [shown] = explorer.read([link(explorer, network=name, rule=rule, budgets=budgets)])
    rows = explorer.run("strategyRows().map((row) => [row.name, bindingOf(row)])")
    keys = ["realised params", f"seconds {DEVICES[1]}", f"memory {DEVICES[1]}"]
    bounds, titles = list(budgets.values()), ["params", f"time on {DEVICES[1]}", f"memory on {DEVICES[1]}"]
    binding = set()
    for strategy, binds in [row for row in rows if row[0] in ("w", "dr")]:
        table = {factor: realised(name, strategy, factor, rule) for factor in grid.GRID_FACTORS}
        shares = {s: [row[key] / bound for key, bound in zip(keys, bounds, strict=True)] for s, row in table.items()}
        best = max((s for s in table if max(shares[s]) <= 1), key=lambda s: table[s]["realised flops"])
        flops = table[best]["realised flops"]
        assert differences(shown, {f"{strategy} fits s": best, f"{strategy} fits flops": flops}) == []
        larger = [s for s in table if table[s]["realised flops"] > flops]
        stopped = shares[min(larger, key=lambda s: table[s]["realised flops"])]
        assert binds == titles[stopped.index(max(stopped))]
        binding.add(binds)
    assert len(binding) > 1


# -- the same elsewhere


def test_the_commands_and_the_python_give_the_same(
    explorer: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = {"network": "RegNetY-400MF", "strategy": "fast:1/2", "s": 3.0, "rule": "pow2-groups"}
    budgets = {"params": 9e6, f"seconds@{DEVICES[1]}": 4e-3}
    [shown] = explorer.read([link(explorer, **chosen, budgets=budgets)])
    monkeypatch.chdir(tmp_path)
    commands = explorer.driver.find_element("id", "command").text.splitlines()
    printed = []
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "complexity-theory"
        with pytest.raises(SystemExit) as ended:
            cli.main([*arguments, "--format", "json"])
        assert ended.value.code == 0, command
        printed.append(json.loads(capsys.readouterr().out))
    derived, scaled, *times, chosen_within = printed
    assert derived["exponents"]["params"] == pytest.approx(float(shown["exponent params"]))
    assert str(scaled["scaled"]["flops"]) == shown["realised flops"]
    for device, time in zip(DEVICES, times, strict=True):
        assert time["seconds"] == pytest.approx(float(shown[f"seconds {device}"]), rel=1e-9, abs=0)
    assert {name: value["batch"] for name, value in chosen_within["devices"].items()} == {DEVICES[1]: 64}
    names: dict[str, Any] = {}
    exec(explorer.driver.find_element("id", "python").text, names)
    assert str(names["scaled"].complexity.flops) == shown["realised flops"]
    last = capsys.readouterr().out.splitlines()[-1]
    assert float(last) == pytest.approx(float(shown[f"seconds {DEVICES[1]}"]), rel=1e-9, abs=0)
