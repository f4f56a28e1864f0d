"""What is found installed beside an interpreter, and what that makes of its environment's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asrcompat.doctor.origins import Origin
from asrcompat.run.lock import AXIS_DISTRIBUTIONS

# Told of in results: fairseq is no axis, but decides whether the paths through it can work.
TOLD = (*AXIS_DISTRIBUTIONS, "fairseq")


PREFIX = "doctor-"  # of ids: no environment of the matrix begins so


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """What is installed: name as it is written, version, the requirements that it declares; `origin`, if no index."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    origin: Origin | None = None

    @property
    def told_version(self) -> str:
        """The version, with a mark where it is no release's."""
        return self.version if self.origin is None else self.origin.version(self.version)

    @property
    def line(self) -> str:
        """What a list of what is installed says of it."""
        return f"{self.name}=={self.version}" if self.origin is None else self.origin.line(self.name, self.version)


@dataclass(frozen=True, kw_only=True)
class Patient:
    """An interpreter and what it finds installed, by normalised name.

    `unseen` tells what the interpreter uses and the probe does not: its user site (``pip install --user``), PYTHONPATH.
    `elsewhere` are versions of axis packages and of fairseq that it takes from there, in place of the installed ones.
    """

    python: Path
    version: str
    installed: Mapping[str, Distribution]
    unseen: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    @property
    def packages(self) -> dict[str, str]:
        """Versions of the axis packages and of fairseq, by distribution name."""
        return {name: self.installed[name].told_version for name in TOLD if name in self.installed}

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything installed, as ``name==version``, or with where else it came from."""
        return tuple(one.line for _, one in sorted(self.installed.items()))

    @property
    def told_elsewhere(self) -> str:
        """What it takes from where the probe does not look, in words."""
        return ", ".join(f"{name} {version}" for name, version in self.elsewhere.items())

    def identity(self, host: str) -> str:
        """The id of this environment: where it is, and the versions in it, in the order of the matrix's ids."""
        versions = {name: self.installed[name].version for name in self.packages}
        order = ("torch", "torchaudio", "s3prl", "espnet-s3prl", "espnet", "transformers", "fairseq")
        named = [f"{name}{versions[name]}" for name in order if name in versions]
        if "torch" in versions and versions["torch"] == versions.get("torchaudio"):
            named.remove(f"torchaudio{versions['torchaudio']}")
        minor = ".".join(self.version.split(".")[:2])
        return PREFIX + "-".join([host, f"py{minor}", *named])
