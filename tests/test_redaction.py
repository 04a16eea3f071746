"""Secrets at a cut, the application's hook, and every way out of the process."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import _guard, _redaction, _text
from taskspan.conventions import EXCEPTION_STACKTRACE
from taskspan.views._json import jsonable

SECRET = "hunter2"  # noqa: S105  what must not be seen
LONGEST = 32_768
LOGGER = logging.getLogger("tests.redaction")


# -- cut


@pytest.mark.parametrize("limit", [80, 200, 4096])
@pytest.mark.parametrize(
    ("secret", "times"),
    [
        ("password=aB3", 1500),
        ("ghp_aB3", 1500),
        ("Bearer aB3", 1500),
        ("eyJaB3", 1500),
        ("postgres://ann:aB3", 250),  # the longest password of a URL has 1,024 characters
    ],
)
def test_a_secret_at_the_cut_is_not_half_shown(secret: str, times: int, limit: int) -> None:
    """Wherever the cut falls, no part of the secret behind its start is left."""
    for before in range(limit - 40, limit + 5):
        text = "." * before + " " + secret + "7Zq9" * times + "@host"
        assert "7Zq" not in _text.one_line(text, limit)
        assert "7Zq" not in _text.attribute(text, limit)


def test_a_private_key_that_is_gone_lets_no_other_secret_move_up() -> None:
    """What a redaction makes room for is not the half of a secret at the end of what was read."""
    key = "-----BEGIN PRIVATE KEY-----" + "x" * 1900 + "-----END PRIVATE KEY-----"
    for filling in range(100, 200):
        text = key + "." * filling + " ghp_" + "7Zq9" * 100
        assert "7Zq" not in _text.one_line(text, 200)


def test_the_end_of_a_long_text_starts_with_no_rest_of_a_secret() -> None:
    """The last part of a stack trace shows neither the end of a long value nor that of a key."""
    block = "-----BEGIN PRIVATE KEY-----\n" + "7Zq9\n" * 600 + "-----END PRIVATE KEY-----\n"
    for text in ("password=" + "7Zq9" * 20_000 + " end", block + "a word\n" * 5_000):
        shown = _text.last_of(text, LONGEST)
        assert "7Zq" not in shown
        assert len(shown) <= LONGEST
    assert _text.last_of("a word\n" * 50_000 + "end", LONGEST).endswith("end")
    assert _text.last_of("line 3, in load " + "x" * 99_999, LONGEST).startswith("line 3, in load")


# -- the hook


def test_the_hook_sees_texts_after_the_default_patterns() -> None:
    """The application's function gets each text without what the patterns have found."""
    seen: list[str] = []

    def hook(text: str) -> str:
        seen.append(text)
        return text.replace("Ann", "A.")

    _redaction.use_hook(hook)
    assert _text.name("Ann password=x") == "A. password=[redacted]"
    assert seen == ["Ann password=[redacted]"]
    _redaction.use_hook(None)
    assert _text.name("Ann") == "Ann"


def test_a_short_harmless_text_is_looked_at_once() -> None:
    """The name of an operation, made safe ten times, is redacted once; one with a secret never."""
    seen: list[str] = []

    def hook(text: str) -> str:
        seen.append(text)
        return text

    _redaction.use_hook(hook)
    for _ in range(3):
        _text.name("load")
        _text.name("password=x")
    assert seen == ["load", *["password=[redacted]"] * 3]


