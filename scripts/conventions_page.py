"""Write docs/conventions.md from the table in taskspan.conventions (`make docs`)."""

from __future__ import annotations

from pathlib import Path

from taskspan.conventions import CONVENTIONS, Place

PAGE = Path(__file__).parent.parent / "docs" / "conventions.md"

HEAD = """\
# Conventions

What taskspan writes, and what each name means. Generated from
`src/taskspan/conventions.py` by `make docs`; a test keeps the two equal.

- A **task** span is named after the task's type, an **operation** span after the operation
  (both of low cardinality). Status is `ERROR` with a description after `error` and
  `interrupted`; it stays `UNSET` otherwise, as the specification asks of libraries.
- Any span that carries `taskspan.kind` gets a bar, whoever made it.
- Metric attributes are the task type, the operation name, the unit and the outcome; never
  the id of a task. Past 1,000 combinations the rest is one series with
  `otel.metric.overflow`.
"""

TITLES: dict[Place, str] = {
    "attribute": "Attributes",
    "event": "Events",
    "metric": "Metrics",
}


def section(place: Place) -> str:
    """One table, in the order of the code."""
    rows = [
        f"| `{c.name}` | {c.type} | {f'`{c.unit}`' if c.unit else ''} | {c.meaning} |"
        for c in CONVENTIONS
        if c.place == place
    ]
    head = ["| name | type | unit | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {TITLES[place]}", "", *head, *rows, ""])


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(place) for place in TITLES)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
