"""How the explorer looks in a real browser: colours, legends, sizes; by keyboard, narrow, dark and printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from complexity_theory.core import palette
from complexity_theory.page.verb import DEVICES
from tests.browser import Browser
from tests.explorer import HOSTILE, NETWORKS, link, realised

pytestmark = pytest.mark.xdist_group("browser")

CONTROLS = {"network", "strategy", "alpha", "s-value", "s", "target", "rule", "device", "link"}
CSV = {"csv-strategies", "csv-factors"}

# How many dots of a chart's canvas have a colour.
PAINTED = """(() => {
  const { canvas } = charts[arguments[0]].plot.ctx;
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const ctx = copy.getContext("2d", { willReadFrequently: true });
  ctx.drawImage(canvas, 0, 0);
  const { data } = ctx.getImageData(0, 0, canvas.width, canvas.height);
  const wanted = arguments[1].match(/[0-9a-f]{2}/g).map((part) => parseInt(part, 16));
  let found = 0;
  for (let i = 0; i < data.length; i += 4) found += wanted.every((value, k) => Math.abs(data[i + k] - value) < 12);
  return found;
})()"""

VISIBLE = """((selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).length)"""


# -- colours and legends


def test_colours_are_those_of_the_figures(explorer: Browser) -> None:
    explorer.read([link(explorer, network="EfficientNet-B0", strategy="d", s=1)])
    marks = {**palette.STRATEGIES, **palette.GROUPED}
    lines = {line["name"]: line["colour"] for line in explorer.run("charts.params.drawing.lines.slice(0, -2)")}
    assert {"w", "dw", "dwr", "dWr", "dr"} < lines.keys()
    assert lines == {name: marks[name].colour if name in marks else palette.GREY for name in lines}
    for name in ("w", "dwr"):
        assert explorer.run(PAINTED, "params", lines[name]) > 20
    metrics = {name: mark.colour for name, mark in palette.METRICS.items()} | {"kept": palette.PURPLE}
    drawn = explorer.run("charts.exponents.drawing.lines.map(({ name, colour }) => [name, colour])")
    assert dict(drawn) == metrics | {f"limit of {name}": colour for name, colour in metrics.items()}
    for colour in metrics.values():
        assert explorer.run(PAINTED, "exponents", colour) > 20
    assert explorer.run(PAINTED, "exponents", palette.SKY) == 0  # which no line has


def legend(explorer: Browser, place: str) -> list[list[str]]:
    """The names of a legend with the colours of their samples."""
    strokes = "(one) => [one.textContent, one.querySelector('line').getAttribute('stroke')]"
    return list(explorer.run(f"[...document.querySelectorAll('#{place} span')].map({strokes})"))


def test_legends_name_what_is_drawn(explorer: Browser) -> None:
    explorer.read([link(explorer, network="RegNetY-400MF")])
    told = dict(legend(explorer, "legend"))
    marks = palette.STRATEGIES
    assert told == {
        "w and wg": marks["w"].colour,
        "dw and dwg": marks["dw"].colour,
        "dwr and dwgr": marks["dwr"].colour,
        "dWr": marks["dWr"].colour,
        "other strategies": palette.GREY,
        "the chosen one": "currentColor",
        "its time in 9 of 10": "var(--band)",
    }
    metrics = [[name, mark.colour] for name, mark in palette.METRICS.items()]
    assert legend(explorer, "metrics") == [*metrics, ["kept in training", palette.PURPLE]]


@pytest.mark.parametrize("view", ["s", "flops"])
@pytest.mark.parametrize("width", [400, 1400])
def test_labels_of_axes_have_room(explorer: Browser, view: str, width: int) -> None:
    explorer.emulate(width=width)
    explorer.read([link(explorer, network="EfficientNet-B0", view=view)])
    room = """Object.values(charts).filter(({ figure, plot }) => plot && !figure.hidden).map(({ figure, plot }) => {
      const axis = plot.axes[0];
      const ctx = document.createElement("canvas").getContext("2d");
      ctx.font = "12px system-ui, sans-serif";
      const at = axis._splits.map((value) => plot.valToPos(value, "x"));
      const wide = axis._values.map((text) => ctx.measureText(text).width);
      const gaps = at.slice(1).map((x, i) => x - at[i] - (wide[i] + wide[i + 1]) / 2);
      return [figure.id, axis._values.filter(Boolean).length, Math.min(...gaps)];
    })"""
    found = explorer.run(room)
    assert len(found) >= 4
    for name, labels, gap in found:
        assert labels >= 3, name
        assert gap > 3, name


# -- sizes


@pytest.mark.parametrize("name", ["EfficientNet-B0", "own.py:Own", HOSTILE])
def test_the_sizes_stand_part_by_part(explorer: Browser, name: str) -> None:
    name = next(one.name for one in NETWORKS.values() if one.name.endswith(name.split(":")[-1]))
    explorer.read([link(explorer, network=name, strategy="dWr", s=4)])
    rows = explorer.run(
        "[...byId('parts', HTMLTableElement).rows].map((row) => [...row.cells].map((one) => one.innerText))"
    )
    told = [text for row in rows[1:] for text in row[1:] if text]
    expected = realised(name, "dWr", 4.0, "pycls")
    pairs = [(knob.base, expected[f"size {knob.name}"]) for knob in NETWORKS[name].knobs]
    assert sorted(told) == sorted(str(old) if old == new else f"{old} → {new}" for old, new in pairs)
    boxes = explorer.run("['before', 'after'].map((one) => document.querySelectorAll(`#drawing .${one}`).length)")
    columns = len(rows[0]) - 1
    assert boxes == [columns, columns]


# -- by keyboard, in narrow windows, dark and printed


def test_everything_is_reached_by_keyboard(explorer: Browser) -> None:
    explorer.run("document.activeElement.blur()")
    reached: list[str] = []
    for _ in range(80):
        explorer.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(
            explorer.run(
                "((one) => one.id || one.dataset.budget || one.name || one.textContent)(document.activeElement)"
            )
        )
        if reached[-1] == "csv-factors":
            break
    budgets = {"flops", "params", "acts", *(f"{cost}@{name}" for cost in ("memory", "seconds") for name in DEVICES)}
    assert CONTROLS | CSV | budgets | {"view", "dr"} <= set(reached)


def test_the_focus_stays_where_it_is(explorer: Browser) -> None:
    button = explorer.driver.find_element(By.CSS_SELECTOR, "#strategies tbody tr:nth-child(3) button")
    button.send_keys(Keys.ENTER)
    assert explorer.run("state.strategy") == "r"
    assert explorer.run("document.activeElement.textContent") == "r"


@pytest.mark.parametrize("width", [360, 400, 820, 1400])
def test_it_fits_the_window(explorer: Browser, explorer_page: Path, width: int) -> None:
    explorer.emulate(width=width)
    explorer.open(explorer_page)
    assert explorer.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    ends = explorer.run(
        "[...document.querySelectorAll('#controls :is(select, input, button), figure canvas')]"
        ".filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().right)"
    )
    assert len(ends) > 20
    assert max(ends) <= width


@pytest.mark.parametrize("width", [400, 1400])
def test_the_factor_stays_in_sight(explorer: Browser, width: int) -> None:
    explorer.emulate(width=width, height=800)
    for place in ("chart-acts", "same-title"):
        explorer.run(f"document.getElementById({place!r}).scrollIntoView()")
        explorer.wait("scrollY > 100")
        box = explorer.run("document.getElementById('s').getBoundingClientRect().toJSON()")
        assert 0 <= box["top"] < box["bottom"] <= 800


def luminance(colour: str) -> float:
    """The relative luminance of a colour as rgb(…), as WCAG 2 defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(explorer: Browser, selector: str) -> float:
    """How well a text stands out from the page, from 1 to 21."""
    colours = explorer.run(
        "[document.querySelector(arguments[0]), document.body].map((one) => getComputedStyle(one))"
        ".map((style, i) => (i ? style.backgroundColor : style.color))",
        selector,
    )
    dark, light = sorted(map(luminance, colours))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured() -> None:
    assert luminance("rgb(255, 255, 255)") == 1
    assert luminance("rgb(0, 0, 0)") == 0
    assert luminance("rgb(119, 119, 119)") == pytest.approx(0.1845, abs=1e-4)  # 4.48 on white, which is too little


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(explorer: Browser, scheme: str) -> None:
    explorer.emulate(scheme)
    paper, quiet = {"light": ("rgb(255, 255, 255)", "#555"), "dark": ("rgb(22, 24, 28)", "#aaa")}[scheme]
    explorer.wait(f"theme().text === '{quiet}' && charts.params.made.includes('{quiet}')")
    assert explorer.run("getComputedStyle(document.body).backgroundColor") == paper
    explorer.read([link(explorer, budgets={"params": 1})])
    for selector in ("#now", "#hint", "thead th", "td.over", "#legend span", "summary"):
        assert contrast(explorer, selector) >= 4.5, selector


