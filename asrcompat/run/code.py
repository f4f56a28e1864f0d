"""What can change an outcome besides the packages: code that gives, probes and judges, fixtures and settings.

Results of equal digests may be compared, whatever else changed between two commits. Of what matrix.toml says, the
trials are not in it, neither their number, which every k of n tells, nor the seed, which another attempt changes, nor
the time that goes with them. How packages are resolved and installed is not either: a result tells its lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asrcompat.run.cells import Settings

_RUN = Path(__file__).parent
_PACKAGE = _RUN.parent
_FOLDERS = ("probe", "hub")  # what runs inside, and the checkpoint, its server and the features to compare with
_JUDGES = (
    *("session", "cells", "endings", "outcome", "probing", "records", "watch", "process", "paths", "inputs"),
    *("intact", "probed", "killed", "bytecode", "scrub", "secrets"),
)
_PROBED_WITH = ("espnet", "s3prl", "speech", "hub", "fairseq", "hub-states", "reference")


def digest(settings: Settings) -> str:
    """The digest of code, fixtures and settings, as hexadecimal digits."""
    fixtures, limits = settings.fixtures, settings.limits
    code = [file for name in _FOLDERS for file in sorted((_PACKAGE / name).rglob("*.py"))]
    code += [_RUN / f"{name}.py" for name in _JUDGES]
    given = [
        file for name in _PROBED_WITH for file in sorted((fixtures / name).rglob("*")) if _is_given(file, fixtures)
    ]
    within = (limits.import_seconds, limits.cell_seconds, limits.silence_seconds, limits.memory_gb, limits.output_mb)
    judged_by = (settings.probe.tolerance, *within)
    return sha256(f"{hash_of(code, _PACKAGE)}{hash_of(given, fixtures)}{judged_by}".encode()).hexdigest()[:16]


def throughout(before: str, settings: Settings) -> str:
    """The digest of a session that began with another one's: of code that changed meanwhile it equals no other's."""
    after = digest(settings)
    return before if after == before else f"{before}..{after}"


def _is_given(file: Path, fixtures: Path) -> bool:
    """Whether the probe can see a file: one that explains a folder of fixtures to us is no part of a repository."""
    return file.is_file() and not (file.name == "README.md" and file.parent.parent == fixtures)


def hash_of(files: Iterable[Path], base: Path) -> str:
    """The digest of files' names, relative to a folder, and contents."""
    found = sha256()
    for file in files:
        found.update(str(file.relative_to(base)).encode() + b"\0" + sha256(file.read_bytes()).digest())
    return found.hexdigest()
