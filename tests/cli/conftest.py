"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli._replaying import Replaying
from tests.otlp_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """An endpoint that takes everything, unless the test gives it a script."""
    with Server() as running:
        yield running


@pytest.fixture
def replaying(capsys: pytest.CaptureFixture[str]) -> Replaying:
    """Replays runs and collects what is said."""
    return Replaying(capsys)
