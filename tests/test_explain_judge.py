"""Causes: what is known of every failed cell, signatures met, groups of the rest; and no outcome changes."""

from __future__ import annotations

import dataclasses
import json

import pytest
from core_results import make_core_results
from factories import make_cell, make_check, make_environment, make_results
from judged import ABSENT, BUILD, CLASH, environments, explained, failing, known

from asrcompat.explain.judge import judge_failures
from asrcompat.explain.seen import Subject, fared
from asrcompat.explain.signatures.entry import load_catalogue
from asrcompat.explain.signatures.facts import facts_of
from asrcompat.model import CheckOutcome, Device, Outcome, Stage
from asrcompat.report.check import verify
from asrcompat.report.publish import results_json
from asrcompat.result_files import parse_results


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


def test_the_catalogue_is_read_where_none_is_given() -> None:
    results = judge_failures(make_core_results(), {})
    assert {one["id"] for one in results.signatures} <= set(load_catalogue())
    assert results.rules == ()  # no locks: nothing is known of versions
