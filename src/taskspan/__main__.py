"""`python -m taskspan`: the same command line as `taskspan`."""

from __future__ import annotations

from importlib import import_module

if __name__ == "__main__":
    # Loaded when used, by its name, as the late names of `__init__` are.
    import_module("taskspan.cli._main").main(prog_name="python -m taskspan")
