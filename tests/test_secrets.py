"""Which texts hold a secret, and which only look like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskspan._redaction import hides, redacted
from taskspan._secret_hints import STAND_IN
from taskspan._secret_names import Sensitivity, sensitivity

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
BLOCK = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nhunter2\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2", "password=*"),
        ("password: hunter2", "password: *"),
        ("Password = hunter2", "Password = *"),
        ('{"password": "hunter2", "user": "ann"}', '{"password": "*", "user": "ann"}'),
        ("{'db_password': 'hunter2'}", "{'db_password': '*'}"),
        (r"{\"password\": \"hunter2\"}", r"{\"password\": \"*\"}"),
        (r'password="hun\"ter2" x', 'password="*" x'),
        ("password=12345", "password=*"),
        ("password=hun,ter2", "password=*"),
        ("password=hun)ter2, user=ann", "password=*, user=ann"),
        (
            "passwd=a passphrase=b PGPASSWORD=c DB_PASSWORD=d",
            "passwd=* passphrase=* PGPASSWORD=* DB_PASSWORD=*",
        ),
        ("Server=x;Password=hunter2;Timeout=3", "Server=x;Password=*;Timeout=3"),
        ("AccountName=a;AccountKey=Zm9vYmFy==;", "AccountName=a;AccountKey=*;"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = *"),
        ("apiKey: hunter2", "apiKey: *"),
        ("X-Api-Key: hunter2", "X-Api-Key: *"),
        ("API key: hunter2", "API key: *"),
        ("client_secret=hunter2", "client_secret=*"),
        ("private_key: hunter2", "private_key: *"),
        ("credentials=hunter2", "credentials=*"),
        ("session_id=hunter2", "session_id=*"),
        ("passwords=['a', 'b'] n=3", "passwords=* n=3"),
        ("access_token => hunter2", "access_token => *"),
        ("?access_token=hunter2&user=ann", "?access_token=*&user=ann"),
        ('os.environ["DB_PASSWORD"] = "hunter2"', 'os.environ["DB_PASSWORD"] = "*"'),
        ("mysql --password hunter2 -h db", "mysql --password * -h db"),
        ("mysql --password=hunter2 -h db", "mysql --password=* -h db"),
        ("['mysql', '--password', 'hunter2']", "['mysql', '--password', '*']"),
        ("Cookie: a=hunter2; b=hunter2\nHost: x", "Cookie: *\nHost: x"),
        ("Authorization: Bearer hunter2", "Authorization: *"),
        ("Authorization: Digest username=ann, response=hunter2", "Authorization: *"),
        ("curl failed: Bearer hunter2hunter2", "curl failed: Bearer *"),
        ("Basic YW5uOmh1bnRlcg==", "Basic *"),
        ("postgres://ann:hunter2@db:5432/x", "postgres://ann:*@db:5432/x"),
        ("postgres://ann:hun@ter/2@db/x", "postgres://ann:*@db/x"),
        ("redis://:hunter2@cache", "redis://:*@cache"),
        ("https://0123456789abcdef0123@github.com/a.git", "https://*@github.com/a.git"),
        ("id AKIAIOSFODNN7EXAMPLE used", "id * used"),
        ("ghp_0123456789abcdefghij0123456789abcdef", "*"),
        ("github_pat_11ABCDEFG0123456789_abcdef", "*"),
        ("xoxb-1234567890-abcdef", "*"),
        ("AIzaSyA0123456789abcdefghijklmnopqrstuv", "*"),
        ("sk-proj-0123456789ABCDEFabcdef", "*"),
        (f"got {JWT} back", "got * back"),
        (f"key:\n{BLOCK}\nend", "key:\n*\nend"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA", "*"),
    ],
)
def test_a_secret_is_replaced_and_its_name_stays(text: str, shown: str) -> None:
    """Known shapes, and values behind the names of secrets, are replaced; the rest stays."""
    assert redacted(text) == shown.replace("*", STAND_IN)


@pytest.mark.parametrize(
    "text",
    [
        "tokens=512",
        "tokens: 1,234/2,000",
        "tokens=[1, 2, 3]",
        "token_count=3",
        "tokens_per_second=512.3",
        "max_tokens: 5",
        "token: expired",
        "token_type=bearer",
        "tokenizer=gpt2",
        "unexpected token",
        "keys=10",
        "key=a.csv",
        "primary_key=id",
        "keyboard: qwerty",
        "monkey=banana",
        "secretary=Ann",
        "secret_name=prod/db",
        "session=3",
        "sessions: 12%",
        "cookies=5",
        "pass=2",
        "passed: 3, passengers=12",
        "PWD=/home/ann",
        "loss=0.3",
        "password=None",
        'password: ""',
        "password=***",
        "def f(password: str) -> None:",
        "    token = get_token(x)",
        '    password = os.environ["PASSWORD"]',
        "    self.password = self.password",
        "KeyError: 'password'",
        "TokenError: bad token at line 3",
        'File "/srv/secrets.py", line 3, in token',
        "/data/tokens/2026-11-23.csv",
        "https://host:8080/a@b",
        "http://example.com/a?x=1&y=2",
        "ssh://git@github.com/a.git",
        "Basic configuration loaded",
        "bearer of bad news",
        "sk-learn-model-comparison-run",
        "task-sk-1 eyJ AKIA",
        "12:30:45",
        "file=part-00042-c000.snappy.parquet",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_an_ordinary_text_stays(text: str) -> None:
    """Counts, states, code, file names, URLs and words that resemble secrets are kept."""
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("DB_PASSWORD", Sensitivity.ALL),
        ("apiKey", Sensitivity.ALL),
        ("APIKey", Sensitivity.ALL),
        ("aws.secret-access_key", Sensitivity.ALL),
        ("x" * 10_000 + "_password", Sensitivity.ALL),
        ("token", Sensitivity.TEXT),
        ("api_keys", Sensitivity.TEXT),
        ("token_count", None),
        ("key", None),
        ("", None),
        ("123", None),
    ],
)
def test_a_name_tells_what_it_names(name: str, hidden: Sensitivity | None) -> None:
    """Words count, however they are joined; what ends in `count` or the like is none."""
    assert sensitivity(name) is hidden


@pytest.mark.parametrize(
    ("name", "value", "hidden"),
    [
        ("password", "hunter2", True),
        ("password", 12345, True),
        ("password", b"hunter2", True),
        ("passwords", ["a", "b"], True),
        ("token", "abc123", True),
        ("token", 512, False),
        ("tokens", [1, 2], False),
        ("tokens", 0.5, False),
        ("password", None, False),
        ("has_password", True, False),
        ("credentials", {"user": "ann", "password": "x"}, False),
        ("file", "a.csv", False),
    ],
)
def test_a_key_tells_whether_its_value_is_a_secret(name: str, value: object, hidden: bool) -> None:
    """Under the key of a secret a text is hidden; a count and a mapping are not."""
    assert hides(name, value) is hidden


# -- whatever comes in

_PIECES = r"""password token key = : => -- " ' \ , ; & ( ) [ ] { } @ :// Bearer Basic eyJ . / x 12
None AKIAIOSFODNN7EXAMPLE ghp_0123456789abcdefghij -----BEGIN hunter2 [redacted] Cookie"""
_hostile = st.lists(
    st.one_of(st.sampled_from([*_PIECES.split(), " ", "\n"]), st.text(max_size=3)), max_size=30
).map("".join)


@given(_hostile)
def test_a_second_pass_finds_nothing_new(text: str) -> None:
    """What was redacted once stays as it is: a report may be read from what a span has."""
    once = redacted(text)
    assert redacted(once) == once


@given(_hostile)
def test_a_text_grows_by_little(text: str) -> None:
    """A short secret makes room for a longer stand-in, and nothing else grows."""
    assert len(redacted(text)) <= (1 + len(STAND_IN)) * len(text)


@given(
    st.sampled_from(["password=%s", '{"api_key": "%s"}', "--token %s -x", "u://ann:%s@h"]),
    st.text(alphabet="abcXYZ019!#$%^*-_+~.", min_size=8, max_size=40),
)
def test_no_part_of_a_secret_is_left(form: str, secret: str) -> None:
    """Whatever a secret is made of, it is gone as a whole."""
    text = form % f"1a{secret}Z"
    assert secret not in redacted(text)


@pytest.mark.parametrize(
    "piece",
    ["password=self.", "token=get_token(", "://a:", "eyJa.", "--token ", "passwordpassword\\"],
)
def test_half_a_megabyte_of_almost_secrets_is_read_once(piece: str) -> None:
    """No text makes the patterns go back and forth: that would take hours, and is cut off."""
    text = piece * (500_000 // len(piece))
    assert len(redacted(text)) < 12 * len(text)
