"""Since when a cell is as it is: its changes are kept, and what says nothing changes nothing."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from factories import make_cell, make_environment, make_results
from hypothesis import given
from hypothesis import strategies as st

from asrcompat.explain.since import History, continued, dated, dump, parse
from asrcompat.model import Outcome, Results, Stage

DAYS = [f"2026-11-{day:02}T01:00:00+00:00" for day in range(1, 8)]
STATES = {
    "works": (Outcome.WORKS, None),
    "broken at load": (Outcome.BROKEN, Stage.LOAD),
    "broken at import": (Outcome.BROKEN, Stage.IMPORT),
    "error": (Outcome.ERROR, Stage.LOAD),
    "unavailable": (Outcome.UNAVAILABLE, None),
}


def run(day: str, state: str, identity: str = "one") -> Results:
    environment = make_environment(identity, ran_at=day)
    outcome, failed = STATES[state]
    return make_results([make_cell(environment, "s3prl-hf", outcome, failed)], [environment])


def history_of(*states: str) -> History:
    history = History()
    for day, state in zip(DAYS, states, strict=False):
        history = continued(history, run(day, state))
    return history


def test_a_cell_is_dated_by_the_first_run_that_saw_it_so() -> None:
    history = history_of("works", "broken at load", "broken at load")
    assert dated(run(DAYS[2], "broken at load"), history).cells[0].since == DAYS[1]
    assert history.cells == {"one": {"s3prl-hf on cpu": [(DAYS[0], "works"), (DAYS[1], "broken at load")]}}


def test_another_stage_is_another_state_and_what_comes_back_is_dated_anew() -> None:
    history = history_of("broken at load", "broken at import", "broken at load")
    assert dated(run(DAYS[2], "broken at load"), history).cells[0].since == DAYS[2]


@pytest.mark.parametrize("state", ["error", "unavailable"])
def test_what_says_nothing_of_the_packages_changes_nothing(state: str) -> None:
    history = history_of("works", state, "works")
    assert dated(run(DAYS[2], "works"), history).cells[0].since == DAYS[0]
    assert dated(run(DAYS[1], state), history).cells[0].since is None


def test_the_same_run_published_again_or_an_older_one_adds_nothing() -> None:
    history = history_of("works", "broken at load")
    assert continued(history, run(DAYS[1], "broken at load")) == history
    assert continued(history, run(DAYS[0], "works")) == history


def test_the_build_of_torch_makes_no_other_environment() -> None:
    history = continued(history_of("works"), run(DAYS[1], "works", "one+cpu"))
    assert list(history.cells) == ["one"]


@given(st.lists(st.sampled_from(list(STATES)), max_size=len(DAYS)))
def test_what_is_written_is_read_again_and_no_state_follows_itself(states: list[str]) -> None:
    history = history_of(*states)
    assert parse(dump(history)) == history
    for changes in (one for of in history.cells.values() for one in of.values()):
        assert all(one[1] != other[1] and one[0] < other[0] for one, other in itertools.pairwise(changes))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"schema": 2, "cells": {}}', '{"schema": 1, "cells": {"a": {"b": ["c"]}}}']
)
def test_what_is_no_history_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of many kinds
        parse(text)


def test_results_keep_all_else() -> None:
    results = run(DAYS[0], "works")
    told = dated(results, continued(History(), results))
    assert dataclasses.replace(told, cells=results.cells) == results
