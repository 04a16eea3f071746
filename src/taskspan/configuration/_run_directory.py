"""Keeps a run on disk: one OTLP JSON request a line, written by OpenTelemetry's file exporters.

Source: OpenTelemetry protocol specification, "OTLP File Exporter" (JSON lines).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from opentelemetry.exporter.otlp.json.file import FileMetricExporter, FileSpanExporter
from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter

from taskspan._fork import in_child
from taskspan._guard import guarded, warn_once
from taskspan._signals import SIGNALS, Signal, SignalName
from taskspan.configuration import _exporter_log, _runs, _verdict
from taskspan.configuration._batches import Batch
from taskspan.configuration._exporter_log import ExporterLog
from taskspan.configuration._run_lock import RunLock, is_running

_EXPORTERS: Final[dict[SignalName, Callable[..., Any]]] = {
    "traces": FileSpanExporter,
    "metrics": FileMetricExporter,
    "logs": FileLogExporter,
}


class RunFile:
    """The lines of one signal; made with the first one."""

    def __init__(self, path: Path, signal: Signal) -> None:
        self._path = path
        self._signal = signal
        # Protects the two below while they are made.
        self._lock = threading.Lock()
        self._stream: IO[str] | None = None
        self._exporter: Any = None
        in_child(self._start_anew)

    def _start_anew(self) -> None:
        # In a forked child: the exporter's own lock may have been held at the fork, and what the
        # stream has not written yet is the parent's to write.
        self._lock = threading.Lock()
        stream, self._stream, self._exporter = self._stream, None, None
        if stream is not None and not stream.closed:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)

    def write(self, batch: Batch) -> bool:
        """Append a line with the batch; `False`, after one line in the log, if it failed."""
        with guarded(f"keeping {self._signal.name} in {self._path}"):
            with ExporterLog() as log:
                # Each exporter's result is an enumeration of its own, with this name in each.
                is_kept: bool = self._opened().export(batch).name == "SUCCESS"
            if not is_kept:
                self._say_lost(_verdict.failure(log, None).reason)
                self.close()  # half a line may be there: the next batch starts on a new one
            return is_kept
        return False

    def _opened(self) -> Any:
        with self._lock:
            if self._exporter is None:
                self._stream = _opened_for_lines(self._path)
                self._exporter = _EXPORTERS[self._signal.name](stream=self._stream)
                _exporter_log.listen()
            return self._exporter

    def close(self) -> None:
        """Close the file; a later batch opens it again."""
        with self._lock:
            stream, self._stream, self._exporter = self._stream, None, None
        try:
            if stream is not None:
                stream.close()
        except OSError as error:  # it tried once more to write what could not be written before
            self._say_lost(_verdict.reason_of(error))

    def _say_lost(self, reason: str) -> None:
        warn_once(str(self._path), reason, f"{reason}; {self._signal.name} are lost")


def _opened_for_lines(path: Path) -> IO[str]:
    """Open for appending, on a new line if a crash has left half of one."""
    # Closed by whoever asked for it.
    stream = path.open("a+", encoding="utf-8", newline="\n")
    if stream.tell() > 0 and _last_byte(path) != b"\n":
        stream.write("\n")
    return stream


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


class RunDirectory:
    """The directory of one run."""

    def __init__(self, path: Path, lock: RunLock, *, is_shared: bool = False) -> None:
        """`is_shared`: another process writes there as well, such as the one that started us."""
        self.path = path
        self.report_path = path / (f"report-{os.getpid()}.json" if is_shared else "report.json")
        self.files: dict[SignalName, RunFile] = {
            signal.name: RunFile(path / signal.file_name, signal) for signal in SIGNALS
        }
        self._lock = lock

    def close(self) -> None:
        """Close its files; the run stays marked as running as long as the process lives."""
        for file in self.files.values():
            file.close()


def named(path: Path) -> RunDirectory:
    """Return the run in a directory of the application's choice; it is never pruned.

    Raises:
        OSError: it cannot be made or written to.
    """
    path = path.absolute()  # the program may go elsewhere
    path.mkdir(parents=True, exist_ok=True)
    is_shared = is_running(path)
    return RunDirectory(path, RunLock(path), is_shared=is_shared)


def in_home(service_name: str) -> RunDirectory:
    """Return a new run in the home of runs.

    Raises:
        OSError: it cannot be made.
    """
    return RunDirectory(*_runs.new_run(service_name))
