"""The JSON Schema for editors: in step with the classes, and of one mind with `load_spec`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from matrix_text import MATRIX, edited
from test_spec_problems import BAD

from asrcompat.spec import SCHEMA_FILE, schema, write_schema

ROOT = Path(__file__).parents[1]
VALIDATOR = jsonschema.Draft202012Validator(schema())

# What only a look at other values, at the folder of paths or into a requirement shows is beyond a JSON Schema.
BEYOND = {
    "value not on its axis", "unknown path", "repeated path", "no default profile", "two default profiles",
    "same environment twice", "same environment with other pins", "grid pins without reason",
    "reason without grid pins", "pin that is no requirement", "pin of an axis", "pin of the other s3prl",
    "bad specifier", "specifier without versions", "dead pin", "pin only for the excluded", "dead exclusion",
    "grid overrides without reason", "override that is no requirement", "override of an axis", "extra of an axis",
    "repeated extra", "unknown path of a grid", "unknown state in a grid's path", "repeated path of a grid",
    "unknown path of a profile", "unknown state in a profile's path", "repeated path of a profile",
    "same environment with other overrides", "same environment with other paths",
    "profile all excluded", "same version twice", "same calendar version twice", "endless deadline",
    "odd profile name", "empty profile",
}  # fmt: skip


def test_the_committed_schema_is_in_step(tmp_path: Path) -> None:
    write_schema(tmp_path / "schema.json")
    assert SCHEMA_FILE.read_text(encoding="utf-8") == (tmp_path / "schema.json").read_text(encoding="utf-8"), (
        'run: python -c "from asrcompat.spec import write_schema; write_schema()"'
    )


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("text", [(ROOT / "matrix.toml").read_text(encoding="utf-8"), MATRIX], ids=["own", "test"])
def test_good_files_pass(text: str) -> None:
    VALIDATOR.validate(tomllib.loads(text))


def test_the_repositorys_file_names_its_schema() -> None:
    first = (ROOT / "matrix.toml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"#:schema ./{SCHEMA_FILE.relative_to(ROOT).as_posix()}"


@pytest.mark.parametrize("name", sorted(set(BAD) - BEYOND))
def test_editors_see_the_same_faults(name: str) -> None:
    data = json.loads(json.dumps(tomllib.loads(edited(BAD[name][0])), default=lambda value: {"date": str(value)}))
    assert not VALIDATOR.is_valid(data)


def test_every_key_is_explained() -> None:
    made = schema()
    for definition in [made, *made["$defs"].values()]:
        for key, node in definition.get("properties", {}).items():
            assert node.get("description"), key
