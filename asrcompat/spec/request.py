"""A request: one environment as the matrix asks for it, before anything is resolved.

A request keeps the words of matrix.toml, ``newest`` included, and so does its `id`, which names it in sessions, results
and the baseline from one night to the next. What was really installed is the lock's business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from packaging.version import Version

from .fields import FORK, NEWEST

_BUILD = re.compile(r"\+[A-Za-z0-9.]+")
_DATED = "as-of-"
_REPLACED = ", in place of what packages ask for"
_TORCH_VALUE = re.compile(r"(?<=-torch)(-newest|[^-+]+)")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Requirements that an environment gets besides those asked for, and why."""

    requirements: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """One value of every axis, as written in matrix.toml, what else is asked for, and the aids that apply.

    `extras` (as ``name==version``) are installed besides the axes. `pins` and `overrides` are this project's aids,
    which people would have to know of: further requirements, and such that hold in place of what packages ask for.
    `paths`, where there are any, are the only ones to try. With `as_of` (a day, YYYY-MM-DD) nothing is installed that
    the index got later.
    """

    python: str
    torch: str
    torchaudio: str
    transformers: str
    s3prl: str
    espnet: str
    extras: tuple[str, ...] = ()
    pins: tuple[Pin, ...] = ()
    overrides: tuple[Pin, ...] = ()
    paths: tuple[str, ...] = ()
    recipe: bool = False
    as_of: str | None = None

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
            **dict(extra.split("==") for extra in self.extras),
        }

    @property
    def distributions(self) -> tuple[str, ...]:
        """What is asked for, by distribution name, in the order of requirements."""
        return tuple(self._versions)

    @property
    def id(self) -> str:
        """Readable and stable. torchaudio is named only where it does not follow the rule; aids are no part of it."""
        versions = self._versions
        order = self._order
        if self.torchaudio == torchaudio_for(self.torch):
            order.remove("torchaudio")
        parts = (f"{name}-{NEWEST}" if versions[name] == NEWEST else f"{name}{versions[name]}" for name in order)
        dated = [] if self.as_of is None else [f"{_DATED}{self.as_of}"]
        return "-".join([f"py{self.python}", *parts, *dated])

    @property
    def title(self) -> str:
        """The versions in words, s3prl and espnet before transformers, as people name such a stack."""
        versions = self._versions
        dated = [] if self.as_of is None else [f"as of {self.as_of}"]
        return ", ".join([f"Python {self.python}", *(f"{name} {versions[name]}" for name in self._order), *dated])

    @property
    def _order(self) -> list[str]:
        first = ["torch", "torchaudio", self.s3prl_distribution, "espnet", "transformers"]
        return first + [name for name in self._versions if name not in first]

    def with_pins(self, pins: Sequence[Pin]) -> Request:
        """The same with further pins in front of its own."""
        return replace(self, pins=(*pins, *self.pins))

    def dated(self, day: str | None) -> Request:
        """The same as the index stood on a day, without the pins of later knowledge; None changes nothing."""
        return self if day is None or self.as_of is not None else replace(self, as_of=day, pins=())

    @property
    def requirements(self) -> tuple[str, ...]:
        """What is asked for, without any aid; ``newest`` leaves the choice to the resolver."""
        return tuple(name if version == NEWEST else f"{name}=={version}" for name, version in self._versions.items())

    @property
    def pinned_requirements(self) -> tuple[str, ...]:
        """`requirements` and those of the pins, each once."""
        return tuple(dict.fromkeys([*self.requirements, *_requirements(self.pins)]))

    @property
    def override_requirements(self) -> tuple[str, ...]:
        """The requirements of the overrides, each once."""
        return tuple(dict.fromkeys(_requirements(self.overrides)))

    @property
    def aids(self) -> tuple[str, ...]:
        """Pins and overrides as a report lists them."""
        replaced = (one + _REPLACED for one in self.override_requirements)
        return (*_requirements(self.pins), *replaced)

    @property
    def reason(self) -> str | None:
        """Why the aids are needed."""
        return "; ".join(dict.fromkeys(aid.reason for aid in (*self.pins, *self.overrides))) or None


def split_aids(aids: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Pins and overrides of a report's list (`Request.aids`), as requirements."""
    pins = tuple(one for one in aids if not one.endswith(_REPLACED))
    return pins, tuple(one.removesuffix(_REPLACED) for one in aids if one.endswith(_REPLACED))


def _requirements(aids: tuple[Pin, ...]) -> tuple[str, ...]:
    return tuple(requirement for aid in aids for requirement in aid.requirements)


# By what these torchaudios themselves ask for; between them a release of torchaudio came without one of torch.
_ODD_PAIRS = {"1.7.1": "0.7.2", "2.0.0": "2.0.1", "2.0.1": "2.0.2"}


def torchaudio_for(torch: str) -> str:
    """The torchaudio that was compiled against a torch release: 1.Y.Z goes with 0.Y.Z, later ones share the number.

    What is no version is told where it stands, and given back here.
    """
    return _ODD_PAIRS.get(torch) or ("0" + torch[1:] if torch.partition(".")[0] == "1" else torch)


def torch_for(torchaudio: str) -> str:
    """The torch that a torchaudio release was compiled against: `torchaudio_for` the other way round."""
    odd = {partner: torch for torch, partner in _ODD_PAIRS.items()}
    return odd.get(torchaudio) or (
        torchaudio if torchaudio == NEWEST or Version(torchaudio).major else "1" + torchaudio[1:]
    )


def environment_id(request: str, build: str | None) -> str:
    """The id under which results are kept: a request's id with the build after torch's version (``torch2.3.1+cpu``).

    The build on PyPI, which depends on nothing but the version, is not named (`build` is None).
    """
    return request if build is None else _TORCH_VALUE.sub(rf"\1+{build}", request, count=1)


def undated_id(request: str) -> str:
    """The id of a request without its date: of the same request as the index stands today."""
    return request.partition(f"-{_DATED}")[0]


def request_id(environment: str) -> str:
    """The id of the request that an environment answers: its id without the torch build."""
    return _BUILD.sub("", environment)
