"""Fixtures that every app's tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent / "shared"


@pytest.fixture(scope="session")
def examples() -> Callable[[int, int], int]:
    """`examples(short, long)`: how many cases to try; the long count when all tests run."""
    return lambda short, long: long if os.environ.get("TEST_ALL") == "1" else short


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with recorded real input beside the project; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared with recorded input is not on this machine")
    return SHARED
