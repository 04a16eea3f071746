"""Whether a text may hold a secret at all: told without a pattern, as nearly none does; pure."""

from __future__ import annotations

from typing import Final

STAND_IN: Final = "[redacted]"

LONGEST_NAMELESS: Final = 2048
"""Characters within which a secret without a name shows what it is, from its start on."""

NAMES: Final = (
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "cred",
    "authoriz",
    "sess",
    "cookie",
    "bearer",
    "jwt",
    "csrf",
    "xsrf",
)
"""One of these is in every name of a secret."""

_SHAPES: Final = (
    "://",
    "bearer",
    "basic",
    "akia",
    "asia",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "xapp-",
    "aiza",
    "sk-",
    "k_live_",
    "k_test_",
    "hf_",
    "npm_",
    "pypi-",
    "ya29.",
    "eyj",
    "-----begin",
)
_SHORTEST_WITHOUT_NAME: Final = 12


def may_hold(text: str) -> bool:
    """Whether there is anything in a text that a pattern could find."""
    lower = text.lower()
    if any(map(lower.__contains__, NAMES)):
        return True
    return len(text) >= _SHORTEST_WITHOUT_NAME and any(map(lower.__contains__, _SHAPES))
