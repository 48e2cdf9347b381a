"""The explorer in a real browser: its numbers are Python's, its controls work, and names do it no harm."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from complexity_theory.choice.budgets import Budgets
from complexity_theory.choice.choose import choose
from complexity_theory.choice.free import free
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import d, g, n, w
from complexity_theory.devices.memory import memory
from complexity_theory.devices.profile import load, predict
from complexity_theory.networks.spec import Network
from complexity_theory.page import data, grid
from complexity_theory.page.explore import DEVICES, ROUNDINGS, explore
from complexity_theory.scaling import kept
from complexity_theory.scaling.closed_form import own_unit
from complexity_theory.scaling.effective import effective_exponents
from complexity_theory.scaling.population import polynomials
from complexity_theory.scaling.realise import scale
from complexity_theory.scaling.strategy import parse
from complexity_theory.zoo import network
from tests.browser import Browser, chromium

pytestmark = pytest.mark.xdist_group("browser")

HOSTILE = "</script><script>document.title='injected'</script><b>"
SHELL = "$(touch injected) it's"
PROFILES = [load(name) for name in DEVICES]
BUDGETS = Budgets(params="9M", seconds={DEVICES[0]: "0.2ms", DEVICES[1]: "4ms"})


def networks() -> dict[str, Network]:
    """Those of the page: with and without group convolutions, another shape of input, names that would do harm."""
    return {
        "EfficientNet-B0": network("EfficientNet-B0"),
        "RegNetY-400MF": network("RegNetY-400MF"),
        SHELL: replace(network("ResNet-18"), name=HOSTILE, note=HOSTILE, resolution=(160, 224)),
    }


NETWORKS = {one.name: one for one in networks().values()}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the networks, without budgets."""
    path = tmp_path_factory.mktemp("page") / "explorer.html"
    path.write_text(explore(list(networks().items()), PROFILES), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(window: Browser, page: Path) -> Iterator[Browser]:
    """The page opened anew; whatever a test does there, the console must stay silent."""
    window.emulate()
    window.open(page)
    yield window
    assert window.complaints() == []


def fragment(browser: Browser, **changes: Any) -> str:
    """The link to the page's present state with changes."""
    return str(browser.run("fragmentOf({ ...state, ...arguments[0] })", changes))


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
        factor = draw.choice([draw.choice(grid.FACTORS), round(2 ** draw.uniform(-2, 6), 3)])
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


def nearest(s: float) -> float:
    """The factor of the tables nearest to s in ratio."""
    return min(grid.FACTORS, key=lambda factor: max(factor / s, s / factor))


@cache
def realised(name: str, strategy: str, factor: float, rule: str) -> dict[str, Any]:
    """The realised network's numbers: counts, times with intervals, memory, sizes."""
    scaled = scale(NETWORKS[name], strategy, factor=factor, rounding=rule)
    told: dict[str, Any] = {f"realised {metric}": value for metric, value in scaled.complexity.as_dict().items()}
    told |= {f"size {knob.name}": value for knob, value in zip(scaled.knobs, scaled.values, strict=True)}
    for profile in PROFILES:
        time = predict(scaled.network, profile)
        told |= {f"{end} {profile.name}": getattr(time, end) for end in ("seconds", "low", "high")}
        told[f"memory {profile.name}"] = memory(scaled.network, time.batch, profile).total
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
            same = float(text) == pytest.approx(value, rel=1e-9)
        if not same:
            wrong.append(f"{key}: {text}, not {value}")
    return wrong


def test_the_comparison_can_fail() -> None:
    assert differences({"flops": "12", "seconds": "0.5"}, {"flops": 12, "seconds": 0.5}) == []
    assert len(differences({"flops": "13", "seconds": "0.50000001"}, {"flops": 12, "seconds": 0.5, "acts": 1})) == 3


def test_a_hundred_states_have_pythons_numbers(browser: Browser) -> None:
    chosen = states(100)
    read = browser.read([fragment(browser, **state) for state in chosen])
    with_tables = 0
    for state, shown in zip(chosen, read, strict=True):
        with_tables += "realised flops" in shown
        assert differences(shown, python_says(state, shown)) == [], state
    assert 40 < with_tables < 100  # both sorts were among them


def test_every_strategy_stands_in_the_table(browser: Browser) -> None:
    [shown] = browser.read([fragment(browser, network="RegNetY-400MF", s=8, rule="pow2-groups", device=DEVICES[1])])
    for name in grid.directions(NETWORKS["RegNetY-400MF"], grid.strategies()):
        expected = realised("RegNetY-400MF", name, 8.0, "pow2-groups")
        of = {f"{name} {metric}": expected[f"realised {metric}"] for metric in ("flops", "params", "acts")}
        of |= {f"{name} {cost}": expected[f"{cost} {DEVICES[1]}"] for cost in ("seconds", "memory")}
        assert differences(shown, of) == []


def test_own_shares_that_are_a_strategys_have_its_table(browser: Browser) -> None:
    [own, named] = browser.read([fragment(browser, strategy=name, s=2) for name in ("d1_w8_g8_r1", "dWr")])
    assert own == named
    assert "realised flops" in own


def test_what_fits_and_what_binds(browser: Browser) -> None:
    name, rule = "EfficientNet-B0", "pycls"
    budgets = {"params": 9e6, f"seconds@{DEVICES[1]}": 4e-3, f"memory@{DEVICES[1]}": 12e9}
    [shown] = browser.read([fragment(browser, network=name, rule=rule, budgets=budgets)])
    rows = browser.run("strategyRows().map((row) => [row.name, bindingOf(row)])")
    keys = ["realised params", f"seconds {DEVICES[1]}", f"memory {DEVICES[1]}"]
    bounds, titles = list(budgets.values()), ["params", f"time on {DEVICES[1]}", f"memory on {DEVICES[1]}"]
    binding = set()
    for strategy, binds in [row for row in rows if row[0] in ("d", "w", "dr")]:
        table = {factor: realised(name, strategy, factor, rule) for factor in grid.FACTORS}
        shares = {s: [row[key] / bound for key, bound in zip(keys, bounds, strict=True)] for s, row in table.items()}
        best = max((s for s in table if max(shares[s]) <= 1), key=lambda s: table[s]["realised flops"])
        flops = table[best]["realised flops"]
        assert differences(shown, {f"{strategy} fits s": best, f"{strategy} fits flops": flops}) == []
        larger = [s for s in table if table[s]["realised flops"] > flops]
        stopped = shares[min(larger, key=lambda s: table[s]["realised flops"])]
        assert binds == titles[stopped.index(max(stopped))]
        binding.add(binds)
    assert len(binding) > 1


# -- the same front as the figure of a choice


def test_the_front_is_that_of_choose(window: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = network("ResNet-18")
    found = choose(base, Budgets(params="20M", seconds="1ms"), PROFILES[:1])
    everything = free(found, variants=2000)
    monkeypatch.setattr(data, "free", lambda choice: free(choice, variants=2000))
    path = tmp_path / "page.html"
    path.write_text(explore([("resnet18", base)], PROFILES[:1], budgets=found.budgets, free=True), encoding="utf-8")
    window.open(path, "#view=flops&rule=pow2-groups")
    points = """[...Array(charts[arguments[0]].plot.data[0].length).keys()].flatMap((i) => {
      const { series, data } = charts[arguments[0]].plot;
      const k = series.findIndex(({ label }) => label === arguments[1]);
      return data[k][i] == null ? [] : [[data[0][i], data[k][i]]];
    })"""
    for cost, told in (("params", "params"), ("seconds", "time"), ("memory", "memory")):
        front = window.run(points, cost, "front of all variants")
        assert [tuple(point) for point in front] == list(everything.fronts[told])
    largest = window.run(points, "params", "largest within the command's budgets")
    assert {tuple(point) for point in largest} == {
        (one.complexity.params, one.complexity.flops) for one in found.candidates
    }
    assert window.complaints() == []


# -- controls


def test_the_factor_moves_by_keyboard(browser: Browser) -> None:
    slider = browser.driver.find_element("id", "s")
    before = browser.run("state.s")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert browser.run("state.s") == grid.FACTORS[grid.FACTORS.index(before) + 1]
    slider.send_keys(Keys.HOME)
    assert browser.run("state.s") == grid.FACTORS[0]
    assert browser.driver.find_element("id", "now").text.endswith("at s = 0.25")
    typed = browser.driver.find_element("id", "s-value")
    typed.clear()
    typed.send_keys("3.5", Keys.TAB)
    assert browser.run("state.s") == 3.5
    typed.clear()
    typed.send_keys("-1", Keys.TAB)
    assert browser.run("state.s") == 3.5


def test_every_control_changes_what_is_shown(browser: Browser) -> None:
    driver = browser.driver
    for control, key, value in (
        ("network", "network", HOSTILE),
        ("rule", "rule", ROUNDINGS[1]),
        ("device", "device", DEVICES[1]),
        ("strategy", "strategy", "dr"),
    ):
        driver.execute_script(
            "const one = document.getElementById(arguments[0]); one.value = arguments[1];"
            "one.dispatchEvent(new Event('change'))",
            control,
            value,
        )
        browser.wait(f"decodeURIComponent(document.documentElement.dataset.shown).includes('{key}=')")
        assert browser.run(f"state.{key}") == value
    browser.wait("network.name === state.network")
    driver.find_element("id", "alpha").send_keys(Keys.END)
    assert browser.run("nameIn(state.strategy)") == "w"
    driver.find_element("css selector", "#strategies button").click()
    assert browser.run("state.strategy") == "d"
    driver.execute_script(
        "const one = document.getElementById('strategy'); one.value = OWN; one.dispatchEvent(new Event('change'))"
    )
    driver.find_element("id", "share-w").send_keys(Keys.ARROW_RIGHT)
    assert browser.run("state.strategy") == "d1_w2_g1_r1"
    target = driver.find_element("id", "target")
    target.clear()
    target.send_keys("6GF", Keys.TAB)
    assert browser.run("evaluate(network.polynomials.flops, directionOf(state.strategy), state.s)") == pytest.approx(
        6e9
    )
    driver.find_element("css selector", "#views input[value=flops]").click()
    assert browser.run("state.view") == "flops"
    assert not driver.find_element("id", "chart-flops").is_displayed()
    budget = driver.find_element("css selector", "[data-budget=params]")
    budget.send_keys("30M", Keys.TAB)
    assert browser.run("state.budgets") == {"params": 30e6}
    driver.find_element("css selector", "#why summary").click()
    browser.wait("document.querySelectorAll('#steps math').length > 5")


def test_budgets_and_the_factor_are_dragged(browser: Browser) -> None:
    over = browser.driver.find_element("css selector", "#chart-params .u-over")
    browser.run("document.getElementById('charts').scrollIntoView({ block: 'start' })")
    height, width = over.size["height"], over.size["width"]
    drag = ActionChains(browser.driver, duration=10)
    drag.move_to_element_with_offset(over, -width // 4, -height // 2 + 2).click_and_hold()
    drag.move_by_offset(0, height // 2).release().perform()
    bound = browser.run("state.budgets.params")
    low, high = browser.run("[charts.params.plot.scales.y.min, charts.params.plot.scales.y.max]")
    assert low < bound < high
    at = browser.run("charts.params.plot.valToPos(state.s, 'x')")
    drag = ActionChains(browser.driver, duration=10)
    drag.move_to_element_with_offset(over, round(at) - width // 2, height // 4).click_and_hold()
    drag.move_by_offset(width // 4, 0).release().perform()
    assert browser.run("state.s") > 4


def test_a_link_keeps_the_state(browser: Browser, page: Path) -> None:
    link = fragment(
        browser,
        network="RegNetY-400MF",
        strategy="dwgr",
        s=5.66,
        rule="pow2-groups",
        view="flops",
        budgets={"acts": 5e6},
    )
    [shown] = browser.read([link])
    browser.open(page, link)
    assert browser.read([link]) == [shown]
    assert browser.run("state.budgets") == {"acts": 5e6}
    driver_says = browser.run("location.hash")
    assert driver_says == link


def test_a_link_that_makes_no_sense_shows_the_start(browser: Browser, page: Path) -> None:
    start = browser.run("document.documentElement.dataset.shown")
    nonsense = {
        "network": "none",
        "strategy": "d0_w0",
        "s": "-3",
        "rule": "x",
        "view": "y",
        "max-acts": "-1",
        "max-x": 1,
    }
    browser.open(page, f"#{urlencode(nonsense)}")
    assert browser.run("document.documentElement.dataset.shown") == start


def test_the_tables_are_saved_as_csv(browser: Browser) -> None:
    [shown] = browser.read([fragment(browser, network=HOSTILE, strategy="dWr", s=4)])
    browser.driver.find_element("id", "csv-factors").click()
    browser.wait("true")
    for _ in range(200):
        files = list(browser.downloads.glob("*.csv"))
        if files:
            break
        browser.driver.execute_async_script("setTimeout(arguments[0], 20)")
    [file] = files
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    [row] = [row for row in rows if row["s"] == "4"]
    assert row["network"] == HOSTILE
    expected = realised(HOSTILE, "dWr", 4.0, "pycls")
    assert [int(row[name]) for name in ("flops", "params", "acts")] == [
        expected[f"realised {name}"] for name in ("flops", "params", "acts")
    ]
    assert float(row[f"high on {DEVICES[0]}"]) == pytest.approx(expected[f"high {DEVICES[0]}"], rel=1e-9)
    assert int(row["stage1.width"]) == expected["size stage1.width"]
    assert shown["realised flops"] == row["flops"]


def test_no_spreadsheet_runs_what_is_saved(browser: Browser) -> None:
    assert browser.run("csv([['=1+1', '-2', 3, 'a,\"b']])") == '\'=1+1,\'-2,3,"a,""b"\n'


# -- what a page must not do, and how it looks elsewhere


def test_names_are_shown_and_do_nothing(browser: Browser) -> None:
    browser.read([fragment(browser, network=HOSTILE)])
    assert browser.driver.title == "Scaling explorer"
    assert HOSTILE in browser.driver.find_element("id", "now").text
    assert browser.run("document.querySelectorAll('main b, main script').length") == 0
    browser.driver.find_element("css selector", "#why summary").click()
    browser.wait("document.querySelectorAll('#steps math').length > 10")
    assert HOSTILE in browser.driver.find_element("id", "steps").text
    assert browser.run("document.querySelectorAll('#steps b, #steps script').length") == 0
    quoted = "'$(touch injected) it'\"'\"'s'"
    assert f"--network {quoted} --at" in browser.driver.find_element("id", "command").text


def test_the_policy_keeps_other_scripts_out(window: Browser, page: Path) -> None:
    window.open(page)
    window.driver.execute_script(
        "const one = document.createElement('script'); one.textContent = 'document.title = 1'; document.body.append(one);"
        "const two = document.createElement('img'); two.src = 'https://127.0.0.1:9/x.png'; document.body.append(two)"
    )
    assert window.driver.title == "Scaling explorer"
    assert sum("Content Security Policy" in line for line in window.complaints()) == 2


def test_nothing_comes_from_elsewhere(browser: Browser, page: Path) -> None:
    assert (
        browser.run("performance.getEntriesByType('resource').filter(({ name }) => !name.startsWith('data:')).length")
        == 0
    )
    assert len(page.read_bytes()) < 3_000_000


@pytest.mark.parametrize("width", [360, 820, 1400])
def test_it_fits_the_window(browser: Browser, page: Path, width: int) -> None:
    browser.emulate(width=width)
    browser.open(page)
    assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_dark_and_printed(browser: Browser) -> None:
    assert browser.run("theme().text") == "#555"
    browser.emulate("dark")
    browser.wait("theme().text === '#aaa' && charts.params.made.includes('#aaa')")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
    browser.emulate()
    printed = browser.driver.execute_cdp_cmd("Page.printToPDF", {})["data"]
    assert len(printed) > 50_000


# -- what the page is made of


def test_bad_input_is_refused() -> None:
    twice = [("a", network("ResNet-18")), ("b", network("ResNet-18"))]
    with pytest.raises(InvalidInput, match="networks of a page must differ in name, not be ResNet-18, ResNet-18"):
        explore(twice, [])
    with pytest.raises(InvalidInput, match="a page needs at least one network"):
        explore([], [])
    with pytest.raises(InvalidInput, match="unknown rounding rule 'up'"):
        explore(twice[:1], [], roundings=["up"])


def test_a_page_without_devices(window: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(explore([("ResNet-18", network("ResNet-18"))], []), encoding="utf-8")
    window.emulate()
    window.open(path)
    assert not window.driver.find_element("id", "chart-seconds").is_displayed()
    assert window.run("Object.keys(state.budgets).length") == 0
    assert json.loads(window.run("JSON.stringify(realised().table.seconds)")) == []
    assert window.complaints() == []
