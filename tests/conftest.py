"""What tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from complexity_theory.measurement.torchvision import make_importable

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
