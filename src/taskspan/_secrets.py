"""Finds secrets in texts by their shape, and by the name in front of them; pure.

Linear in the length of the text, whatever the text: a pattern either starts where nothing of
its kind can stand before it, or looks at a bounded number of characters; what is found is
stepped over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from taskspan._secret_hints import NAMES, STAND_IN
from taskspan._secret_names import NAME_LIMIT, Sensitivity, sensitivity


def without_secrets(text: str) -> str:
    """Return the text with each secret that it shows replaced; the text itself if none."""
    text = _BLOCK.sub(STAND_IN, text) if "-----BEGIN" in text else text
    return _without_shapes(_without_named(text))


# -- secrets that their shape gives away

_BLOCK: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
# User and password of a URL, up to the last @ of the word: a password may hold one. Digits and a
# slash are a port.
_USER_INFO: Final = re.compile(
    r"""(?<=://)([^\s/?\#@:"'<>]{0,256}):(?!\d{1,5}(?:[/?\#\s"',;)]|\Z))[^\s"'<>]{1,1024}@"""
)
_TOKEN_AS_USER: Final = re.compile(r"""(?<=://)[^\s/?\#@:"'<>]{16,1024}@""")
_SCHEME: Final = re.compile(r"\b(bearer|basic)([ \t]{1,4})([a-z0-9+/_.~=-]{8,})", re.IGNORECASE)
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS access key id
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[\w-]{16,}"
    r"|xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}"  # Slack
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}"  # Google
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"  # Stripe
    r"|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{50,}"
    r"|sk-(?=[\w-]{0,200}[A-Z])(?=[\w-]{0,200}\d)[\w-]{20,}"  # OpenAI, Anthropic and alike
    r"|eyJ[\w-]{10,}(?:(?:\.[\w-]*){1,4}|\Z)"  # JWT: the base64 of `{"` and what follows
    r")"
)


def _without_shapes(text: str) -> str:
    if "://" in text and "@" in text:
        text = _USER_INFO.sub(rf"\1:{STAND_IN}@", text)
        text = _TOKEN_AS_USER.sub(f"{STAND_IN}@", text)
    text = _SCHEME.sub(_without_credentials, text)
    return _TOKEN.sub(STAND_IN, text)


def _without_credentials(match: re.Match[str]) -> str:
    """Return `Bearer [redacted]`; `basic configuration` as it is."""
    scheme, gap, word = match.groups()
    if not (word.islower() or word.istitle() or word.isupper()) or not word.isalpha():
        return f"{scheme}{gap}{STAND_IN}"
    return f"{scheme}{gap}{STAND_IN}" if len(word) > _LONGEST_WORD else match.group()


_LONGEST_WORD: Final = 20

# -- secrets with a name in front of them: password=…, "api_key": "…", --token …

_NAME_CHARACTERS: Final = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"  # as [\w.-] has them
)
_NAMED: Final = re.compile(
    rf"(?:{'|'.join(NAMES)})[\w.-]{{0,64}}"
    r"(?P<mark>"
    r"""\\{0,4}["']?\]?[ \t]{0,8}(?:=>|:=|={1,2}|:(?!//))[ \t]{0,8}"""
    r"""|["']?,?[ \t]{1,4}"""  # of a command line, as text or as a list
    r")",
    re.IGNORECASE,
)
# A delimiter belongs to the value unless a blank, the end or another name follows.
_DELIMITER: Final = r"""[,;&)\]}"'<>`|]"""
_CHARACTER: Final = (
    r"""(?:[^\s,;&)\]}"'<>`|]"""
    rf"""|{_DELIMITER}(?!{_DELIMITER}{{0,8}}(?:\s|\Z)|["']?[\w.-]{{1,64}}["']?[=:]))"""
)
_SCHEME_OF_HEADER: Final = r"(?:(?:bearer|basic|token|apikey|negotiate|ntlm)[ \t]{1,4})?"
_HEADER: Final = re.compile(r"(?:digest|oauth|aws4-hmac-sha256)[ \t][^\r\n]*", re.IGNORECASE)
_BARE: Final = re.compile(rf"{_SCHEME_OF_HEADER}(?:\[[^\]\n]*\]?)?{_CHARACTER}*", re.IGNORECASE)
_OPENING: Final = re.compile(r"""[bru]{0,2}(\\{0,4})(["'])""", re.IGNORECASE)
# What stands between quotes; between escaped quotes, as of JSON inside JSON.
_QUOTED: Final = {
    ('"', False): re.compile(r'(?:[^"\\\n]|\\.)*'),
    ("'", False): re.compile(r"(?:[^'\\\n]|\\.)*"),
    ('"', True): re.compile(r'[^"\\\n]*'),
    ("'", True): re.compile(r"[^'\\\n]*"),
}
_CONTAINER: Final = re.compile(r"""\{\s{0,8}(?:\\{0,4}["'}]|\Z)""")
# A line of source in a traceback: `token = get_token()`, `password=os.environ["X"]`.
_CODE: Final = re.compile(
    r"(?:[a-z]{1,40}[._][a-z._]{1,40}|config|environ|getenv|getpass|input|params|settings|str)"
    r"[(\[]|(?:self|cls)\.[a-z_]{1,64}\b"
)
_REST_OF_LINE: Final = re.compile(r"[^\r\n]*")


