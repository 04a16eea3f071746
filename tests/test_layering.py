"""Who may import whom: the arrows of docs/architecture.md, checked."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import taskspan

SOURCE = Path(taskspan.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))

# A part may import the parts it names, and itself. "base" is every module beside the folders.
MAY_IMPORT: dict[str, set[str]] = {
    "base": set(),
    "producer": {"base"},
    "processor": {"base"},
    "views": {"base"},
    "tasks": {"base", "producer", "views"},
    "configuration": {"base", "producer", "processor", "views"},
    "cli": {"base", "producer", "processor", "views", "tasks", "configuration"},
}

# The one place where a lower part reaches up, inside a function: see its docstring.
REACHES_UP = {("producer/_attach.py", "configuration")}

# Who alone may import a package of others.
ONLY_IN: dict[str, set[str]] = {
    "tqdm": {"views/_bars.py", "views/_bar_text.py"},
    "tenacity": {"tasks/_retry.py"},
    "psutil": {"_memory.py"},
    "click": {"cli/_main.py"},
    "platformdirs": {"configuration/_runs.py"},
    "urllib3": {"cli/_posting.py"},
}
SDK_ONLY_IN = ("processor/", "configuration/")


def part_of(relative: str) -> str:
    """The folder a module lies in."""
    return relative.split("/", maxsplit=1)[0] if "/" in relative else "base"


def imports_of(path: Path) -> list[str]:
    """Every module that a file imports, also inside functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [node.module or "", *(f"{node.module}.{a.name}" for a in node.names)]
    return found


def relative(path: Path) -> str:
    """A module's path below src/taskspan."""
    return path.relative_to(SOURCE).as_posix()


def parts_imported(path: Path) -> set[str]:
    """The parts of taskspan that a file imports from."""
    parts = set()
    for name in imports_of(path):
        words = name.split(".")
        if words[0] == "taskspan" and len(words) > 1:
            parts.add(words[1] if words[1] in MAY_IMPORT else "base")
    return parts


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_one_way(path: Path) -> None:
    """A module imports only from its own part and the parts below it."""
    name = relative(path)
    if name in ("__init__.py", "__main__.py"):
        return
    part = part_of(name)
    allowed = MAY_IMPORT[part] | {part}
    allowed |= {up for module, up in REACHES_UP if module == name}
    assert parts_imported(path) <= allowed


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_packages_of_others_have_one_door(path: Path) -> None:
    """tqdm, tenacity and psutil are imported where they are used alone; the SDK by two folders."""
    name = relative(path)
    for package, modules in ONLY_IN.items():
        if any(i.split(".")[0] == package for i in imports_of(path)):
            assert name in modules
    if any(i.startswith("opentelemetry.sdk") for i in imports_of(path)):
        assert name.startswith(SDK_ONLY_IN)


def test_only_the_guard_catches_everything() -> None:
    """A broad `except` that swallows stands in one module."""
    offenders = [
        relative(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises(node)
    ]
    # The wrapper of an asynchronous generator hands on what is thrown into it; a task runner
    # keeps what its operations raise: that is its job.
    assert offenders == ["_guard.py", "producer/_task.py", "tasks/_base.py"]


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kind = handler.type
    return kind is None or (
        isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")
    )


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))
