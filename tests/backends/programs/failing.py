"""A task of which the second operation fails."""

import taskspan

with taskspan.configure("failing", console=False), taskspan.task("doomed") as task:
    with task.operation("load", total=2) as op:
        op.update(2)
    with task.operation("parse", total=2) as op:
        op.update()
        raise ValueError("row 2 is no row")
