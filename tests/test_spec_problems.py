"""Bad matrix.toml files: every fault is named with its key and a remedy, all at once."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matrix_text import MATRIX, PATHS, edited, load, write

from asrcompat.errors import ExitCode, UsageError
from asrcompat.spec import SpecError, load_spec
from asrcompat.spec.problems import Problem, key_of

CORE_GRID = MATRIX[MATRIX.index("[[profiles.core.grid]]") : MATRIX.index("[profiles.smoke]")]
FIRST_ENTRY = CORE_GRID[: CORE_GRID.index("[[profiles.core.grid]]", 1)]
PIN = '[[pins]]\nwhen = {{ {when} }}\nrequirements = ["six"]\nreason = "because"\n\n[probe]'
EXCLUDE = '[[exclude]]\nwhen = {{ {when} }}\nreason = "because"\n\n[probe]'

# (the edit, the key that must be named, what the message says, what the remedy says)
BAD = {
    "unknown top-level key": (("schema = 1", "schema = 1\nprofile = 1"), "profile", "not a known key", "'profiles'"),
    "unknown table": (("[index]", "[indexes]\n[index]"), "indexes", "not a known key", "did you mean 'index'?"),
    "unknown key deep down": (
        ("[[exclude]]", '[[profiles.smoke.grid]]\ntransfomers = "4.41.2"\n[[exclude]]'),
        "profiles.smoke.grid[1].transfomers",
        "not a known key",
        "did you mean 'transformers'?",
    ),
    "unknown axis": (('[axes]', '[axes]\ntourch = ["1"]'), "axes.tourch", "not a known key", "did you mean 'torch'?"),
    "unknown axis in when": (
        ('when = { espnet', 'when = { espnett'),
        "pins[0].when.espnett",
        "not a known key",
        "did you mean 'espnet'?",
    ),
    "missing section": (("[index]\ntorch_cpu", "[extra]\ntorch_cpu"), "index", "is missing", "where packages come"),
    "missing key": (("seed = 23\n", ""), "probe.seed", "is missing", "seed of everything random"),
    "value not on its axis": (
        ('torch = ["2.3.1", "newest"]', 'torch = ["2.3.0", "newest"]'),
        "profiles.core.grid[1].torch",
        "'2.3.0' is not on its axis",
        "did you mean '2.3.1'? the torch axis has: 1.13.1, 2.3.1, newest",
    ),
    "wrong type": (('torch = "2.3.1"', "torch = 2.3"), "profiles.core.grid[0].torch", "2.3", 'such as "2.3.1"'),
    "number in quotes": (("trials = 20", 'trials = "20"'), "probe.trials", 'a string ("20")', "write a whole number"),
    "true for a number": (("seed = 23", "seed = true"), "probe.seed", "true or false (true)", "write a whole number"),
    "date for a text": (
        ('"before and after"', "2024-01-01"), "profiles.core.description", "a date or a time", "in quotes"
    ),
    "text for a list": (('devices = ["cpu", "cuda"]', 'devices = "cpu"'), "probe.devices", "a string", "write a list"),
    "table for a list": (("[[pins]]", "[pins]"), "pins", "a table", "write a list"),
    "unknown device": (('"cuda"]', '"cudo"]'), "probe.devices[1]", '"cudo"', "did you mean 'cuda'?"),
    "unknown path": (('"s3prl-hf"]', '"s3prl_hf"]'), "probe.paths[1]", "not a known path", "did you mean 's3prl-hf'?"),
    "no paths": (('paths = ["transformers", "s3prl-hf"]', "paths = []"), "probe.paths", "is []", "at least one"),
    "repeated path": (('"s3prl-hf"]', '"transformers"]'), "probe.paths", "repeats transformers", "once"),
    "unknown weights": (('"synthetic-small"', '"small"'), "profiles.smoke.weights", '"small"', "'synthetic-small'?"),
    "no default profile": (("default = true", "default = false"), "profiles", "none is the default", "core, smoke"),
    "two default profiles": (
        ('description = "one"', 'description = "one"\ndefault = true'),
        "profiles",
        "several profiles are the default: core, smoke",
        "exactly one",
    ),
    "odd profile name": (("[profiles.smoke]", '[profiles."S moke"]\ndescription = "x"\n[profiles.smoke]'),
        'profiles."S moke"', "no name for a profile", "lower-case"),
    "empty profile": (("[[profiles.smoke.grid]]", "[[nothing]]"), "profiles.smoke", "names no environments", "cover"),
    "empty grid value": (('transformers = "newest"\n', "transformers = []\n"),
        "profiles.core.grid[1].transformers", "[]", "in quotes"),
    "repeated grid value": (('torch = ["2.3.1", "newest"]', 'torch = ["newest", "newest"]'),
        "profiles.core.grid[1].torch", "repeats newest", "once"),
    "same environment twice": ((CORE_GRID, CORE_GRID + FIRST_ENTRY), "profiles.core.grid[2]",
        "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2 is already in profiles.core.grid[0]", "once"),
    "same environment with other pins": (
        ("[[pins]]", FIRST_ENTRY.replace("core", "smoke") + 'pins = ["six"]\nreason = "x"\n\n[[pins]]'),
        "profiles.smoke.grid[1]",
        "other pins than in profiles.core.grid[0]",
        "[[pins]]",
    ),
    "grid pins without reason": (('reason = "compiled against numpy 1"\n', ""), "profiles.smoke.grid[0].reason",
        "is missing", "say why"),
    "reason without grid pins": (('pins = ["numpy<2"]\n', ""), "profiles.smoke.grid[0].reason", "not there", "pins ="),
    "grid overrides without reason": (
        ('pins = ["numpy<2"]\nreason = "compiled against numpy 1"\n', 'overrides = ["numpy<2"]\n'),
        "profiles.smoke.grid[0].reason",
        "is missing",
        "need the overrides",
    ),
    "override that is no requirement": (('pins = ["numpy<2"]', 'overrides = ["numpy is old"]'),
        "profiles.smoke.grid[0].overrides[0]", "not a requirement", "PEP 508"),
    "override of an axis": (('pins = ["numpy<2"]', 'overrides = ["torch<2"]'),
        "profiles.smoke.grid[0].overrides[0]", "which is an axis", "grid"),
    "extra without version": (('pins = ["numpy<2"]', 'pins = ["numpy<2"]\nextras = ["fairseq>=0.12"]'),
        "profiles.smoke.grid[0].extras[0]", "'fairseq>=0.12' is not a distribution at one version", "fairseq==0.12.2"),
    "extra in an odd spelling": (('pins = ["numpy<2"]', 'pins = ["numpy<2"]\nextras = ["Fair_Seq==0.12.2"]'),
        "profiles.smoke.grid[0].extras[0]", "not a distribution", "lower case"),
    "extra of an axis": (('pins = ["numpy<2"]', 'pins = ["numpy<2"]\nextras = ["espnet-s3prl==1.0"]'),
        "profiles.smoke.grid[0].extras[0]", "names espnet-s3prl, which is an axis", "grid"),
    "repeated extra": (('pins = ["numpy<2"]', 'pins = ["numpy<2"]\nextras = ["six==1.16.0", "six==1.17.0"]'),
        "profiles.smoke.grid[0].extras", "repeats six", "another entry"),
    "unknown path of a grid": (('pins = ["numpy<2"]', 'pins = ["numpy<2"]\npaths = ["s3prl_hf"]'),
        "profiles.smoke.grid[0].paths[0]", "'s3prl_hf' is not a known path", "did you mean 's3prl-hf'?"),
    "unknown state in a grid's path": (('pins = ["numpy<2"]', 'pins = ["numpy<2"]\npaths = ["s3prl-hf@sick"]'),
        "profiles.smoke.grid[0].paths[0]", "unknown state of the checkpoint 'sick'", "path@state"),
    "repeated path of a grid": (('pins = ["numpy<2"]', 'pins = ["numpy<2"]\npaths = ["s3prl-hf", "s3prl-hf"]'),
        "profiles.smoke.grid[0].paths", "repeats s3prl-hf", "once"),
    "no paths of a grid": (('pins = ["numpy<2"]', 'pins = ["numpy<2"]\npaths = []'),
        "profiles.smoke.grid[0].paths", "is []", "at least one"),
    "unknown path of a profile": (('weights = "synthetic-small"\n', 'paths = ["s3prl-hf", "s3prl_hf"]\n'),
        "profiles.smoke.paths[1]", "'s3prl_hf' is not a known path", "did you mean 's3prl-hf'?"),
    "unknown state in a profile's path": (('weights = "synthetic-small"\n', 'paths = ["s3prl-hf@sick"]\n'),
        "profiles.smoke.paths[0]", "unknown state of the checkpoint 'sick'", "path@state"),
    "repeated path of a profile": (('weights = "synthetic-small"\n', 'paths = ["s3prl-hf", "s3prl-hf"]\n'),
        "profiles.smoke.paths", "repeats s3prl-hf", "once"),
    "no paths of a profile": (('weights = "synthetic-small"\n', "paths = []\n"),
        "profiles.smoke.paths", "is []", "at least one"),
    "path of a profile that is no text": (('weights = "synthetic-small"\n', "paths = [1]\n"),
        "profiles.smoke.paths[0]", "whole number (1)", "in quotes"),
    "same environment with other overrides": (
        ("[[pins]]", FIRST_ENTRY.replace("core", "smoke") + 'overrides = ["six"]\nreason = "x"\n\n[[pins]]'),
        "profiles.smoke.grid[1]",
        "other overrides than in profiles.core.grid[0]",
        "in both",
    ),
    "same environment with other paths": (
        ("[[pins]]", FIRST_ENTRY.replace("core", "smoke") + 'paths = ["transformers"]\n\n[[pins]]'),
        "profiles.smoke.grid[1]",
        "other paths than in profiles.core.grid[0]",
        "in both",
    ),
    "pin without reason": (('reason = "pkg_resources"', 'reason = " "'), "pins[0].reason", "is empty", "sentence"),
    "exclusion without reason": (('reason = "not looked at"\n', ""), "exclude[0].reason", "is missing", "not run"),
    "pin that is no requirement": (("setuptools<81", "setuptools is old"), "pins[0].requirements[0]",
        "not a requirement", "PEP 508"),
    "pin of an axis": (("setuptools<81", "Torch<2"), "pins[0].requirements[0]", "pins torch, which is an axis", "grid"),
    "pin of the other s3prl": (("setuptools<81", "espnet_s3prl<2"), "pins[0].requirements[0]", "an axis", "grid"),
    "bad specifier": (('"<=202402"', '"=>202402"'), "pins[0].when.espnet", "not a version specifier", ">=2.3"),
    "specifier without versions": (('s3prl = "espnet-s3prl newest" }', 's3prl = "espnet-s3prl" }'),
        "exclude[0].when.s3prl", "says nothing", "newest"),
    "exclusion of everything": (('when = { torch = "newest", s3prl = "espnet-s3prl newest" }', "when = { }"),
        "exclude[0].when", "is {}", "at least one"),
    "dead pin": (("[probe]", PIN.format(when='torch = "<1"')), "pins[1].when", "matches no environment", "delete it"),
    "pin only for the excluded": (
        ("[probe]", PIN.format(when='torch = "newest", s3prl = "espnet-s3prl *"')),
        "pins[1].when",
        "matches no environment",
        "newest",
    ),
    "dead exclusion": (("[probe]", EXCLUDE.format(when='s3prl = ">=2026"')), "exclude[1].when", "matches no", "delete"),
    "profile all excluded": (("[probe]", EXCLUDE.format(when='torch = "<2"')), "profiles.smoke", "excluded", "narrow"),
    "no trials": (("trials = 20", "trials = 0"), "probe.trials", "is 0", "at least 1"),
    "negative deadline": (("cell_seconds = 600", "cell_seconds = -1"), "limits.cell_seconds", "is -1", "than 0"),
    "endless deadline": (("cell_seconds = 600", "cell_seconds = inf"), "limits.cell_seconds", "", "finite"),
    "no tolerance": (("tolerance = 1e-4", "tolerance = 0.0"), "probe.tolerance", "is 0.0", "greater than 0"),
    "negative seed": (("seed = 23", "seed = -1"), "probe.seed", "is -1", "at least 0"),
    "no memory": (("memory_gb = 8", "memory_gb = 0"), "limits.memory_gb", "is 0", "greater than 0"),
    "no jobs": (('jobs = "auto"', "jobs = 0"), "limits.jobs", "is 0", "at least 1"),
    "other jobs": (('jobs = "auto"', 'jobs = "many"'), "limits.jobs", "'many'", '"auto"'),
    "index no URL": (("https://example.org/cpu", "example.org"), "index.torch_cpu", "not a URL", "https://"),
    "invalid version": (('"1.13.1", ', '"1.13.1", "two", '), "axes.torch[1]", "'two' is not a version", "newest"),
    "odd spelling of a version": (('"202402", ', '"202402", "v1.0-rc1", '), "axes.espnet[1]", "spelling", '"1.0rc1"'),
    "build in a version": (('"1.13.1", ', '"1.13.1", "2.6.0+cpu", '), "axes.torch[1]", "a build", "[index]"),
    "same version twice": (('"1.13.1", ', '"1.13.1", "1.13.1.0", '), "axes.torch[1]", "already, as '1.13.1'", "once"),
    "same calendar version twice": (('"202402", ', '"202402", "202402", '), "axes.espnet[1]", "listed already", "once"),
    "bug-fix release of Python": (('"3.10", ', '"3.10", "3.11.4", '), "axes.python[1]", "X.Y", '"3.10"'),
    "unknown s3prl distribution": (('"espnet-s3prl newest", ', '"espnet-s3prl newest", "mine 1.0", '),
        "axes.s3prl[3]", "'mine' is not a distribution", "espnet-s3prl <version>"),
    "torchaudio follows another": (('follows = "torch"', 'follows = "espnet"'), "axes.torchaudio.follows", "", "torch"),
    "wrong schema": (("schema = 1", "schema = 2"), "schema", "is 2", "allowed: 1"),
    "empty model name": (('name = "someone/some-model"', 'name = ""'), "model.name", "is empty", "write a name"),
}  # fmt: skip


def problems_of(folder: Path, text: str) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        load(folder, text)
    return caught.value.problems


@pytest.mark.parametrize(("edit", "key", "message", "remedy"), BAD.values(), ids=BAD)
def test_a_fault_is_named(tmp_path: Path, edit: tuple[str, str], key: str, message: str, remedy: str) -> None:
    found = problems_of(tmp_path, edited(edit))
    assert key in [problem.key for problem in found]
    assert any(problem.key == key and message in problem.message and remedy in problem.remedy for problem in found), (
        found
    )


def test_the_examples_are_many() -> None:
    assert len(BAD) >= 20


@pytest.mark.parametrize("name", sorted(set(BAD) - {
    "unknown key deep down",  # an entry with a misspelt key lacks the right one as well
    "missing section",  # renamed, so that the new name is unknown
    "odd profile name",
    "empty profile",
    "unknown axis in when",
}))  # fmt: skip
def test_a_single_fault_is_reported_alone(tmp_path: Path, name: str) -> None:
    edit, key, _, _ = BAD[name]
    assert {problem.key for problem in problems_of(tmp_path, edited(edit))} == {key}


def test_all_faults_are_shown_at_once(tmp_path: Path) -> None:
    single = [
        "unknown table", "unknown axis", "value not on its axis", "missing key", "number in quotes", "unknown device",
        "unknown path", "unknown weights", "two default profiles", "pin without reason", "bad specifier",
        "exclusion without reason", "negative deadline", "other jobs", "index no URL", "invalid version",
        "bug-fix release of Python", "wrong schema", "empty model name", "grid pins without reason",
    ]  # fmt: skip
    text = edited(*(BAD[name][0] for name in single))
    with pytest.raises(SpecError) as caught:
        load(tmp_path, text)
    assert {BAD[name][1] for name in single} <= {problem.key for problem in caught.value.problems}
    shown = str(caught.value)
    for name in single:
        assert f"matrix.toml: {BAD[name][1]}: " in shown
    assert all(problem.message and problem.remedy for problem in caught.value.problems)
    assert shown.count("\n    -> ") == len(caught.value.problems)


def test_a_misunderstood_grid_kills_no_rule(tmp_path: Path) -> None:
    """The pin's only environments are in the entry with the fault: it must not be called dead."""
    text = edited(
        ('python = "3.10"\ntorch = "2.3.1"', 'python = "3.10"\ntorch = 2.3'), ('python = ">=3.10"', 'torch = ">2"')
    )
    assert [problem.key for problem in problems_of(tmp_path, text)] == ["profiles.core.grid[0].torch"]


