"""Which views a console setting stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from taskspan._protocols import View
from taskspan.configuration import _environment

Console: TypeAlias = bool | Literal["auto"]


def views_for(console: Console) -> Sequence[View]:
    """Return bars for `True`, nothing for `False`, and for `"auto"` what fits the place.

    Raises:
        ValueError: it is none of the three.
    """
    if console == "auto":
        console_here = _environment.stdout_is_terminal()
        return [_bars() if console_here else _lines()]
    if console is True:
        return [_bars()]
    if console is False:
        return []
    raise ValueError(f'console must be True, False or "auto", got {console!r}')


def _bars() -> View:
    from taskspan.views._bars import BarsView  # noqa: PLC0415  tqdm is loaded when bars are drawn

    return BarsView()


def _lines() -> View:
    from taskspan.views._lines import LinesView  # noqa: PLC0415  loaded when used

    return LinesView()
