"""baseline.toml: what is expected of which cell, with the reason.

An entry is for one environment, by the id of its request, so that a build of torch or tonight's newest release makes no
difference. An entry for a path beats one for all paths (``*``). Whether an expectation is met says `compare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from asrcompat.adapters import adapter
from asrcompat.model import Device, Stage
from asrcompat.spec import Problem, Spec, SpecError, known_paths, request_id, split_path, state_problem
from asrcompat.spec.fields import Text, Values
from asrcompat.spec.problems import key_of, suggest
from asrcompat.spec.reading import as_json, piece, read_toml, schema_of, write_json
from asrcompat.spec.retell import from_validation

SCHEMA_FILE = Path(__file__).parents[1] / "baseline.schema.json"
ALL_PATHS = "*"

_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What is expected of the cells of one environment on one device, for some paths or for all."""

    __pydantic_config__ = _STRICT

    environment: Annotated[str, Field(description="the environment's id, as `nox -l` lists it")]
    path: Annotated[Values, Field(description="a path, a list of paths, or * for all that have no entry of their own")]
    outcome: Annotated[Literal["works", "broken", "unstable", "unavailable"], Field(description="what is expected")]
    device: Annotated[Device, Field(description="cpu or cuda")] = Device.CPU
    stage: Annotated[Stage | None, Field(description="where it breaks: required for broken, allowed for unstable")] = (
        None
    )
    reason: Annotated[Text | None, Field(description="why nothing better is expected")] = None


@dataclass(frozen=True, kw_only=True)
class Document:
    """baseline.toml: what is expected."""

    __pydantic_config__ = _STRICT

    schema: Annotated[Literal[1], Field(description="the version of this file's form: 1")]
    expect: Annotated[tuple[Expectation, ...], Field(description="one entry for each thing expected")] = ()


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Every expectation, by environment (request id), path (or `ALL_PATHS`) and device."""

    entries: Mapping[tuple[str, str, str], Expectation]

    def expected(self, environment: str, path: str, device: str) -> Expectation | None:
        """What is expected of a cell; `environment` may name a build of torch."""
        request = request_id(environment)
        return self.entries.get((request, path, device)) or self.entries.get((request, ALL_PATHS, device))


def load_baseline(path: Path, spec: Spec, *, paths: Sequence[str] | None = None) -> Baseline:
    """Read and check baseline.toml; a missing file expects nothing. Raises `SpecError` with every problem at once."""
    if not path.exists():
        return Baseline(entries={})
    data = read_toml(path)
    problems: list[Problem] = []
    try:
        adapter(Document).validate_json(as_json(data))
    except ValidationError as error:
        problems += from_validation(error, schema())
    entries: dict[tuple[str, str, str], Expectation] = {}
    known = tuple(known_paths()) if paths is None else paths
    problems += _check(_pieces(data), [one.id for one in spec.all_environments()], known, entries)
    if problems:
        raise SpecError(path.name, problems)
    return Baseline(entries=entries)


def _pieces(data: Mapping[str, Any]) -> Iterator[tuple[int, Expectation]]:
    items = data.get("expect")
    for number, item in enumerate(items if isinstance(items, list) else []):
        if (entry := piece(Expectation, item)) is not None:
            yield number, entry


def _check(
    entries: Iterator[tuple[int, Expectation]],
    environments: Sequence[str],
    paths: Sequence[str],
    into: dict[tuple[str, str, str], Expectation],
) -> Iterator[Problem]:
    """Find what is wrong between an entry's keys, with its names, and between entries; gather the entries by cell."""
    first: dict[tuple[str, str, str], int] = {}
    for number, entry in entries:
        for key, message, remedy in _faults(entry, environments, paths):
            yield Problem(key=key_of(["expect", number, key]), message=message, remedy=remedy)
        for path in entry.path:
            cell = (entry.environment, path, entry.device.value)
            into[cell] = entry
            if first.setdefault(cell, number) != number:
                message = f"expect[{first[cell]}] is already about {', '.join(cell)}"
                yield Problem(key=key_of(["expect", number]), message=message, remedy="keep one of the two")


def _faults(entry: Expectation, environments: Sequence[str], paths: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    if entry.environment not in environments:
        message = f"'{entry.environment}' is not an environment of matrix.toml"
        yield "environment", message, suggest(entry.environment, environments, what="environments")
    for path in entry.path:
        if (problem := state_problem(path)) is not None:
            yield "path", problem, "write path@state, or the path alone for it as published"
        name, _ = split_path(path)
        if name not in (ALL_PATHS, *paths):
            yield "path", f"'{name}' is not a known path", suggest(name, [*paths, ALL_PATHS], what="known paths")
    if len(entry.path) > 1 and ALL_PATHS in entry.path:
        yield "path", "lists * beside other paths", "write * alone, or the paths alone"
    if entry.outcome == "broken" and entry.stage is None:
        yield "stage", "is missing", f"say where it breaks: {', '.join(Stage)}"
    if entry.outcome in {"works", "unavailable"} and entry.stage is not None:
        yield "stage", f"does not go with {entry.outcome}", "remove it"
    if entry.outcome != "works" and entry.reason is None:
        yield "reason", "is missing", f"say why {entry.outcome} is expected"


def schema() -> dict[str, Any]:
    """The JSON Schema of baseline.toml."""
    return schema_of(Document, "asrcompat baseline.toml")


def write_schema(path: Path = SCHEMA_FILE) -> None:
    """Write the JSON Schema of baseline.toml to `path`."""
    write_json(path, schema())
