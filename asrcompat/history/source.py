"""A report to compare: a file, a folder, or what a revision of the repository has."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from asrcompat.errors import UsageError
from asrcompat.explain.changed import Edition
from asrcompat.model import Results
from asrcompat.result_files import ResultError, parse_results

FILE = "results.json"


def edition(name: str, root: Path, folder: str) -> Edition:
    """The report that `name` stands for: a path, or a revision of the checkout at `root`, whose report is in `folder`.

    Raises `UsageError` where it is neither, or no report that can be read.
    """
    place = Path(name)
    if place.exists():
        file = place / FILE if place.is_dir() else place
        if not file.exists():
            message = (
                f"{name}: this folder holds no {FILE}; name a report's folder, such as reports or reports/nightly, "
                "or the file itself"
            )
            raise UsageError(message)
        return _read(name, lambda one: (file.parent / one).read_bytes(), file.name, no_report=lambda said: said)
    return _read(
        name,
        lambda one: _of_revision(root, f"{name}:./{folder}/{one}"),
        FILE,
        no_report=lambda said: _no_revision(name, root, folder, said),
    )


def _no_revision(name: str, root: Path, folder: str, said: str) -> str:
    """Why the name of no file here is no revision with a report either, and what to do."""
    if not _is_checkout(root):
        return (
            f"it is no file or folder here, and {root} is no git checkout, of which it could be a revision; run this "
            "in the checkout, or name its matrix.toml with --matrix"
        )
    if _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").returncode:
        return (
            "it is no file or folder here, and no revision of this checkout; `git log --oneline -- reports` lists "
            "those that changed a report"
        )
    if _git(root, "cat-file", "-e", f"{name}:./{folder}/{FILE}").returncode:
        return f"this revision has no {folder}/{FILE}; name a later one, or another profile with --profile"
    return said


def _read(name: str, read: Callable[[str], bytes], file: str, *, no_report: Callable[[str], str]) -> Edition:
    try:
        results = parse_results(read(file), source=name)
    except (OSError, ResultError, subprocess.CalledProcessError) as error:
        said = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else str(error)
        told = f"no report can be read ({said.strip().partition(chr(10))[0]}); give a {FILE}, its folder or a revision"
        raise UsageError(f"{name}: {no_report(told)}") from error
    return Edition(name=name, results=results, locks=_locks(results, read))


def _locks(results: Results, read: Callable[[str], bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for lock in (one.lock for one in results.environments):
        try:
            found |= {} if lock is None else {lock: read(lock).decode()}
        except (OSError, UnicodeDecodeError, subprocess.CalledProcessError):
            continue  # what moved is told as far as it is known
    return found


def _is_checkout(root: Path) -> bool:
    return _git(root, "rev-parse", "--is-inside-work-tree").returncode == 0


def _of_revision(root: Path, name: str) -> bytes:
    done = _git(root, "show", "--end-of-options", name)
    done.check_returncode()
    return done.stdout


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, check=False)
