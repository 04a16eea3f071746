"""Print taskspan's lower bounds as pip constraints: `tqdm>=4.66.3` becomes `tqdm==4.66.3`.

Reads the metadata of the installed package, so pyproject.toml stays the only place that names
them. The tools of the extras `test` and `dev` stay free: the user does not run them.
"""

from __future__ import annotations

import sys
from importlib.metadata import requires

from packaging.requirements import Requirement

TOOL_EXTRAS = ("test", "dev")


def is_for_tools(requirement: Requirement) -> bool:
    """Whether only an extra for developers brings this requirement in."""
    marker = requirement.marker
    return marker is not None and any(marker.evaluate({"extra": extra}) for extra in TOOL_EXTRAS)


def pinned(requirement: Requirement) -> str:
    """The requirement with its lower bound as its only version."""
    bounds = [clause.version for clause in requirement.specifier if clause.operator == ">="]
    if len(bounds) != 1:
        sys.exit(f"{requirement}: expected one lower bound (>=), found {len(bounds)}")
    return f"{requirement.name}=={bounds[0]}"


def main() -> None:
    """Write one constraint a line to stdout."""
    for text in requires("taskspan") or ():
        requirement = Requirement(text)
        if not is_for_tools(requirement):
            print(pinned(requirement))


main()
