"""The explorer: how long it takes to write and to draw, and how large it is. `pytest tests/benchmarks/test_page.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import complexity_theory as ct
from complexity_theory import zoo
from tests.browser import Browser, chromium

MANY = zoo.names()[:: len(zoo.names()) // 40][:40]  # of all families
STEPS = 200
LARGEST = 3_000_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of forty networks on two devices."""
    path = tmp_path_factory.mktemp("page") / "many.html"
    ct.explore(MANY).write(path)
    return path


def test_write_three_networks(benchmark: BenchmarkFixture) -> None:
    """The paper's networks on two devices (10 s wanted)."""
    benchmark.pedantic(lambda: ct.explore(), rounds=1)


def test_forty_networks_are_below_three_megabytes(many: Path, benchmark: BenchmarkFixture) -> None:
    """The size of a page of many networks."""
    size = benchmark.pedantic(lambda: many.stat().st_size, rounds=1)
    benchmark.extra_info["bytes"] = size
    assert len(MANY) == 40
    assert size < LARGEST


def test_first_drawing(browser: Browser, many: Path, benchmark: BenchmarkFixture) -> None:
    """From the start of the navigation to the drawn page (1 s wanted)."""

    def draw() -> float:
        browser.open(many)
        return float(browser.run("performance.getEntriesByName('drawn')[0].startTime"))

    benchmark.extra_info["milliseconds"] = benchmark.pedantic(draw, rounds=5)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the paper's networks."""
    path = tmp_path_factory.mktemp("page") / "three.html"
    ct.explore().write(path)
    return path


@pytest.mark.parametrize("networks", ["three", "many"])
@pytest.mark.parametrize("slider", ["s", "alpha"])
def test_a_step_of_a_slider(
    browser: Browser, request: pytest.FixtureRequest, benchmark: BenchmarkFixture, slider: str, networks: str
) -> None:
    """A step with all that follows from it, until the next frame could be painted (50 ms wanted)."""
    browser.open(request.getfixturevalue(networks))
    steps = """
    const done = arguments[arguments.length - 1];
    const slider = document.getElementById(arguments[0]);
    (async (count) => {
      const times = [];
      for (let i = 0; i < count; i += 1) {
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        slider.value = String(i % (Number(slider.max) + 1));
        slider.dispatchEvent(new Event("input"));
        await Promise.resolve();
        document.body.getBoundingClientRect();
        times.push(performance.now() - start);
      }
      done(times.sort((a, b) => a - b));
    })(arguments[1]);
    """
    times = benchmark.pedantic(lambda: browser.driver.execute_async_script(steps, slider, STEPS), rounds=1)
    found = {"median ms": times[len(times) // 2], "19 of 20 ms": times[len(times) * 19 // 20], "largest ms": times[-1]}
    benchmark.extra_info |= found
    print(slider, networks, found)