@pytest.mark.expects_problems
@pytest.mark.parametrize("returned", [None, 3, b"text"])
def test_a_hook_that_returns_no_text_hides_it(
    returned: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A stand-in takes the text's place, and one line in the log says why."""
    _redaction.use_hook(lambda _: returned)  # type: ignore[arg-type,return-value]  # what a hook must not
    assert _text.name("load") == _text.attribute("x" * 9_000) == "[redaction failed]"
    assert [r.getMessage().partition(" (at")[0] for r in caplog.records] == [
        "the redact hook: TypeError: [redaction failed]"
    ]


@pytest.mark.expects_problems
def test_a_hook_that_raises_hides_the_text(caplog: pytest.LogCaptureFixture) -> None:
    """Not even the line in the log quotes what the hook was given."""

    def hook(text: str) -> str:
        raise ValueError(text)

    _redaction.use_hook(hook)
    assert _text.name("hunter2") == "[redaction failed]"
    assert _text.name("hunter2 again") == "[redaction failed]"
    assert len(caplog.records) == 1
    assert "hunter2" not in caplog.text


# -- every way out


def _all_texts(span: ReadableSpan) -> list[str]:
    found = [span.name, span.status.description or ""]
    holders: list[Any] = [span.attributes, *(event.attributes for event in span.events)]
    for attributes in holders:
        for name, value in (attributes or {}).items():
            found += [name, *(map(str, value) if isinstance(value, tuple) else [str(value)])]
    return found


def test_no_secret_leaves_the_process(
    exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """Names, descriptions, postfixes, metrics, errors: not in spans, report, lines or our logs."""
    caplog.set_level(logging.DEBUG)
    reporter = taskspan.TaskReporter("id", "type", f"token={SECRET}")
    reporter.add_metric("api_key", SECRET)
    reporter.add_nested_metric("db", "password", SECRET)
    reporter.add_artifact("csv", f"s3://ann:{SECRET}@b/x.csv", metadata={"secret": [SECRET]})
    with (
        contextlib.suppress(ValueError),
        taskspan.task(
            f"run password={SECRET}", f"id password={SECRET}", logger=LOGGER, reporter=reporter
        ) as task,
        task.operation(f"load token={SECRET}", description=f"pwd={SECRET}") as op,
    ):
        op.update(1, {"password": SECRET, "url": f"x://a:{SECRET}@b"})
        op.metrics.update({"password": SECRET, "config": {"secret": SECRET}, "secret": [SECRET]})
        snapshot = op.operation.progress.snapshot()
        raise ValueError(f"no login with password={SECRET}")
    spans = exporter.get_finished_spans()
    assert len(spans) == 2
    assert not [text for span in spans for text in _all_texts(span) if SECRET in text]
    assert SECRET not in json.dumps(reporter.generate_report())
    assert SECRET not in reporter.summary()
    assert SECRET not in repr(snapshot)
    assert "password=[redacted]" in snapshot.postfix
    assert SECRET not in caplog.text


@pytest.mark.expects_problems
def test_our_own_lines_about_errors_are_redacted(caplog: pytest.LogCaptureFixture) -> None:
    """The message of an exception that telemetry swallowed is redacted before it is logged."""
    _guard.report("an exporter", ValueError(f"Authorization: Bearer {SECRET}"))
    assert "Authorization: [redacted]" in caplog.text


def test_a_key_of_several_lines_is_not_printed(
    exporter: InMemorySpanExporter, capsys: pytest.CaptureFixture[str]
) -> None:
    """A message on stderr is redacted as a whole, not line by line."""
    with taskspan.task("type", quiet=True) as task:
        task.log_error(f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----")
    assert SECRET not in capsys.readouterr().err
    assert exporter.get_finished_spans()


def test_a_report_hides_by_key_and_by_text() -> None:
    """Nested data keeps its form; the values of secrets are replaced, counts are not."""
    given_ = {"a": [{"password": "x", "tokens": 5}], "b": ("url u://a:x@h", 1), "secret": None}
    assert jsonable(given_) == {
        "a": [{"password": "[redacted]", "tokens": 5}],
        "b": ["url u://a:[redacted]@h", 1],
        "secret": None,
    }


# -- limits

_hostile_text = st.one_of(
    st.text(alphabet=st.characters(codec=None), max_size=50),
    st.builds(
        lambda text, times: text * times,
        st.text(alphabet=st.characters(codec=None), min_size=1, max_size=5),
        st.sampled_from([1, 500, 40_000]),
    ),
)
_hostile_value = st.one_of(
    _hostile_text,
    st.lists(_hostile_text, max_size=4),
    st.builds(lambda text: [text] * 128, _hostile_text),
    st.dictionaries(_hostile_text, _hostile_text, max_size=2),
    st.integers(),
    st.floats(),
    st.builds(lambda text: text.encode("utf-8", "replace"), _hostile_text),
)


def _length(value: object) -> int:
    return (
        sum(map(len, value))
        if isinstance(value, tuple) and value and isinstance(value[0], str)
        else len(str(value))
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_hostile_text, _hostile_text, _hostile_text, _hostile_value, _hostile_text)
def test_no_long_text_leaves_the_process(
    exporter: InMemorySpanExporter,
    name: str,
    task_id: str,
    description: str,
    value: object,
    error: str,
) -> None:
    """Whatever comes in, each text keeps to the limit of its kind, and can be encoded."""
    exporter.clear()
    cls = type(
        name.replace("\x00", "").encode("utf-8", "replace").decode() or "E", (Exception,), {}
    )
    with (
        contextlib.suppress(cls),
        taskspan.task(name or "x", task_id, quiet=True) as task,
        task.operation("x" + name, unit=name, description=description) as op,
    ):
        op.update(1, {name: value})
        op.metrics[name] = value
        op.metrics["file"] = value
        raise cls(error)
    for span in exporter.get_finished_spans():
        holders: list[Any] = [span.attributes, *(event.attributes for event in span.events)]
        for attributes in holders:
            for key, attribute in attributes.items():
                assert len(key) <= 300
                is_long = isinstance(attribute, tuple) or key == EXCEPTION_STACKTRACE
                assert _length(attribute) <= (LONGEST if is_long else 4096)
        for text in _all_texts(span):
            text.encode("utf-8")
        assert len(span.name) <= 200
        assert len(span.status.description or "") <= 4096
