"""Every published form in a folder, each whole or not touched.

All forms are made before the first is written, and each is written aside, flushed to the disk and
renamed: a fault in one form or a full disk leaves the last report as it was, and nobody ever reads half a file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
from typing import TYPE_CHECKING

from asrcompat.report.badge import badge
from asrcompat.report.check import verify
from asrcompat.report.junit import junit
from asrcompat.report.pages import MARK, ours
from asrcompat.report.render import markdown_pages
from asrcompat.report.site import site

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from asrcompat.explain.since import History
    from asrcompat.model import Results


def publish(
    results: Results, folder: Path, *, history: History | None = None, beside: Mapping[str, str] | None = None
) -> tuple[Path, ...]:
    """Write every form of `results` into `folder`; the locks (written first) and the `history` are the caller's.

    `beside` are the addresses, from the folder, of reports published with this one, by their profiles. Pages of
    an earlier report that this one does not have are removed. Raises `HarnessError`, and writes nothing, where the
    results contradict themselves.
    """
    verify(results)
    forms = {
        "results.json": results_json(results),
        **markdown_pages(results),
        **site(results, history, beside, _locks(results, folder)),
        "junit.xml": '<?xml version="1.0" encoding="utf-8"?>\n' + junit(results),
        "badge.json": badge(results),
    }
    folder.mkdir(parents=True, exist_ok=True)
    _replace_all(folder, forms)
    for page in _stale(folder, forms):
        page.unlink(missing_ok=True)
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
    value = json.loads(json.dumps(dataclasses.asdict(results)), parse_constant=lambda _: None)
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


def _stale(folder: Path, forms: Collection[str]) -> list[Path]:
    """The pages that an earlier report left: they are called as ours are, and begin as ours do (`pages.ours`)."""
    others = [file for file in folder.glob("*.html") if file.name not in forms and file.is_file()]
    return [file for file in others if not file.is_symlink() and ours(file.name, _beginning(file))]


def _beginning(file: Path) -> str:
    with file.open("rb") as stream:
        return stream.read(len(MARK.encode())).decode("utf-8", "replace")


def _sync(folder: Path) -> None:
    # A rename is safe only once its folder is; some file systems cannot flush a folder, and need not.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
