"""Verdicts: from observations alone, told per environment, with links to what was seen."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from claim_cells import VERSIONS, cell_for, check, environment_for, said_like
from factories import make_cell, make_check, make_environment, make_results
from hypothesis import given
from hypothesis import strategies as st

from asrcompat.explain.claims import Claim, Document, Verdict, as_data, judge_claims, load_claims
from asrcompat.explain.claims.document import Look, Part, Source, Weights
from asrcompat.explain.claims.judge import judge
from asrcompat.model import Cell, CheckOutcome, Device, Outcome, Results, Stage
from asrcompat.result_files import dump, parse_results

FOLDER = Path(__file__).parents[1] / "fixtures" / "claims"
CLAIMS = {claim.id: claim for claim in load_claims(FOLDER)}
LOADS = Look(stage=Stage.LOAD, expect="passes")
WIDTH = Look(check="width", expect="fails", message="mat1 and mat2")
OLD = make_environment("old", packages={"s3prl": "0.4.14", "torch": "2.3.1"})
NEW = make_environment("new", packages={"s3prl": "0.4.15", "torch": "2.3.1"})


def document(*parts: Part | Look, **changes: Any) -> Document:
    made = tuple(one if isinstance(one, Part) else Part(says="it is so", look=one) for one in parts)
    values = {"id": "test", "order": 1, "statement": "It is so.", "sources": (Source(title="a text"),), "parts": made}
    return Document(**{**values, **changes})


def verdict(part: Part | Look, *cells: Cell, **results: Any) -> Verdict:
    given_ = {"environments": [OLD, NEW], **results}
    return judge(document(part), make_results(cells, **given_)).verdict


def with_check(identity: str, passes: bool, message: str = "", **data: Any) -> Cell:
    base = make_cell(NEW)
    return dataclasses.replace(base, checks=(*base.checks, check(identity, passes, message, data)))


WORKS = make_cell(NEW)
BROKEN_AT_LOAD = make_cell(OLD, outcome=Outcome.BROKEN, failed=Stage.LOAD)
BROKEN_AT_IMPORT = make_cell(OLD, outcome=Outcome.BROKEN, failed=Stage.IMPORT)
BROKEN_AT_FORWARD = make_cell(OLD, outcome=Outcome.BROKEN, failed=Stage.FORWARD)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([WORKS], Verdict.CONFIRMED),
        ([BROKEN_AT_LOAD], Verdict.REFUTED),
        ([WORKS, BROKEN_AT_LOAD], Verdict.PARTLY),
        ([BROKEN_AT_FORWARD], Verdict.CONFIRMED),
        ([make_cell(OLD, outcome=Outcome.BROKEN, failed=Stage.FEATURES)], Verdict.CONFIRMED),
        ([BROKEN_AT_IMPORT], Verdict.NOT_TESTABLE),
        ([], Verdict.NOT_TESTABLE),
        ([make_cell(OLD, outcome=Outcome.UNAVAILABLE)], Verdict.NOT_TESTABLE),
        ([make_cell(OLD, outcome=Outcome.ERROR, failed=Stage.LOAD)], Verdict.NOT_TESTABLE),
        ([make_cell(OLD, outcome=Outcome.UNSTABLE)], Verdict.CONFIRMED),
        ([make_cell(OLD, outcome=Outcome.BROKEN, failed=Stage.RESOLVE)], Verdict.NOT_TESTABLE),
    ],
)
def test_a_cell_bears_on_the_stages_that_it_tried(cells: list[Cell], expected: Verdict) -> None:
    assert verdict(LOADS, *cells) is expected


def test_a_stage_that_passes_sometimes_does_neither_pass_nor_fail() -> None:
    unstable = make_cell(NEW, outcome=Outcome.UNSTABLE)
    for expect in ("passes", "fails"):
        assert verdict(Look(stage=Stage.TRAIN, expect=expect), unstable) is Verdict.REFUTED


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Verdict.PARTLY),
        ({"when": {"s3prl": "<0.4.15"}}, Verdict.REFUTED),
        ({"when": {"s3prl": ">=0.4.15", "torch": "==2.3.*"}}, Verdict.CONFIRMED),
        ({"when": {"python": ">=3.11"}}, Verdict.NOT_TESTABLE),
        ({"when": {"espnet-s3prl": ""}}, Verdict.NOT_TESTABLE),
        ({"paths": ("s3prl-hf",)}, Verdict.NOT_TESTABLE),
        ({"paths": ("transformers@resaved",)}, Verdict.NOT_TESTABLE),
        ({"devices": (Device.CUDA,)}, Verdict.NOT_TESTABLE),
        ({"weights": "hub"}, Verdict.NOT_TESTABLE),
    ],
)
def test_what_a_part_is_not_about_says_nothing(changes: dict[str, Any], expected: Verdict) -> None:
    assert verdict(dataclasses.replace(LOADS, **changes), WORKS, BROKEN_AT_LOAD) is expected


def test_versions_that_are_prereleases_or_builds_are_versions() -> None:
    for version in ("0.4.18.dev1", "0.4.18+local"):
        environment = make_environment("new", packages={"s3prl": version})
        look = dataclasses.replace(LOADS, when={"s3prl": ">=0.4.15"})
        assert verdict(look, make_cell(environment), environments=[environment]) is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("look", "cell", "expected"),
    [
        (WIDTH, with_check("width", False, "mat1 and mat2 shapes"), Verdict.CONFIRMED),
        (WIDTH, with_check("width", False, "size mismatch"), Verdict.REFUTED),
        (WIDTH, with_check("width", True), Verdict.REFUTED),
        (WIDTH, with_check("another", False, "mat1 and mat2"), Verdict.NOT_TESTABLE),
        (dataclasses.replace(WIDTH, about="mat"), with_check("width", False, "killed"), Verdict.NOT_TESTABLE),
        (dataclasses.replace(WIDTH, about="mat"), with_check("width", True), Verdict.REFUTED),
    ],
)
def test_a_failure_that_is_expected_must_say_what_is_expected(look: Look, cell: Cell, expected: Verdict) -> None:
    assert verdict(look, cell) is expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (with_check("shape", True, width=768), Verdict.CONFIRMED),
        (with_check("shape", True, width=1024), Verdict.REFUTED),
        (with_check("shape", False, width=768), Verdict.REFUTED),
        (with_check("shape", True), Verdict.NOT_TESTABLE),
    ],
)
def test_a_value_must_be_what_the_part_says(cell: Cell, expected: Verdict) -> None:
    assert verdict(Look(check="shape", expect="passes", data={"width": 768}), cell) is expected


def test_true_is_not_one() -> None:
    look = Look(check="shape", expect="passes", data={"same": True})
    assert verdict(look, with_check("shape", True, same=1)) is Verdict.REFUTED


@pytest.mark.parametrize("outcome", [CheckOutcome.SKIPPED, CheckOutcome.ERROR])
def test_a_check_that_did_not_run_says_nothing(outcome: CheckOutcome) -> None:
    made = make_check(Stage.FORWARD, outcome, id="width", required=False)
    assert verdict(WIDTH, dataclasses.replace(WORKS, checks=(made,))) is Verdict.NOT_TESTABLE


def test_a_cell_of_an_environment_that_is_not_there_says_nothing() -> None:
    assert verdict(LOADS, make_cell(NEW), environments=[OLD]) is Verdict.NOT_TESTABLE


def compared(results_weights: str, comparison: Any) -> Claim:
    part = Part(says="it is base", weights=Weights(config=("hidden_size",), tensors=True))
    return judge(document(part), make_results(weights=results_weights, weights_comparison=comparison))


EQUAL: dict[str, Any] = {"equal": True, "files": {}, "config": {}, "tensors": {}}
WIDER = {**EQUAL, "config": {"hidden_size": {"fixture": 768, "real": 1024}}}
OTHER_DROPOUT = {**EQUAL, "config": {"hidden_dropout": {"fixture": 0.1, "real": 0.0}}}
OTHER_TENSOR = {**EQUAL, "tensors": {"masked_spec_embed": {"fixture": 1, "real": 2}}}


@pytest.mark.parametrize(
    ("weights", "comparison", "expected"),
    [
        ("hub", EQUAL, Verdict.CONFIRMED),
        ("hub", OTHER_DROPOUT, Verdict.CONFIRMED),
        ("hub", WIDER, Verdict.REFUTED),
        ("hub", OTHER_TENSOR, Verdict.REFUTED),
        ("hub", {OLD.id: EQUAL, NEW.id: WIDER}, Verdict.PARTLY),
        ("hub", None, Verdict.NOT_TESTABLE),
        ("synthetic-base", EQUAL, Verdict.NOT_TESTABLE),
    ],
)
def test_only_real_weights_tell_what_the_model_is(weights: str, comparison: Any, expected: Verdict) -> None:
    assert compared(weights, comparison).verdict is expected


def test_what_differs_in_the_weights_is_told() -> None:
    assert [one.message for one in compared("hub", WIDER).evidence] == [
        "not as in the fixture: config.json: hidden_size"
    ]


def test_a_claim_tells_each_environment_and_links_to_what_was_seen() -> None:
    parts: list[Part | Look] = [
        LOADS,
        Part(says="a control", look=LOADS, control=True),
        Part(says="nobody can", needs="a year"),
    ]
    claim = judge(document(*parts), make_results([BROKEN_AT_LOAD, WORKS], [NEW, OLD]))
    assert claim.environments == {"new": Verdict.CONFIRMED, "old": Verdict.REFUTED}
    assert list(claim.environments) == ["new", "old"]
    assert (claim.verdict, claim.tested, claim.of) == (Verdict.PARTLY, 1, 2)
    assert [(part.verdict, part.control) for part in claim.parts] == [
        (Verdict.PARTLY, False),
        (Verdict.PARTLY, True),
        (Verdict.NOT_TESTABLE, False),
    ]
    assert claim.parts[2].needs == "a year"
    first = claim.evidence[0]
    assert (first.part, first.supports, first.environment, first.path, first.device, first.stage, first.check) == (
        *(0, False, "old", "transformers", Device.CPU, Stage.LOAD, None),
    )
    assert "preprocessor_config.json" in first.message
    assert [one.outcome for one in claim.evidence] == [CheckOutcome.FAILED, CheckOutcome.PASSED] * 2
    assert [one.part for one in claim.evidence] == [0, 0, 1, 1]


def left_out(look: Look, *cells: Cell) -> list[tuple[str, str]]:
    claim = judge(document(look), make_results(cells, [OLD, NEW]))
    assert {(one.part, one.path, one.device) for one in claim.left_out} <= {(0, "transformers", Device.CPU)}
    return [(one.environment, one.why) for one in claim.left_out]


IMPORT_TOLD = f"broken at import: {BROKEN_AT_IMPORT.message}"
SKIPPED = make_check(Stage.FORWARD, CheckOutcome.SKIPPED, id="width", required=False, message="no such option")
ERROR_AT_IMPORT = make_cell(OLD, outcome=Outcome.ERROR, failed=Stage.IMPORT)


@pytest.mark.parametrize(
    ("look", "cells", "told"),
    [
        (LOADS, [BROKEN_AT_IMPORT, WORKS], [("old", IMPORT_TOLD)]),
        (LOADS, [BROKEN_AT_LOAD, ERROR_AT_IMPORT], []),
        (dataclasses.replace(LOADS, about="killed"), [BROKEN_AT_LOAD],
         [("old", f"load failed: {BROKEN_AT_LOAD.message} (which says nothing about this)")]),
        (dataclasses.replace(LOADS, when={"s3prl": ">=0.4.15"}), [BROKEN_AT_IMPORT], []),
        (dataclasses.replace(LOADS, paths=("s3prl-hf",)), [BROKEN_AT_IMPORT], []),
        # of a check it is known which paths have it, and at which stage
        (WIDTH, [BROKEN_AT_IMPORT, with_check("width", False, "mat1 and mat2")], [("old", IMPORT_TOLD)]),
        (WIDTH, [BROKEN_AT_IMPORT], []),
        (dataclasses.replace(WIDTH, paths=("transformers",)), [BROKEN_AT_IMPORT], [("old", IMPORT_TOLD)]),
        (WIDTH, [make_cell(OLD, outcome=Outcome.UNSTABLE), with_check("width", True)], []),
        (WIDTH, [make_cell(OLD, outcome=Outcome.BROKEN, failed=Stage.STEP), with_check("width", True)], []),
        (WIDTH, [dataclasses.replace(WORKS, checks=(SKIPPED,))], [("new", "width skipped: no such option")]),
    ],
)  # fmt: skip
def test_cells_that_a_part_is_about_and_that_say_nothing_are_told(
    look: Look, cells: list[Cell], told: list[tuple[str, str]]
) -> None:
    assert left_out(look, *cells) == told


def test_controls_count_for_nothing() -> None:
    control = Part(says="a control", look=Look(stage=Stage.LOAD, expect="fails"), control=True)
    claim = judge(document(LOADS, control), make_results([WORKS], [NEW]))
    assert claim.verdict is Verdict.CONFIRMED
    assert claim.parts[1].verdict is Verdict.REFUTED
    assert claim.environments == {"new": Verdict.CONFIRMED}


WITH_HUB = "a run with the real weights (`--weights hub`)"


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (LOADS, "a run that comes to stage load"),
        (
            Look(check="shape", expect="passes", paths=("s3prl-hf",), when={"s3prl": "<0.4.15"}, weights="hub"),
            f"{WITH_HUB} that comes to check shape of s3prl-hf with s3prl<0.4.15",
        ),
        (
            Look(check="shape", expect="passes", about="x", weights="hub"),
            f"{WITH_HUB} that comes to check shape, and does not fail it for another reason",
        ),
    ],
)
def test_what_would_test_a_part_is_told(look: Look, told: str) -> None:
    assert judge(document(look), make_results([])).parts[0].needs == told


def test_claims_survive_being_written() -> None:
    results = make_results([WORKS, BROKEN_AT_LOAD], [NEW, OLD])
    claims = tuple(as_data(claim) for claim in judge_claims(results, FOLDER))
    results = dataclasses.replace(results, claims=claims)
    assert parse_results(dump(results), source="test") == results
    assert {"id", "verdict", "evidence"} <= claims[0].keys()
    assert json.loads(json.dumps(claims)) == list(claims)


# -- what must hold for every claim of the project, whatever was found ------------------------------------------------

LOOKS = [(claim.id, number) for claim in CLAIMS.values() for number, part in enumerate(claim.parts) if part.look]
CHECKS = sorted({part.look.check for claim in CLAIMS.values() for part in claim.parts if part.look and part.look.check})
PATTERNS = sorted(
    {
        pattern
        for claim in CLAIMS.values()
        for part in claim.parts
        if part.look
        for pattern in (part.look.message, part.look.about)
        if pattern
    }
)
MESSAGES = [*(said_like(pattern) for pattern in PATTERNS), "something else went wrong"]
PATHS = sorted({path for claim in CLAIMS.values() for part in claim.parts if part.look for path in part.look.paths})


@st.composite
def cells(draw: st.DrawFn, outcomes: tuple[Outcome, ...] = tuple(Outcome)) -> Cell:
    """Any cell of one of two environments, with any of the checks that claims look at."""
    cell = make_cell(
        draw(st.sampled_from([OLD, NEW])),
        draw(st.sampled_from(PATHS)),
        draw(st.sampled_from(outcomes)),
        draw(st.sampled_from([Stage.IMPORT, Stage.LOAD, Stage.FEATURES, Stage.FORWARD])),
        message=draw(st.sampled_from(MESSAGES)),
        device=draw(st.sampled_from(Device)),
    )
    names = draw(st.lists(st.sampled_from(CHECKS), unique=True, max_size=4))
    data = {"width": draw(st.sampled_from([768, 1024])), "same": draw(st.booleans())}
    made = [check(name, draw(st.booleans()), draw(st.sampled_from(MESSAGES)), data) for name in names]
    return dataclasses.replace(cell, checks=(*cell.checks, *made))


@st.composite
def found(draw: st.DrawFn) -> Results:
    return make_results(draw(st.lists(cells(), max_size=6)), [OLD, NEW])


def judged(results: Results) -> dict[str, Claim]:
    return {name: judge(claim, results) for name, claim in CLAIMS.items()}


@given(found(), st.lists(cells((Outcome.ERROR, Outcome.UNAVAILABLE)), max_size=4))
def test_errors_and_unavailable_cells_change_nothing(results: Results, more: list[Cell]) -> None:
    assert judged(dataclasses.replace(results, cells=(*more, *results.cells))) == judged(results)


@given(found())
def test_without_cells_that_count_nothing_is_testable(results: Results) -> None:
    silent = tuple(cell for cell in results.cells if cell.outcome in (Outcome.ERROR, Outcome.UNAVAILABLE))
    for claim in judged(dataclasses.replace(results, cells=silent)).values():
        assert (claim.verdict, claim.tested, claim.evidence) == (Verdict.NOT_TESTABLE, 0, ())


@given(found(), st.randoms(use_true_random=False))
def test_the_order_of_cells_does_not_matter(results: Results, random: Any) -> None:
    shuffled = list(results.cells)
    random.shuffle(shuffled)
    other = judged(dataclasses.replace(results, cells=tuple(shuffled)))
    for name, claim in judged(results).items():
        assert (claim.verdict, claim.environments) == (other[name].verdict, other[name].environments)


@given(found(), st.sampled_from(LOOKS))
def test_what_contradicts_never_confirms(results: Results, where: tuple[str, int]) -> None:
    claim = CLAIMS[where[0]]
    part = claim.parts[where[1]]
    assert part.look is not None
    results = dataclasses.replace(results, weights="hub" if part.look.weights else results.weights)
    environment = environment_for(part.look)
    against = cell_for(part.look, environment, supports=False)
    more = dataclasses.replace(
        results, environments=(*results.environments, environment), cells=(*results.cells, against)
    )
    before, after = judge(claim, results), judge(claim, more)
    assert after.parts[where[1]].verdict in (Verdict.REFUTED, Verdict.PARTLY)
    if not part.control:
        assert after.verdict in (Verdict.REFUTED, Verdict.PARTLY)
        assert after.tested >= before.tested


@pytest.mark.parametrize("where", LOOKS, ids=lambda where: f"{where[0]}[{where[1]}]")
def test_every_part_can_be_supported(where: tuple[str, int]) -> None:
    claim = CLAIMS[where[0]]
    look = claim.parts[where[1]].look
    assert look is not None
    environment = environment_for(look)
    results = make_results([cell_for(look, environment, supports=True)], [environment], weights="hub")
    assert judge(claim, results).parts[where[1]].verdict is Verdict.CONFIRMED


def test_the_samples_cover_every_pattern() -> None:
    assert set(VERSIONS) >= {package for claim in CLAIMS.values() for part in claim.parts if part.look
                             for package in part.look.when}  # fmt: skip


@pytest.mark.parametrize(
    "ended",
    [
        {"exception": "MemoryLimitExceeded", "message": "the process took 9 GB of 8"},
        {"message": "the process was silent for 300 s; what was still to be tried after this was not"},
    ],
)
def test_what_ended_the_process_says_nothing_of_what_was_looked_at(ended: dict[str, str]) -> None:
    told = {name: value for name, value in ended.items() if name != "message"}
    made = make_check(
        Stage.FORWARD, CheckOutcome.FAILED, id="width", required=False, message=ended["message"], data=told
    )
    cell = dataclasses.replace(WORKS, checks=(made,))
    look = Look(check="width", expect="passes")
    assert verdict(look, cell) is Verdict.NOT_TESTABLE
    assert verdict(look, dataclasses.replace(cell, checks=(dataclasses.replace(made, message="odd", data={}),))) is (
        Verdict.REFUTED
    )
    at_load = dataclasses.replace(BROKEN_AT_LOAD, exception="SilenceExceeded", message="the process was silent")
    assert verdict(LOADS, at_load) is Verdict.NOT_TESTABLE
