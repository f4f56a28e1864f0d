"""A run that two environments of one lock share is one observation."""

from __future__ import annotations

from dataclasses import replace

from factories import make_cell, make_environment, make_evidence

from asrcompat.explain.rules.once import each_run_once
from asrcompat.model import Cell, Outcome

FIRST = make_environment("first")


def shared(cell: Cell, environment: str) -> Cell:
    assert cell.evidence is not None
    return replace(cell, environment=environment, evidence=replace(cell.evidence, ran_as=cell.environment))


def test_a_run_that_is_told_of_others_too_counts_once() -> None:
    own = make_cell(FIRST)
    assert list(each_run_once([shared(own, "a"), own, shared(own, "b")])) == [own]


def test_one_that_is_told_of_others_alone_counts_once() -> None:
    own = make_cell(FIRST)
    assert list(each_run_once([shared(own, "a"), shared(own, "b")])) == [shared(own, "a")]


def test_runs_of_one_lock_that_were_made_count_all() -> None:
    cells = [make_cell(FIRST), make_cell(make_environment("second"), evidence=make_evidence(FIRST, pid=4712))]
    assert list(each_run_once(cells)) == cells
    later = make_cell(FIRST, evidence=make_evidence(FIRST, started="2026-11-23T00:00:00.000+00:00"))
    assert list(each_run_once([later, shared(cells[0], "a")])) == [later, shared(cells[0], "a")], "the first ran again"


def test_paths_that_ran_in_one_process_are_several_runs() -> None:
    cells = [make_cell(FIRST, path) for path in ("a", "b")]
    both = [*cells, *(shared(one, "second") for one in cells)]
    assert list(each_run_once(both)) == cells


def test_what_never_ran_counts_all() -> None:
    cells = [make_cell(FIRST, path, outcome=Outcome.BROKEN, evidence=None) for path in ("a", "b")]
    assert list(each_run_once(cells)) == cells
