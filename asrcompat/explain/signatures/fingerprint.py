"""A failure that no entry of the catalogue matches: what makes two of them the same, and an entry to begin with.

The fingerprint is of the first cause: its type, its message without what changes from run to run, and the file and
function that raised it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from asrcompat.explain.signatures.facts import Facts

_VARYING = (
    (re.compile(r"https?://[^\s'\"]+"), "<url>"),
    (re.compile(r"(?<![\w.])(?:/|[A-Za-z]:\\)[^\s'\",:]+"), "<path>"),
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\b[0-9a-f]{16,}\b"), "<hash>"),
    (re.compile(r"\d+(?:\.\d+)*(?:e[+-]?\d+)?"), "<n>"),
)
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
    """An entry for the catalogue as TOML, matching what was seen and no more; cause and cures are a person's to add."""
    seen = fingerprint(facts)
    lines = [
        'title = ""',
        'cause = ""',
        'status = "reproduced"',
        'source = ["this project\'s own run"]',
        "",
        "[match]",
        f"stages = [{json.dumps(facts.stage.value)}]",
        f"exception = {json.dumps(re.escape(facts.innermost.exception))}",
    ]
    if facts.innermost.message:
        parts = re.split(r"<(?:url|path|address|hash|n)>", seen.message)
        pattern = ".*".join(map(re.escape, parts)).replace(r"\ ", r"\s+")
        lines.append(f"message = {json.dumps(pattern, ensure_ascii=False)}")
    if seen.file:
        lines.append(f"raised_in = {json.dumps(re.escape(seen.file))}")
    return "\n".join(lines) + "\n"
