from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.examples._running import ROOT, run_well

README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)(#[^)]*)?\)")


def blocks_of(document: Path) -> list[str]:
    """Return the blocks of Python in a document."""
    return _BLOCK.findall(document.read_text(encoding="utf-8"))


BLOCKS = [
    pytest.param(block, id=f"{document.name}-{number}")
    for document in DOCUMENTS
    for number, block in enumerate(blocks_of(document), 1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_code_block_runs_as_it_stands(block: str, tmp_path: Path) -> None:
    """Each block of Python in the documentation is a whole program that runs without a warning."""
    program = tmp_path / "block.py"
    program.write_text(block, encoding="utf-8")
    run_well(program, cwd=tmp_path)


def test_the_readme_shows_code_at_once() -> None:
    """The first code of the README comes within its first thirty lines."""
    lines = README.read_text(encoding="utf-8").splitlines()
    assert lines.index("```python") < 30
    assert len(blocks_of(README)) == 3


def test_both_spellings_report_the_same_operations(tmp_path: Path) -> None:
    """The README's two spellings of one task print reports with the same operations."""
    tables = []
    for number, block in enumerate(blocks_of(README)[1:]):
        program = tmp_path / f"block{number}.py"
        program.write_text(block, encoding="utf-8")
        rows = run_well(program, cwd=tmp_path).splitlines()[3:]
        tables.append([row.split()[:2] for row in rows])
    assert tables == [[["load", "success"], ["score", "success"]]] * 2


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link of a document leads to a file that is there."""
    for target, _ in _LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_the_picture_names_no_place_on_the_machine_that_made_it() -> None:
    """The recorded picture shows bars in several colours, and no absolute path."""
    picture = (ROOT / "docs" / "media" / "bars.svg").read_text(encoding="utf-8")
    shown = re.sub(r"<[^>]*>", "", picture.partition("</style>")[2])
    assert "aggregate" in shown
    assert 'class="red"' in picture
    assert not re.search(r"(^|\s)/\w", shown)
