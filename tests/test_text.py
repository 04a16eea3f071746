"""Foreign text made safe for terminals, attributes and file names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskspan import _text

any_text = st.text(alphabet=st.characters(codec=None), max_size=300)


class Refusing:
    """A value whose text raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@given(any_text, st.integers(1, 200))
def test_a_line_is_printable_and_bounded(text: str, limit: int) -> None:
    """Whatever comes in, one printable line of at most `limit` characters comes out."""
    line = _text.one_line(text, limit)
    assert len(line) <= limit
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in line)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("load", "load"),
        ("Größe 数 é", "Größe 数 é"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud800", "\\ud800"),
        ("a\u00a0b", "a b"),
        ("\x00", "\\x00"),
    ],
)
def test_only_what_harms_is_escaped(text: str, shown: str) -> None:
    """Letters of any script stay; control characters, marks of direction and the like do not."""
    assert _text.one_line(text, 100) == shown


def test_megabytes_are_cut() -> None:
    """A text of ten megabytes becomes a short one, with an ellipsis at its end."""
    line = _text.one_line("\x1b" * 10_000_000, 100)
    assert len(line) == 100
    assert line.endswith("…")


@pytest.mark.expects_problems
def test_a_value_without_text_has_a_stand_in() -> None:
    """A value whose `__str__` raises is shown by its class."""
    assert _text.one_line(Refusing(), 100) == "<Refusing>"


@given(any_text)
def test_what_becomes_an_attribute_can_be_encoded(text: str) -> None:
    """Lone surrogates do not reach an exporter, which would fail on them."""
    _text.without_surrogates(text).encode("utf-8")


@pytest.mark.parametrize("text", ["x", "\ud800", "é", "x\ud800\n"])
def test_an_attribute_keeps_to_its_limit(text: str) -> None:
    """Start and end of a long text have exactly the limit, also where escapes make it longer."""
    for made in (_text.attribute(text * 10_000, 4096), _text.last_of(text * 10_000, 4096)):
        assert len(made) == 4096
        assert "…" in (made[0], made[-1])
    assert _text.last_of("x" * 4096, 4096) == _text.attribute("x" * 4096) == "x" * 4096


@given(any_text, st.sampled_from(["ascii", "latin-1", "utf-8", "cp437"]))
def test_what_is_written_fits_the_terminal(text: str, encoding: str) -> None:
    """A character that the terminal's encoding lacks is written as an escape."""
    _text.encodable(text, encoding).encode(encoding)


@given(any_text)
def test_a_file_name_is_one_component(text: str) -> None:
    """No path separator, dot or empty name comes out of any text."""
    stem = _text.file_stem(text)
    assert stem
    assert len(stem) <= 80
    assert all(c.isalnum() or c in "-_" for c in stem)


def test_a_path_in_an_id_leads_nowhere() -> None:
    """A task id cannot climb out of the directory."""
    assert _text.file_stem("../../etc/passwd") == "etc_passwd"
