"""Runs the flights example in a pseudo-terminal and writes what it showed as an animated SVG.

    python scripts/record_bars.py [docs/media/bars.svg]

The last step of the run is made to fail, so that the picture shows that as well. Colours are
those of the terminal; nothing is drawn that the example has not written. A viewer that plays
no animations shows the moment with the most bars.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from subprocess import Popen

import pyte

ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = ["examples/flights.py", "--fail"]
COLUMNS, ROWS = 100, 30

INTERVAL_S = 0.25
FRAMES = 14
FRAME_S = 0.9
LAST_FRAME_S = 6.0

# Pixels.
CELL, LINE, MARGIN, TITLE = 8, 18, 14, 30
WIDTH = COLUMNS * CELL + 2 * MARGIN
HEIGHT = ROWS * LINE + MARGIN + TITLE

COLOURS = {
    "default": "#d6deeb",
    "red": "#ff5c57",
    "green": "#5af78e",
    "brown": "#f3f99d",
    "blue": "#57c7ff",
    "magenta": "#ff6ac1",
    "cyan": "#9aedfe",
}
BACKGROUND = "#1b2330"
# Left blocks, from one eighth of a cell to a full one, drawn as rectangles: fonts leave gaps.
BLOCKS = {chr(0x2590 - eighths): eighths for eighths in range(1, 9)}


@dataclass(frozen=True)
class Run:
    """Neighbouring characters of one colour, or neighbouring blocks of it."""

    column: int
    text: str
    colour: str

    @property
    def is_bar(self) -> bool:
        """Whether it is drawn as a rectangle."""
        return self.text[0] in BLOCKS


Frame = tuple[tuple[Run, ...], ...]


def record() -> list[Frame]:
    """Run the example; return what the screen showed at each interval, and in the end."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    frames: list[Frame] = []
    due = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        for output in _output(Path(directory)):
            stream.feed(output)
            if time.monotonic() >= due:
                frames.append(_frame(screen))
                due = time.monotonic() + INTERVAL_S
    return [*frames, _frame(screen)]


def _output(directory: Path) -> Iterator[bytes]:
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [sys.executable, str(ROOT / ARGUMENTS[0]), *ARGUMENTS[1:]]
    environment = {
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT / "src"),
        "TERM": "xterm-256color",
    }
    with Popen(  # noqa: S603  our own example
        command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        while True:
            # Also without output there is something to see: the screen as it is.
            if not select.select([terminal], [], [], INTERVAL_S)[0]:
                yield b""
                continue
            try:
                output = os.read(terminal, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not output:
                break
            yield output
    os.close(terminal)
    if process.returncode != 1:
        raise SystemExit(f"{ARGUMENTS} ended with {process.returncode} and not as asked to, with 1")


def _frame(screen: pyte.Screen) -> Frame:
    return tuple(tuple(_runs(screen, row)) for row in range(ROWS))


def _runs(screen: pyte.Screen, row: int) -> Iterator[Run]:
    cells = [(column, screen.buffer[row][column]) for column in range(COLUMNS)]
    for (colour, _), group in groupby(cells, lambda cell: (cell[1].fg, cell[1].data in BLOCKS)):
        members = list(group)
        text = "".join(character.data for _, character in members)
        # Split at wider gaps: not every viewer keeps them.
        for part in re.finditer(r"\S+(?: \S+)*", text):
            yield Run(members[0][0] + part.start(), part.group(), colour)


def chosen(frames: list[Frame]) -> list[Frame]:
    """Return the frames to show: spread over the run, without repeats, and the last one."""
    different = [frame for frame, _ in groupby(frames) if any(frame)]
    before, last = different[:-1], different[-1]
    count = min(FRAMES - 1, len(before))
    return [*(before[index * len(before) // count] for index in range(count)), last]


def bars_in(frame: Frame) -> int:
    """Return how many rows of a frame hold a bar."""
    return sum(any(run.is_bar for run in row) for row in frame)


def svg_of(frames: list[Frame]) -> str:
    """Return the picture: all frames below each other, moved past a window."""
    still = frames.index(max(frames, key=bars_in))
    film = "\n".join(
        f'<g transform="translate(0 {number * HEIGHT})">\n{_rows(frame)}</g>'
        for number, frame in enumerate(frames)
    )
    title = escape(f"python {' '.join(ARGUMENTS)}")
    colours = "\n".join(f".{name}{{fill:{value}}}" for name, value in COLOURS.items())
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" \
height="{HEIGHT}" role="img">
<title>{title}</title>
<!-- Made by scripts/record_bars.py from a real run. -->
<style>
text{{font:13px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}}
{colours}
.film{{transform:translateY({-still * HEIGHT}px)}}
.film{{animation:film {_duration(frames):g}s step-end infinite}}
@keyframes film{{{_keyframes(frames)}}}
@media (prefers-reduced-motion:reduce){{.film{{animation:none}}}}
</style>
<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{BACKGROUND}"/>
<text x="{MARGIN}" y="20" class="cyan">$ {title}</text>
<svg y="{TITLE}" width="{WIDTH}" height="{HEIGHT - TITLE}">
<g class="film">
{film}
</g>
</svg>
</svg>
"""


def _duration(frames: list[Frame]) -> float:
    return (len(frames) - 1) * FRAME_S + LAST_FRAME_S


def _keyframes(frames: list[Frame]) -> str:
    share = 100 * FRAME_S / _duration(frames)
    return "".join(
        f"{number * share:.2f}%{{transform:translateY({-number * HEIGHT}px)}}"
        for number in range(len(frames))
    )


def _rows(frame: Frame) -> str:
    return "".join(_shape(number, run) + "\n" for number, row in enumerate(frame) for run in row)


def _shape(row: int, run: Run) -> str:
    x = MARGIN + run.column * CELL
    if run.is_bar:
        eighths = sum(BLOCKS[character] for character in run.text)
        return (
            f'<rect x="{x}" y="{row * LINE + 1}" width="{eighths * CELL / 8:g}" '
            f'height="{LINE - 3}" class="{run.colour}"/>'
        )
    return (
        f'<text x="{x}" y="{row * LINE + 13}" textLength="{len(run.text) * CELL}" '
        f'class="{run.colour}">{escape(run.text)}</text>'
    )


def main() -> None:
    """Record and write the picture."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "media" / "bars.svg"
    frames = chosen(record())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg_of(frames), encoding="utf-8")
    print(f"{path}: {len(frames)} frames, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
