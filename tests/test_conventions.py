"""The names taskspan writes: one table, one page, no other spelling."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts import conventions_page
from taskspan import conventions

SOURCE = Path(conventions.__file__).parent


def test_the_page_is_the_table() -> None:
    """docs/conventions.md is what `make docs` writes."""
    assert conventions_page.PAGE.read_text(encoding="utf-8") == conventions_page.page()


def test_no_name_is_written_twice_in_the_table() -> None:
    """An attribute, an event or a metric has one entry."""
    entries = [(c.place, c.name) for c in conventions.CONVENTIONS]
    assert len(entries) == len(set(entries))


def strings_in(path: Path) -> set[str]:
    """Every string in a file that is neither a docstring nor part of one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_names_are_spelled_in_the_table_alone(path: Path) -> None:
    """No other module writes the name of an attribute, event or metric as text."""
    if path.name == "conventions.py":
        return
    # `exception` and `taskspan` are words of their own, too.
    names = {c.name for c in conventions.CONVENTIONS} - {"exception"}
    assert not names & strings_in(path)


@pytest.mark.parametrize(
    ("unit", "annotation"),
    [("rows", "{row}"), ("items", "{item}"), ("glass", "{glass}"), ("s", "{s}"), ("", "{}")],
)
def test_a_unit_is_written_as_a_ucum_annotation(unit: str, annotation: str) -> None:
    """The plural of the bar becomes the singular in braces."""
    assert conventions.unit_annotation(unit) == annotation
