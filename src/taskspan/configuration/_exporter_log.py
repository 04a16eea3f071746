"""Takes what exporters log while they work for us: one line of ours stands for it.

OpenTelemetry's exporters tell of a failure by their return value alone, and why by log
records: a warning for each new try, an error at the end, some with a stack trace. Those made on
a thread that sends for us are kept from the log and read for their arguments.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing_extensions import Self

_EXPORTERS: Final = "opentelemetry.exporter"


class _Here(threading.local):
    log: ExporterLog | None = None


_here: Final = _Here()


class ExporterLog:
    """What exporters log on this thread inside the block."""

    def __init__(self) -> None:
        self.records: list[logging.LogRecord] = []

    def __enter__(self) -> Self:
        _here.log = self
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _here.log = None

    def told(self) -> Iterator[list[object]]:
        """Return the arguments of each record, the oldest first: what went wrong to begin with."""
        for record in self.records:
            arguments = list(record.args) if isinstance(record.args, tuple) else []
            # `False` where an exporter says that there is none.
            if isinstance(record.exc_info, tuple):
                arguments.append(record.exc_info[1])
            yield arguments


class _Taking(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        log = _here.log
        if log is None:
            return True
        log.records.append(record)
        return False


_taking: Final = _Taking()


def listen() -> None:
    """Take from now on also the records of exporters that have been loaded meanwhile."""
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.startswith(_EXPORTERS):
            _put_first(logger)


def _put_first(logger: logging.Logger) -> None:
    # Before the SDK's filter against repeats: it would keep the reason of a second failure from us.
    if _taking not in logger.filters:
        logger.filters.insert(0, _taking)
