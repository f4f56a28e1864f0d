"""Every published form in a folder, each whole or not touched.

All forms are made before the first is written, and each is written aside, flushed to the disk and
renamed: a fault in one form or a full disk leaves the last report as it was, and nobody ever reads half a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from typing import TYPE_CHECKING

from asrcompat.report.badge import badge
from asrcompat.report.check import verify
from asrcompat.report.junit import junit
from asrcompat.report.render import html, markdown_pages
from asrcompat.result_files import dump

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from asrcompat.model import Results


def publish(results: Results, folder: Path) -> tuple[Path, ...]:
    """Write every form of `results` into `folder`; the locks beside them are the caller's, and are there already.

    Raises `HarnessError`, and writes nothing, where the results contradict themselves.
    """
    verify(results)
    forms = {
        "results.json": results_json(results),
        **markdown_pages(results),
        "index.html": html(results, _locks(results, folder)),
        "junit.xml": '<?xml version="1.0" encoding="utf-8"?>\n' + junit(results),
        "badge.json": badge(results),
    }
    folder.mkdir(parents=True, exist_ok=True)
    _replace_all(folder, forms)
    return tuple(folder / name for name in forms)


def _locks(results: Results, folder: Path) -> dict[str, str]:
    """The locks that lie in the folder, by their names; what a lock's name says outside of it is no lock."""
    found = {}
    for name in (one.lock for one in results.environments):
        if name is not None and (folder / name).resolve().is_relative_to(folder.resolve()):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found[name] = (folder / name).read_text(encoding="utf-8")
    return found


def results_json(results: Results) -> str:
    """Write ``results.json`` so that any reader takes it: strict JSON, and text that UTF-8 can hold.

    A loss that became NaN is null here (its check's message tells it), since JSON has no such number. Lines keep a diff
    readable; a deeper indent alone would be a tenth of the file.
    """
    value = json.loads(dump(results), parse_constant=lambda _: None)
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # A lone surrogate is what is left of a byte that was no text.
    return text.encode("utf-8", "replace").decode("utf-8")


def _replace_all(folder: Path, forms: Mapping[str, str]) -> None:
    aside = {name: folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}" for name in forms}
    try:
        for name, text in forms.items():
            with aside[name].open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
        for name in forms:
            aside[name].replace(folder / name)
    finally:
        for path in aside.values():
            path.unlink(missing_ok=True)
    _sync(folder)


def _sync(folder: Path) -> None:
    # A rename is safe only once its folder is; some file systems cannot flush a folder, and need not.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
