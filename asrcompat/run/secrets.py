"""Tokens and passwords have no business in results, logs and on screens, whoever printed them."""

from __future__ import annotations

import os
import re

MASK = "***"

# Forms by which services' tokens are known: Hugging Face, GitHub, PyPI, Slack, AWS, JSON web tokens. Each is looked for
# in text of any length, so none may look ahead without bounds.
_TOKENS = re.compile(
    r"\bhf_[A-Za-z0-9]{16,128}|\bgh[pousr]_[A-Za-z0-9]{20,255}|\bgithub_pat_\w{20,255}|\bpypi-Ag[\w-]{16,512}|"
    r"\bxox[abprs]-[\w-]{10,128}|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{10,2048}\.[\w-]{10,4096}\.[\w-]{10,1024}"
)
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@:]{1,256}(?::[^/\s@]{0,256})?@")
_AUTHORISATION = re.compile(
    r"(?i)(authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:bearer|basic|token)\s{1,4})[^\s\"']{4,4096}"
)
_NAMES_A_SECRET = re.compile(r"(?i)token|secret|passw|credential|api_?key|private_?key")
_SHORTEST = 8  # a shorter value may be anybody's word


def without_secrets(text: str) -> str:
    """The text with a mark for each token, and for each value that a variable of ours holds under a telling name."""
    for value in _of_our_variables():
        text = text.replace(value, MASK)
    text = _AUTHORISATION.sub(rf"\g<1>{MASK}", text)
    return _IN_ADDRESS.sub(f"{MASK}@", _TOKENS.sub(MASK, text))


def _of_our_variables() -> list[str]:
    """The longest first: one may begin with another."""
    found = {value for name, value in os.environ.items() if _NAMES_A_SECRET.search(name) and len(value) >= _SHORTEST}
    return sorted(found, key=len, reverse=True)
