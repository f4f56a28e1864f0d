"""Claims' files: every fault is told with file, key and remedy, and editors see the same by the schema."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from asrcompat.explain.claims import SCHEMA_FILE, load_claims, schema, write_schema
from asrcompat.spec import SpecError

FOLDER = Path(__file__).parents[1] / "fixtures" / "claims"
VALIDATOR = jsonschema.Draft202012Validator(schema())
GOOD = """
id = "good"
order = 2
statement = "It is so."
sources = [{ title = "a text", url = "https://example.org/text" }]

[[parts]]
says = "it loads"
look = { stage = "load", expect = "passes", paths = ["s3prl-hf@preprocessor"], when = { s3prl = ">=0.4.15" } }
"""


def problems(folder: Path, text: str, name: str = "good") -> list[tuple[str, str, str]]:
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_claims(folder)
    return [(one.key, one.message, one.remedy) for one in caught.value.problems]


LOOK = GOOD[GOOD.index("look =") :].strip()
BAD = {
    "unknown key": ("order = 2", "order = 2\nverdict = 'confirmed'", "verdict", "is not a known key", "known keys: id"),
    "no statement": ('statement = "It is so."', "", "statement", "is missing", "what is claimed"),
    "empty statement": ("It is so.", " ", "statement", "is empty", "write a sentence"),
    "no source": ('[{ title = "a text", url = "https://example.org/text" }]', "[]", "sources", "is []", "at least one"),
    "bad address": ("https://example.org", "example.org", "sources[0].url", "is not a URL", "https://"),
    "other name": ('id = "good"', 'id = "better"', "id", "is 'better' in a file named 'good'", "one name"),
    "unknown stage": ('"load"', '"loading"', "parts[0].look.stage", "is not allowed", "did you mean 'load'?"),
    "unknown path": ("s3prl-hf@preprocessor", "s3prl-hg", "parts[0].look.paths[0]", "not a known path", "'s3prl-hf'?"),
    "unknown state": ("@preprocessor", "@mended", "parts[0].look.paths[0]", "unknown state", "path@state"),
    "unknown package": ("{ s3prl =", "{ s3pr =", "parts[0].look.when.s3pr", "is not a known key", "'s3prl'?"),
    "bad specifier": (">=0.4.15", "0.4.15", "parts[0].look.when.s3prl", "not a version specifier", ">=0.4.15"),
    "bad pattern": ('"load",', '"load", about = "(",', "parts[0].look.about", "not a regular expression", "mend it"),
    "stage and check": ('"load",', '"load", check = "shape",', "parts[0].look", "both stage and check", "by check"),
    "neither": ('stage = "load", ', "", "parts[0].look", "neither stage nor check", "look at cells by stage"),
    "data of a stage": ('"load",', '"load", data = { width = 1 },', "parts[0].look.data", "without a check", "name"),
    "message of success": ('"load",', '"load", message = "x",', "parts[0].look.message", "no failure", "`about`"),
    "no look": (LOOK, "", "parts[0]", "neither what bears on it nor what would", "`needs`"),
    "two looks": (LOOK, LOOK + '\nweights = { config = ["a"] }', "parts[0]", "both look and weights", "two parts"),
    "only controls": (LOOK, LOOK + "\ncontrol = true", "parts", "all controls", "take `control`"),
    "list in data": (
        'stage = "load"', 'check = "x", data = { a = [1] }', "parts[0].look.data.a", "is [1]", "write a number"),
    "not TOML": ("order = 2", "order =", "(file)", "is not TOML", "mend the syntax"),
}  # fmt: skip
# What only a look at other values, at the file's name or at the folder of paths shows is beyond a JSON Schema.
BEYOND = {
    "other name", "unknown path", "unknown state", "bad specifier", "bad pattern", "stage and check", "neither",
    "data of a stage", "message of success", "no look", "two looks", "only controls", "not TOML",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_fault_is_told_with_its_key_and_remedy(tmp_path: Path, name: str) -> None:
    old, new, key, message, remedy = BAD[name]
    assert old in GOOD
    told = problems(tmp_path, GOOD.replace(old, new, 1))
    assert [one[0] for one in told] == [f"good.toml: {key}"]
    assert message in told[0][1]
    assert remedy in told[0][2]


def test_the_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "another.toml").write_text(GOOD, encoding="utf-8")
    told = problems(tmp_path, GOOD.replace("It is so.", "").replace('"load"', '"loading"'))
    assert [one[0] for one in told] == [
        "another.toml: id",
        "good.toml: statement",
        "good.toml: parts[0].look.stage",
    ]


def test_a_folder_without_claims_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="holds no claims"):
        load_claims(tmp_path)


def test_claims_come_in_the_order_that_they_give(tmp_path: Path) -> None:
    for name, order in (("a", 3), ("b", 1), ("c", 1)):
        text = GOOD.replace('"good"', f'"{name}"').replace("order = 2", f"order = {order}")
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    assert [claim.id for claim in load_claims(tmp_path)] == ["b", "c", "a"]


def test_the_committed_schema_is_in_step(tmp_path: Path) -> None:
    write_schema(tmp_path / "schema.json")
    assert SCHEMA_FILE.read_text(encoding="utf-8") == (tmp_path / "schema.json").read_text(encoding="utf-8"), (
        'run: python -c "from asrcompat.explain.claims import write_schema; write_schema()"'
    )


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", sorted(set(BAD) - BEYOND))
def test_editors_see_the_same_faults(name: str) -> None:
    old, new, *_ = BAD[name]
    assert not VALIDATOR.is_valid(json.loads(json.dumps(tomllib.loads(GOOD.replace(old, new, 1)))))


def test_every_key_is_explained() -> None:
    made = schema()
    for definition in [made, *made["$defs"].values()]:
        for key, node in definition.get("properties", {}).items():
            assert node.get("description"), key


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_the_projects_claims_pass_and_name_their_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    VALIDATOR.validate(tomllib.loads(text))
    assert text.splitlines()[0] == "#:schema ../../asrcompat/claims.schema.json"


def test_the_good_one_is_good(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD, encoding="utf-8")
    (claim,) = load_claims(tmp_path)
    assert claim.parts[0].look is not None
    VALIDATOR.validate(tomllib.loads(GOOD))
