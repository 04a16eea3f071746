"""Remembers in the run directory how much of it an endpoint has got."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from taskspan import _text
from taskspan._atomic_file import replacing
from taskspan.cli._reading import Position

_FORMAT: Final = 1
_SAMPLE: Final = 4096
_SIZE_LIMIT: Final = 1024 * 1024
_REASON_LIMIT: Final = 200
_COUNT_LIMIT: Final = 2**63  # a larger offset is none for a file


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a file is done: where to go on, and lines that were delivered and refused.

    `fingerprint` tells whether the file is still the one that this was said of.
    """

    offset: int = 0
    number: int = 1
    delivered: int = 0
    refused: int = 0
    fingerprint: str = ""

    @property
    def position(self) -> Position:
        """Where to go on reading."""
        return Position(self.offset, self.number)


@dataclass(slots=True)
class State:
    """What an endpoint has got of a run; `problem` says why that could not be read."""

    path: Path
    endpoint: str
    files: dict[str, Progress] = field(default_factory=dict)
    problem: str = ""

    def of(self, file_name: str) -> Progress:
        """Return how much of a file is done."""
        return self.files.get(file_name, Progress())

    def save(self) -> None:
        """Write it, so that whoever reads sees the old state or the new one.

        Raises:
            OSError: the directory takes no file.
        """
        files = {name: asdict(progress) for name, progress in self.files.items()}
        content = {"format": _FORMAT, "endpoint": self.endpoint, "files": files}
        # No fsync: the page cache outlives a killed process, and after a power failure a line
        # may be sent twice. It would make each line as slow as the disk.
        with replacing(self.path) as file:
            file.write(json.dumps(content, indent=1) + "\n")


def state_file(run: Path, endpoint: str) -> Path:
    """Return the file for an endpoint, by a hash: an address is no file name."""
    digest = hashlib.sha256(endpoint.encode("utf-8", "replace")).hexdigest()
    return run / f"replay-{digest[:16]}.json"


def load(run: Path, endpoint: str) -> State:
    """Return what is remembered; nothing, and why, where it cannot be read."""
    state = State(state_file(run, endpoint), endpoint)
    try:
        state.files = _read(state.path)
    except FileNotFoundError:
        pass  # nothing has been sent there yet
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        state.problem = _text.one_line(reason, _REASON_LIMIT)
    return state


def fingerprint(path: Path, offset: int) -> str:
    """Return a hash of the first and the last 4 KiB before an offset.

    Raises:
        OSError: the file cannot be read.
    """
    size = min(offset, _SAMPLE)
    with path.open("rb", buffering=0) as file:
        digest = hashlib.sha256(file.read(size))
        file.seek(offset - size)
        digest.update(file.read(size))
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Progress]:
    with path.open("rb") as file:
        content = json.loads(file.read(_SIZE_LIMIT))
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError("not a state of this version")
    files = content.get("files")
    if not isinstance(files, dict):
        raise ValueError("it has no files")  # noqa: TRY004  the file is wrong, not a caller
    return {name: _progress(entry) for name, entry in files.items()}


def _progress(entry: object) -> Progress:
    if not isinstance(entry, dict):
        raise ValueError("a file has no numbers")  # noqa: TRY004  the file is wrong, not a caller
    mark = entry.get("fingerprint")
    if not isinstance(mark, str):
        raise ValueError("a file has no fingerprint")  # noqa: TRY004  the same
    return Progress(
        offset=_count(entry, "offset"),
        number=_count(entry, "number"),
        delivered=_count(entry, "delivered"),
        refused=_count(entry, "refused"),
        fingerprint=mark,
    )


def _count(entry: dict[str, Any], key: str) -> int:
    value = entry.get(key)
    if type(value) is not int or not 0 <= value < _COUNT_LIMIT:
        raise ValueError(f"{key} is no count")
    return value
