"""Runs a small task again and again until a line comes in; writes each one's trace id.

Every third one fails.
"""

import itertools
import select
import sys
from contextlib import suppress

from opentelemetry import trace

import taskspan

with taskspan.configure("repeating", console=False):
    for number in itertools.count(1):
        if select.select([sys.stdin], [], [], 0.1)[0]:
            break
        with suppress(ValueError), taskspan.task("small"):
            trace_id = trace.get_current_span().get_span_context().trace_id
            sys.stdout.write(f"{trace_id:032x}\n")
            sys.stdout.flush()
            with taskspan.operation("count", total=10) as op:
                op.update(10)
                if number % 3 == 0:
                    raise ValueError(number)
