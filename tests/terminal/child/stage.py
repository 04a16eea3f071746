"""What a program on a test's terminal imports: `pause` hands over to the test and waits for it."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios

_to_test, _from_test = map(int, os.environ["STAGE_PIPES"].split(","))

# As in a person's terminal, whoever started the tests: a background job ignores Ctrl-C, and
# what `nohup` starts ignores the hang-up.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

if os.getsid(0) == os.getpid():
    # Ctrl-C and a change of the size then arrive as signals, as in a person's terminal.
    fcntl.ioctl(sys.__stdin__.fileno() if sys.__stdin__ else 0, termios.TIOCSCTTY, 0)


def pause(label: str) -> None:
    """Tell the test where the program is, and wait until it has looked."""
    os.write(_to_test, f"{label}\n".encode())
    if not os.read(_from_test, 1):
        raise SystemExit("the test is gone")
