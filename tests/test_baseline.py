"""The baseline: its file's faults all at once, and the judgement on what was found."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrix_text import PATHS, load

from asrcompat.baseline import (
    SCHEMA_FILE,
    Baseline,
    Comparison,
    Expectation,
    compare,
    load_baseline,
    schema,
    write_schema,
)
from asrcompat.errors import ExitCode
from asrcompat.model import Cell, Device, Outcome, Stage, Trials
from asrcompat.spec import Spec, SpecError, load_spec

ROOT = Path(__file__).parents[1]
OLD = "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2"
OLD_CPU = OLD.replace("2.3.1", "2.3.1+cpu")
NEW = "py3.12-torch2.3.1-s3prl0.4.15-espnet202611-transformers-newest"
KEY = (OLD, "s3prl-hf", "cpu")

GOOD = f"""\
schema = 1
[[expect]]
environment = "{OLD}"
path = "*"
outcome = "works"
[[expect]]
environment = "{OLD}"
path = ["s3prl-hf", "espnet-s3prl"]
outcome = "broken"
stage = "load"
reason = "no preprocessor"
[[expect]]
environment = "{OLD}"
path = "transformers"
device = "cuda"
outcome = "unstable"
reason = "layers drop"
"""


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return load(tmp_path)


def baseline_of(folder: Path, spec: Spec, text: str) -> Baseline:
    path = folder / "baseline.toml"
    path.write_text(text, encoding="utf-8")
    return load_baseline(path, spec, paths=PATHS)


def expecting(outcome: str, stage: Stage | None = None, *, path: str = "s3prl-hf") -> Baseline:
    entry = Expectation(environment=OLD, path=(path,), outcome=outcome, stage=stage, reason="told so")  # type: ignore[arg-type]
    return Baseline(entries={(OLD, path, device): entry for device in Device})


def cell(
    outcome: Outcome,
    stage: Stage | None = None,
    *,
    environment: str = OLD,
    device: Device = Device.CPU,
    trials: Trials | None = None,
) -> Cell:
    return Cell(
        environment=environment,
        path="s3prl-hf",
        device=device,
        outcome=outcome,
        stage=stage,
        exception="OSError",
        message='no file "x"\nat all',
        trials=trials,
    )


def judged(baseline: Baseline, *cells: Cell, planned: tuple[str, str, str] = KEY) -> Comparison:
    return compare(baseline, planned=[planned], cells=cells)


def lists_of(comparison: Comparison) -> set[str]:
    return {name for name in ("regressions", "news", "unfinished", "unlisted") if getattr(comparison, name)}


def test_the_repositorys_own_baseline_is_valid() -> None:
    load_baseline(ROOT / "baseline.toml", load_spec(ROOT / "matrix.toml"))


def test_a_reason_names_no_other_release_than_the_environments_own() -> None:
    baseline = load_baseline(ROOT / "baseline.toml", load_spec(ROOT / "matrix.toml"))
    for entry in baseline.entries.values():
        for package, version in re.findall(r"(S3PRL|ESPnet|fairseq) (?:up to )?(\d[\d.]*\d)", entry.reason or ""):
            assert f"-{package.lower()}{version}" in entry.environment, entry


def test_a_missing_file_expects_nothing(tmp_path: Path, spec: Spec) -> None:
    assert load_baseline(tmp_path / "baseline.toml", spec).entries == {}


def test_an_entry_for_a_path_beats_the_one_for_all(tmp_path: Path, spec: Spec) -> None:
    baseline = baseline_of(tmp_path, spec, GOOD)
    outcomes = {path: baseline.expected(OLD, path, "cpu") for path in PATHS}
    assert {path: entry and entry.outcome for path, entry in outcomes.items()} == {
        "espnet-s3prl": "broken", "s3prl-hf": "broken", "transformers": "works"
    }  # fmt: skip
    assert baseline.expected(OLD, "s3prl-hf", "cuda") is None
    assert baseline.expected(NEW, "s3prl-hf", "cpu") is None


def test_a_build_of_torch_makes_no_difference(tmp_path: Path, spec: Spec) -> None:
    baseline = baseline_of(tmp_path, spec, GOOD)
    assert baseline.expected(OLD_CPU, "s3prl-hf", "cpu") == baseline.expected(OLD, "s3prl-hf", "cpu") is not None


BAD = {
    "unknown key": ('path = "*"', 'paht = "*"', "expect[0].paht", "did you mean 'path'?"),
    "unknown environment": (OLD, OLD.replace("espnet", "espent"), "expect[0].environment", f"did you mean '{OLD}'?"),
    "environment with a build": (OLD, OLD_CPU, "expect[0].environment", f"did you mean '{OLD}'?"),
    "unknown path": ('"s3prl-hf"', '"s3prl_hf"', "expect[1].path", "did you mean 's3prl-hf'?"),
    "all paths and one": ('"s3prl-hf"', '"*"', "expect[1].path", "write * alone"),
    "unknown device": ('"cuda"', '"cuba"', "expect[2].device", "did you mean 'cuda'?"),
    "unknown outcome": ('"works"', '"work"', "expect[0].outcome", "did you mean 'works'?"),
    "an error is never expected": ('"works"', '"error"', "expect[0].outcome", "allowed: works, broken"),
    "unknown stage": ('"load"', '"laod"', "expect[1].stage", "did you mean 'load'?"),
    "broken without stage": ('stage = "load"\n', "", "expect[1].stage", "resolve, install, import"),
    "works with stage": ('"works"', '"works"\nstage = "train"', "expect[0].stage", "remove it"),
    "broken without reason": ('reason = "no preprocessor"\n', "", "expect[1].reason", "why broken is expected"),
    "unstable without reason": ('reason = "layers drop"\n', "", "expect[2].reason", "why unstable is expected"),
    "empty reason": ('"layers drop"', '""', "expect[2].reason", "sentence"),
    "wrong schema": ("schema = 1", "schema = 3", "schema", "allowed: 1"),
    "no list": ("[[expect]]", "[expected]\n[[expect]]", "expected", "did you mean 'expect'?"),
}


@pytest.mark.parametrize(("old", "new", "key", "remedy"), BAD.values(), ids=BAD)
def test_a_fault_is_named(tmp_path: Path, spec: Spec, old: str, new: str, key: str, remedy: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError) as caught:
        baseline_of(tmp_path, spec, GOOD.replace(old, new, 1))
    assert any(problem.key == key and remedy in problem.remedy for problem in caught.value.problems), caught.value
    assert f"baseline.toml: {key}: " in str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE


def test_all_faults_are_shown_at_once(tmp_path: Path, spec: Spec) -> None:
    text = GOOD
    chosen = [BAD[name] for name in ("unknown outcome", "unknown path", "broken without reason", "unknown device")]
    for old, new, _, _ in chosen:
        text = text.replace(old, new, 1)
    with pytest.raises(SpecError) as caught:
        baseline_of(tmp_path, spec, text)
    assert {key for _, _, key, _ in chosen} == {problem.key for problem in caught.value.problems}


def test_two_entries_about_one_cell_are_a_fault(tmp_path: Path, spec: Spec) -> None:
    again = f'[[expect]]\nenvironment = "{OLD}"\npath = "s3prl-hf"\noutcome = "works"\n'
    with pytest.raises(SpecError, match=r"expect\[3\]: expect\[1\] is already about") as caught:
        baseline_of(tmp_path, spec, GOOD + again)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "text", ["expect = 1", "schema = 1\nexpect = [1]", "schema = 1\n[expect]\nx = 1", "schema = [", ""]
)
def test_wild_files_are_reported_and_never_crash(tmp_path: Path, spec: Spec, text: str) -> None:
    with pytest.raises(SpecError):
        baseline_of(tmp_path, spec, text)


WORKS, BROKEN, UNSTABLE = Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE


@pytest.mark.parametrize(
    ("expected", "expected_stage", "found", "found_stage", "where"),
    [
        ("works", None, WORKS, Stage.TRAIN, set()),
        ("works", None, UNSTABLE, Stage.TRAIN, {"regressions"}),
        ("works", None, BROKEN, Stage.TRAIN, {"regressions"}),
        ("unstable", None, UNSTABLE, Stage.TRAIN, set()),
        ("unstable", Stage.TRAIN, UNSTABLE, Stage.TRAIN, set()),
        ("unstable", None, WORKS, Stage.TRAIN, {"news"}),
        ("unstable", None, BROKEN, Stage.TRAIN, {"regressions"}),
        ("broken", Stage.LOAD, BROKEN, Stage.LOAD, set()),
        ("broken", Stage.LOAD, BROKEN, Stage.FEATURES, {"news"}),
        ("broken", Stage.LOAD, BROKEN, Stage.IMPORT, {"regressions"}),
        ("broken", Stage.TRAIN, UNSTABLE, Stage.TRAIN, {"news"}),
        ("broken", Stage.LOAD, WORKS, Stage.TRAIN, {"news"}),
        ("unavailable", None, Outcome.UNAVAILABLE, None, set()),
        ("unavailable", None, WORKS, Stage.TRAIN, {"news"}),
        ("works", None, Outcome.ERROR, None, {"unfinished"}),
        ("broken", Stage.LOAD, Outcome.ERROR, None, {"unfinished"}),
        ("works", None, Outcome.UNAVAILABLE, None, {"unfinished"}),
        ("broken", Stage.LOAD, Outcome.UNAVAILABLE, None, {"unfinished"}),
        ("unstable", None, Outcome.UNAVAILABLE, None, {"unfinished"}),
    ],
)
def test_the_order_of_verdicts(
    expected: str, expected_stage: Stage | None, found: Outcome, found_stage: Stage | None, where: set[str]
) -> None:
    assert lists_of(judged(expecting(expected, expected_stage), cell(found, found_stage))) == where


def test_more_or_fewer_trials_are_the_same_instability() -> None:
    for passed in (1, 19):
        comparison = judged(expecting("unstable"), cell(UNSTABLE, Stage.TRAIN, trials=Trials(passed=passed, of=20)))
        assert lists_of(comparison) == set()


def test_a_missing_device_is_no_fault() -> None:
    key = (OLD, "s3prl-hf", "cuda")
    found = cell(Outcome.UNAVAILABLE, device=Device.CUDA)
    assert judged(expecting("works"), found, planned=key).exit_code is ExitCode.OK


def test_nothing_expected_is_nothing_wrong() -> None:
    comparison = judged(Baseline(entries={}), cell(BROKEN, Stage.LOAD))
    assert lists_of(comparison) == {"unlisted"}
    assert comparison.exit_code is ExitCode.OK


def test_unexpected_errors_and_missing_cells_are_unfinished_all_the_same() -> None:
    assert judged(Baseline(entries={}), cell(Outcome.ERROR)).exit_code is ExitCode.UNFINISHED
    missing = judged(expecting("works"))
    assert [difference.found for difference in missing.unfinished] == ["missing"]
    assert missing.exit_code is ExitCode.UNFINISHED


def test_a_regression_is_told_before_unfinished_work() -> None:
    other = (OLD, "transformers", "cpu")
    comparison = compare(expecting("works"), planned=[KEY, other], cells=[cell(BROKEN, Stage.LOAD)])
    assert lists_of(comparison) == {"regressions", "unfinished"}
    assert comparison.exit_code is ExitCode.WORSE


@pytest.mark.parametrize("planned", [OLD, OLD_CPU])
@pytest.mark.parametrize("found", [OLD, OLD_CPU])
def test_ids_with_and_without_build_meet(planned: str, found: str) -> None:
    comparison = judged(
        expecting("broken", Stage.LOAD),
        cell(BROKEN, Stage.LOAD, environment=found),
        planned=(planned, "s3prl-hf", "cpu"),
    )
    assert lists_of(comparison) == set()
    assert [entry.environment for entry in comparison.expected] == [found]


def test_a_judgement_as_data() -> None:
    data = judged(expecting("works"), cell(BROKEN, Stage.LOAD, environment=OLD_CPU)).as_data()
    assert data == {
        "regressions": [
            {
                "environment": OLD_CPU,
                "path": "s3prl-hf",
                "device": "cpu",
                "expected": "works: told so",
                "found": "broken at load",
                "reason": 'OSError: no file "x"',
            }
        ],
        "news": [],
        "unfinished": [],
        "unlisted": [],
        "expected": [
            {
                "environment": OLD_CPU,
                "path": "s3prl-hf",
                "device": "cpu",
                "outcome": "works",
                "stage": None,
                "reason": "told so",
            }
        ],
        "exit_code": 1,
    }


def test_each_side_of_a_difference_has_its_own_reason() -> None:
    (worse,) = judged(expecting("broken", Stage.LOAD), cell(BROKEN, Stage.IMPORT)).regressions
    assert (worse.expected, worse.found) == ("broken at load: told so", "broken at import")
    assert worse.reason == 'OSError: no file "x"'
    (better,) = judged(expecting("broken", Stage.LOAD), cell(WORKS, Stage.TRAIN)).news
    assert (better.expected, better.found, better.reason) == ("broken at load: told so", "works", "")
    (missing,) = judged(expecting("broken", Stage.LOAD)).unfinished
    assert (missing.expected, missing.found, missing.reason) == ("broken at load: told so", "missing", "")


@pytest.mark.parametrize("device", list(Device))
@pytest.mark.parametrize("outcome", [WORKS, BROKEN, UNSTABLE])
def test_the_lines_for_an_unlisted_cell_can_be_pasted(
    tmp_path: Path, spec: Spec, outcome: Outcome, device: Device
) -> None:
    found = cell(outcome, Stage.TRAIN, environment=OLD_CPU, device=device)
    (unlisted,) = judged(Baseline(entries={}), found, planned=(OLD, "s3prl-hf", device.value)).unlisted
    pasted = baseline_of(tmp_path, spec, "schema = 1\n" + unlisted.toml + "\n")
    assert lists_of(judged(pasted, found, planned=(OLD, "s3prl-hf", device.value))) == set()


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_any_message_survives_the_pasting(message: str) -> None:
    found = Cell(environment=OLD, path="s3prl-hf", device=Device.CPU, outcome=BROKEN, stage=Stage.LOAD, message=message)
    (unlisted,) = judged(Baseline(entries={}), found).unlisted
    (entry,) = tomllib.loads(unlisted.toml)["expect"]
    assert entry["reason"].strip()


def test_swapped_expectations_are_a_regression_and_news() -> None:
    """Whoever swaps two entries gets exit code 1, whatever they say."""
    other = (OLD, "transformers", "cpu")
    works, broken = expecting("works", path="transformers"), expecting("broken", Stage.LOAD)
    right = Baseline(entries={**works.entries, **broken.entries})
    wrong = Baseline(
        entries={
            other: broken.entries[KEY],
            KEY: works.entries[other],
        }
    )
    cells = [
        cell(BROKEN, Stage.LOAD),
        Cell(environment=OLD, path="transformers", device=Device.CPU, outcome=WORKS, stage=Stage.TRAIN),
    ]
    assert compare(right, planned=[KEY, other], cells=cells).exit_code is ExitCode.OK
    swapped = compare(wrong, planned=[KEY, other], cells=cells)
    assert lists_of(swapped) == {"regressions", "news"}
    assert swapped.exit_code is ExitCode.WORSE


def test_the_committed_schema_is_in_step(tmp_path: Path) -> None:
    write_schema(tmp_path / "schema.json")
    assert SCHEMA_FILE.read_text(encoding="utf-8") == (tmp_path / "schema.json").read_text(encoding="utf-8"), (
        'run: python -c "from asrcompat.baseline import write_schema; write_schema()"'
    )


@pytest.mark.parametrize("text", [GOOD, (ROOT / "baseline.toml").read_text(encoding="utf-8")], ids=["test", "own"])
def test_good_files_pass_the_schema(text: str) -> None:
    jsonschema.Draft202012Validator(schema()).validate(tomllib.loads(text))


def test_the_repositorys_file_names_its_schema() -> None:
    first = (ROOT / "baseline.toml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"#:schema ./{SCHEMA_FILE.relative_to(ROOT).as_posix()}"
