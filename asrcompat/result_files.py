"""Results as JSON text: written, read again, and their JSON Schema.

Reading is strict: a file of another version or torn in half is refused by name and never half-read.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from asrcompat.adapters import adapter
from asrcompat.model import Boundary, EnvironmentResult, Results

SCHEMA_VERSION = 1


class ResultError(ValueError):
    """A result file that cannot be read: torn, foreign, or of another schema."""


_T = TypeVar("_T")


def parse_environment_result(text: str | bytes, *, source: str) -> EnvironmentResult:
    """Read one environment's result; raises `ResultError` naming `source` where it is not one."""
    return _parse(EnvironmentResult, text, source)


def parse_results(text: str | bytes, *, source: str) -> Results:
    """Read ``results.json``; raises `ResultError` naming `source` where it is not one."""
    return _parse(Results, text, source)


def parse_boundary(text: str | bytes, *, source: str) -> Boundary:
    """Read one boundary's file; raises `ResultError` naming `source` where it is not one."""
    return _parse(Boundary, text, source)


def _parse(kind: type[_T], text: str | bytes, source: str) -> _T:
    try:
        return adapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top level)"
        message = f"{source}: not a result file of schema {SCHEMA_VERSION}: {where}: {first['msg']}"
        raise ResultError(message) from error


def published_reports(root: Path, *, warn: Callable[[str], None]) -> dict[str, Results]:
    """The reports that a checkout holds, by their folders in it; one that cannot be read is told and left out."""
    found = {}
    for file in sorted(root.glob("reports/**/results.json"), key=lambda file: file.parent):
        folder = file.parent.relative_to(root).as_posix()
        try:
            found[folder] = parse_results(file.read_bytes(), source=f"{folder}/{file.name}")
        except (OSError, ResultError) as error:
            warn(f"left out: {error}")
    return found


def dump(value: EnvironmentResult | Results | Boundary) -> str:
    """The value as JSON text: keys in the classes' order, two-space indent, a final newline."""
    return json.dumps(dataclasses.asdict(value), indent=2, ensure_ascii=False) + "\n"


def results_json_schema() -> dict[str, Any]:
    """The JSON Schema of ``results.json``."""
    schema = adapter(Results).json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "asrcompat results"
    return schema


def write_schema(path: Path) -> None:
    """Write the JSON Schema of ``results.json`` to `path`."""
    path.write_text(json.dumps(results_json_schema(), indent=2) + "\n", encoding="utf-8")
