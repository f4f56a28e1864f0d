"""Results are explained as far as the catalogue goes, and rules name versions; no outcome changes by it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from factories import make_cell, make_check, make_core_results, make_environment, make_environment_result, make_results

from asrcompat.explain.judge import judge_failures
from asrcompat.explain.rules.discriminate import Move
from asrcompat.explain.rules.judge import attempt
from asrcompat.explain.seen import Subject, fared
from asrcompat.explain.signatures.entry import Match, Signature, load_catalogue
from asrcompat.explain.signatures.facts import facts_of
from asrcompat.lab.experiments import Tried
from asrcompat.model import (
    Cell,
    CheckOutcome,
    Device,
    Environment,
    EnvironmentResult,
    Outcome,
    Results,
    Stage,
    Trials,
    parse_results,
)
from asrcompat.report.check import verify
from asrcompat.report.publish import results_json

CLASH = (
    "error: No solution found when resolving dependencies\n  cause: Because espnet==202308 depends on "
    "protobuf<=3.20.1 and s3prl==0.4.15 depends on protobuf==3.20.3, we can conclude that espnet==202308 and "
    "s3prl==0.4.15 are incompatible.\n         And because environment depends on s3prl==0.4.15 and espnet==202308, "
    "we can conclude that your requirements are unsatisfiable."
)
ABSENT = (
    "error: No solution found when resolving dependencies\n  cause: Because there is no version of "
    "torchaudio==2.13.0 and environment depends on torchaudio==2.13.0, we can conclude that your requirements are "
    "unsatisfiable."
)
BUILD = """error: Failed to build `openai-whisper==20230308`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
           File "site-packages/setuptools/build_meta.py", line 333, in get_requires_for_build_wheel
             return self._get_build_requires(config_settings, requirements=[])
         KeyError: '__version__'