def test_it_is_printed_without_controls_on_white(explorer: Browser) -> None:
    explorer.read([link(explorer, budgets={"params": 9e6, f"seconds@{DEVICES[0]}": 4e-3})])
    counted: dict[str, Any] = {}
    selectors = (
        "#controls input",
        "p > button",
        "#hint",
        "figure canvas",
        "table tbody tr",
        "#drawing",
        "#legend",
        "pre",
    )
    for media in ("screen", "print"):
        explorer.emulate("dark", width=717, media=media)
        explorer.run(f"dispatchEvent(new Event('{'beforeprint' if media == 'print' else 'afterprint'}'))")
        counted[media] = [explorer.run(f"{VISIBLE}({selector!r})") for selector in selectors]
        paper = explorer.run("getComputedStyle(document.body).backgroundColor")
        ink = explorer.run("[theme().text, theme().front]")
        assert (paper, ink) == {
            "screen": ("rgb(22, 24, 28)", ["#aaa", "#ececec"]),
            "print": ("rgb(255, 255, 255)", ["#444", "#000"]),
        }[media]
        assert explorer.run(f"charts.params.made.includes('{ink[0]}')")
    assert all(counted["screen"])
    assert counted["print"] == [0, 0, 0, *counted["screen"][3:]]
    # As wide as A4 is between the margins that browsers leave.
    cut_off = (
        "[...document.querySelectorAll('.wide, pre')].filter((one) => one.scrollWidth > one.clientWidth)"
        ".map((one) => one.innerHTML.slice(0, 30))"
    )
    assert explorer.run(cut_off) == []  # paper cannot be scrolled
