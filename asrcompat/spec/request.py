"""A request: one environment as the matrix asks for it, before anything is resolved.

A request keeps the words of matrix.toml, ``newest`` included, and so does its `id`, which names it in sessions, results
and the baseline from one night to the next. What was really installed is the lock's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import Version

from .fields import FORK, NEWEST

_BUILD = re.compile(r"\+[A-Za-z0-9.]+")
_TORCH_VALUE = re.compile(r"(?<=-torch)(-newest|[^-+]+)")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Requirements that an environment gets besides its axes, and why."""

    requirements: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """One value of every axis, as written in matrix.toml, and the pins that apply."""

    python: str
    torch: str
    torchaudio: str
    transformers: str
    s3prl: str
    espnet: str
    pins: tuple[Pin, ...] = ()

    @property
    def s3prl_distribution(self) -> str:
        """Which distribution provides the import name ``s3prl``."""
        return FORK if self.s3prl.startswith(FORK) else "s3prl"

    @property
    def _versions(self) -> dict[str, str]:
        """Version by distribution, in the order of requirements and of the title."""
        return {
            "torch": self.torch,
            "torchaudio": self.torchaudio,
            "transformers": self.transformers,
            self.s3prl_distribution: self.s3prl.removeprefix(f"{FORK} "),
            "espnet": self.espnet,
        }

    @property
    def id(self) -> str:
        """Readable and stable. torchaudio is named only where it does not follow the rule; pins are no part of it."""
        versions = self._versions
        order = ["torch", "torchaudio", self.s3prl_distribution, "espnet", "transformers"]
        if self.torchaudio == torchaudio_for(self.torch):
            order.remove("torchaudio")
        parts = (f"{name}-{NEWEST}" if versions[name] == NEWEST else f"{name}{versions[name]}" for name in order)
        return "-".join([f"py{self.python}", *parts])

    @property
    def title(self) -> str:
        """The versions in words, s3prl and espnet before transformers, as people name such a stack."""
        versions = self._versions
        order = ["torch", "torchaudio", self.s3prl_distribution, "espnet", "transformers"]
        return ", ".join([f"Python {self.python}", *(f"{name} {versions[name]}" for name in order)])

    @property
    def requirements(self) -> tuple[str, ...]:
        """What is installed by the axes alone; ``newest`` leaves the choice to the resolver."""
        return tuple(name if version == NEWEST else f"{name}=={version}" for name, version in self._versions.items())

    @property
    def pinned_requirements(self) -> tuple[str, ...]:
        """`requirements` and those of the pins, each once."""
        pinned = (requirement for pin in self.pins for requirement in pin.requirements)
        return tuple(dict.fromkeys([*self.requirements, *pinned]))


def torchaudio_for(torch: str) -> str:
    """The torchaudio that was compiled against a torch release: 1.Y.Z goes with 0.Y.Z, later ones share the number."""
    if torch == NEWEST or Version(torch).major != 1:
        return torch
    return "0" + torch[1:]


def environment_id(request: str, build: str | None) -> str:
    """The id under which results are kept: a request's id with the build after torch's version (``torch2.3.1+cpu``).

    The build on PyPI, which depends on nothing but the version, is not named (`build` is None).
    """
    return request if build is None else _TORCH_VALUE.sub(rf"\1+{build}", request, count=1)


def request_id(environment: str) -> str:
    """The id of the request that an environment answers: its id without the torch build."""
    return _BUILD.sub("", environment)