def _without_named(text: str) -> str:
    parts: list[str] = []
    written = position = 0
    while (match := _NAMED.search(text, position)) is not None:
        position = match.end()
        span = _secret_behind(text, match)
        if span is not None:
            parts += (text[written : span[0]], STAND_IN)
            written = position = span[1]
    return "".join((*parts, text[written:])) if parts else text


def _secret_behind(text: str, match: re.Match[str]) -> tuple[int, int] | None:
    """Return where the value behind a name lies, if it is a secret."""
    name = _name_before(text, match)
    hidden = sensitivity(name)
    if hidden is None:
        return None
    is_option = not set(match["mark"]) & set("=:")
    if is_option and not name.startswith("--"):
        return None
    span = _value_at(text, match.end(), name)
    return None if _is_harmless(text[span[0] : span[1]], name, hidden) else span


def _name_before(text: str, match: re.Match[str]) -> str:
    """Return the whole name: what is found is its last part, and `API key` has a blank."""
    head = text[max(0, match.start() - NAME_LIMIT) : match.start()]
    start = head.rstrip(_NAME_CHARACTERS)
    name = head[len(start) :] + text[match.start() : match.start("mark")]
    if name.lower() in ("key", "keys", "pass") and start.endswith(" "):
        start = start[:-1]
        name = f"{start[len(start.rstrip(_NAME_CHARACTERS)) :]} {name}"
    return name


def _value_at(text: str, start: int, name: str) -> tuple[int, int]:
    opening = _OPENING.match(text, start)
    if opening is not None:
        content = _QUOTED[opening[2], bool(opening[1])].match(text, opening.end())
        return opening.end(), opening.end() if content is None else content.end()
    # Told by their start, so that nothing is read twice; the names inside may tell more.
    # `PWD=/home/ann` is the shell's working directory.
    is_directory = name.lower().endswith("pwd") and text.startswith(("/", "~"), start)
    if is_directory or _CONTAINER.match(text, start) or _CODE.match(text, start):
        return start, start
    is_cookie = name.lower().endswith("cookie") and text[start - 2 : start] == ": "
    pattern = _REST_OF_LINE if is_cookie else _HEADER
    value = pattern.match(text, start) or _BARE.match(text, start)
    return start, start if value is None else value.end()


# -- values that are none


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NUMBER: Final = re.compile(
    r"[-+~]?\d[\d.,_/:]{0,15}(?:e[-+]?\d{1,3})?[ ]?"
    r"(?:%|[kmgt]i?b?|[mµun]?s|b|it|tok)?(?:/(?:s|it|[kmgt]?))?[.,;:)\]]?",
    re.IGNORECASE,
)
_NUMBERS: Final = re.compile(r"[\[(]?[-+\d.,eE \t_]*[\])]?[.,;]?")
_MASK: Final = re.compile(r"[*•.…]{1,64}|x{3,64}|<[a-z _-]{1,40}>")
_NOTHING: Final = _words(f"""
    {STAND_IN} none null nil true false yes no undefined unset empty str bytes int float bool
    optional secretstr string
    """)
_STATES: Final = _words("""
    accepted active cancelled closed created denied done expired expiring failed found granted
    invalid loaded loading locked lost missing new ok open opened optional refreshed refreshing
    rejected renewed required restored resumed revoked rotated started starting stopped timeout
    unauthorized unknown updated valid verified
    """)
_PUNCTUATION: Final = " \t.,;:)]}"


def _is_harmless(value: str, name: str, hidden: Sensitivity) -> bool:
    """Whether a value under the name of a secret is none: a count, a state, a piece of code."""
    short = value[:64]
    word = short.rstrip(_PUNCTUATION).lower() if not short.startswith("[") else short.lower()
    if not word or (len(value) <= len(short) and (word in _NOTHING or _MASK.fullmatch(word))):
        return True
    if hidden is Sensitivity.TEXT and (
        word in _STATES or _NUMBER.fullmatch(value) or _NUMBERS.fullmatch(value)
    ):
        return True
    return value == name


# -- secrets whose name is a key of a mapping


def hides(name: str, value: object) -> bool:
    """Whether the value under a key is a secret as a whole: `{"password": "hunter2"}`.

    A mapping is not: the names inside it tell more.
    """
    hidden = sensitivity(name)
    if hidden is None or value is None or isinstance(value, (bool, Mapping)):
        return False
    if isinstance(value, (int, float)):
        return hidden is Sensitivity.ALL
    if isinstance(value, str):
        return not _is_harmless(value, name, hidden)
    if isinstance(value, (list, tuple, AbstractSet)):
        are_numbers = all(isinstance(item, (int, float)) for item in value)
        return bool(value) and not (are_numbers and hidden is Sensitivity.TEXT)
    return True
