"""Real backends on this machine, without Docker.

    python -m scripts.backends build | up | down | demo

Run it from the folder of the checkout, or by `make backends`, `up`, `down` and `demo-jaeger`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from scripts.backends import binaries, demo, stack
from scripts.backends.places import BackendsError


def build() -> None:
    """Build and fetch what is missing; say where everything is."""
    print("\n".join(str(path) for path in binaries.provide_all()))


def up() -> stack.Stack:
    """Start the stack and say where everything is."""
    binaries.provide_all()
    started = stack.up()
    print(
        f"OTLP         {started.otlp_endpoint}"
        f"  (export OTEL_EXPORTER_OTLP_ENDPOINT={started.otlp_endpoint})\n"
        f"Jaeger       {started.jaeger_url}\n"
        f"Prometheus   {started.prometheus_url}\n"
        f"data, logs   {started.jaeger.folder.parent}"
    )
    return started


def down() -> None:
    """Stop the stack and say what was running."""
    stopped = stack.down()
    print(f"Stopped {', '.join(stopped)}; the data stays." if stopped else "Nothing was running.")


def run_demo() -> None:
    """Start the stack, run the flights example against it, show its trace."""
    demo.demo(up())


COMMANDS: dict[str, Callable[[], object]] = {
    "build": build,
    "up": up,
    "down": down,
    "demo": run_demo,
}


def main() -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command", choices=COMMANDS)
    try:
        COMMANDS[parser.parse_args().command]()
    except BackendsError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