"""


def explained(
    results: Results, catalogue: dict[str, Signature] | None = None, beside: tuple[EnvironmentResult, ...] = ()
) -> Results:
    """Judge with locks that hold what environments name."""
    locks = {
        str(one.lock): "".join(f"{name}=={version} \\\n    --hash=sha256:0\n" for name, version in one.packages.items())
        for one in (*results.environments, *(other.environment for other in beside))
    }
    return judge_failures(results, locks, catalogue=catalogue, beside=beside)


def known(name: str, **match: Any) -> dict[str, Signature]:
    """A catalogue of one entry."""
    entry = Signature(id=name, title=name, cause="why", status="told", source=("s",), match=Match(**match))
    return {name: entry}


def environments(**packages: tuple[str, ...]) -> list[Environment]:
    """Environments with these versions, the first of each package in the first one."""
    count = max(len(versions) for versions in packages.values())
    return [
        make_environment(
            f"e{number}", packages={name: versions[number] for name, versions in packages.items() if versions[number]}
        )
        for number in range(count)
    ]


def failing(environment: Environment, path: str = "s3prl-hf", **changes: Any) -> Cell:
    given = {"exception": "OddError", "message": "odd 7", **changes}
    return make_cell(environment, path, Outcome.BROKEN, **given)


def test_every_failed_cell_gets_a_cause_and_nothing_else_changes() -> None:
    before = make_core_results()
    after = explained(before)
    verify(after)
    for old, new in zip(before.cells, after.cells, strict=True):
        assert dataclasses.replace(new, signature=old.signature, cause=old.cause) == old
        if new.outcome in (Outcome.BROKEN, Outcome.UNSTABLE):
            assert new.signature is not None
            assert new.cause
        else:
            assert (new.signature, new.cause) == (old.signature, old.cause)
    assert {one["id"] for one in after.signatures} >= {"preprocessor-missing"}
    assert parse_results(results_json(after), source="x") == parse_results(results_json(explained(after)), source="x")


def test_without_a_catalogue_outcomes_are_the_same() -> None:
    before = make_core_results()
    assert [cell.outcome for cell in explained(before, {}).cells] == [cell.outcome for cell in before.cells]
    assert explained(before, {}).signatures == ()


def test_an_unrecognised_failure_has_a_cause_too() -> None:
    (environment,) = environments(torch=("1.0",))
    text = 'Traceback (most recent call last):\n  File "site-packages/torch/nn/functional.py", line 7, in go\n'
    told = {"exception": "OddError", "traceback": text, "causes": ["OddError: odd 7"]}
    ours = {"exception": "_asrcompat_probe.cell.CheckFailed", "traceback": "", "causes": []}
    raised, refused = (
        make_check(Stage.FEATURES, CheckOutcome.FAILED, id="features", message="odd 7", data=data)
        for data in (told, ours)
    )
    cells = [
        failing(environment, "s3prl-hf", failed=Stage.FEATURES, checks=(raised,)),
        failing(environment, "transformers", failed=Stage.FEATURES, checks=(refused,)),
        failing(environment, "espnet-s3prl", failed=Stage.FEATURES, checks=()),
    ]
    judged = explained(make_results(cells, [environment]), {})
    assert [(cell.signature, cell.cause) for cell in judged.cells] == [
        ("unrecognised", "OddError raised in torch: odd 7"),
        ("unrecognised", "a check of the stage features did not hold: odd 7"),
        ("unrecognised", "OddError at the stage features: odd 7"),
    ]


def test_versions_are_those_seen_with_and_without_it() -> None:
    old, new, other, early = environments(
        s3prl=("0.4.14", "0.4.15", "0.4.18", "0.4.10"), torch=("2.3.1", "2.3.1", "2.8.0", "2.0.1")
    )
    cells = [
        failing(old),
        make_cell(new, "s3prl-hf"),
        make_cell(other, "s3prl-hf"),
        failing(early, failed=Stage.IMPORT, exception="ImportError", message="no"),  # did not come so far
        make_cell(early, "transformers"),
    ]
    judged = explained(make_results(cells, [old, new, other, early]), known("odd", exception="OddError"))
    (met,) = judged.signatures
    assert met["environments"] == {"failing": ["e0"], "not_failing": ["e1", "e2"]}
    assert met["versions"]["s3prl"] == {"failing": ["0.4.14"], "not_failing": ["0.4.15", "0.4.18"]}
    assert met["versions"]["torch"] == {"failing": ["2.3.1"], "not_failing": ["2.3.1", "2.8.0"]}
    assert met["cells"] == [{"environment": "e0", "path": "s3prl-hf", "device": "cpu"}]


def test_findings_are_recognised_too_and_decide_nothing() -> None:
    (environment,) = environments(torch=("2.3.1",))
    data = {"exception": "RuntimeError", "traceback": "", "causes": []}
    finding = make_check(
        Stage.FORWARD, CheckOutcome.FAILED, id="half", required=False, data=data, message="no such thing for 'Half'"
    )
    cell = make_cell(environment)
    cell = dataclasses.replace(cell, checks=(*cell.checks, finding))
    judged = explained(make_results([cell], [environment]), known("half", message="for 'Half'"))
    (met,) = judged.signatures
    assert met["cells"] == []
    assert [one["check"] for one in met["findings"]] == ["half"]
    assert judged.cells[0].signature is None
    assert judged.rules == ()


def test_the_unrecognised_are_grouped_with_an_entry_to_begin_with() -> None:
    one, two, three = environments(torch=("1.0", "2.0", "3.0"))
    cells = [failing(one), failing(two, message="odd 9"), failing(three, exception="OtherError", checks=())]
    judged = explained(make_results(cells, [one, two, three]), {})
    assert [cell.signature for cell in judged.cells] == ["unrecognised"] * 3
    first, second = judged.unrecognised
    assert [place["environment"] for place in first["cells"]] == ["e0", "e1"]
    assert first["innermost"]["exception"] == "OddError"  # no link tells that it was raised from the KeyError
    assert second["environments"]["failing"] == ["e2"]
    assert "[match]" in first["entry"]
    assert json.dumps(first)


@pytest.mark.parametrize(
    ("text", "exception", "told"),
    [
        (CLASH, "ResolutionConflict", "espnet==202308 asks for protobuf<=3.20.1, s3prl==0.4.15 for protobuf==3.20.3"),
        (ABSENT, "ResolutionConflict", "torchaudio==2.13.0 is asked for: there is no such release of torchaudio"),
        (BUILD, "BuildFailed", "the build of openai-whisper ended with KeyError: '__version__'"),
    ],
)
@pytest.mark.parametrize("recognised", [True, False])
def test_what_was_never_built_tells_what_clashes_or_what_ended_it(
    text: str, exception: str, told: str, recognised: bool
) -> None:
    (environment,) = environments(torch=("2.3.1",))
    stage = Stage.INSTALL if exception == "BuildFailed" else Stage.RESOLVE
    cell = failing(environment, failed=stage, exception=exception, message=text, checks=())
    catalogue = known("x", exception=exception) if recognised else {}
    judged = explained(make_results([cell], [environment]), catalogue)
    assert judged.cells[0].cause is not None
    assert told in judged.cells[0].cause
    assert judged.cells[0].cause.startswith("why" if recognised else told[:5])


def test_a_resolver_conclusion_is_not_taken_for_a_demand() -> None:
    text = (
        "Because espnet==202511 depends on sentencepiece==0.2.0 and environment depends on espnet==202511, we can "
        "conclude that environment depends on sentencepiece==0.2.0.\n And because environment depends on "
        "sentencepiece==0.1.94, we can conclude that your requirements are unsatisfiable."
    )
    (environment,) = environments(torch=("2.3.1",))
    facts = facts_of(failing(environment, failed=Stage.RESOLVE, exception="ResolutionConflict", message=text))
    assert facts is not None
    assert "environment for sentencepiece==0.1.94" in facts.innermost.message


def test_a_cell_that_got_past_the_stage_did_not_fail_so() -> None:
    cells = [
        failing(make_environment("a")),
        failing(make_environment("b"), failed=Stage.STEP),
        failing(make_environment("c"), failed=Stage.IMPORT),
        failing(make_environment("d"), exception="OtherError"),
        make_cell(make_environment("e"), "s3prl-hf", Outcome.ERROR, message="ours"),
        make_cell(make_environment("f"), "espnet-s3prl"),
    ]
    found = fared(cells, lambda cell, check: cell.environment == "a" and check is None)
    assert found == {Subject(path="s3prl-hf", device=Device.CPU): {"a": True, "b": False}}


def test_a_rule_is_found_and_told_once_for_paths_that_fare_alike() -> None:
    every = environments(s3prl=("0.4.10", "0.4.14", "0.4.15", "0.4.18"), torch=("1.0", "1.0", "1.0", "2.0"))
    cells = [
        cell
        for place, environment in enumerate(every)
        for path in ("s3prl-hf", "espnet-s3prl")
        for cell in [failing(environment, path) if place < 2 else make_cell(environment, path)]
    ]
    (rule,) = explained(make_results(cells, every), known("odd", exception="OddError")).rules
    assert (rule["signature"], rule["verdict"]) == ("odd", "found")
    assert [one["path"] for one in rule["subjects"]] == ["espnet-s3prl", "s3prl-hf"]
    (((condition,),),) = rule["alternatives"]
    assert (condition["text"], condition["seen_without"]) == ("s3prl <= 0.4.14", "0.4.15")
    assert rule["failing"] == {"cells": 4, "environments": ["e0", "e1"]}
    assert rule["not_failing"] == {"cells": 4, "environments": ["e2", "e3"]}
    assert rule["counterexample_sought_in"] == []


def test_other_results_count_for_rules_and_those_that_could_have_refuted_one_are_told() -> None:
    """Without e1 alone there would be no rule: it made it. Between e2's version and e3's, it only makes it narrower."""
    old, new, other, tried = environments(
        s3prl=("0.4.14", "0.4.15", "0.4.12", "0.4.16"), torch=("1.0", "1.0", "2.0", "2.0")
    )
    new, tried = (dataclasses.replace(one, derived_from=old.id) for one in (new, tried))
    beside = (
        make_environment_result(new, [make_cell(new, "s3prl-hf")]),
        make_environment_result(other, [failing(other), failing(other, "espnet-s3prl")]),
    )
    results = make_results([failing(old)], [old])
    judged = explained(results, known("odd", exception="OddError"), beside)
    (rule,) = judged.rules  # and none of what was seen elsewhere alone
    assert rule["verdict"] == "found"
    assert rule["counterexample_sought_in"] == []
    assert rule["failing"]["environments"] == ["e0", "e2"]
    further = (*beside, make_environment_result(tried, [make_cell(tried, "s3prl-hf")]))
    (rule,) = explained(results, known("odd", exception="OddError"), further).rules
    assert (rule["verdict"], rule["counterexample_sought_in"], rule["experiment"]) == ("found", ["e3"], None)
    assert (judged.environments, len(judged.cells)) == (results.environments, 1)


def test_a_derived_environment_of_the_report_is_no_evidence_of_versions() -> None:
    """It may be cured by a file or a setting, at equal versions."""
    old, new = environments(s3prl=("0.4.14", "0.4.14"), torch=("1.0", "1.0"))
    cured = dataclasses.replace(new, derived_from=old.id)
    judged = explained(
        make_results([failing(old), make_cell(cured, "s3prl-hf")], [old, cured]), known("odd", exception="OddError")
    )
    assert [rule["verdict"] for rule in judged.rules] == ["everywhere"]


def test_paths_that_fare_otherwise_have_rules_of_their_own() -> None:
    old, new = environments(s3prl=("0.4.14", "0.4.15"), torch=("1.0", "1.0"))
    cells = [failing(old), make_cell(new, "s3prl-hf"), failing(old, "espnet-s3prl"), failing(new, "espnet-s3prl")]
    found = explained(make_results(cells, [old, new]), known("odd", exception="OddError")).rules
    assert [(rule["subjects"][0]["path"], rule["verdict"]) for rule in found] == [
        ("s3prl-hf", "found"),
        ("espnet-s3prl", "everywhere"),
    ]


def test_packages_that_moved_together_leave_a_rule_open_and_name_the_run_that_would_tell() -> None:
    old, new = environments(s3prl=("0.4.14", "0.4.15"), six=("1.0", "1.1"), torch=("1.0", "1.0"))
    cells = [failing(old), make_cell(new, "s3prl-hf")]
    (rule,) = explained(make_results(cells, [old, new]), known("odd", exception="OddError")).rules
    assert rule["verdict"] == "undetermined"
    ((choice,),) = rule["alternatives"]
    assert [one["text"] for one in choice] == ["s3prl <= 0.4.14", "six <= 1.0"]  # what is asked for comes first
    assert rule["experiment"]["environment"] == "e0"
    # s3prl moved back is the other environment, so far as anybody asked for it: that was run
    assert rule["experiment"]["moves"] == ({"kind": "pin", "value": "six==1.1"},)
    json.dumps(rule)


def test_what_different_code_of_this_project_found_is_not_compared() -> None:
    old, new = environments(s3prl=("0.4.14", "0.4.15"), torch=("1.0", "1.0"))
    old, new = dataclasses.replace(old, code="a"), dataclasses.replace(new, code="b")
    cells = [failing(old), make_cell(new, "s3prl-hf")]
    (rule,) = explained(make_results(cells, [old, new]), known("odd", exception="OddError")).rules
    assert rule["verdict"] == "incomparable"


def test_what_is_not_known_of_the_code_is_not_compared_either() -> None:
    old, new = (dataclasses.replace(one, code=None) for one in environments(s3prl=("0.4.14", "0.4.15")))
    cells = [failing(old), make_cell(new, "s3prl-hf")]
    (rule,) = explained(make_results(cells, [old, new]), known("odd", exception="OddError")).rules
    assert rule["verdict"] == "incomparable"


def test_one_row_of_the_same_code_does_not_make_the_others_comparable() -> None:
    """e1 is all that tells what it depends on, and other code probed it; e2 is of the same code, and far away."""
    old, new, far = environments(s3prl=("0.4.14", "0.4.15", "0.4.15"), torch=("1.0", "1.0", "2.0"))
    new = dataclasses.replace(new, code="other")
    cells = [failing(old), make_cell(new, "s3prl-hf"), make_cell(far, "s3prl-hf")]
    (rule,) = explained(make_results(cells, [old, new, far]), known("odd", exception="OddError")).rules
    assert rule["verdict"] == "undetermined"
    assert rule["not_failing"] == {"cells": 1, "environments": ["e2"]}


def test_a_run_is_made_of_an_environment_of_the_report() -> None:
    old, new, other = environments(s3prl=("0.4.14", "0.4.15", "0.4.14"), espnet=("1", "2", "1"), torch=("1.0",) * 3)
    beside = (make_environment_result(other, [failing(other)]),)
    results = make_results([failing(old), make_cell(new, "s3prl-hf")], [old, new])
    tried: set[Tried] = set()
    for _ in range(20):
        locks = {
            str(one.lock): "".join(f"{name}=={of} \\\n    --hash=sha256:0\n" for name, of in one.packages.items())
            for one in (old, new, other)
        }
        signature = known("odd", exception="OddError")
        (rule,) = judge_failures(results, locks, catalogue=signature, beside=beside, tried=tried).rules
        if rule["experiment"] is None:
            break
        assert rule["experiment"]["environment"] in ("e0", "e1")
        made = [Move(kind=one["kind"], value=one["value"]) for one in rule["experiment"]["moves"]]
        tried.add(attempt(rule["experiment"]["environment"], made, rule["path"], rule["device"]))
    assert tried


def test_a_pass_that_may_be_luck_is_no_evidence() -> None:
    """What passes most of its steps where it fails may pass ten of them anywhere."""
    old, new = environments(six=("1.0", "1.1"), torch=("1.0", "1.0"))
    for passed, verdict in ((19, "everywhere"), (10, "found")):
        shaky = dataclasses.replace(
            failing(old),
            outcome=Outcome.UNSTABLE,
            stage=Stage.TRAIN,
            failed=Stage.TRAIN,
            passed=Stage.STEP,
            trials=Trials(passed=passed, of=20),
        )
        fine = dataclasses.replace(make_cell(new, "s3prl-hf"), trials=Trials(passed=20, of=20))
        (rule,) = explained(make_results([shaky, fine], [old, new]), known("odd", exception="OddError")).rules
        assert rule["verdict"] == verdict


@pytest.mark.parametrize("trials", [Trials(passed=20, of=20), None])
def test_a_failure_after_every_trial_has_passed_does_not_come_and_go(trials: Trials | None) -> None:
    """`own-training` has a series of its own: that the other one passed says nothing about others' passes."""
    old, new = environments(six=("1.0", "1.1"), torch=("1.0", "1.0"))
    sure = failing(old, stage=Stage.TRAIN, failed=Stage.TRAIN, passed=Stage.STEP, trials=trials)
    fine = dataclasses.replace(make_cell(new, "s3prl-hf"), trials=Trials(passed=20, of=20))
    (rule,) = explained(make_results([sure, fine], [old, new]), known("odd", exception="OddError")).rules
    assert (rule["verdict"], rule["not_failing"]) == ("found", {"cells": 1, "environments": ["e1"]})


