"""The kinds of value that a configuration file may hold, each checked where it stands.

A kind is an annotated type: its validator's fault names the value and the remedy, its JSON Schema lets an editor
see the same rule.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from .problems import fault, listed
from .selector import selector

STRICT = ConfigDict(extra="forbid", strict=True)

NEWEST = "newest"
FORK = "espnet-s3prl"
AXIS_DISTRIBUTIONS = ("torch", "torchaudio", "transformers", "s3prl", FORK, "espnet")

# A version in its one normal spelling, without epoch and build: it stands in identifiers and file names.
_VERSION = r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?"
_EXTRA = rf"(?P<name>[a-z0-9]+(-[a-z0-9]+)*)==(?P<version>{_VERSION})"
_ONE_OR_MORE: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}]
}


def about(description: str) -> Any:
    """What an editor shows of a key."""
    return Field(description=description)


def _text(value: str) -> str:
    if not value.strip():
        message = "is empty"
        raise fault(message, "write a sentence for the person who reads this in a year")
    return value


def _name(value: str) -> str:
    if not value.strip():
        message = "is empty"
        raise fault(message, "write a name")
    return value


def _version(value: str) -> str:
    if value == NEWEST or re.fullmatch(_VERSION, value):
        return value
    try:
        version = Version(value)
    except InvalidVersion:
        message = f"'{value}' is not a version"
        raise fault(message, f'write a version such as "2.3.1", or "{NEWEST}"') from None
    if version.local or version.epoch:
        message = f"'{value}' names a build or an epoch"
        raise fault(
            message,
            f'write "{version.base_version.partition("!")[2] or version.base_version}"; builds are chosen by [index]',
        )
    message = f"'{value}' is not the normal spelling of this version"
    raise fault(message, f'write "{version}"')


def _s3prl(value: str) -> str:
    distribution, space, version = value.partition(" ")
    if not space:
        return _version(value)
    if distribution != FORK:
        message = f"'{distribution}' is not a distribution of s3prl"
        raise fault(message, f'write a version of s3prl alone, or "{FORK} <version>"')
    return f"{FORK} {_version(version)}"


def _python(value: str) -> str:
    if not re.fullmatch(r"3\.\d+", value):
        message = f"'{value}' is not a Python version X.Y"
        raise fault(message, 'write it as "3.10": the newest bug-fix release is taken')
    return value


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({item for item in values if values.count(item) > 1})
    if repeated:
        message = f"repeats {listed(repeated)}"
        raise fault(message, "write each value once")
    return values


def _one_or_more(value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(item, str) for item in values):
        message = f"is {value!r}"
        raise fault(message, 'write a text in quotes, such as "2.3.1", or a list of such texts')
    return _distinct(tuple(values))


def _specifiers(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        text = value.removeprefix(FORK).strip()
        try:
            SpecifierSet("" if text in {"*", NEWEST} else text)
        except InvalidSpecifier:
            message = f"'{value}' is not a version specifier"
            raise fault(message, f'write one such as ">=2.3,<2.9", or "*", or "{NEWEST}"') from None
        if not text:
            message = f"'{value}' says nothing about versions"
            raise fault(message, f'write a specifier such as ">=2.3", "*" for every version, or "{NEWEST}"')
    return values


def _requirement(value: str) -> str:
    try:
        name = canonicalize_name(Requirement(value).name)
    except InvalidRequirement as error:
        message = f"'{value}' is not a requirement: {str(error).splitlines()[0]}"
        raise fault(message, 'write one by PEP 508, such as "setuptools<81"') from None
    if name in AXIS_DISTRIBUTIONS:
        message = f"'{value}' pins {name}, which is an axis"
        raise fault(message, "choose its version in a grid, or exclude the environments that do not suit")
    return value


def _extra(value: str) -> str:
    match = re.fullmatch(_EXTRA, value)
    if match is None:
        message = f"'{value}' is not a distribution at one version"
        raise fault(message, 'write it as "fairseq==0.12.2", the name in lower case with hyphens')
    if (name := match["name"]) in AXIS_DISTRIBUTIONS:
        message = f"'{value}' names {name}, which is an axis"
        raise fault(message, "choose its version in a grid")
    return value


def _selector(value: str) -> str:
    selector(value)
    return value


def _selectors(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        selector(value.removeprefix(f"{FORK} "))
    return values


def _day(value: str) -> str:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:
        message = f"'{value}' is no day"
        raise fault(message, 'write it as "2024-07-01"')
    if day >= datetime.now(UTC).date():
        message = f"'{value}' is not over yet"
        raise fault(message, "name a day of which all is known, or leave it out for today")
    return value


def _jobs(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    message = f"is {value!r}"
    raise fault(message, 'write a whole number of at least 1, or "auto"')


def _url(value: str) -> str:
    if not re.match(r"(https?|file)://.", value):
        message = f"'{value}' is not a URL"
        raise fault(message, "write one that begins with https://, http:// or file://")
    return value


Text = Annotated[str, AfterValidator(_text), WithJsonSchema({"type": "string", "pattern": r"\S"})]
Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": r"\S"})]
Url = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "pattern": "^(https?|file)://."})]
AxisVersion = Annotated[
    str, AfterValidator(_version), WithJsonSchema({"type": "string", "pattern": f"^({_VERSION}|{NEWEST})$"})
]
S3prlVersion = Annotated[
    str, AfterValidator(_s3prl), WithJsonSchema({"type": "string", "pattern": f"^({FORK} )?({_VERSION}|{NEWEST})$"})
]
PythonVersion = Annotated[str, AfterValidator(_python), WithJsonSchema({"type": "string", "pattern": r"^3\.\d+$"})]
Pythons = Annotated[tuple[PythonVersion, ...], AfterValidator(_distinct)]
Values = Annotated[tuple[str, ...], PlainValidator(_one_or_more), WithJsonSchema(_ONE_OR_MORE)]
Specifiers = Annotated[
    tuple[str, ...], PlainValidator(_one_or_more), AfterValidator(_specifiers), WithJsonSchema(_ONE_OR_MORE)
]
Selector = Annotated[str, AfterValidator(_selector), WithJsonSchema({"type": "string", "pattern": r"\S"})]
S3prlSelectors = Annotated[
    tuple[str, ...], PlainValidator(_one_or_more), AfterValidator(_selectors), WithJsonSchema(_ONE_OR_MORE)
]
PinRequirement = Annotated[str, AfterValidator(_requirement), WithJsonSchema({"type": "string"})]
ExtraDistribution = Annotated[
    str,
    AfterValidator(_extra),
    WithJsonSchema({"type": "string", "pattern": f"^[a-z0-9]+(-[a-z0-9]+)*=={_VERSION}$"}),
]
Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"})]
Jobs = Annotated[
    int | Literal["auto"],
    PlainValidator(_jobs),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}]}),
]
Days = Annotated[float, Field(gt=0, le=3650)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
