"""Claims from their folder, every fault of every file at once, and the JSON Schema by which editors check them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asrcompat.adapters import adapter
from asrcompat.spec import known_paths, split_path, state_problem
from asrcompat.spec.problems import Problem, SpecError, key_of, suggest
from asrcompat.spec.reading import as_json, read_toml, schema_of, write_json
from asrcompat.spec.retell import from_validation

from .document import Document, Look, Part

SCHEMA_FILE = Path(__file__).parents[2] / "claims.schema.json"


def load_claims(folder: Path) -> tuple[Document, ...]:
    """Every claim of the folder, in the order that they give; raises `SpecError` with every problem."""
    files = sorted(folder.glob("*.toml"))
    problems: list[Problem] = []
    claims: list[Document] = []
    for file in files:
        try:
            claims.append(_load(file))
        except SpecError as error:
            problems += error.problems
    if not files:
        remedy = "keep one file for each claim there, named as the claim with .toml"
        problems.append(Problem(key="(folder)", message="holds no claims", remedy=remedy))
    if problems:
        raise SpecError(folder.name, problems)
    return tuple(sorted(claims, key=lambda claim: (claim.order, claim.id)))


def schema() -> dict[str, Any]:
    """The JSON Schema of a claim's file."""
    return schema_of(Document, "asrcompat claim")


def write_schema(path: Path = SCHEMA_FILE) -> None:
    """Write the JSON Schema of a claim's file to `path`."""
    write_json(path, schema())


def _load(file: Path) -> Document:
    """One claim; its problems are told with the file's name before the key."""
    try:
        claim = adapter(Document).validate_json(as_json(read_toml(file)))
        problems = tuple(_problems_of(claim, file.stem))
    except ValidationError as error:
        problems = from_validation(error, schema())
    except SpecError as error:
        problems = error.problems
    if problems:
        raise SpecError(
            file.name,
            [Problem(key=f"{file.name}: {one.key}", message=one.message, remedy=one.remedy) for one in problems],
        )
    return claim


def _problems_of(claim: Document, stem: str) -> Iterator[Problem]:
    """Faults between the values of a file."""
    if claim.id != stem:
        yield Problem(key="id", message=f"is '{claim.id}' in a file named '{stem}'", remedy="give both one name")
    for number, part in enumerate(claim.parts):
        yield from _problems_of_part(part, ("parts", number))
    if all(part.control for part in claim.parts):
        remedy = "take `control` from the parts that the verdict is to come from"
        yield Problem(key="parts", message="are all controls: nothing could be judged", remedy=remedy)


def _problems_of_part(part: Part, where: Sequence[int | str]) -> Iterator[Problem]:
    if part.look is not None and part.weights is not None:
        yield Problem(key=key_of(where), message="has both look and weights", remedy="make two parts of it")
    if part.look is None and part.weights is None and part.needs is None:
        remedy = "add `look` or `weights`; where nothing here can test it, say in `needs` what would"
        yield Problem(key=key_of(where), message="says neither what bears on it nor what would", remedy=remedy)
    if part.look is not None:
        yield from _problems_of_look(part.look, (*where, "look"))


def _problems_of_look(look: Look, where: Sequence[int | str]) -> Iterator[Problem]:
    if (look.stage is None) == (look.check is None):
        said = "neither stage nor check" if look.stage is None else "both stage and check"
        yield Problem(key=key_of(where), message=f"has {said}", remedy="look at cells by stage, or at checks by check")
    if look.message is not None and look.expect == "passes":
        remedy = "a pattern of failures that bear on the part is called `about`"
        yield Problem(key=key_of((*where, "message")), message="is given where no failure is expected", remedy=remedy)
    if look.data and look.check is None:
        yield Problem(
            key=key_of((*where, "data")), message="is given without a check", remedy="name the check it is of"
        )
    known = known_paths()
    for number, path in enumerate(look.paths):
        key = key_of((*where, "paths", number))
        name, _ = split_path(path)
        if (problem := state_problem(path)) is not None:
            yield Problem(key=key, message=problem, remedy="write path@state, or the path alone for it as published")
        if name not in known:
            message = f"'{name}' is not a known path"
            yield Problem(key=key, message=message, remedy=suggest(name, known, what="known paths"))
