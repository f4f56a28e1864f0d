"""The shape of a claim's file; from these classes the JSON Schema for editors is made too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from asrcompat.model import Device, Stage
from asrcompat.spec.fields import Name, Text, Url
from asrcompat.spec.problems import fault

_STRICT = ConfigDict(extra="forbid", strict=True)
_NON_EMPTY = Field(min_length=1)

Package = Literal["python", "torch", "torchaudio", "transformers", "s3prl", "espnet-s3prl", "espnet"]
Scalar = bool | int | float | str


def _about(description: str) -> Any:
    return Field(description=description)


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        message = f"'{value}' is not a regular expression: {error}"
        raise fault(message, "mend it, or put a backslash before what is meant literally") from None
    return value


def _specifier(value: str) -> str:
    try:
        SpecifierSet(value)
    except InvalidSpecifier:
        message = f"'{value}' is not a version specifier"
        raise fault(message, 'write one such as ">=0.4.15" or ">=2.3,<2.9"; "" for every version') from None
    return value


def _scalar(value: object) -> object:
    if isinstance(value, Scalar):
        return value
    message = f"is {value!r}"
    raise fault(message, "write a number, a text, true or false")


Pattern = Annotated[str, AfterValidator(_pattern), WithJsonSchema({"type": "string", "format": "regex"})]
Specifier = Annotated[str, AfterValidator(_specifier), WithJsonSchema({"type": "string"})]
Value = Annotated[
    Scalar, PlainValidator(_scalar), WithJsonSchema({"type": ["boolean", "number", "string"]})
]  # told apart by type: 1 is not true


@dataclass(frozen=True, kw_only=True)
class Source:
    """A document or thread: where a claim was made, or what a part of it cites."""

    __pydantic_config__ = _STRICT

    title: Annotated[Text, _about("what a reader would call it")]
    url: Annotated[Url | None, _about("where it can be read; a file's at one commit")] = None


@dataclass(frozen=True, kw_only=True)
class Look:
    """Which cells, or which of their checks, bear on a part, and what they show where it holds.

    A cell bears on it where its climb tried `stage`, a check where it ran.
    """

    __pydantic_config__ = _STRICT

    expect: Annotated[Literal["passes", "fails"], _about("what the stage or the check does where the part holds")]
    stage: Annotated[Stage | None, _about("look at cells: whether they passed this stage of the ladder")] = None
    check: Annotated[Name | None, _about("look at checks of this id")] = None
    paths: Annotated[tuple[Name, ...], _about("only cells of these paths, written as in matrix.toml")] = ()
    devices: Annotated[tuple[Device, ...], _about("only cells on these devices")] = ()
    when: Annotated[
        Mapping[Package, Specifier], _about("only environments with these versions: package = specifier")
    ] = field(default_factory=dict)
    weights: Annotated[Literal["hub"] | None, _about("only results on the real weights")] = None
    message: Annotated[Pattern | None, _about("what the failure that is expected says, somewhere in its message")] = (
        None
    )
    about: Annotated[Pattern | None, _about("a failure that says nothing like this is about something else")] = None
    data: Annotated[Mapping[str, Value], _about("values that the check's data must have besides: key = value")] = field(
        default_factory=dict
    )


@dataclass(frozen=True, kw_only=True)
class Weights:
    """In what the real repository must agree with the fixture, which stands for what is claimed."""

    __pydantic_config__ = _STRICT

    config: Annotated[tuple[Name, ...], _NON_EMPTY, _about("keys of config.json that must be as in the fixture")]
    tensors: Annotated[bool, _about("whether names, types and shapes of all tensors must be, too")] = False


@dataclass(frozen=True, kw_only=True)
class Part:
    """One sentence of a claim, and what bears on it."""

    __pydantic_config__ = _STRICT

    says: Annotated[Text, _about("the sentence, as it would read if it held")]
    look: Annotated[Look | None, _about("the cells or checks that bear on it")] = None
    weights: Annotated[Weights | None, _about("what the real weights must be like")] = None
    needs: Annotated[Text | None, _about("what would test it, where nothing here does")] = None
    cites: Annotated[tuple[Source, ...], _about("files that say so; read by people, and never counted")] = ()
    control: Annotated[
        bool, _about("whether it only puts the others in their light, and is told without being counted")
    ] = False


@dataclass(frozen=True, kw_only=True)
class Document:
    """A claim: a statement of a document, and the parts that it is judged by."""

    __pydantic_config__ = _STRICT

    id: Annotated[Name, _about("the file's name without .toml")]
    order: Annotated[int, _about("place in the list of claims")]
    statement: Annotated[Text, _about("what is claimed, in our words")]
    sources: Annotated[tuple[Source, ...], _NON_EMPTY, _about("where it was made")]
    parts: Annotated[tuple[Part, ...], _NON_EMPTY, _about("what bears on it")]
