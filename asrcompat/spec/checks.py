"""The faults of matrix.toml that no single value shows: values against axes, rules against environments.

A check takes the `Draft` and yields problems. Those that would blame the innocent while a part of the file is not
understood (a rule is not dead because the grid that needs it has a typing error) run on complete drafts only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from packaging.version import Version

from .draft import LISTED_AXES, Draft
from .expand import expand, matches, products
from .paths import split_path, state_problem
from .problems import Problem, key_of, listed, suggest

if TYPE_CHECKING:
    from .request import Request

Check = Callable[[Draft], Iterator[Problem]]


def _axis_values_are_distinct(draft: Draft) -> Iterator[Problem]:
    for axis, values in draft.axes.items():
        spellings: dict[object, str] = {}
        for number, value in enumerate(values):
            first = spellings.setdefault(_comparable(value), value)
            if list(values).index(first) != number:
                message = f"'{value}' is listed already, as '{first}'"
                yield Problem(key=key_of(["axes", axis, number]), message=message, remedy="list each version once")


def _comparable(value: str) -> object:
    return Version(value) if re.fullmatch(r"\d+(\.\d+)+", value) else value


def _grid_values_are_on_axes(draft: Draft) -> Iterator[Problem]:
    for profile, grid in draft.grids.items():
        for number, entry in grid.items():
            for axis in LISTED_AXES:
                known = draft.axes.get(axis, ())
                for value in getattr(entry, axis) if known else ():
                    if value not in known:
                        key = key_of(["profiles", profile, "grid", number, axis])
                        remedy = suggest(value, known, what=f"the {axis} axis has")
                        yield Problem(key=key, message=f"'{value}' is not on its axis", remedy=remedy)


def _grid_aids_have_reasons(draft: Draft) -> Iterator[Problem]:
    for profile, grid in draft.grids.items():
        for number, entry in grid.items():
            key = key_of(["profiles", profile, "grid", number, "reason"])
            aids = [name for name in ("pins", "overrides") if getattr(entry, name)]
            if aids and not entry.reason:
                remedy = f"say why these environments need the {' and '.join(aids)}"
                yield Problem(key=key, message="is missing", remedy=remedy)
            if entry.reason and not aids:
                message = "is the reason for pins or overrides that are not there"
                remedy = "add `pins = [...]` or `overrides = [...]`, or make it a comment"
                yield Problem(key=key, message=message, remedy=remedy)


def _grid_extras_are_distinct(draft: Draft) -> Iterator[Problem]:
    for profile, grid in draft.grids.items():
        for number, entry in grid.items():
            repeated = _repeated(extra.partition("==")[0] for extra in entry.extras)
            if repeated:
                key = key_of(["profiles", profile, "grid", number, "extras"])
                remedy = "list each once; for another version of it write another entry of the grid"
                yield Problem(key=key, message=f"repeats {listed(repeated)}", remedy=remedy)


def _one_profile_is_default(draft: Draft) -> Iterator[Problem]:
    if draft.grids and len(draft.defaults) != 1:
        message = (
            f"several profiles are the default: {listed(draft.defaults)}" if draft.defaults else "none is the default"
        )
        remedy = f"write `default = true` in exactly one of: {listed(draft.grids)}"
        yield Problem(key="profiles", message=message, remedy=remedy)


def _profile_names_are_plain(draft: Draft) -> Iterator[Problem]:
    for profile in draft.grids:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", profile):
            message, remedy = "is no name for a profile", "use lower-case letters, digits and hyphens"
            yield Problem(key=key_of(["profiles", profile]), message=message, remedy=remedy)


def _lists_are_distinct(draft: Draft) -> Iterator[Problem]:
    for key, values in (*_path_lists(draft), ("probe.devices", draft.devices)):
        repeated = _repeated(values)
        if repeated:
            yield Problem(key=key, message=f"repeats {listed(repeated)}", remedy="list each once")


def _path_lists(draft: Draft) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every list of paths, with its key."""
    yield "probe.paths", draft.paths
    for profile, paths in draft.profile_paths.items():
        yield key_of(["profiles", profile, "paths"]), paths
    for profile, grid in draft.grids.items():
        for number, entry in grid.items():
            yield key_of(["profiles", profile, "grid", number, "paths"]), entry.paths


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def _paths_are_known(draft: Draft, known: Sequence[str]) -> Iterator[Problem]:
    for key, paths in _path_lists(draft):
        for number, path in enumerate(paths):
            where = key + key_of([number])
            if (problem := state_problem(path)) is not None:
                remedy = "write path@state, or the path alone for it as published"
                yield Problem(key=where, message=problem, remedy=remedy)
            name, _ = split_path(path)
            if name not in known:
                remedy = suggest(name, known, what="known paths")
                yield Problem(key=where, message=f"'{name}' is not a known path", remedy=remedy)


