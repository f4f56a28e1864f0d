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
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from asrcompat.doctor.origins import origin
from asrcompat.doctor.patient import TOLD, Distribution, Patient
from asrcompat.errors import UsageError

OLDEST = (3, 8)

_VERSION = re.compile(r"Python (\d+)\.(\d+)\S*")

# In syntax that any Python reads, so that an old one can say that it is old.
_ASK = """
import json, platform, sys
found = {"python": platform.python_version(), "implementation": platform.python_implementation(), "installed": []}
if sys.version_info >= (3, 8):
    import os, site, sysconfig
    from importlib import metadata
    found["stdlib"] = sysconfig.get_path("stdlib")
    for one in metadata.distributions():
        facts = {"name": one.metadata["Name"], "version": one.version, "requires": one.requires or []}
        facts.update(direct_url=one.read_text("direct_url.json"), installer=one.read_text("INSTALLER"))
        facts["folder"] = os.path.abspath(str(one.locate_file("")))
        if facts["name"]:
            found["installed"].append(facts)
    found["pythonpath"] = bool(os.environ.get("PYTHONPATH"))
    # Asked with -I, it does not look there itself: whether it would is worked out as the module site does.
    enabled = sys.base_prefix in site.PREFIXES and not os.environ.get("PYTHONNOUSERSITE")
    user = site.getusersitepackages() if enabled else None
    if user and os.path.isdir(user) and os.listdir(user):
        found["user_site"] = user
print("ANSWER " + json.dumps(found))
"""


def look(python: Path | None) -> Patient:
    """The interpreter at `python`, by default the active environment's; raises `UsageError` for one of no use."""
    return ask(_active() if python is None else _given(python))


def ask(python: Path) -> Patient:
    """What an interpreter says of itself; raises `UsageError` where it is no CPython from 3.8 on."""
    answer = _answer(python, "-I", "-B", "-c", _ASK)
    facts = _facts(answer)
    if facts is None:
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
    version = facts["python"]
    if facts["implementation"] != "CPython":
        message = f"{python} is {facts['implementation']}: torch and the probe need CPython"
        raise UsageError(message)
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        message = f"{python} is Python {version}: the probe needs Python 3.8 or newer"
        raise UsageError(message)
    unseen = []
    if facts.get("user_site"):
        unseen.append("what `pip install --user` put beside it is not looked at")
    if facts.get("pythonpath"):
        unseen.append("PYTHONPATH is set there, and left out of the probe: what it adds is not looked at")
    installed = _installed(facts)
    return Patient(
        python=python,
        version=version,
        installed=installed,
        unseen=tuple(unseen),
        elsewhere=_elsewhere(python, installed) if unseen else {},
    )


def _installed(facts: Mapping[str, Any]) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    for one in facts["installed"]:
        name, version = one["name"], str(one["version"])
        came = origin(
            one["direct_url"], installer=one["installer"], folder=one["folder"], stdlib=facts.get("stdlib", "")
        )
        told = Distribution(name=name, version=version, requires=tuple(one["requires"]), origin=came)
        found.setdefault(canonicalize_name(name), told)  # of two on the search path, the first is what gets imported
    return found


def _elsewhere(python: Path, installed: Mapping[str, Distribution]) -> dict[str, str]:
    """What of the axes it finds in other versions, or only, where it is asked as it is used."""
    used = _installed(_facts(_answer(python, "-B", "-c", _ASK)) or {"installed": []})
    return {
        name: used[name].version
        for name in TOLD
        if name in used and (name not in installed or installed[name].version != used[name].version)
    }


def _facts(answer: str) -> dict[str, Any] | None:
    told = [line for line in answer.splitlines() if line.startswith("ANSWER ")]
    if not told:
        return None
    facts: dict[str, Any] = json.loads(told[-1].removeprefix("ANSWER "))
    return facts


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
