"""The one door from the producer up to `configuration`, by an import inside a function.

A task and a stand-alone tracker are an application's choice: they show their bars without
`configure()`, on the application's tracer provider or on a private one. Whether somebody already
listens is told by the first span itself: a processor that takes it in says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskspan import _guard
from taskspan.producer._operation import Operation

if TYPE_CHECKING:
    from taskspan.configuration._local import TracerSource


def tracer_source() -> TracerSource | None:
    """Return a tracer for what must be seen, and its provider; `None` where that fails."""
    from taskspan.configuration import _local  # noqa: PLC0415  see the module's docstring

    return _guard.attempt("the tracer provider", _local.tracer_source, None)


def watch(source: TracerSource, operation: Operation) -> None:
    """Let the process's own processor watch an operation that no other has taken in."""
    from taskspan.configuration import _local  # noqa: PLC0415  see the module's docstring

    progress = operation.progress
    if progress.watcher is None and operation.span.is_recording():
        with _guard.guarded("the progress processor"):
            _local.watch(source, operation.span, progress)


def is_quiet_by_default() -> bool:
    """Whether a task that was not told draws nothing."""
    from taskspan.configuration import _local  # noqa: PLC0415  see the module's docstring

    return _guard.attempt("the console", _local.is_quiet, True)


def handed_down() -> dict[str, str]:
    """Return the headers of W3C that the process around this one has set as variables."""
    from taskspan.configuration import _environment  # noqa: PLC0415  see the module's docstring

    return _environment.handed_down()


def recorded_where() -> dict[str, str]:
    """Return the variable that has a child process recorded where this one is, if it is."""
    from taskspan.configuration import _environment, _local  # noqa: PLC0415  see above

    run = _local.run_directory()
    return {} if run is None else {_environment.RUN_DIRECTORY: str(run)}


def variables() -> dict[str, str]:
    """Return a copy of all environment variables."""
    from taskspan.configuration import _environment  # noqa: PLC0415  see the module's docstring

    return _environment.variables()
