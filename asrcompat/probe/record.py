"""What a probe saw, as JSON lines: each is whole or absent, so a process killed anywhere leaves a readable record."""

from __future__ import annotations

import datetime
import json
import os
import re
import traceback
from typing import Any, Dict, List

_TRACEBACK_LIMIT = 60_000
_MESSAGE_LIMIT = 4_000


class Record:
    """Appends events to one file; every event is a single write, flushed to the kernel at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def event(self, kind: str, /, **fields: Any) -> None:
        """Append one event of this kind."""
        line = json.dumps(dict(fields, event=kind), default=str) + "\n"
        os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def now() -> str:
    """UTC, to the millisecond, in ISO 8601."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


def describe_exception(error: BaseException) -> Dict[str, Any]:
    """Type, message, traceback and the chain of wrapped exceptions (outermost first) of `error`."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if len(text) > _TRACEBACK_LIMIT:
        half = _TRACEBACK_LIMIT // 2
        text = text[:half] + "\n[... cut ...]\n" + text[-half:]
    return {
        "exception": type_name(error),
        "message": _message(error),
        "traceback": text,
        "causes": ["%s: %s" % (type_name(link), _message(link)) for link in chain(error)],
    }


def chain(error: BaseException) -> List[BaseException]:
    """`error` and what it wraps or was raised while handling, outermost first."""
    links: List[BaseException] = []
    link: Any = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links


def type_name(error: BaseException) -> str:
    """The exception's name as a traceback prints it."""
    kind = type(error)
    return kind.__name__ if kind.__module__ in ("builtins", "__main__") else kind.__module__ + "." + kind.__qualname__


def without_numbers(text: str) -> str:
    """A message without what differs from one time to the next: numbers and addresses."""
    return re.sub(r"0x[0-9a-fA-F]+|\d+", "N", text)


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as broken:  # a package's own __str__ may raise
        text = "(no message: its __str__ raised %s)" % type(broken).__name__
    return text if len(text) <= _MESSAGE_LIMIT else text[:_MESSAGE_LIMIT] + " [...]"
