"""From a record to a cell: the ladder's rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrcompat.model import CheckOutcome, Device, Outcome, Stage
from asrcompat.run import outcome
from asrcompat.run.records import Raw
from asrcompat.run.scrub import Scrubber

CLIMB = ["import", "load", "features", "forward", "backward", "step", "train"]
STARTED = {"event": "started", "pid": 7, "started": "2026-01-01T00:00:00.000+00:00", "mode": "forked", "versions": {}}


def check(stage: str, result: str = "passed", *, required: bool = True, **data: Any) -> dict[str, Any]:
    return {
        "event": "check",
        "id": stage,
        "stage": stage,
        "required": required,
        "outcome": result,
        "message": f"{stage} {result}",
        "data": data,
        "seconds": 0.5,
    }


def raw(*events: dict[str, Any], log: bytes = b"") -> Raw:
    return Raw(path="transformers", device=Device.CPU, events=(STARTED, *events), log=log)


def cell(*events: dict[str, Any], log: bytes = b"") -> Any:
    return outcome.cell("environment", raw(*events, log=log), Scrubber({}))


FINISHED = {"event": "finished"}


def test_all_stages_passed_works() -> None:
    found = cell(*map(check, CLIMB), FINISHED)
    assert (found.outcome, found.stage, found.passed, found.failed) == (
        Outcome.WORKS,
        Stage.TRAIN,
        Stage.TRAIN,
        None,
    )


@pytest.mark.parametrize(
    ("result", "expected"),
    [("failed", Outcome.BROKEN), ("unstable", Outcome.UNSTABLE), ("error", Outcome.ERROR)],
)
def test_the_first_required_check_that_did_not_pass_decides(result: str, expected: Outcome) -> None:
    found = cell(check("import"), check("load"), check("features", result, exception="E"), FINISHED)
    assert (found.outcome, found.passed, found.failed, found.exception) == (
        expected,
        Stage.LOAD,
        Stage.FEATURES,
        "E",
    )


@given(results=st.lists(st.sampled_from(list(CheckOutcome)), min_size=len(CLIMB), max_size=len(CLIMB)))
def test_checks_that_are_not_required_never_decide(results: list[CheckOutcome]) -> None:
    reported = [check(stage, result, required=False) for stage, result in zip(CLIMB, results, strict=True)]
    found = cell(*[one for pair in zip(map(check, CLIMB), reported, strict=True) for one in pair], FINISHED)
    assert found.outcome is Outcome.WORKS


@given(reached=st.integers(min_value=0, max_value=len(CLIMB) - 1))
def test_a_record_that_ends_early_is_never_a_success(reached: int) -> None:
    assert cell(*map(check, CLIMB[:reached]), FINISHED).outcome is Outcome.ERROR
    assert cell(*map(check, CLIMB[:reached])).outcome is Outcome.ERROR


def test_a_death_is_blamed_on_the_check_it_was_at() -> None:
    begun = {"event": "begin", "stage": "backward", "check": "differentiate", "required": True}
    ended = {"event": "ended", "pid": 9, "kind": "signal", "reason": "was ended by signal 11 (SIGSEGV)", "seconds": 1}
    found = cell(*map(check, CLIMB[:4]), begun, ended, log=b"Fatal Python error: Segmentation fault")
    assert (found.outcome, found.failed, found.exception) == (Outcome.BROKEN, Stage.BACKWARD, "ProcessKilled")
    decisive = next(one for one in found.checks if one.outcome is CheckOutcome.FAILED)
    assert decisive.id == "differentiate"
    assert "Segmentation fault" in decisive.data["traceback"]


@pytest.mark.parametrize(("kind", "reason"), [("parent", "exit code 1"), ("signal", "was ended by signal 9 (SIGKILL)")])
def test_a_death_that_no_package_explains_is_an_error(kind: str, reason: str) -> None:
    begun = {"event": "begin", "stage": "load", "check": "load", "required": True}
    ended = {"event": "ended", "pid": 9, "kind": kind, "reason": reason, "seconds": 1}
    assert cell(check("import"), begun, ended).outcome is Outcome.ERROR


def test_nothing_recorded_at_all_is_an_error() -> None:
    found = outcome.cell("environment", Raw(path="p", device=Device.CPU, events=(), log=b""), Scrubber({}))
    assert (found.outcome, found.evidence) == (Outcome.ERROR, None)


def test_the_hash_tells_runs_apart_that_printed_nothing() -> None:
    hashes = {Raw(path="p", device=Device.CPU, events=events, log=b"").sha256() for events in ((STARTED,), ())}
    hashes.add(Raw(path="p", device=Device.CPU, events=(STARTED,), log=b"word").sha256())
    assert len(hashes) == 3


def test_the_threads_of_a_cell_are_those_that_its_own_process_told() -> None:
    static = {"event": "static", "facts": {}, "threads": 2}
    told = [cell(*events).evidence for events in ((static, *map(check, CLIMB), FINISHED), (check("import"), FINISHED))]
    assert [one.threads for one in told] == [2, None]


def test_features_and_trials_come_from_their_checks() -> None:
    events = [check(stage) for stage in CLIMB]
    shape = {**check("features", width=768, frames=50), "id": "shape"}
    parity = {**check("features", parity=1e-6, follows="raw", padded="unmasked"), "id": "parity"}
    trials = {**check("train", passed=20, of=20), "id": "trials"}
    found = cell(*events[:3], shape, parity, *events[3:], trials, FINISHED)
    assert found.features is not None
    assert (found.features.width, found.features.frames) == (768, 50)
    assert (found.features.parity, found.features.follows, found.features.padded) == (1e-6, "raw", "unmasked")
    assert found.trials is not None
    assert (found.trials.passed, found.trials.of) == (20, 20)


def test_folders_of_this_machine_are_taken_out() -> None:
    scrub = Scrubber({"work": Path("/somewhere/made"), "checkout": Path("/somewhere")})
    text = (
        'File "/somewhere/made/envs/x/lib/python3.10/site-packages/torch/nn.py"\n'
        "/somewhere/made/probe /somewhere/fixtures /somewhere-else /opt/py/lib/python3.10/json/decoder.py"
    )
    assert scrub.text(text) == (
        'File "site-packages/torch/nn.py"\n<work>/probe <checkout>/fixtures /somewhere-else python3.10/json/decoder.py'
    )
    assert scrub.data({"a": [str(Path.home() / "x")]}) == {"a": ["~/x"]}


SEGFAULT = {"event": "ended", "pid": 9, "kind": "signal", "reason": "was ended by signal 11 (SIGSEGV)", "seconds": 1}


def test_a_death_in_a_check_that_is_not_required_turns_no_cell_red() -> None:
    begun = {"event": "begin", "stage": "forward", "check": "validation", "required": False}
    found = cell(*map(check, CLIMB[:3]), begun, SEGFAULT)
    assert (found.outcome, found.failed) == (Outcome.ERROR, Stage.FORWARD)
    assert [one.id for one in found.checks if one.outcome is CheckOutcome.FAILED and not one.required] == ["validation"]


def test_a_death_between_checks_blames_none_of_them() -> None:
    begun = {"event": "begin", "stage": "load", "check": "load", "required": True}
    found = cell(check("import"), begun, check("load"), SEGFAULT)
    assert found.outcome is Outcome.ERROR
    assert next(one for one in found.checks if one.id == "load").outcome is CheckOutcome.PASSED


def test_a_fault_of_the_probe_itself_is_an_error_whatever_was_passed() -> None:
    begun = {"event": "begin", "stage": "features", "check": "finite", "required": True}
    fault = {"event": "fault", "exception": "KeyError", "message": "'x'", "traceback": "…", "causes": []}
    found = cell(*map(check, CLIMB[:2]), begun, check("features"), fault, FINISHED)
    assert (found.outcome, found.exception) == (Outcome.ERROR, "KeyError")
    assert "the probe's own fault" in found.message


@pytest.mark.parametrize(
    ("identity", "expected"),
    [("parity-path", Outcome.WORKS), ("parity", Outcome.ERROR), ("parity-alone", Outcome.ERROR)],
)
def test_only_the_comparison_with_the_reference_path_may_be_skipped(identity: str, expected: Outcome) -> None:
    skipped = {**check("features", "skipped"), "id": identity}
    assert cell(*map(check, CLIMB), skipped, FINISHED).outcome is expected


def test_a_second_run_that_passes_does_not_hide_the_first() -> None:
    begun = {"event": "begin", "stage": "load", "check": "load", "required": True}
    first = raw(begun, SEGFAULT)
    second = Raw(
        path="transformers",
        device=Device.CPU,
        events=(STARTED, *map(check, CLIMB), FINISHED),
        log=b"",
        first=first,
    )
    found = outcome.cell("environment", second, Scrubber({}))
    assert found.outcome is Outcome.WORKS
    (told,) = [one for one in found.checks if one.id == "first-run"]
    assert not told.required
    assert "SIGSEGV" in told.message


def test_torch_that_sees_no_device_is_unavailable() -> None:
    absent = {"event": "no-device", "message": "torch 2.3.1 sees no CUDA device on this machine"}
    found = cell(check("import"), absent, FINISHED)
    assert (found.outcome, found.stage) == (Outcome.UNAVAILABLE, None)
