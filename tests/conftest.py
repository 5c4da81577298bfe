"""Fixtures that several test modules share."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Let the commands that tests start hear Ctrl-C: a job in a shell's background ignores it, and so
    would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real policy files beside the project; tests that want them skip where they are absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real policy data is not here: ../shared/data")
    return folder


@pytest.fixture(scope="session")
def small_engine() -> Iterator[object]:
    """The real small model, loaded once for all tests."""
    from toolkit.engine import load_engine

    engine = load_engine("small", context=8192)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def embedder() -> Iterator[object]:
    """The real embedding model, loaded once for all tests."""
    from toolkit.embed import load_embedder

    loaded = load_embedder()
    yield loaded
    loaded.close()
