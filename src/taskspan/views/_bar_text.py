"""The text of one bar, as tqdm writes it; pure."""

from __future__ import annotations

import re
from typing import Final

from tqdm import tqdm
from tqdm.utils import disp_trim

from taskspan import _text
from taskspan._snapshot import Snapshot
from taskspan.conventions import ERROR_TYPE_OTHER, KIND_OPERATION
from taskspan.views._rows import Row

_RED: Final = "\x1b[31m"
_PLAIN: Final = "\x1b[0m"
# What tqdm knows (its documentation, parameter `colour`); it warns of others on every frame.
_COLOUR: Final = re.compile(
    r"black|red|green|yellow|blue|magenta|cyan|white|#[0-9a-f]{6}", re.IGNORECASE
)
NARROW: Final = 72
"""Columns below which a bar leaves out the rate, so that there is a bar at all."""

_NARROW_BAR: Final = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"


def bar_text(row: Row, columns: int, encoding: str) -> str:
    """Return a row that fits into `columns` and that `encoding` can show; red after a failure."""
    snapshot = row.snapshot
    label = disp_trim(row.label, max(columns // 2, 10))
    text = (
        _uncounted(snapshot, label)
        if _counts_nothing(snapshot)
        else _counted(snapshot, label, columns, encoding)
    )
    text = fitted(text, columns, encoding)
    return f"{_RED}{text}{_PLAIN}" if snapshot.has_failed else text


def fitted(text: str, columns: int, encoding: str) -> str:
    """Return a text that fits into `columns` and that `encoding` can show."""
    return disp_trim(_text.encodable(text, encoding), columns)


def _counts_nothing(snapshot: Snapshot) -> bool:
    is_operation = snapshot.kind == KIND_OPERATION
    return is_operation and snapshot.total is None and not snapshot.completed


def _uncounted(snapshot: Snapshot, label: str) -> str:
    """Return label and time alone: `0 items` would look as if something were stuck."""
    postfix = _postfix_of(snapshot)
    elapsed = tqdm.format_interval(snapshot.elapsed_s)
    return f"{label} [{elapsed}, {postfix}]" if postfix else f"{label} [{elapsed}]"


def _counted(snapshot: Snapshot, label: str, columns: int, encoding: str) -> str:
    has_bar = bool(snapshot.total) and snapshot.completed <= (snapshot.total or 0)
    text = tqdm.format_meter(
        n=snapshot.completed,
        total=snapshot.total,  # type: ignore[arg-type]  # the stubs forget None
        elapsed=snapshot.elapsed_s,
        ncols=columns,
        prefix=label,
        ascii=not _shows_blocks(encoding),
        unit=f" {snapshot.unit}",
        postfix=_postfix_of(snapshot),
        colour=_known_colour(snapshot),
        bar_format=_NARROW_BAR if has_bar and columns < NARROW else None,
    )
    # tqdm puts the unit behind a number, from which a space parts it, or behind a slash.
    return text.replace(f"s/ {snapshot.unit}", f"s/{snapshot.unit}")


def _postfix_of(snapshot: Snapshot) -> str:
    if not snapshot.has_failed:
        return snapshot.postfix
    # The failure comes first: the end of the row is cut where the terminal is narrow.
    has_type = snapshot.error_type not in (None, ERROR_TYPE_OTHER)
    failure = str(snapshot.error_type if has_type else snapshot.outcome)
    return f"{failure}, {snapshot.postfix}" if snapshot.postfix else failure


def _known_colour(snapshot: Snapshot) -> str | None:
    colour = snapshot.colour
    if colour is None or snapshot.has_failed:
        return None
    return colour if _COLOUR.fullmatch(colour) else None


def _shows_blocks(encoding: str) -> bool:
    try:
        "█▏".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
