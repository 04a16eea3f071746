"""`taskspan.configure` stays the function whatever has been imported before."""

from __future__ import annotations

import pytest

import taskspan
from tests.producer._reading import run_child


@pytest.mark.parametrize(
    "before",
    [
        "",
        "with taskspan.task('nightly', quiet=True): pass",
        "taskspan.configure",
        "import taskspan.configuration._configure",
        "from taskspan.configuration import _local",
        "taskspan.ProgressTracker(1, 'load', disable=True).close()",
        "taskspan.LocalVisibilitySampler",
    ],
)
def test_it_is_the_function_whatever_came_before(before: str) -> None:
    """No module stands in front of the function: not after a task, nor the second time."""
    run_child(
        f"""
        import taskspan
        {before}
        for _ in range(2):
            assert taskspan.configure.__name__ == "configure"
            with taskspan.configure("nightly", console=False):
                pass
            from taskspan import configure
            assert configure is taskspan.configure
        """
    )


def test_modules_inside_can_be_imported() -> None:
    """What lies in the folder is imported as ever."""
    from taskspan.configuration import _local  # noqa: PLC0415  this is the test
    from taskspan.configuration._configure import configure  # noqa: PLC0415  this is the test

    assert _local.__name__ == "taskspan.configuration._local"
    assert configure is taskspan.configure