def test_one_path_that_fails_and_another_that_does_not_are_no_pair() -> None:
    """e1 and e2 differ in s3prl alone, but no path was looked at in both."""
    every = environments(s3prl=("0.4.14", "0.4.14", "0.4.15"), torch=("1.0",) * 3, six=("1", "2", "2"))
    first, second, third = every
    cells = [failing(first), failing(second), failing(first, "espnet-s3prl"), make_cell(third, "espnet-s3prl")]
    (rule,) = explained(make_results(cells, every), known("odd", exception="OddError")).rules
    assert [one["path"] for one in rule["subjects"]] == ["espnet-s3prl", "s3prl-hf"]
    assert (rule["verdict"], rule["controlled"], rule["asked"]) == ("undetermined", False, False)
    cells = [*cells, failing(second, "espnet-s3prl")]
    (rule,) = explained(make_results(cells, every), known("odd", exception="OddError")).rules
    assert (rule["verdict"], rule["controlled"]) == ("found", True)


@pytest.mark.parametrize(("build", "verdict"), [("cpu", "undetermined"), ("cu126", "found")])
def test_another_build_of_torch_is_something_else_that_was_asked_for(build: str, verdict: str) -> None:
    old, new = environments(s3prl=("0.4.14", "0.4.15"), torch=("2.6.0", "2.6.0"))
    old, new = dataclasses.replace(old, torch_build="cu126"), dataclasses.replace(new, torch_build=build)
    came = "torch==2.6.0\ntriton==3\n" if build == "cpu" else "torch==2.6.0\n"
    locks = {str(old.lock): f"s3prl==0.4.14\n{came}", str(new.lock): "s3prl==0.4.15\ntorch==2.6.0\n"}
    results = make_results([failing(old), make_cell(new, "s3prl-hf")], [old, new])
    (rule,) = judge_failures(results, locks, catalogue=known("odd", exception="OddError")).rules
    assert rule["verdict"] == verdict


