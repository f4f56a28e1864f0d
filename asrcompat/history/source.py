"""A report to compare: a file, a folder, or what a revision of the repository has."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from asrcompat.errors import UsageError
from asrcompat.explain.changed import Edition
from asrcompat.model import Results
from asrcompat.result_files import ResultError, parse_results

_FILE = "results.json"


def edition(name: str, root: Path, folder: str) -> Edition:
    """The report that `name` stands for: a path, or a revision of the checkout at `root`, whose report is in `folder`.

    Raises `UsageError` where it is neither, or no report that can be read.
    """
    place = Path(name)
    if place.exists():
        file = place / _FILE if place.is_dir() else place
        return _read(name, lambda one: (file.parent / one).read_bytes(), file.name)
    return _read(name, lambda one: _of_revision(root, f"{name}:./{folder}/{one}"), _FILE)


def _read(name: str, read: Callable[[str], bytes], file: str) -> Edition:
    try:
        results = parse_results(read(file), source=name)
    except (OSError, ResultError, subprocess.CalledProcessError) as error:
        why = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else str(error)
        message = (
            f"{name}: no report is there ({why.strip().partition(chr(10))[0]}); "
            "give a results.json, its folder, or a revision of the repository such as HEAD~1"
        )
        raise UsageError(message) from error
    return Edition(name=name, results=results, locks=_locks(results, read))


def _locks(results: Results, read: Callable[[str], bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for lock in (one.lock for one in results.environments):
        try:
            found |= {} if lock is None else {lock: read(lock).decode()}
        except (OSError, UnicodeDecodeError, subprocess.CalledProcessError):
            continue  # what moved is told as far as it is known
    return found


def _of_revision(root: Path, name: str) -> bytes:
    words = ["git", "-C", str(root), "show", name]
    return subprocess.run(words, capture_output=True, check=True).stdout
