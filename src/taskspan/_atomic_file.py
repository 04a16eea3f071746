"""Writes a file so that whoever reads sees the old one or the new one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Give a file to write to, which takes the place of `path` when the block has ended well.

    Raises:
        OSError: it cannot be written, or not be put in place; `path` is as it was.
    """
    # In the same directory: a rename across file systems is a copy, and not atomic. A name of its
    # own: another process may be writing the same file.
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
