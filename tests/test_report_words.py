"""Outcomes, messages and numbers in words."""

from __future__ import annotations

import pytest
from factories import make_cell

from asrcompat.model import CheckOutcome, Outcome, Stage
from asrcompat.report import words


def test_every_word_of_the_model_has_its_sign_and_meaning() -> None:
    assert set(words.SIGNS) == set(words.MEANINGS) == set(Outcome)
    assert set(words.CHECK_SIGNS) == set(CheckOutcome)
    assert set(words.STAGES) == set(Stage)
    assert len(set(words.SIGNS.values())) == len(Outcome)


@pytest.mark.parametrize(
    ("outcome", "failed", "label"),
    [
        (Outcome.WORKS, None, "works (train)"),
        (Outcome.BROKEN, Stage.LOAD, "broken at load"),
        (Outcome.UNSTABLE, Stage.TRAIN, "unstable 13/20"),
        (Outcome.ERROR, Stage.LOAD, "error at load"),
        (Outcome.UNAVAILABLE, None, "unavailable"),
    ],
)
def test_labels(outcome: Outcome, failed: Stage | None, label: str) -> None:
    assert words.cell_label(make_cell(outcome=outcome, failed=failed)) == label


@pytest.mark.parametrize(
    ("outcome", "failed", "label"),
    [
        (Outcome.WORKS, None, "works"),
        (Outcome.BROKEN, Stage.LOAD, "load"),
        (Outcome.UNSTABLE, Stage.TRAIN, "13/20"),
        (Outcome.ERROR, Stage.LOAD, "error"),
        (Outcome.UNAVAILABLE, None, "unavailable"),
    ],
)
def test_short_labels(outcome: Outcome, failed: Stage | None, label: str) -> None:
    assert words.short_label(make_cell(outcome=outcome, failed=failed)) == label


def test_a_cell_that_works_below_the_last_rung_says_so() -> None:
    assert words.short_label(make_cell(passed=Stage.STEP, stage=Stage.STEP)) == "works (step)"


def test_anything_may_stand_in_a_mapping_of_anything() -> None:
    odd = {"text": 7, "none": None, "list": [{"a": 1}, "x", None], "mapping": {"b": 2}}
    assert [words.text(odd, name) for name in ("text", "none", "gone")] == ["7", "", ""]
    assert [words.mappings(odd, name) for name in ("list", "mapping", "gone")] == [({"a": 1},), (), ()]
    assert [words.mapping(odd, name) for name in ("mapping", "list", "gone")] == [{"b": 2}, {}, {}]


def test_an_expectation_may_be_words_or_an_outcome() -> None:
    assert words.expectation("works") == "works"
    assert words.expectation({"outcome": "broken", "stage": "load"}) == "broken at load"
    assert words.expectation({"outcome": "works", "stage": "step"}) == "works (step)"
    assert words.expectation(None) == "nothing"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("11, 13", "9, 13"),
        ("object at 0x7f00deadbeef", "object at 0x1234"),
        ("no file /home/a/env1/lib/x.py", "no file /srv/b/x.py"),
        ("shapes (100x768 and\n1024x80)", "shapes (99x768 and 1024x80)"),
        ("differs by 1.5e-06", "differs by 2.25e-4"),
    ],
)
def test_alike_forgets_what_differs_from_run_to_run(one: str, other: str) -> None:
    assert words.alike(one) == words.alike(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("No module named 'six'", "No module named 'fairseq'"),
        ("no file /a/x.py", "no file /a/y.py"),
        ("no attribute 'set_audio_backend'", "no attribute 'sox_effects'"),
    ],
)
def test_alike_keeps_what_makes_failures_different(one: str, other: str) -> None:
    assert words.alike(one) != words.alike(other)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.99, "10.0 s"), (44.4, "44 s"), (119.4, "119 s"), (200, "3 min 20 s")],
)
def test_seconds(value: float, text: str) -> None:
    assert words.seconds(value) == text


def test_facts_lay_out_nested_values_and_leave_out_empty_ones() -> None:
    value = {
        "cpu": "x",
        "cuda_devices": [],
        "gpu": None,
        "ram": {"total_gb": 15.5},
        "flags": ["a", "b"],
        "ok": True,
        "others": 1,
    }
    assert words.facts(value, without=["others"]) == (
        ("cpu", "x"),
        ("ram total gb", "15.5"),
        ("flags", "a, b"),
        ("ok", "yes"),
    )
