"""Wherever a report tells of what an earlier one's search saw, it says when that was."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from factories import make_remedy
from test_earlier import AFTER, BEFORE, BOTH, CELLS, COMMIT, LIMIT, NOW, carried, cured, edition

from asrcompat.advice import Question, answer, seen_in
from asrcompat.ask import show
from asrcompat.explain import earlier
from asrcompat.explain.remedies.attach import attached
from asrcompat.model import BoundaryRun, Outcome
from asrcompat.report.boundaries import boundaries
from asrcompat.report.bounds import bounds
from asrcompat.report.cures import cures
from asrcompat.report.environments import rows
from asrcompat.report.releases import package_lines
from asrcompat.report.render import markdown
from asrcompat.report.settle import boundary_told
from asrcompat.report.signatures import signatures
from asrcompat.report.site import site
from asrcompat.report.summary import job_summary
from asrcompat.report.view import view

DAY = "seen on 2026-11-20"
OTHER_CODE = f"{DAY} by other code or settings of this project ({COMMIT})"
LIMITS = tuple(earlier.boundaries(edition(AFTER), edition(BEFORE), ()))
TOLD = replace(attached(AFTER, carried(AFTER)), boundaries=LIMITS)
FRESH = replace(attached(AFTER, (BOTH,)), boundaries=(replace(LIMIT, code="new"),))
FORMS = {
    "compatibility.md": lambda: markdown(TOLD),
    "the job's summary": lambda: job_summary(TOLD),
    "index.html": lambda: site(TOLD)["index.html"],
    "unrecognised.html": lambda: site(TOLD)["unrecognised.html"],
    "the terminal": lambda: "\n".join(cure.text for reason in view(TOLD).reasons for cure in reason.cures),
}


@pytest.mark.parametrize("form", FORMS)
def test_no_form_says_that_it_works_without_the_day(form: str) -> None:
    lines = [one for one in FORMS[form]().splitlines() if re.search("with transformers==4.41.2: works", one)]
    assert lines
    assert [one for one in lines if DAY not in one] == []


def test_the_story_of_a_cell_has_it_too() -> None:
    told = re.search(r'"cures?":.*?transformers==4.41.2([^"]*)"', site(TOLD)["index.html"])
    assert told is not None
    assert told[1] == f"; {DAY}"


def test_where_it_is_told_at_length_the_code_is_told() -> None:
    assert f"- {OTHER_CODE}" in markdown(TOLD)
    assert f"<li>{OTHER_CODE}</li>" in site(TOLD)["unrecognised.html"]


def test_of_what_the_present_code_saw_the_commit_is_told_where_it_is_told_at_length_and_nowhere_else() -> None:
    whose = f"{DAY} by commit {COMMIT}"
    for form in (markdown(FRESH), *site(FRESH).values()):
        assert DAY not in form.replace(whose, "")
    assert whose in markdown(FRESH)
    assert whose in site(FRESH)["unrecognised.html"]


def test_cells_that_were_seen_at_different_times_say_so_each() -> None:
    own = replace(BOTH, cells=(cured("s3prl-hf"),))
    both = attached(AFTER, (replace(own, cells=(*own.cells, carried(AFTER)[0].cells[1])),))
    (remedy,) = view(both).remedies.verified
    assert remedy.lines == (
        f"s3prl-hf: as installed: broken at load; with it: works (seen on 2026-11-20 by commit {COMMIT})",
        f"espnet-s3prl: as installed: broken at load; with it: works ({OTHER_CODE})",
    )
    assert remedy.seen == ""
    assert remedy.days([CELLS[0].key]) == ""
    assert remedy.days([CELLS[1].key]) == DAY
    assert remedy.days([cell.key for cell in CELLS]) == f"in part {DAY}"


def test_a_boundary_says_it_in_its_line_and_its_track_apart_from_what_was_asked_here() -> None:
    (limit,) = LIMITS
    runs = (BoundaryRun(release="0.4.16", attempt=0, answer="bad", told="", environment="", outcome=Outcome.BROKEN),)
    own = replace(LIMIT, direction="older", code="new", found_at="2026-11-26T01:00:00+00:00", runs=runs)
    told = replace(TOLD, boundaries=(replace(limit, runs=runs), own))
    laid_out = boundaries(told.boundaries, rows(told.environments, told.cells))
    assert laid_out is not None
    assert [line.entries[-1].text for line in laid_out.grid.lines] == [
        OTHER_CODE.removeprefix("seen on "),
        "2026-11-26",
    ]
    tracks = [track.title for one in package_lines(told, {"e": 1}) if one.name == "s3prl" for track in one.tracks]
    assert tracks[0] == f"search in environment 1 ({DAY}), nothing else moved by us: s3prl-hf"
    assert tracks[1] == "search in environment 1, nothing else moved by us: s3prl-hf"
    assert boundary_told(limit, {"e": "1"}).startswith(f"Bisected in environment 1 by s3prl-hf ({DAY}): s3prl")


def test_a_bound_and_a_cure_of_a_signature_say_it() -> None:
    extra = make_remedy("e+extra", "e", cells=(cured("s3prl-hf"),), signatures=("gone",), ran_at=BOTH.ran_at)
    extra = replace(extra, changes=({"kind": "extra", "value": "accelerate"},))
    cure = {"kind": "extra", "value": "accelerate", "says": "Add it."}
    known = {"id": "gone", "title": "It is gone", "package": "s3prl", "cures": [cure], "cells": [{}]}
    told = replace(AFTER, signatures=(known,), remedies=carried(AFTER, replace(BEFORE, remedies=(extra,))))
    (bound,) = bounds(told, signatures(told, {}), {"e": 1})
    assert bound.evidence.startswith(f"with it added, 1 works ({DAY}): ")
    assert [one.came for one in cures(known, told.remedies)] == ["verified on 1 cell, earlier"]
    assert [one.came for one in cures(known, (extra,))] == ["verified on 1 cell"]
    own = replace(extra, cells=(cured("espnet-s3prl"),))
    assert [one.came for one in cures(known, (*told.remedies, own))] == ["verified on 2 cells, on 1 earlier"]


def test_ask_takes_the_cure_of_the_report_that_it_answers_by_and_says_when_it_was_seen() -> None:
    older = replace(TOLD, environments=(replace(NOW, ran_at="2026-11-01T00:00:00+00:00"),))
    newer = replace(FRESH, environments=(replace(NOW, ran_at="2026-11-26T00:00:00+00:00"),))
    question = Question(paths=("s3prl-hf",))
    for reports, cure in (((older,), f"An older release does without. ({OTHER_CODE})"), ((older, newer), BOTH.says)):
        candidates = [one for name, report in enumerate(reports[::-1]) for one in seen_in(report, f"reports/{name}")]
        (tried,) = show.data(answer(question, candidates))["tried"]
        assert [one["cure"] for one in tried["wrong"]] == [cure]
