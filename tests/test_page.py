"""The explorer in a real browser: its numbers are Python's, its controls work, and names do it no harm."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

import complexity_theory as ct
from complexity_theory import cli
from complexity_theory.core.errors import InvalidInput
from complexity_theory.page import grid
from complexity_theory.page.verb import DEVICES, ROUNDINGS
from tests.browser import Browser
from tests.explorer import HOSTILE, link, realised

pytestmark = pytest.mark.xdist_group("browser")


# -- controls


def test_the_factor_moves_by_keyboard(explorer: Browser) -> None:
    slider = explorer.driver.find_element("id", "s")
    before = explorer.run("state.s")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert explorer.run("state.s") == grid.GRID_FACTORS[grid.GRID_FACTORS.index(before) + 1]
    slider.send_keys(Keys.HOME)
    assert explorer.run("state.s") == grid.GRID_FACTORS[0]
    assert explorer.driver.find_element("id", "now").text.endswith("at s = 0.25")
    typed = explorer.driver.find_element("id", "s-value")
    typed.clear()
    typed.send_keys("3.5", Keys.TAB)
    assert explorer.run("state.s") == 3.5
    typed.clear()
    typed.send_keys("-1", Keys.TAB)
    assert explorer.run("state.s") == 3.5


def test_every_control_changes_what_is_shown(explorer: Browser) -> None:
    driver = explorer.driver
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
        explorer.wait(f"decodeURIComponent(document.documentElement.dataset.shown).includes('{key}=')")
        assert explorer.run(f"state.{key}") == value
    explorer.wait("network.name === state.network")
    driver.find_element("id", "alpha").send_keys(Keys.END)
    assert explorer.run("nameIn(state.strategy)") == "w"
    driver.find_element("css selector", "#strategies button").click()
    assert explorer.run("state.strategy") == "d"
    driver.execute_script(
        "const one = document.getElementById('strategy'); one.value = OWN; one.dispatchEvent(new Event('change'))"
    )
    driver.find_element("id", "share-w").send_keys(Keys.ARROW_RIGHT)
    assert explorer.run("state.strategy") == "d1_w2_g1_r1"
    target = driver.find_element("id", "target")
    target.clear()
    target.send_keys("6GF", Keys.TAB)
    assert explorer.run("evaluate(network.polynomials.flops, directionOf(state.strategy), state.s)") == pytest.approx(
        6e9
    )
    driver.find_element("css selector", "#views input[value=flops]").click()
    assert explorer.run("state.view") == "flops"
    assert not driver.find_element("id", "chart-flops").is_displayed()
    budget = driver.find_element("css selector", "[data-budget=params]")
    budget.send_keys("30M", Keys.TAB)
    assert explorer.run("state.budgets") == {"params": 30e6}
    driver.find_element("css selector", "#why summary").click()
    explorer.wait("document.querySelectorAll('#steps math').length > 5")


def test_budgets_and_the_factor_are_dragged(explorer: Browser) -> None:
    over = explorer.driver.find_element("css selector", "#chart-params .u-over")
    explorer.run("document.getElementById('charts').scrollIntoView({ block: 'start' })")
    height, width = over.size["height"], over.size["width"]
    drag = ActionChains(explorer.driver, duration=10)
    drag.move_to_element_with_offset(over, -width // 4, -height // 2 + 2).click_and_hold()
    drag.move_by_offset(0, height // 2).release().perform()
    bound = explorer.run("state.budgets.params")
    low, high = explorer.run("[charts.params.plot.scales.y.min, charts.params.plot.scales.y.max]")
    assert low < bound < high
    at = explorer.run("charts.params.plot.valToPos(state.s, 'x')")
    drag = ActionChains(explorer.driver, duration=10)
    drag.move_to_element_with_offset(over, round(at) - width // 2, height // 4).click_and_hold()
    drag.move_by_offset(width // 4, 0).release().perform()
    assert explorer.run("state.s") > 4


def test_a_link_keeps_the_state(explorer: Browser, explorer_page: Path) -> None:
    chosen = {"network": "RegNetY-400MF", "strategy": "dwgr", "rule": "pow2-groups", "view": "flops"}
    there = link(explorer, **chosen, s=5.66, budgets={"acts": 5e6})
    [shown] = explorer.read([there])
    explorer.open(explorer_page, there)
    assert explorer.read([there]) == [shown]
    assert explorer.run("state.budgets") == {"acts": 5e6}
    assert explorer.run("location.hash") == there


def test_a_link_that_makes_no_sense_shows_the_start(explorer: Browser, explorer_page: Path) -> None:
    start = explorer.run("document.documentElement.dataset.shown")
    nonsense = {
        "network": "none",
        "strategy": "d0_w0",
        "s": "-3",
        "rule": "x",
        "view": "y",
        "max-acts": "-1",
        "max-x": 1,
    }
    explorer.open(explorer_page, f"#{urlencode(nonsense)}")
    assert explorer.run("document.documentElement.dataset.shown") == start


def test_the_tables_are_saved_as_csv(explorer: Browser) -> None:
    [shown] = explorer.read([link(explorer, network=HOSTILE, strategy="dWr", s=4)])
    explorer.driver.find_element("id", "csv-factors").click()
    explorer.wait("true")
    for _ in range(200):
        files = list(explorer.downloads.glob("*.csv"))
        if files:
            break
        explorer.driver.execute_async_script("setTimeout(arguments[0], 20)")
    [file] = files
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    [row] = [row for row in rows if row["s"] == "4"]
    assert row["network"] == HOSTILE
    expected = realised(HOSTILE, "dWr", 4.0, "pycls")
    assert [int(row[name]) for name in ("flops", "params", "acts")] == [
        expected[f"realised {name}"] for name in ("flops", "params", "acts")
    ]
    assert float(row[f"high on {DEVICES[0]}"]) == pytest.approx(expected[f"high {DEVICES[0]}"], rel=1e-9, abs=0)
    assert int(row["stage1.width"]) == expected["size stage1.width"]
    assert shown["realised flops"] == row["flops"]


def test_no_spreadsheet_runs_what_is_saved(explorer: Browser) -> None:
    assert explorer.run("csv([['=1+1', '-2', 3, 'a,\"b']])") == '\'=1+1,\'-2,3,"a,""b"\n'


# -- what a page must not do


def test_names_are_shown_and_do_nothing(explorer: Browser) -> None:
    explorer.read([link(explorer, network=HOSTILE)])
    assert explorer.driver.title == "Scaling explorer"
    assert HOSTILE in explorer.driver.find_element("id", "now").text
    assert explorer.run("document.querySelectorAll('main b, main script').length") == 0
    explorer.driver.find_element("css selector", "#why summary").click()
    explorer.wait("document.querySelectorAll('#steps math').length > 10")
    assert HOSTILE in explorer.driver.find_element("id", "steps").text
    assert explorer.run("document.querySelectorAll('#steps b, #steps script').length") == 0
    quoted = "'$(touch injected) it'\"'\"'s'"
    assert f"--network {quoted} --at" in explorer.driver.find_element("id", "command").text


def test_the_policy_keeps_other_scripts_out(window: Browser, explorer_page: Path) -> None:
    window.open(explorer_page)
    window.driver.execute_script(
        "const [one, two] = ['script', 'img'].map((kind) => document.createElement(kind));"
        "one.textContent = 'document.title = 1'; two.src = 'https://127.0.0.1:9/x.png'; document.body.append(one, two)"
    )
    assert window.driver.title == "Scaling explorer"
    assert sum("Content Security Policy" in line for line in window.complaints()) == 2


def test_nothing_comes_from_elsewhere(explorer: Browser, explorer_page: Path) -> None:
    assert (
        explorer.run("performance.getEntriesByType('resource').filter(({ name }) => !name.startsWith('data:')).length")
        == 0
    )
    assert len(explorer_page.read_bytes()) < 3_000_000


# -- what the page is made of


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {"networks": ["ResNet-18", "resnet18"]},
            "networks of a page must differ in name, not be ResNet-18",
        ),
        ({"networks": []}, "networks: at least one, not []"),
        ({"devices": ["v100-training"] * 2}, "devices of a page must differ in name"),
        ({"roundings": "up"}, "unknown rounding rule 'up'"),
        ({"free": True}, "the front of free variants (--free) is that within budgets"),
        ({"max_params": "1"}, "nothing fits"),
        ({"input": "no input"}, "an input is given by its sides"),
    ],
)
def test_bad_input_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(why)):
        ct.explore(**{"networks": "ResNet-18", "devices": (), **given})


def test_the_command_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "page.html"
    with pytest.raises(SystemExit) as ended:
        cli.main(["explore", "ResNet-18", "--device", "v100-training", "--rounding", "pycls", "-o", str(path)])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_text().startswith("<!doctype html>")
    with pytest.raises(SystemExit) as ended:
        cli.main(["explore", "no-network", "-o", str(tmp_path / "none.html")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "none.html").exists()


def test_a_page_without_devices(window: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    ct.explore("ResNet-18", (), roundings="pycls").write(path)
    window.emulate()
    window.open(path)
    assert not window.driver.find_element("id", "chart-seconds").is_displayed()
    assert window.run("Object.keys(state.budgets).length") == 0
    assert json.loads(window.run("JSON.stringify(realised().table.seconds)")) == []
    assert window.complaints() == []
