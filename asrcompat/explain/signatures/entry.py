"""The catalogue's form: one file per signature, with what it matches, what it means, and what may cure it.

The file's name is the signature's id. An entry names no versions: which are affected is computed from results.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from asrcompat.adapters import adapter
from asrcompat.errors import UsageError
from asrcompat.lab.change import AXES, Change, Kind
from asrcompat.model import Stage
from asrcompat.spec.fields import Text
from asrcompat.spec.problems import Problem, SpecError, fault
from asrcompat.spec.reading import as_json, read_toml, schema_of, write_json
from asrcompat.spec.retell import from_validation

CATALOGUE = Path(__file__).parent / "catalogue"
SCHEMA_FILE = Path(__file__).parents[2] / "signature.schema.json"

_STRICT = ConfigDict(extra="forbid", strict=True)


def _about(description: str) -> Any:
    return Field(description=description)


def _regular(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        message = f"is not a regular expression: {error}"
        raise fault(message, "mend it; a literal text is escaped with backslashes") from None
    if all(re.search(value, text) for text in ("", "any text at all")):  # "^$" is what a bare assertion says
        message = "matches everything"
        raise fault(message, "write what the failure says, or leave the key out")
    return value


Pattern = Annotated[str, AfterValidator(_regular)]


@dataclass(frozen=True, kw_only=True)
class Match:
    """What a failure must be like; of one exception of its chain, `exception` and `message` must match together."""

    __pydantic_config__ = _STRICT

    exception: Annotated[Pattern | None, _about("pattern of the whole qualified type name, such as 'OSError'")] = None
    message: Annotated[Pattern | None, _about("pattern found in the same exception's message")] = None
    raised_in: Annotated[
        Pattern | None,
        _about(
            "how the path of the file that raised this exception begins, below site-packages: 's3prl/upstream/'; "
            "frames of Python itself and of this project do not count"
        ),
    ] = None
    through: Annotated[
        Pattern | None,
        _about("the same of any file in this exception's own traceback, where another package raises it"),
    ] = None
    hidden: Annotated[
        bool, _about("look for it behind a handler too: among exceptions that the others were not raised from")
    ] = False
    package: Annotated[
        Text | None, _about("the distribution, by its canonical name, that has no solution or does not build")
    ] = None
    asked_by: Annotated[
        tuple[Text, ...], _about("whose requirements on it clash, by canonical names; who is not named may be anyone")
    ] = ()
    stages: Annotated[tuple[Stage, ...], _about("stages at which it may fail; any, if left out")] = ()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change more."""

    __pydantic_config__ = _STRICT

    kind: Annotated[Kind, _about("what is changed")]
    value: Annotated[Text, _about("as a cure's value is written")]


