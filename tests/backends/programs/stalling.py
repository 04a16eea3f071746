"""An operation that counts, stands still when a line comes in, and ends after another one."""

import select
import sys

import taskspan

with (
    taskspan.configure("stalling", console=False),
    taskspan.task("nightly") as task,
    task.operation("load", total=1_000_000) as op,
):
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        op.update()
    sys.stdin.readline()
    sys.stdin.readline()