def test_it_exits_as_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, "schema = 1")
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema = 1",
        "axes = 1\nprofiles = 2\npins = 3\nprobe = 4",
        "[[axes]]\n[[profiles]]",
        "[profiles]\nx = 1\n[profiles.y]\ngrid = [1]\n[probe]\npaths = [1]",
    ],
)
def test_wild_files_are_reported_and_never_crash(tmp_path: Path, text: str) -> None:
    problems = problems_of(tmp_path, text)
    assert len(problems) > 3
    assert "model" in [problem.key for problem in problems]


SPOILT = [
    "1",
    "-1.5",
    "true",
    '""',
    '"*"',
    "[]",
    "[[]]",
    '["x", 1]',
    "{}",
    "{ a = 1 }",
    "nan",
    "2026-11-22",
    '"\\u0000"',
    "",
]


@settings(max_examples=100, deadline=None)
@example({6: "1", 23: '"*"'})  # an axis that is not understood, and a value of its that is no version
@given(st.dictionaries(st.integers(0, MATRIX.count("\n")), st.sampled_from(SPOILT), min_size=1, max_size=4))
def test_whatever_is_spoilt_is_accepted_or_reported(spoilt: dict[int, str]) -> None:
    lines = MATRIX.split("\n")
    for number, value in spoilt.items():
        key, equals, _ = lines[number].partition(" = ")
        lines[number] = f"{key} = {value}" if equals else ""
    problems: tuple[Problem, ...] = ()
    with tempfile.TemporaryDirectory() as folder:
        try:
            load(Path(folder), "\n".join(lines))
        except SpecError as error:
            problems = error.problems or (Problem(key="", message="", remedy=""),)
    assert all(problem.key and problem.message and problem.remedy for problem in problems)


def test_syntax_errors_have_a_line(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, MATRIX.replace("[model]", "[model"))
    assert "line 3" in problem.message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"matrix\.toml: \(file\): there is no such file"):
        load_spec(tmp_path / "matrix.toml", paths=PATHS)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        load_spec(tmp_path, paths=PATHS)


def test_not_utf8(tmp_path: Path) -> None:
    path = write(tmp_path, MATRIX)
    path.write_bytes(MATRIX.replace("before", "vor und später").encode("latin-1"))
    with pytest.raises(SpecError, match=r"is not UTF-8: byte \d+ is 0xe4"):
        load_spec(path, paths=PATHS)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = write(tmp_path, MATRIX)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_spec(path, paths=PATHS).default_profile == "core"


def test_keys_are_written_as_toml_writes_them() -> None:
    assert key_of(["profiles", "a b", "grid", 1, "torch"]) == 'profiles."a b".grid[1].torch'
    assert key_of([]) == "(file)"
