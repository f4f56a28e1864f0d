"""What can change an outcome besides the packages: the code that gives, probes and judges, and what it probes with.

Results of equal digests may be compared, whatever else changed between two commits; a README is no reason to doubt.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

_RUN = Path(__file__).parent
_PACKAGE = _RUN.parent
_FOLDERS = ("probe", "hub")  # what runs inside, and the checkpoint, its server and the features to compare with
_JUDGES = ("session", "cells", "endings", "outcome", "probing", "records", "watch", "process", "paths", "inputs")
_PROBED_WITH = ("espnet", "s3prl", "speech", "hub", "fairseq", "hub-states", "reference")


def digest(fixtures: Path) -> str:
    """The digest of code and fixtures, as hexadecimal digits."""
    code = [file for name in _FOLDERS for file in sorted((_PACKAGE / name).rglob("*.py"))]
    code += [_RUN / f"{name}.py" for name in _JUDGES]
    given = [file for name in _PROBED_WITH for file in sorted((fixtures / name).rglob("*")) if file.is_file()]
    return sha256((hash_of(code, _PACKAGE) + hash_of(given, fixtures)).encode()).hexdigest()[:16]


def hash_of(files: Iterable[Path], base: Path) -> str:
    """The digest of files' names, relative to a folder, and contents."""
    found = sha256()
    for file in files:
        found.update(str(file.relative_to(base)).encode() + b"\0" + sha256(file.read_bytes()).digest())
    return found.hexdigest()
