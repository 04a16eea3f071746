"""Tables in plain text."""

from __future__ import annotations

from taskspan.views._table import table


def test_names_stand_to_the_left_and_figures_to_the_right() -> None:
    """The first two columns are flush left, the others flush right, as wide as needed."""
    assert table(
        ("name", "status", "s"), [("a", "success", "1.00"), ("longer", "error", "10")]
    ) == [
        "name    status      s",
        "------  -------  ----",
        "a       success  1.00",
        "longer  error      10",
    ]


def test_without_rows_the_header_is_left() -> None:
    """An empty table is its header and the rule below it."""
    assert table(("name", "status"), []) == ["name  status", "----  ------"]
