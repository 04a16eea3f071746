from __future__ import annotations

from pathlib import Path

from tests.cli._runs import traces, write_lines
from tests.otlp_server import Gate, Server
from tests.terminal.program import Program

PROGRAM = """
import sys
from taskspan.cli._main import main
main(["replay", {run!r}, "--endpoint", {url!r}, "--timeout", "60"], prog_name="taskspan")
"""


def test_a_terminal_shows_how_far_it_is(tmp_path: Path, server: Server) -> None:
    """On a terminal each file has a bar of its bytes, and remarks stand above it."""
    run = write_lines(tmp_path / "run", traces("a"), b"{", traces("b"), traces("c"))
    server.script = gate = Gate(3)
    source = PROGRAM.format(run=str(run), url=server.url)
    with Program(source, columns=120) as program:
        try:
            program.wait_for_text("traces.jsonl:  67%|…| 134/200")
            remark, *_ = program.steady_rows
            assert remark.startswith("traces.jsonl:2: not JSON (")
        finally:
            gate.may_pass.set()
        assert program.finish() == 1
        program.wait_for_text(f"3 lines of traces delivered to {server.url}; 1 line refused")
