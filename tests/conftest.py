"""What tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from complexity_theory.measurement.torchvision import make_importable

if TYPE_CHECKING:
    from tests.browser import Browser

make_importable()  # fvcore imports torchvision where it is installed, and timm does

# No test is judged by its time, and none leaves files behind.
settings.register_profile("untimed", deadline=None, database=None)
settings.load_profile("untimed")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared data beside the checkout; tests that need it say so where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the shared data at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser, for tests of the group ``browser``."""
    from tests.browser import chromium

    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="session")
def explorer_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The explorer of ``tests.explorer``, as a file."""
    from tests.explorer import written

    path = tmp_path_factory.mktemp("page") / "explorer.html"
    path.write_text(written(), encoding="utf-8")
    return path


@pytest.fixture
def explorer(window: Browser, explorer_page: Path) -> Iterator[Browser]:
    """The explorer opened anew; whatever a test does there, the console must stay silent."""
    window.emulate()
    window.open(explorer_page)
    yield window
    assert window.complaints() == []
