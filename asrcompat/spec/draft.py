"""What of a configuration file can be understood while other parts of it are wrong.

pydantic finds the faults of single values; the checks of values against each other need parsed values. So that faults
of the first kind do not hide those of the second, every piece that can be parsed alone is, and what can't is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .document import Exclusion, GridEntry, PinRule
from .reading import piece

_T = TypeVar("_T")

LISTED_AXES = ("python", "torch", "transformers", "s3prl", "espnet")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The parsed pieces, numbered as in the file; `complete` is whether none had to be left out.

    `covering` names the profiles that have environments besides their grids'.
    """

    axes: Mapping[str, tuple[str, ...]]
    grids: Mapping[str, Mapping[int, GridEntry]]
    pins: Mapping[int, PinRule]
    exclude: Mapping[int, Exclusion]
    defaults: tuple[str, ...]
    paths: tuple[str, ...]
    profile_paths: Mapping[str, tuple[str, ...]]
    devices: tuple[str, ...]
    covering: tuple[str, ...]
    complete: bool


def read_draft(data: Mapping[str, Any]) -> Draft:
    """Every piece of matrix.toml that can be parsed alone."""
    reader = _Reader()
    axes = {
        name: reader.texts(values) for name, values in reader.table(data.get("axes")).items() if name in LISTED_AXES
    }
    profiles = {name: reader.table(profile) for name, profile in reader.table(data.get("profiles")).items()}
    probe = reader.table(data.get("probe"))
    return Draft(
        axes={name: values for name, values in axes.items() if values},
        grids={name: reader.pieces(GridEntry, profile.get("grid")) for name, profile in profiles.items()},
        pins=reader.pieces(PinRule, data.get("pins")),
        exclude=reader.pieces(Exclusion, data.get("exclude")),
        defaults=tuple(name for name, profile in profiles.items() if profile.get("default") is True),
        paths=reader.texts(probe.get("paths")),
        profile_paths={name: reader.texts(profile.get("paths")) for name, profile in profiles.items()},
        devices=reader.texts(probe.get("devices")),
        covering=tuple(name for name, profile in profiles.items() if "cover" in profile),
        complete=reader.complete,
    )


@dataclass
class _Reader:
    """Takes what has the right form and remembers whether anything had not."""

    complete: bool = True

    def table(self, data: object) -> Mapping[str, Any]:
        if isinstance(data, Mapping):
            return data
        self.complete = self.complete and data is None
        return {}

    def list(self, data: object) -> Iterable[tuple[int, Any]]:
        if isinstance(data, list):
            return enumerate(data)
        self.complete = self.complete and data is None
        return ()

    def texts(self, data: object) -> tuple[str, ...]:
        values = [value for _, value in self.list(data)]
        texts = tuple(value for value in values if isinstance(value, str))
        self.complete = self.complete and len(texts) == len(values)
        return texts

    def pieces(self, kind: type[_T], data: object) -> Mapping[int, _T]:
        parsed = {number: piece(kind, item) for number, item in self.list(data)}
        understood = {number: each for number, each in parsed.items() if each is not None}
        self.complete = self.complete and len(understood) == len(parsed)
        return understood
