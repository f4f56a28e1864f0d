"""The interpreter to be looked at, and what is installed beside it, as it tells when asked.

It is asked isolated, from a folder of no meaning, and writes nothing: no bytecode, no cache.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from asrcompat.errors import UsageError
from asrcompat.run.lock import AXIS_DISTRIBUTIONS

OLDEST = (3, 8)

# Told of in results: fairseq is no axis, but decides whether the paths through it can work.
TOLD = (*AXIS_DISTRIBUTIONS, "fairseq")

_VERSION = re.compile(r"Python (\d+)\.(\d+)\S*")

# In syntax that any Python reads, so that an old one can say that it is old.
_ASK = """
import json, platform, sys
found = {"python": platform.python_version(), "implementation": platform.python_implementation(), "installed": []}
if sys.version_info >= (3, 8):
    from importlib import metadata
    for one in metadata.distributions():
        name = one.metadata["Name"]
        if name:
            found["installed"].append([name, one.version, one.requires or []])
    # Asked with -I, it does not look there itself: whether it would is worked out as the module site does.
    import os, site
    enabled = sys.base_prefix in site.PREFIXES and not os.environ.get("PYTHONNOUSERSITE")
    user = site.getusersitepackages() if enabled else None
    if user and os.path.isdir(user) and os.listdir(user):
        found["user_site"] = user
print("ANSWER " + json.dumps(found))
"""


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """What is installed: name as it is written, version, and the requirements that it declares."""

    name: str
    version: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Patient:
    """An interpreter and what it finds installed, by normalised name.

    `user_site` holds what ``pip install --user`` put beside it: the interpreter uses that, and the probe does not.
    """

    python: Path
    version: str
    installed: Mapping[str, Distribution]
    user_site: Path | None = None

    @property
    def packages(self) -> dict[str, str]:
        """Versions of the axis packages and of fairseq, by distribution name."""
        return {name: self.installed[name].version for name in TOLD if name in self.installed}

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything installed, as ``name==version``."""
        return tuple(f"{one.name}=={one.version}" for _, one in sorted(self.installed.items()))

    def identity(self, host: str) -> str:
        """The id of this environment: where it is, and the versions in it, in the order of the matrix's ids."""
        versions = self.packages
        order = ("torch", "torchaudio", "s3prl", "espnet-s3prl", "espnet", "transformers", "fairseq")
        named = [f"{name}{versions[name]}" for name in order if name in versions]
        if "torch" in versions and versions["torch"] == versions.get("torchaudio"):
            named.remove(f"torchaudio{versions['torchaudio']}")
        minor = ".".join(self.version.split(".")[:2])
        return "-".join(["doctor", host, f"py{minor}", *named])


def look(python: Path | None) -> Patient:
    """The interpreter at `python`, by default the active environment's; raises `UsageError` for one of no use."""
    return ask(_active() if python is None else _given(python))


def ask(python: Path) -> Patient:
    """What an interpreter says of itself; raises `UsageError` where it is no CPython from 3.8 on."""
    answer = _answer(python, "-I", "-B", "-c", _ASK)
    told = [line for line in answer.splitlines() if line.startswith("ANSWER ")]
    if not told:
        # an interpreter too old for the question still tells its version
        said = answer.strip()[-300:] or "no answer"
        version = _VERSION.match(_answer(python, "--version").lstrip())
        if version is None:
            message = f"{python} is not a Python interpreter, or does not run here: {said}"
        elif tuple(map(int, version.groups())) < OLDEST:
            message = f"{python} is {version[0]}: the probe needs Python 3.8 or newer"
        else:
            message = f"{python} ({version[0]}) does not answer: {said}"
        raise UsageError(message)
    facts = json.loads(told[-1].removeprefix("ANSWER "))
    version = facts["python"]
    if facts["implementation"] != "CPython":
        message = f"{python} is {facts['implementation']}: torch and the probe need CPython"
        raise UsageError(message)
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        message = f"{python} is Python {version}: the probe needs Python 3.8 or newer"
        raise UsageError(message)
    installed: dict[str, Distribution] = {}
    for name, number, requires in facts["installed"]:
        # of two on the search path, the first is what gets imported
        installed.setdefault(
            canonicalize_name(name), Distribution(name=name, version=str(number), requires=tuple(requires))
        )
    user_site = facts.get("user_site")
    return Patient(
        python=python, version=version, installed=installed, user_site=None if user_site is None else Path(user_site)
    )


def _given(python: Path) -> Path:
    """The file asked for; a folder is taken for an environment, a bare name for a command."""
    if python.is_dir():
        python /= "bin/python"
    if not python.exists() and (found := shutil.which(str(python))) is not None:
        python = Path(found)
    if not python.exists():
        message = f"--python {python}: no such file; give the python of an environment, such as ENV/bin/python"
        raise UsageError(message)
    # not resolved: behind the link of a virtual environment lies another environment
    return python.absolute()


def _active() -> Path:
    for candidate in _candidates():
        if candidate.exists():
            return candidate.absolute()
    message = "no environment is active and no `python` is on PATH; name one with --python ENV/bin/python"
    raise UsageError(message)


def _candidates() -> Iterator[Path]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if folder := os.environ.get(variable):
            yield Path(folder, "bin", "python")
    for name in ("python", "python3"):
        if (found := shutil.which(name)) is not None:
            yield Path(found)


def _answer(python: Path, *arguments: str) -> str:
    """What it prints on either stream; what went wrong, where it does not even start."""
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(
                [python, *arguments],
                cwd=empty,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=120,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return done.stdout