# One environment has one result, whichever profiles it is in.
_HELD_BY_THE_ENVIRONMENT = {
    "pins": "write the pins under [[pins]], where they hold for every profile",
    "overrides": "write the same overrides, and the same reason, in both",
    "paths": "write the same paths in both",
}


def _environments_are_distinct(draft: Draft) -> Iterator[Problem]:
    """Find environments that stand twice in a profile, or in two profiles with other aids or other paths."""
    anywhere: dict[str, tuple[str, Request]] = {}
    for profile, grid in draft.grids.items():
        here: dict[str, str] = {}
        for number, entry in grid.items():
            key = key_of(["profiles", profile, "grid", number])
            for request in products(entry):
                if request.id in here:
                    message = f"{request.id} is already in {here[request.id]}"
                    yield Problem(key=key, message=message, remedy="name each environment once in a profile")
                    continue
                here[request.id] = key
                first, other = anywhere.setdefault(request.id, (key, request))
                for name, remedy in _HELD_BY_THE_ENVIRONMENT.items():
                    if getattr(other, name) != getattr(request, name):
                        message = f"{request.id} has other {name} than in {first}"
                        yield Problem(key=key, message=message, remedy=remedy)


def _profiles_name_environments(draft: Draft) -> Iterator[Problem]:
    for profile, grid in draft.grids.items():
        if not grid and profile not in draft.covering:
            remedy = f"add entries of [[profiles.{profile}.grid]], or a table [profiles.{profile}.cover]"
            yield Problem(key=key_of(["profiles", profile]), message="names no environments", remedy=remedy)


def _rules_match_something(draft: Draft) -> Iterator[Problem]:
    if draft.covering:
        return  # what else they match is known with the index only: `plan` tells of those without use
    entries = [entry for grid in draft.grids.values() for entry in grid.values()]
    everything = [request for entry in entries for request in products(entry)]
    planned = expand(entries, pins=(), exclude=list(draft.exclude.values())).planned
    remedy = "mend its `when` (newest and espnet-s3prl match only where they are written), or delete it"
    for section, rules, requests in (("exclude", draft.exclude, everything), ("pins", draft.pins, planned)):
        for number, rule in rules.items():
            if not any(matches(rule.when, request) for request in requests):
                yield Problem(key=key_of([section, number, "when"]), message="matches no environment", remedy=remedy)


def _profiles_keep_environments(draft: Draft) -> Iterator[Problem]:
    for profile, grid in draft.grids.items():
        if grid and not expand(list(grid.values()), pins=(), exclude=list(draft.exclude.values())).planned:
            message, remedy = "all its environments are excluded", "delete the profile, or narrow the exclusions"
            yield Problem(key=key_of(["profiles", profile]), message=message, remedy=remedy)


_ON_PIECES: Sequence[Check] = (
    _axis_values_are_distinct,
    _grid_values_are_on_axes,
    _grid_aids_have_reasons,
    _grid_extras_are_distinct,
    _one_profile_is_default,
    _profile_names_are_plain,
    _lists_are_distinct,
)
_ON_THE_WHOLE: Sequence[Check] = (
    _profiles_name_environments,
    _environments_are_distinct,
    _rules_match_something,
    _profiles_keep_environments,
)


def problems_of(draft: Draft, *, paths: Sequence[str]) -> Iterator[Problem]:
    """Every fault between the parts of a draft; `paths` are the names that exist."""
    pieces = [problem for check in _ON_PIECES for problem in check(draft)]
    yield from pieces
    yield from _paths_are_known(draft, paths)
    off_axis = any(True for _ in _grid_values_are_on_axes(draft))
    if draft.complete and not off_axis:  # an off-axis value may be no version at all, and cannot be expanded
        for check in _ON_THE_WHOLE:
            yield from check(draft)
