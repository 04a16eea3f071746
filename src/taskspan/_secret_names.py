"""Tells by its name whether a value is a secret; pure.

Chosen after what detect-secrets (its `keyword` plugin) and logfire (its default patterns) look
for, with one difference: here a progress text is the rule and a secret the exception, so that
`tokens=512` and `token_count=3` stay.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final


class Sensitivity(Enum):
    """What is hidden under a name."""

    TEXT = 1
    """Texts; a number is a count: `token`, `tokens`, `session`."""

    ALL = 2
    """Whatever it is: `password`, `api_key`."""


NAME_LIMIT: Final = 200
"""Characters of a name that are looked at, the last ones."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# `aws_secretAccessKey` is aws, secret, Access, Key; `APIKey` is API, Key.
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_ENDS_OF_SECRETS: Final = ("password", "passwd", "passphrase", "passcode", "secret")
_SECRETS: Final = _words(
    "pwd apikey accesskey secretkey privatekey authkey dbpass userpass sshpass"
)
_KINDS_OF_SECRET_KEY: Final = _words(
    "access api auth encryption hmac master private secret signing"
)
_KINDS_OF_SECRET_PASS: Final = _words(
    "admin db database ftp login mysql pg postgres proxy redis root smtp ssh user"
)
_ENDS_OF_TEXTS: Final = ("token", "tokens", "secrets", "passwords", "cookie", "cookies")
_TEXTS: Final = _words("""
    apikeys authorization bearer credential credentials creds csrf jsessionid jwt passwds
    phpsessid session sessionid sessions xsrf
    """)
_KINDS_OF_TEXT_KEY: Final = _words("account session shared ssh storage")

# A name that ends in one of these tells something about a secret, and not the secret.
_HARMLESS_ENDS: Final = _words("""
    accuracy age algorithm at budget cache class column columns count counts csv dir enabled
    endpoint error errors exception expired expiration expires expiry failed failure field file
    filename format go handler header host html in index invalid java js json kind len length
    limit loss manager md missing ms name names num number offset path per policy position
    prefix provider py rate ratio required rs scheme score sec second seconds service size
    step steps store timeout toml total ts ttl txt type uri url usage used version warning
    yaml yml
    """)


def sensitivity(name: str) -> Sensitivity | None:
    """Return what is hidden under a name, however it is spelled: `DB_PASSWORD`, `apiKey`.

    `None` for `loss`, `key`, `token_count`: nothing is.
    """
    return _of(name[-NAME_LIMIT:])


@lru_cache(maxsize=1024)  # the names of metrics and of a postfix come again and again
def _of(name: str) -> Sensitivity | None:
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _HARMLESS_ENDS:
        return None
    found = None
    for before, word in zip(["", *words], words, strict=False):
        if _is_secret(before, word):
            return Sensitivity.ALL
        if _is_text(before, word):
            found = Sensitivity.TEXT
    return found


def _is_secret(before: str, word: str) -> bool:
    return (
        word.endswith(_ENDS_OF_SECRETS)
        or word in _SECRETS
        or (word == "key" and before in _KINDS_OF_SECRET_KEY)
        or (word == "pass" and before in _KINDS_OF_SECRET_PASS)
    )


def _is_text(before: str, word: str) -> bool:
    if word.endswith(_ENDS_OF_TEXTS) or word in _TEXTS:
        return True
    is_kind = before in _KINDS_OF_TEXT_KEY or before in _KINDS_OF_SECRET_KEY
    return is_kind and word in ("key", "keys")