def test_the_build_that_comes_with_a_version_of_torch_is_not_asked_for_besides_it() -> None:
    old, new = environments(torch=("2.6.0", "2.8.0"))
    old, new = dataclasses.replace(old, torch_build="cu124"), dataclasses.replace(new, torch_build="cu128")
    locks = {str(old.lock): "torch==2.6.0\ntriton==3\n", str(new.lock): "torch==2.8.0\ntriton==4\n"}
    results = make_results([failing(old), make_cell(new, "s3prl-hf")], [old, new])
    (rule,) = judge_failures(results, locks, catalogue=known("odd", exception="OddError")).rules
    assert (rule["verdict"], rule["asked"]) == ("found", True)


def stacked(*rows: tuple[str, str, str, bool]) -> dict[str, Any]:
    """The rule of environments of a torch, with torchaudio and triton along, an s3prl or its fork, and an espnet."""
    every, cells, locks = [], [], {}
    for number, (torch, s3prl, espnet, fails) in enumerate(rows):
        name, _, version = s3prl.rpartition(" ")
        packages = {"torch": torch, "torchaudio": torch, name or "s3prl": version, "espnet": espnet}
        one = make_environment(f"e{number}", packages=packages)
        every.append(one)
        cells.append(failing(one) if fails else make_cell(one, "s3prl-hf"))
        came = {**packages, "triton": torch, f"nvidia-cu{torch.split('.')[1]}": "1"}
        locks[str(one.lock)] = "".join(f"{name}=={of} \\\n    --hash=sha256:0\n" for name, of in came.items())
    (rule,) = judge_failures(make_results(cells, every), locks, catalogue=known("odd", exception="OddError")).rules
    return dict(rule)


