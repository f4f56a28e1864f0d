"""Answers for programs: with ``--json`` standard output holds one JSON text, all else that is said goes to stderr.

By one place and not by every command's care: a line of progress that a program finds before the JSON breaks it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from typing import Any, TextIO

from asrcompat.run.scrub import encodable

_FOREIGN = re.compile(r"[^\x00-\x7e]+")
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
    """Print what a program reads: data, or a text that is JSON already.

    In ASCII: standard output may be a terminal too, which what packages say must not move.
    """
    text = told if isinstance(told, str) else json.dumps(told, indent=1, ensure_ascii=False)
    # outside of strings, which know escapes, JSON is ASCII
    plain = _FOREIGN.sub(lambda found: json.dumps(found[0])[1:-1], encodable(text))
    print(plain.rstrip("\n"), file=_STDOUT.get() or sys.stdout, flush=True)
