"""pydantic's findings in the file's terms: its own messages name Python's types and classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .problems import Problem, key_of, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a table",
}
_SHOWN_CHARACTERS = 60
_BOUNDS = {
    "greater_than": "give a number greater than {gt:g}",
    "greater_than_equal": "give a number of at least {ge:g}",
    "finite_number": "give a finite number",
    "too_short": "give at least one value",
    "string_too_short": "write some text",
}
_EXPECTED = {
    "string": "a string in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "mapping": "a table",
    "dict": "a table",
    "dataclass": "a table",
    "dataclass_exact": "a table",
}


def from_validation(error: ValidationError, schema: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Retell an error; `schema` is the JSON Schema of the validated class, asked for the keys and values it allows."""
    details = error.errors()
    return tuple(_retell(detail, schema) for detail in details if not _only_lost_its_items(detail, details))


def _only_lost_its_items(detail: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    """Whether a list is called too short because its items are faulty, which is reported of each of them."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(
        other["loc"][: len(loc)] == loc and len(other["loc"]) > len(loc) for other in details
    )


def _retell(detail: ErrorDetails, schema: Mapping[str, Any]) -> Problem:
    kind, loc, context = detail["type"], detail["loc"], detail.get("ctx", {})
    if loc and loc[-1] == "[key]":  # pydantic's mark for a fault of the key itself
        known = _schema_at(schema, loc[:-2]).get("propertyNames", {}).get("enum", ())
        return Problem(
            key=key_of(loc[:-1]), message="is not a known key", remedy=suggest(str(loc[-2]), known, what="known keys")
        )
    shown = _shown(detail["input"])
    expected = _EXPECTED.get(kind.removesuffix("_type"))
    if kind == "spec":
        message, remedy = context["message"], context["remedy"]
    elif kind == "unexpected_keyword_argument":
        known = _schema_at(schema, loc[:-1]).get("properties", {})
        message, remedy = "is not a known key", suggest(str(loc[-1]), known, what="known keys")
    elif kind == "missing":
        meaning = _schema_at(schema, loc).get("description")
        message, remedy = "is missing", f"add it: {meaning}" if meaning else "add it"
    elif kind in {"literal_error", "enum"}:
        node = _schema_at(schema, loc)
        allowed = [
            json.dumps(value) if isinstance(value, int) else value for value in node.get("enum", [node.get("const")])
        ]
        message, remedy = f"is {shown}, which is not allowed", suggest(str(detail["input"]), allowed, what="allowed")
    elif kind in _BOUNDS:
        message, remedy = f"is {shown}", _BOUNDS[kind].format_map(context)
    elif expected is not None:
        message, remedy = f"is {_kind_of(detail['input'])} ({shown})", f"write {expected}"
    else:
        message, remedy = detail["msg"], f"change {shown}"
    return Problem(key=key_of(loc), message=message, remedy=remedy)


def _kind_of(value: object) -> str:
    if isinstance(value, dict) and value.keys() & {"date", "datetime", "time"} and len(value) == 1:  # see `as_json`
        return "a date or a time"
    return next((words for kind, words in _WORDS.items() if isinstance(value, kind)), "a value of another kind")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _schema_at(schema: Mapping[str, Any], loc: Sequence[int | str]) -> Mapping[str, Any]:
    """The part of a JSON Schema that describes the value at `loc`; empty where it says nothing about it."""
    node = schema
    for part in loc:
        node = _resolved(node, schema)
        if isinstance(part, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(part, node.get("additionalProperties") or {})
    described = node.get("description")
    node = _resolved(node, schema)
    return {**node, "description": described} if described else node


def _resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    options = node.get("anyOf")
    if options:  # an optional value: what it is where it is there
        node = next((option for option in options if option.get("type") != "null"), node)
    if "$ref" in node:
        definition: Mapping[str, Any] = schema["$defs"][node["$ref"].rpartition("/")[2]]
        return definition
    return node
