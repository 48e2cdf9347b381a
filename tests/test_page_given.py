"""The explorer of what a user gives: a module from a file, a network from a file, the front of a choice."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

import complexity_theory as ct
from complexity_theory import cli
from complexity_theory.figures import front, style
from complexity_theory.page.verb import DEVICES
from complexity_theory.scaling import realise
from tests.browser import Browser
from tests.explorer import link

pytestmark = pytest.mark.xdist_group("browser")

MODULE = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=width // 8, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return torch.relu(x + self.norm(self.conv(x)))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.first = nn.Sequential(*(Block(32) for _ in range(3)))
        self.down = nn.Conv2d(32, 64, 1, stride=2)
        self.second = nn.Sequential(*(Block(64) for _ in range(4)))
        self.classes = nn.Linear(64, 10)

    def forward(self, x):
        return self.classes(self.second(self.down(self.first(self.stem(x)))).mean((2, 3)))
"""


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that succeeds prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    assert ended.value.code == 0, err
    return out


def test_a_module_from_a_file(
    window: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MODULE)
    command(capsys, "explore", "mine.py:Net", "--input", "3x64x96", "--rounding", "pycls", "-o", "page.html")
    window.emulate()
    window.open(tmp_path / "page.html")
    [shown] = window.read([link(window, strategy="dw", s=4)])
    base = ct.network("mine.py:Net", input="3x64x96")
    for metric, value in base.complexity().as_dict().items():
        assert shown[f"base {metric}"] == str(value)
    scaled = realise.scale(base, "dw", factor=4, rounding="pycls")
    for metric, value in scaled.complexity.as_dict().items():
        assert shown[f"realised {metric}"] == str(value)
    for knob, value in zip(scaled.knobs, scaled.values, strict=True):
        assert shown[f"size {knob.name}"] == str(value)
    # Its charts, its derivation, its drawing, and the commands, which find the file again.
    assert window.run("charts.flops.drawing.lines.at(-1).points.length") > 20
    assert window.run("document.querySelectorAll('#drawing g').length") > 2
    window.driver.find_element("css selector", "#why summary").click()
    window.wait("document.querySelectorAll('#steps math').length > 10")
    derive, scale, predict = [
        shlex.split(line) for line in window.driver.find_element("id", "command").text.splitlines()
    ][:3]
    told = json.loads(command(capsys, *derive[1:], "--format", "json"))
    assert told["exponents"]["params"] == pytest.approx(float(shown["exponent params"]))
    told = json.loads(command(capsys, *scale[1:], "--format", "json"))
    assert {name: str(told["scaled"][name]) for name in ("flops", "params", "acts")} == {
        name: shown[f"realised {name}"] for name in ("flops", "params", "acts")
    }
    told = json.loads(command(capsys, *predict[1:], "--format", "json"))
    assert told["seconds"] == pytest.approx(float(shown[f"seconds {DEVICES[0]}"]), rel=1e-9, abs=0)
    assert window.complaints() == []


def test_a_network_from_a_file_beside_those_of_the_zoo(
    window: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command(capsys, "scale", "ResNet-18", "--strategy", "dWr", "--factor", "1.5", "--output", "my.toml")
    how = ("--device", DEVICES[1], "--rounding", "pycls")
    command(capsys, "explore", "EfficientNet-B0", "my.toml", *how, "-o", "page.html")
    window.emulate()
    window.open(tmp_path / "page.html")
    names = window.run("page.networks")
    for name, given in zip(names, ("EfficientNet-B0", "my.toml"), strict=True):
        [shown] = window.read([link(window, network=name)])
        assert shown["base flops"] == str(ct.count(given).flops)
        assert f"--network {given} " in window.driver.find_element("id", "command").text
    assert window.complaints() == []


# The share of the front's longer pieces in the middle of which a dot of its colour is drawn.
DRAWN = """(() => {
  const { plot, drawing } = charts[arguments[0]];
  const { canvas } = plot.ctx;
  const front = drawing.lines.find(({ name }) => name === "front of all variants").points;
  const at = front.map(([x, y]) => [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)]);
  const wanted = theme().budget.match(/[0-9a-f]{2}/g).map((part) => parseInt(part, 16));
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const painted = ([x, y]) => [...Array(9).keys()].some((i) => {
    const place = 4 * ((Math.round(y) + Math.floor(i / 3) - 1) * canvas.width + Math.round(x) + (i % 3) - 1);
    return wanted.every((value, k) => Math.abs(data[place + k] - value) < 40);
  });
  const all = at.slice(1).map(([x, y], i) => [x, y, ...at[i]]);
  const pieces = all.filter(([x, y, u, v]) => Math.hypot(x - u, y - v) > 3);
  return [pieces.length, pieces.filter(([x, y, u, v]) => painted([(x + u) / 2, (y + v) / 2])).length];
})()"""


# The points of a line of a chart.
POINTS = """[...Array(charts[arguments[0]].plot.data[0].length).keys()].flatMap((i) => {
  const { lines, plot: { data } } = charts[arguments[0]];
  const k = 1 + lines.findIndex(({ name }) => name === arguments[1]);
  return data[k][i] == null ? [] : [[data[0][i], data[k][i]]];
})"""


def test_the_figure_of_a_choice_and_the_page_draw_the_same(
    window: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn: list[Figure] = []
    draw = front.draw

    def kept(*what: Any) -> Figure:
        drawn.append(draw(*what))
        return drawn[-1]

    monkeypatch.setattr(front, "draw", kept)
    budgets = ("--device", DEVICES[0], "--max-params", "20M", "--max-time", "1ms", "--free", "--rounding", "pycls")
    figure, page = tmp_path / "front.svg", tmp_path / "page.html"
    found = json.loads(command(capsys, "choose", "ResNet-18", *budgets, "--figure", str(figure), "--format", "json"))
    command(capsys, "explore", "ResNet-18", *budgets, "-o", str(page))
    window.emulate()
    window.open(page, "#view=flops")
    fronts = found["free"]["fronts"]
    for cost, name in (("params", "params"), ("seconds", "time"), ("memory", "memory")):
        assert window.run(POINTS, cost, "front of all variants") == fronts[name]
    pieces, seen = window.run(DRAWN, "seconds")
    assert seen > 0.8 * pieces > 0
    [figured] = drawn
    for axes, cost, unit in zip(figured.axes, ("params", "seconds"), (1e6, 1e-3), strict=True):
        in_page = [tuple(point) for point in window.run(POINTS, cost, "front of all variants")]
        assert len(in_page) > 50
        in_figure = [
            list(zip(*line.get_data(), strict=True))
            for line in axes.lines
            if line.get_color() == style.BLACK and line.get_linewidth() == 1
        ]
        assert in_figure == [[(x / unit, y / 1e9) for x, y in in_page]]
        marks = {
            (float(x), float(y))
            for line in axes.lines
            if line.get_marker() not in ("None", "")
            for x, y in zip(*line.get_data(), strict=True)
        }
        largest = {(x / unit, y / 1e9) for x, y in window.run(POINTS, cost, "largest within the command's budgets")}
        assert marks == largest
    assert window.complaints() == []
