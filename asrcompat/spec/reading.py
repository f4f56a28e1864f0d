"""A TOML file to a validated object: reading, and the bridge to pydantic."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import ValidationError

from asrcompat.adapters import adapter

from .problems import Problem, SpecError

if TYPE_CHECKING:
    from pathlib import Path

_T = TypeVar("_T")


def read_toml(path: Path) -> dict[str, Any]:
    """The file as TOML; raises `SpecError` where it is missing, unreadable, not UTF-8 or not TOML."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        problem = Problem(key="(file)", message="there is no such file", remedy="give the path of an existing file")
    except OSError as error:
        remedy = "give the path of a readable file"
        problem = Problem(key="(file)", message=f"cannot be read: {error.strerror}", remedy=remedy)
    except UnicodeDecodeError as error:
        message = f"is not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}"
        problem = Problem(key="(file)", message=message, remedy="save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        remedy = "mend the syntax there (https://toml.io); text values stand in double quotes"
        problem = Problem(key="(file)", message=f"is not TOML: {error}", remedy=remedy)
    raise SpecError(path.name, [problem]) from None


def as_json(data: object) -> str:
    """TOML's values as JSON, where strict validation takes a list for a tuple; a date becomes a table, never a text."""
    return json.dumps(data, default=lambda value: {type(value).__name__: str(value)})


def piece(kind: type[_T], data: object) -> _T | None:
    """One table as its class, or None where it is faulty; unknown keys, reported elsewhere, are no hindrance."""
    fields = {each.name for each in dataclasses.fields(cast("Any", kind))}
    known = {key: value for key, value in data.items() if key in fields} if isinstance(data, dict) else data
    try:
        return adapter(kind).validate_json(as_json(known))
    except ValidationError:
        return None


def write_json(path: Path, data: object) -> None:
    """Write a file of indented JSON."""
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def schema_of(kind: type[object], title: str) -> dict[str, Any]:
    """The JSON Schema of a class, for editors."""
    schema = adapter(kind).json_schema()
    return {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
