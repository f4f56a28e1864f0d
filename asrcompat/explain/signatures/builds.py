"""What a failed build says of itself, in uv's words: which distribution, and what ended its build."""

from __future__ import annotations

import re

# "Failed to build `s3prl==0.3.4`"; older words name a download or a file.
_BUILT = re.compile(r"Failed to (?:build|prepare|download and build)[^`\n]*`(?P<name>[A-Za-z0-9][\w.-]*)")
_RAISED = re.compile(r"^\s*(?P<exception>(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt))(?:: (?P<message>.*))?$")
# what a compiler, CMake or a shell says where no exception tells more
_COMPLAINT = re.compile(r"^\s*(?:.*: )?(?:fatal )?error: (?P<message>.+)$", re.IGNORECASE)


def built(text: str) -> str | None:
    """The distribution whose build failed; None where the text does not tell."""
    found = _BUILT.search(text)
    return None if found is None else found["name"]


def ended_by(text: str) -> tuple[str, str] | None:
    """Exception and message that ended the build: the last one raised, else the last complaint of a tool."""
    lines = [line for line in text.splitlines() if not line.startswith("error: Failed to")]
    for pattern in (_RAISED, _COMPLAINT):
        for line in reversed(lines):
            if (found := pattern.match(line)) is not None:
                return found.groupdict().get("exception") or "BuildComplaint", (found["message"] or "").strip()
    return None