@dataclass(frozen=True, kw_only=True)
class Cure:
    """A change to try: nothing here says that it helps, a run does."""

    __pydantic_config__ = _STRICT

    kind: Annotated[Kind, _about("what is changed; the file has them in this order")]
    value: Annotated[
        Text,
        _about(
            "variable: NAME=value; config: key.key=value; file: a name, or name:key=value; extra: name==version; "
            "pin: a requirement; override: one that holds in place of what packages ask for; axis: axis=version; "
            "replace: 's3prl -> espnet-s3prl newest'; shim: a shim's name"
        ),
    ]
    says: Annotated[Text, _about("what a person does, in a sentence")]
    also: Annotated[tuple[Step, ...], _about("further changes, made together with it: alone it would not help")] = ()


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A recognised failure."""

    __pydantic_config__ = _STRICT

    title: Annotated[Text, _about("the failure in a few words")]
    cause: Annotated[Text, _about("why it happens, in a sentence that a user understands")]
    status: Annotated[
        Literal["reproduced", "read", "told"],
        _about("reproduced: this project captured it; read: in released code; told: in a public thread only"),
    ]
    source: Annotated[tuple[Text, ...], Field(min_length=1), _about("where it is known from")]
    match: Annotated[Match, _about("what a failure must be like")]
    excerpt: Annotated[Text | None, _about("what the source quotes, where nothing was captured here")] = None
    cures: Annotated[tuple[Cure, ...], _about("what to try, the least intrusive first")] = ()
    id: Annotated[str, _about("the file's name; not written")] = field(default="")


def load_catalogue(folder: Path = CATALOGUE) -> Mapping[str, Signature]:
    """All entries by id; raises `SpecError` with every problem of every file."""
    problems: list[Problem] = []
    found: dict[str, Signature] = {}
    for file in sorted(folder.glob("*.toml")):
        try:
            found[file.stem] = _load(file)
        except SpecError as error:
            problems += [
                Problem(key=f"{file.name}: {one.key}", message=one.message, remedy=one.remedy) for one in error.problems
            ]
    if problems:
        raise SpecError(folder.name, problems)
    return found


def _load(file: Path) -> Signature:
    data = read_toml(file)
    if "id" in data:
        problem = Problem(key="id", message="is written in the file", remedy="take it out: the file's name is the id")
        raise SpecError(file.name, [problem])
    try:
        entry = adapter(Signature).validate_json(as_json({**data, "id": file.stem}))
    except ValidationError as error:
        raise SpecError(file.name, from_validation(error, schema())) from None
    problems = list(_faults(entry))
    if problems:
        raise SpecError(file.name, problems)
    return entry


def _faults(entry: Signature) -> list[Problem]:
    found = []
    order = get_args(Kind)
    kinds = [max(map(order.index, [cure.kind, *(one.kind for one in cure.also)])) for cure in entry.cures]
    if kinds != sorted(kinds):
        message, remedy = "are not in order", f"put the least intrusive first: {', '.join(get_args(Kind))}"
        found.append(Problem(key="cures", message=message, remedy=remedy))
    for cure in entry.cures:
        found += _faults_of_change(cure)
        for step in cure.also:
            found += _faults_of_change(step)
    found += _faults_of(entry.match)
    if entry.status == "reproduced" and entry.excerpt is not None:
        message, remedy = "is there though the failure was reproduced", "keep the captured traceback, drop the excerpt"
        found.append(Problem(key="excerpt", message=message, remedy=remedy))
    if entry.status != "reproduced" and entry.excerpt is None:
        message, remedy = "is missing", "quote shortly what the source says, or capture the traceback by a run"
        found.append(Problem(key="excerpt", message=message, remedy=remedy))
    return found


def bound_on_axis(cure: Cure) -> Requirement | None:
    """The bound of a pin on an axis, for which releases within are to be found; None for every other change."""
    try:
        requirement = Requirement(cure.value) if cure.kind == "pin" else None
    except InvalidRequirement:
        return None
    return requirement if requirement is not None and canonicalize_name(requirement.name) in AXES else None


def _faults_of_change(one: Cure | Step) -> Iterator[Problem]:
    if isinstance(one, Cure) and bound_on_axis(one) is not None:  # its releases are found when it is tried
        return
    try:
        Change(kind=one.kind, value=one.value)
    except UsageError as error:
        yield Problem(
            key="cures", message=f"has one that cannot be made: {error}", remedy="write it in its kind's form"
        )


def _faults_of(match: Match) -> Iterator[Problem]:
    if match.exception is None and match.message is None:
        message, remedy = "says nothing about the exception", "give `exception`, `message` or both"
        yield Problem(key="match", message=message, remedy=remedy)
    named = filter(None, (match.package, *match.asked_by))
    if other := [name for name in named if name != canonicalize_name(name)]:
        message, remedy = f"names {', '.join(other)}", f"write {', '.join(map(canonicalize_name, other))}"
        yield Problem(key="match", message=message, remedy=remedy)
    if match.hidden and match.raised_in is None and match.through is None:
        message, remedy = "looks behind handlers in any code", "say in which, by `raised_in` or `through`"
        yield Problem(key="match.hidden", message=message, remedy=remedy)


def schema() -> dict[str, Any]:
    """The JSON Schema of an entry's file."""
    made = schema_of(Signature, "asrcompat signature")
    made["properties"].pop("id")
    return made


def write_schema(path: Path = SCHEMA_FILE) -> None:
    """Write the JSON Schema of an entry's file to `path`."""
    write_json(path, schema())
