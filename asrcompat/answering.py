"""Answers for programs: with ``--json`` standard output holds one JSON text, all else that is said goes to stderr.

By one place and not by every command's care: a line of progress that a program finds before the JSON breaks it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from typing import Any, TextIO

from asrcompat.run.console import is_unicode
from asrcompat.run.scrub import encodable

_STDOUT: ContextVar[TextIO | None] = ContextVar("_STDOUT", default=None)


@contextmanager
def for_programs(*, wanted: bool) -> Iterator[None]:
    """Where a program reads, let `answer` alone write to standard output while what is inside of the context runs."""
    if not wanted:
        yield
        return
    token = _STDOUT.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _STDOUT.reset(token)


def answer(told: Mapping[str, Any] | str) -> None:
    """Print what a program reads: data, or a text that is JSON already."""
    text = told if isinstance(told, str) else json.dumps(told, indent=1, ensure_ascii=False)
    out = _STDOUT.get() or sys.stdout
    if not is_unicode(out.encoding or "utf-8"):
        text = json.dumps(json.loads(text), indent=1)  # JSON has its own way to write what that encoding lacks
    print(encodable(text).rstrip("\n"), file=out, flush=True)
