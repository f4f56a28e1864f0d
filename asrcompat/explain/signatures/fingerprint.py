"""A failure that no entry of the catalogue matches: what makes two of them the same, and an entry to begin with.

The fingerprint is of the first cause (what was merely being handled is none): its type, its message without what
changes from run to run, and the file and function that raised it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from asrcompat.adapters import adapter
from asrcompat.explain.signatures.classify import matches
from asrcompat.explain.signatures.entry import Match
from asrcompat.explain.signatures.facts import Facts

_VARYING = (
    (re.compile(r"https?://[^\s'\"]+"), "<url>"),
    (re.compile(r"(?<![\w.])(?:/|[A-Za-z]:\\)[^\s'\",:]+"), "<path>"),
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\b[0-9a-f]{16,}\b"), "<hash>"),
    (re.compile(r"\d+(?:\.\d+)*(?:e[+-]?\d+)?"), "<n>"),
)
_VARIES = {
    "<url>": r"\S+",
    "<path>": r"\S+",
    "<address>": "0x[0-9a-fA-F]+",
    "<hash>": "[0-9a-f]+",
    "<n>": r"\d[\d.e+-]*",
}
_MESSAGE_LENGTH = 300
_CUT = re.compile(r"<[a-z]*$")  # half a name is none


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Equal for failures that are taken to be the same."""

    exception: str
    message: str
    file: str
    function: str
    built: str = ""

    @property
    def package(self) -> str | None:
        """The package that raised it, or the one that does not build."""
        return self.built or self.file.partition("/")[0].removesuffix(".py") or None


def normalised(message: str) -> str:
    """A message without addresses, paths and numbers, on one line."""
    text = " ".join(message.split())
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return text if len(text) <= _MESSAGE_LENGTH else _CUT.sub("", text[:_MESSAGE_LENGTH])


def fingerprint(facts: Facts) -> Fingerprint:
    """The fingerprint of a failure's first cause."""
    frame = facts.raised_in
    return Fingerprint(
        exception=facts.innermost.exception,
        message=normalised(facts.innermost.message),
        file="" if frame is None else frame.file,
        function="" if frame is None else frame.function,
        built=facts.built or "",
    )


def draft_entry(facts: Facts) -> str:
    """An entry for the catalogue as TOML, matching what was seen and no more; cause and cures are a person's to add.

    One that would not be read, or that would not match what it was drafted from, says so.
    """
    match = _match(facts)
    lines = ['title = ""', 'cause = ""', 'status = "reproduced"', 'source = ["this project\'s own run"]', "", "[match]"]
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in match.items()]
    if not _is_right(match, facts):
        lines.insert(0, "# drafted, but this does not match the failure: mend [match] by the traceback")
    return "\n".join(lines) + "\n"


def _match(facts: Facts) -> dict[str, Any]:
    inner, frame = facts.innermost, facts.raised_in
    told: dict[str, Any] = {"stages": [facts.stage.value]}
    if inner.exception:
        told["exception"] = re.escape(inner.exception)
    if facts.conflict is None:
        told["message"] = _pattern(inner.message)
    if frame is not None:
        told["raised_in" if frame == inner.raised_in else "through"] = re.escape(frame.file)
    if facts.package is not None:
        told["package"] = facts.package
    if asked_by := sorted(name for name in facts.askers if "environment" not in name.split()):
        told["asked_by"] = asked_by
    return told


def _pattern(message: str) -> str:
    """A message's pattern: all of it, with what varies left open; the pattern of no message is of none."""
    text = normalised(message)
    parts = [part for part in re.split(r"(<[a-z]+>)", text) if part]
    pattern = "".join(_VARIES.get(part) or re.escape(part).replace(r"\ ", r"\s+") for part in parts)
    whole = len(text) < _MESSAGE_LENGTH - len("<address>")  # nor is half a name cut off
    return f"^{pattern}$" if whole else f"^{pattern}"


def _is_right(match: Mapping[str, Any], facts: Facts) -> bool:
    try:
        return matches(adapter(Match).validate_json(json.dumps(match)), facts)
    except ValidationError:
        return False
