"""Rules from results: which rows count, what is compared, and which run would tell."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from factories import make_cell, make_environment, make_environment_result, make_results
from judged import environments, explained, failing, known

from asrcompat.explain.judge import judge_failures
from asrcompat.explain.rules.discriminate import Move
from asrcompat.explain.rules.judge import attempt
from asrcompat.lab.experiments import Tried
from asrcompat.model import (
    Outcome,
    Stage,
    Trials,
)


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
    for passed, verdict in ((19, "luck"), (10, "found")):
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
