"""A real browser for tests of pages: Debian's chromium, headless, driven by Selenium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--window-size=1400,1000",
)

# Goes to each fragment in turn, waits until the page has drawn it, and reads every number by its key.
READ = """
const done = arguments[arguments.length - 1];
(async () => {
  const found = [];
  for (const fragment of arguments[0]) {
    delete document.documentElement.dataset.shown;
    if (location.hash === fragment) location.hash = "";
    location.hash = fragment;
    const start = performance.now();
    while (document.documentElement.dataset.shown !== fragment) {
      if (performance.now() - start > 8000) throw new Error(`not drawn: ${fragment}`);
      await new Promise((next) => setTimeout(next, 1));
    }
    const cells = document.querySelectorAll("[data-key][data-value]");
    found.push(Object.fromEntries([...cells].map(({ dataset }) => [dataset.key, dataset.value])));
  }
  return found;
})().then(done, (error) => done(String(error)));
"""


class Browser:
    """A browser window with one page at a time."""

    def __init__(self, driver: webdriver.Chrome, downloads: Path) -> None:
        self.driver, self.downloads = driver, downloads

    def open(self, page: Path, fragment: str = "") -> None:
        """Opens a file, anew, and waits until it is drawn."""
        self.driver.get("about:blank")
        self.driver.get(f"{page.as_uri()}{fragment}")
        self.wait("document.documentElement.dataset.shown")

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of an expression of the page's script."""
        return self.driver.execute_script(f"return ({script})", *arguments)

    def wait(self, condition: str) -> None:
        """Waits until an expression is true in the page. Raises where it is not in 8 seconds."""
        script = """
        const done = arguments[arguments.length - 1];
        const start = performance.now();
        const look = () => (%s) ? done(true) : performance.now() - start > 8000 ? done(false) : setTimeout(look, 5);
        look();
        """
        if not self.driver.execute_async_script(script % condition):
            raise AssertionError(f"in 8 seconds it did not come to: {condition}")

    def read(self, fragments: list[str]) -> list[dict[str, str]]:
        """The numbers that the page shows at each state, by key."""
        found = self.driver.execute_async_script(READ, fragments)
        if isinstance(found, str):
            raise AssertionError(found)
        return list(found)

    def complaints(self) -> list[str]:
        """What the console has had to say, of errors and of what the policy forbade."""
        return [json.dumps(entry) for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def emulate(self, scheme: str = "light", width: int = 1400, height: int = 1000, media: str = "screen") -> None:
        """Light or dark, the size of the window, and a screen or print."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser with a fresh profile. Raises AssertionError, with what to install, where there is none."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        raise AssertionError("the page is tested in a browser: apt-get install chromium chromium-driver")
    downloads = profile / "downloads"
    downloads.mkdir()
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={profile / 'data'}"):
        options.add_argument(flag)
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    window = webdriver.Chrome(options=options, service=Service(driver))
    window.set_script_timeout(60)
    try:
        yield Browser(window, downloads)
    finally:
        window.quit()
