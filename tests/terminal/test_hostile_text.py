"""Text from data, and terminals that cannot show all of it."""

from __future__ import annotations

import json
import re

import pytest

from tests.terminal.program import Program, run

SOURCE = """
import json, logging
import taskspan
text = json.loads('''{text}''')
with taskspan.task("nightly", "42", total_operations=2) as task:
    with task.operation("load", 10, description=text, unit=text, leave=True) as op:
        op.update(5, {{"file": text, text: 1}})
        task.log_info(text)
        pause("running")
print("$ prompt")
"""

TEXTS = {
    "escape": "a\x1b[2Jb\x1b]0;title\x07c\x1b[31md",
    "control": "a\rb\nc\td\x08e\x00f\x7fg\x9bh",
    "right-to-left": "a\u202eb\u2066c\u200bd\ufeffe",
    "line-separators": "a\u2028b\u2029c\x0bd\x0ce\x85f",
    "wide": "データ" * 30,
    "emoji": "👩‍💻🚀" * 30,
    "long": "x" * 10_000,
    "braces": "{bar} {0} %s {desc!r}",
    "surrogate": "a\ud800b",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("columns", [80, 30])
def test_foreign_text_neither_moves_the_cursor_nor_leaves_its_row(text: str, columns: int) -> None:
    """Names, units and postfixes reach the terminal printable, in rows that fit."""
    quoted = json.dumps(text).replace("\\", "\\\\")
    with Program(SOURCE.format(text=quoted), columns=columns) as program:
        program.reach("running")
        program.wait_until(lambda: len(program.rows) > 1 and "50%" in program.rows[-1], "the bar")
        *_, task, operation = program.rows
        assert task.startswith("nightly 42")
        assert operation.startswith("  " + text[:1])
        assert program.finish() == 0
        assert program.rows[-1] == "$ prompt"
        assert program.rows[-2].startswith("nightly 42")
        assert "50%" in program.rows[-3]
    received = program.received.decode()
    without_ours = re.sub(r"\x1b\[A|\x1b\[K\x1b7\x1b\[B\x1b\[J\x1b8|[\r\n]", "", received)
    assert without_ours.isprintable()


def test_a_terminal_without_blocks_gets_bars_of_plain_characters() -> None:
    """An encoding that lacks the blocks gets `#`, and escapes for what else it lacks."""
    with Program(
        """
        import taskspan
        with taskspan.task("nightly", "42", total_operations=20) as task:
            with task.operation("läden", 10, leave=True) as op:
                op.update(5, {"file": "データ"})
                task.log_info("größe")
                for number in range(20):
                    task.start_operation(f"o{number}", 5)
                pause("running")
        """,
        env={"PYTHONIOENCODING": "ascii"},
    ) as program:
        program.reach("running")
        program.wait_for_text("and 10 more")
        assert program.rows[0] == r"[INFO] gr\xf6\xdfe"
        assert program.rows[2].startswith(r"  l\xe4den:  50%|###")
        assert program.rows[-1] == r"\u2026 and 10 more"
        assert max(map(len, program.rows)) < 80
        assert program.finish() == 0
    assert program.received.isascii()


def test_latin_1_shows_what_it_can() -> None:
    """Letters that the terminal's encoding has are shown as they are."""
    program = run(
        """
        import taskspan
        with taskspan.task("läden", "42"):
            pass
        """,
        env={"PYTHONIOENCODING": "latin-1"},
    )
    assert b"l\xe4den 42" in program.received