def lead(rule: dict[str, Any]) -> list[str]:
    (choices,) = rule["alternatives"]
    return sorted(str(choice[0]["text"]) for choice in choices)


def test_what_was_asked_for_stands_for_what_came_along_with_it() -> None:
    rule = stacked(("2.8.0", "0.4.18", "1", False), ("2.11.0", "0.4.18", "1", True))
    assert (rule["verdict"], rule["asked"], lead(rule)) == ("found", True, ["torch >= 2.11.0"])
    (((_, *along),),) = rule["alternatives"]
    assert {"torchaudio >= 2.11.0", "triton >= 2.11.0"} <= {one["text"] for one in along}


def test_two_things_that_were_asked_for_at_once_leave_it_open() -> None:
    rule = stacked(("2.8.0", "0.4.18", "1", False), ("2.11.0", "0.4.18", "2", True))
    assert rule["verdict"] == "undetermined"
    assert rule["experiment"]["moves"][0]["value"] == "espnet=1"  # which brings no torch stack of its own


def test_torchaudio_and_s3prl_but_not_its_fork_are_found_together() -> None:
    """The rule that every version of s3prl up to its last release has with torchaudio 2.9."""
    rows = [
        (torch, s3prl, "1", torch in ("2.9.0", "2.11.0") and not s3prl.startswith("espnet"))
        for torch in ("2.7.0", "2.8.0", "2.9.0", "2.11.0")
        for s3prl in ("0.4.15", "0.4.18", "espnet-s3prl 2026.5.14")
    ]
    rule = stacked(*rows)
    assert (rule["verdict"], lead(rule)) == ("found", ["s3prl installed", "torch >= 2.9.0"])


