"""`python -m taskspan`: the same command line as `taskspan`."""

from __future__ import annotations

from taskspan.cli._main import main

if __name__ == "__main__":
    main(prog_name="python -m taskspan")
