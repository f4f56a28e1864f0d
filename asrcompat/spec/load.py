"""matrix.toml from file to `Spec`, and the JSON Schema by which editors check it while it is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from asrcompat.adapters import adapter
from asrcompat.errors import UsageError

from .checks import problems_of
from .document import Document
from .draft import read_draft
from .expand import Expansion, expand
from .paths import known_paths
from .problems import Problem, SpecError, suggest
from .reading import as_json, read_toml, schema_of, write_json
from .retell import from_validation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asrcompat.model import Weights

    from .document import GridEntry, Profile
    from .request import Request

SCHEMA_FILE = Path(__file__).parents[1] / "matrix.schema.json"


@dataclass(frozen=True, kw_only=True)
class Spec(Document):
    """matrix.toml, validated, and the environments it asks for."""

    @property
    def default_profile(self) -> str:
        """The profile that is run where none is named."""
        return next(name for name, profile in self.profiles.items() if profile.default)

    def profile(self, name: str) -> Profile:
        """A profile by its name; `UsageError` for an unknown one."""
        self._require(name)
        return self.profiles[name]

    def weights_of(self, profile: str) -> Weights:
        """The profile's own weights, else the model's."""
        return self.profile(profile).weights or self.model.weights

    def paths_of(self, profile: str) -> tuple[str, ...]:
        """The profile's own paths, else those of the probe; an environment may have its own in place of either."""
        return self.profile(profile).paths or self.probe.paths

    def environments(self, profile: str) -> tuple[Request, ...]:
        """The environments of a profile in the file's order, without the excluded; `UsageError` for an unknown one."""
        self._require(profile)
        return self._expansions[profile].planned

    def with_rows(self, profile: str, rows: Iterable[GridEntry]) -> Spec:
        """The same with these environments in a profile besides its grid's: those that a plan has chosen."""
        before = self.profile(profile)
        grown = replace(before, grid=(*before.grid, *rows))
        return replace(self, profiles={**self.profiles, profile: grown})

    def excluded(self, profile: str) -> tuple[tuple[Request, str], ...]:
        """The environments of a profile that are not run, each with the reason."""
        self._require(profile)
        return self._expansions[profile].excluded

    def all_environments(self) -> tuple[Request, ...]:
        """The environments of every profile, each once."""
        planned = (request for expansion in self._expansions.values() for request in expansion.planned)
        return tuple({request.id: request for request in planned}.values())

    @cached_property
    def _expansions(self) -> dict[str, Expansion]:
        return {
            name: expand(profile.grid, pins=self.pins, exclude=self.exclude) for name, profile in self.profiles.items()
        }

    def _require(self, profile: str) -> None:
        if profile not in self.profiles:
            message = (
                f"there is no profile '{profile}': {suggest(profile, self.profiles, what='profiles')}; name one of "
                "these with --profile, and `asrcompat plan --profile NAME` lists its environments"
            )
            raise UsageError(message)


def load_spec(path: Path, *, paths: Sequence[str] | None = None) -> Spec:
    """Read and check matrix.toml; raises `SpecError` with every problem at once.

    `paths` are the names of the ways to load the checkpoint, by default `known_paths`.
    """
    data = read_toml(path)
    problems: list[Problem] = []
    try:
        spec = adapter(Spec).validate_json(as_json(data))
    except ValidationError as error:
        problems += from_validation(error, schema())
    problems += problems_of(read_draft(data), paths=tuple(known_paths()) if paths is None else paths)
    if problems:
        raise SpecError(path.name, dict.fromkeys(problems))
    return spec


def schema() -> dict[str, Any]:
    """The JSON Schema of matrix.toml."""
    return schema_of(Document, "asrcompat matrix.toml")


def write_schema(path: Path = SCHEMA_FILE) -> None:
    """Write the JSON Schema of matrix.toml to `path`."""
    write_json(path, schema())
