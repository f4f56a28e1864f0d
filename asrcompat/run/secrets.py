"""Tokens and passwords have no business in results, logs and on screens, whoever printed them."""

from __future__ import annotations

import os
import re

MASK = "***"

# Forms by which services' tokens are known: Hugging Face, GitHub, PyPI, Slack, AWS, JSON web tokens. Each is looked for
# in text of any length, so none may look ahead without bounds.
_TOKENS = re.compile(
    r"\bhf_[A-Za-z0-9]{34}\b|\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_\w{20,255}|\bglpat-[\w-]{20,64}|"
    r"\bpypi-Ag[\w-]{16,512}|\bxox[abprs]-[\w-]{10,128}|\bAKIA[0-9A-Z]{16}\b|\bsk-[A-Za-z0-9_-]{32,200}|"
    r"\beyJ[\w-]{10,2048}\.[\w-]{10,4096}\.[\w-]{10,1024}"
)
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s\"'`]{1,512}@")
_IN_QUERY = re.compile(r"(?i)([?&](?:access_|auth_|api_?)?(?:token|key|password|signature)=)[^&\s\"'`]{4,2048}")
_AUTHORISATION = re.compile(
    r"(?i)(authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:bearer|basic|token)\s{1,4})[^\s\"']{4,4096}"
)
_NAMES_A_SECRET = re.compile(
    r"(?i)(?:^|_)(?:token|secret|password|passwd|credentials?|(?:api|private|access|secret)_?key)(?:_|$)"
)
_SHORTEST = 8  # a shorter value may be anybody's word
_ANYBODYS = re.compile(r"[a-z]+|[A-Z]+|[\d.]+|[a-z]+\d[\w.-]{0,4}|[~./].*")  # words, numbers, names of models, paths


def without_secrets(text: str) -> str:
    """The text with a mark for each token, and for each value that a variable of ours holds under a telling name."""
    for value in _of_our_variables():
        text = text.replace(value, MASK)
    text = _AUTHORISATION.sub(rf"\g<1>{MASK}", text)
    text = _IN_QUERY.sub(rf"\g<1>{MASK}", text)
    return _IN_ADDRESS.sub(f"{MASK}@", _TOKENS.sub(MASK, text))


def _is_secret(value: str) -> bool:
    return len(value) >= _SHORTEST and _ANYBODYS.fullmatch(value) is None


def _of_our_variables() -> list[str]:
    """The longest first: one may begin with another."""
    found = {value for name, value in os.environ.items() if _NAMES_A_SECRET.search(name) and _is_secret(value)}
    return sorted(found, key=len, reverse=True)