def test_the_fork_alone_makes_the_difference() -> None:
    rule = stacked(("2.9.0", "0.4.18", "1", True), ("2.9.0", "espnet-s3prl 2026.5.14", "1", False))
    assert (rule["verdict"], lead(rule)) == ("found", ["s3prl installed"])


def test_what_the_failure_names_is_moved_first_and_told_first() -> None:
    old, new = environments(aaa=("1.0", "1.1"), six=("1.0", "1.1"), torch=("1.0", "1.0"))
    cell = dataclasses.replace(failing(old), message="No module named 'six.moves'")
    (rule,) = explained(
        make_results([cell, make_cell(new, "s3prl-hf")], [old, new]), known("odd", exception="OddError")
    ).rules
    ((choice,),) = rule["alternatives"]
    assert [(one["package"], one["named"]) for one in choice] == [("six", True), ("aaa", False)]
    assert [move["value"] for move in rule["experiment"]["moves"]] == ["six==1.0"]
    assert (rule["experiment"]["fails"], rule["experiment"]["passes"]) == (["six <= 1.0"], ["aaa <= 1.0"])


def test_a_run_that_was_tried_is_not_asked_for_again_whatever_came_of_it() -> None:
    old, new = environments(aaa=("1.0", "1.1"), six=("1.0", "1.1"), torch=("1.0", "1.0"))
    results = make_results([failing(old), make_cell(new, "s3prl-hf")], [old, new])
    locks = {
        str(one.lock): "".join(f"{name}=={version} \\\n    --hash=sha256:0\n" for name, version in one.packages.items())
        for one in (old, new)
    }
    tried: set[Tried] = set()
    moves = []
    for _ in range(9):
        (rule,) = judge_failures(results, locks, catalogue=known("odd", exception="OddError"), tried=tried).rules
        if rule["experiment"] is None:
            break
        made = [Move(kind=one["kind"], value=one["value"]) for one in rule["experiment"]["moves"]]
        moves.append([move.value for move in made])
        tried.add(attempt(rule["experiment"]["environment"], made, rule["path"], rule["device"]))
    alone = [move for move in moves if len(move) == 1]
    assert sorted(alone) == [["aaa==1.0"], ["aaa==1.1"], ["six==1.0"], ["six==1.1"]]
    assert len({tuple(move) for move in moves}) == len(moves) < 9


def test_a_failure_that_versions_do_not_explain_has_none() -> None:
    one, two = environments(torch=("1.0", "1.0"))
    cells = [failing(one), make_cell(two, "s3prl-hf")]
    (rule,) = explained(make_results(cells, [one, two]), known("odd", exception="OddError")).rules
    assert rule["verdict"] == "none"


def test_the_catalogue_is_read_where_none_is_given() -> None:
    results = judge_failures(make_core_results(), {})
    assert {one["id"] for one in results.signatures} <= set(load_catalogue())
    assert results.rules == ()  # no locks: nothing is known of versions
