"""A bar around a loop: of known length, of unknown length, and nested."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import taskspan

STILL_THERE = 0.98


def readings(chance: random.Random) -> Iterator[float]:
    """Yield measurements until the sensor goes away: nobody knows how many."""
    while chance.random() < STILL_THERE:
        time.sleep(0.005)
        yield chance.random()


def main() -> None:
    """Draw the bars."""
    chance = random.Random(2013)  # noqa: S311  made-up measurements
    # Outside of a task, operations are silent until an application configures something.
    with taskspan.configure("bars"):
        for _ in taskspan.track(range(100), "known length", unit="rows"):
            time.sleep(0.004)

        total = sum(taskspan.track(readings(chance), "unknown length", unit="readings"))

        for _ in taskspan.track(["a.csv", "b.csv", "c.csv"], "outer", unit="files", leave=True):
            for _ in taskspan.track(range(40), "inner", unit="rows"):
                time.sleep(0.003)
    print(f"The readings add up to {total:.1f}")


if __name__ == "__main__":
    main()
