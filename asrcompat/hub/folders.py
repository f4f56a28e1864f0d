"""Folders that exist only when complete: built under a temporary name beside their own, then renamed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from asrcompat.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def building(final: Path) -> Iterator[Path]:
    """A temporary folder that becomes `final` at the end; nothing is left of it after an error."""
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
        try:
            yield partial
            try:
                partial.rename(final)
            except OSError:
                # Another process was faster, and what it made is the same. Anything else in the way is an error.
                if not final.is_dir():
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        message = f"cannot lay out {final}: {error}; free some space, or name another work folder"
        raise HarnessError(message) from error


def link(source: Path, target: Path) -> None:
    """The same file under another name, as a hard link where the file system has them."""
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
