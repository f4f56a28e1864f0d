"""Versions with which a failure was seen and without which, compared among the paths that fare alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.report import words
from asrcompat.report.grid import Entry, Grid, Line, texts
from asrcompat.report.where import label


@dataclass(frozen=True, kw_only=True)
class Versions:
    """Versions seen with a failure and without it, among paths that fare alike: `of` names them, where there are more.

    `alone` are those that every environment fails for which came so far: there is nothing to compare with.
    """

    tables: tuple[tuple[str, Grid], ...]
    alone: str


def affected(one: Mapping[str, Any]) -> Versions:
    """Versions as they were seen in these results; nothing is said of those between or beyond."""
    blocks = words.mappings(one, "affected")
    compared = [block for block in blocks if listed(words.mapping(block, "environments"), "not_failing")]
    alone = [block for block in blocks if block not in compared]
    return Versions(
        tables=tuple((_subjects([block]) if len(blocks) > 1 else "", _table(block)) for block in compared),
        alone=_subjects(alone),
    )


def _table(block: Mapping[str, Any]) -> Grid:
    seen = words.mapping(block, "versions")
    told = {package: words.mapping(seen, package) for package in seen}
    return Grid(
        corner="versions seen",
        columns=texts("with it", "without it"),
        lines=tuple(
            Line(
                head=Entry(text=package),
                entries=texts(", ".join(listed(one, "failing")), ", ".join(listed(one, "not_failing"))),
            )
            for package, one in told.items()
        ),
    )


def _subjects(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Paths, and of findings the check and its paths: ``s3prl-hf, espnet-s3prl; half: transformers``."""
    checks: dict[str, dict[str, None]] = {}
    for subject in (one for block in blocks for one in words.mappings(block, "subjects")):
        path = label(words.text(subject, "path"), words.text(subject, "device"))
        checks.setdefault(words.text(subject, "check"), {})[path] = None
    together: dict[str, list[str]] = {}
    for check, paths in checks.items():
        together.setdefault(", ".join(paths), []).append(check)
    return "; ".join(f"{', '.join(names)}: {paths}".removeprefix(": ") for paths, names in together.items())


def listed(one: Mapping[str, Any], name: str) -> Sequence[str]:
    """The texts of a list, if it is one."""
    value = one.get(name)
    return [str(item) for item in value] if isinstance(value, Iterable) and not isinstance(value, str) else []
