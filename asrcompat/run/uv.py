"""uv as a subprocess, and what its failures mean.

A failure counts against the packages only where uv says so in words that we know: no solution, or a build that failed
for a reason other than the network. Everything else (index down, download cut off, disk full, words of a newer uv) is
an `error` of ours.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from uv import find_uv_bin

from asrcompat.run.process import Finished, run

# For uv's cache: who empties a part of it waits for everybody who installs, and may be fetching a torch stack.
LOCK_SECONDS = 3600

FailureKind = Literal["conflict", "build", "error"]

_PASSED_ON = (
    *("UV_CACHE_DIR", "UV_LINK_MODE", "UV_PYTHON_INSTALL_DIR", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS"),
    *("UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_BUILDS"),
)

# The network's failures and the machine's, in uv's words and in those of what it runs to build.
_NOT_THE_PACKAGES = re.compile(
    r"network was disabled|Failed to fetch|Failed to download|Request failed after|error sending request|"
    r"error decoding response|dns error|operation timed out|Temporary failure in name resolution|"
    r"Could not resolve host|Name or service not known|Connection (?:refused|reset|timed out)|Network is unreachable|"
    r"Max retries exceeded|Failed to establish a new connection|getaddrinfo failed|unable to resolve host|"
    r"Failed to connect to|Cannot connect to proxy|Tunnel connection failed|Read timed out|CERTIFICATE_VERIFY_FAILED|"
    r"urlopen error|unable to access|HTTP status (?:server error|client error \(429)|"
    r"was not found in the package registry|No space left on device|Disk quota exceeded|Too many open files|"
    r"Permission denied \(os error|Read-only file system|Cannot allocate memory|Fatal error: can't create |"
    r"command '[^']*(?:gcc|cc|g\+\+|c\+\+|clang)' failed: No such file|"
    r"Python\.h: No such file",
    re.IGNORECASE,
)
# The index itself, in uv's own words: what a build could not fetch from elsewhere says nothing of it, nor does a file
# that it says it has not.
_UNREACHABLE = re.compile(
    r"Failed to fetch|Failed to download|Request failed after|error sending request|error decoding response"
)
_ANSWERED = re.compile(
    r"HTTP status client error \(4(?!29)|Failed to build|Build backend failed|No space left on device|"
    r"Disk quota exceeded|Permission denied|Read-only file system|Too many open files"
)
# What only an index can mend: the cache lacks something, or has another file of its name.
_UNCACHED = re.compile(r"the network was disabled|Network connectivity is disabled|Hash mismatch for")
_NO_SOLUTION = re.compile(r"No solution found when resolving")
_BUILD = re.compile(r"Failed to build|Build backend failed|build failed|Failed to prepare distributions", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed uv command: `kind` tells whether it says something about the packages; `message` is uv's own text.

    `unreachable`: an index did not answer, or not as it should. `uncached`: what an index could mend.
    """

    kind: FailureKind
    message: str
    unreachable: bool = False
    uncached: bool = False


def command(arguments: Sequence[str | Path], *, seconds: float, cwd: Path | None = None) -> Finished:
    """Run uv with these arguments."""
    # a person's settings of uv (an index, a constraint, a cut-off date) would change verdicts unseen
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("VIRTUAL_ENV", "CONDA_PREFIX") and (not key.startswith("UV_") or key in _PASSED_ON)
    }
    environment.update(
        UV_LOCK_TIMEOUT=str(LOCK_SECONDS),
        NO_COLOR="1",
        UV_NO_PROGRESS="1",
        UV_NO_CONFIG="1",
        UV_PYTHON_DOWNLOADS="manual",
    )
    return run([find_uv_bin(), *arguments], env=environment, cwd=cwd, seconds=seconds)


def failure(finished: Finished) -> Failure | None:
    """What a finished command's failure means; None where it succeeded."""
    if finished.code == 0 and not finished.timed_out:
        return None
    text = finished.output.strip() or f"uv ended with exit code {finished.code} and said nothing"
    if finished.timed_out:
        return Failure(kind="error", message=f"uv did not finish within {finished.seconds:.0f} s\n{text}")
    if _NOT_THE_PACKAGES.search(text):
        unreachable = _UNREACHABLE.search(text) is not None and _ANSWERED.search(text) is None
        uncached = _UNCACHED.search(text) is not None
        return Failure(kind="error", message=text, unreachable=unreachable, uncached=uncached)
    if _NO_SOLUTION.search(text):
        return Failure(kind="conflict", message=text)
    if _BUILD.search(text):
        return Failure(kind="build", message=text)
    return Failure(kind="error", message=text)
