"""Bounds that metadata lack, and an environment of an earlier day beside today's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from factories import make_cell, make_environment, make_remedy, make_results
from html_page import whole

from asrcompat.explain.dated import judge_dated
from asrcompat.model import Outcome, Results, Stage
from asrcompat.report.bounds import Bound, bounds
from asrcompat.report.dated import dated
from asrcompat.report.environments import rows
from asrcompat.report.render import markdown_pages
from asrcompat.report.signatures import signatures

ENVIRONMENT = make_environment("one")
FROM = {"text": "torchaudio >= 2.9.0", "package": "torchaudio", "kind": "from", "version": "2.9.0"}
UP_TO = {"text": "s3prl <= 0.4.18", "package": "s3prl", "kind": "up to", "version": "0.4.18"}


def ruled(*conditions: dict[str, Any], **changes: Any) -> Results:
    rule = {
        "signature": "gone",
        "title": "A function is gone",
        "verdict": "found",
        "alternatives": [[[one] for one in conditions]],
        "failing": {"environments": ["one"], "cells": 1},
        **changes,
    }
    known = {"id": "gone", "title": "A function is gone", "package": "s3prl"}
    return make_results([make_cell(ENVIRONMENT)], [ENVIRONMENT], rules=(rule,), signatures=(known,))


def told(results: Results) -> tuple[Bound, ...]:
    return bounds(results, signatures(make_results(), {}), {"one": 1})


@pytest.mark.parametrize(
    ("condition", "line"),
    [
        (FROM, "Requires-Dist: torchaudio<2.9.0"),
        ({**FROM, "kind": "up to", "version": "2.2"}, "Requires-Dist: torchaudio>2.2"),
        ({**FROM, "package": "python", "version": "3.13"}, "Requires-Python: <3.13"),
    ],
)
def test_a_rule_that_holds_gives_the_line_that_would_have_kept_it_away(condition: dict[str, Any], line: str) -> None:
    (bound,) = told(ruled(condition, UP_TO))
    assert (bound.package, bound.line) == ("s3prl", line)
    assert bound.evidence == "a rule found by runs, for s3prl <= 0.4.18; declared ok and failing: 1"


@pytest.mark.parametrize(
    "results",
    [
        ruled(FROM, verdict="undetermined"),
        ruled(UP_TO),
        ruled({**FROM, "kind": "present", "version": None}),
        replace(ruled(FROM), signatures=()),
        replace(ruled(FROM), environments=(replace(ENVIRONMENT, declared="conflict"),)),
    ],
    ids=["not settled", "of the package itself", "no version", "nobody raises it", "declared a conflict already"],
)
def test_what_tells_no_bound_gives_none(results: Results) -> None:
    assert told(results) == ()


def test_a_package_that_had_to_be_added_is_one_that_is_not_declared() -> None:
    remedy = make_remedy(
        "r", "one", changes=({"kind": "extra", "value": "six==1.17.0"},), signatures=("gone",), says="Add it."
    )
    (bound,) = told(replace(ruled(UP_TO), remedies=(remedy,)))
    assert (bound.package, bound.line) == ("s3prl", "Requires-Dist: six")
    assert told(replace(ruled(UP_TO), remedies=(replace(remedy, verified=False),))) == ()


THEN = replace(make_environment("one-as-of-2024-07-01"), as_of="2024-07-01")
LOCKS = {str(THEN.lock): "setuptools==70.2.0\nsix==1\n", str(ENVIRONMENT.lock): "setuptools==80.9.0\nsix==1\nnew==2\n"}


def pair() -> Results:
    today = replace(ENVIRONMENT, unaided={"setuptools": "84.2.1"})
    cells = [
        make_cell(THEN, "transformers"),
        make_cell(THEN, "espnet-s3prl"),
        make_cell(today, "transformers"),
        make_cell(today, "espnet-s3prl", Outcome.BROKEN, failed=Stage.IMPORT),
    ]
    found = make_results(cells, [THEN, today])
    return replace(found, dated=judge_dated(found, LOCKS))


def test_then_and_now_name_what_moved_and_what_changed() -> None:
    (one,) = pair().dated
    assert one["differs"] == {"new": ["-", "2"], "setuptools": ["70.2.0", "80.9.0"]}
    assert [(cell["path"], cell["then"], cell["now"]) for cell in one["cells"]] == [
        ("transformers", "works", "works"),
        ("espnet-s3prl", "works", "broken at import"),
    ]
    (shown,) = dated(pair(), rows(pair().environments, pair().cells))
    assert shown.changed == ("espnet-s3prl: then works, today broken at import",)
    assert (shown.same, shown.moved) == ("1 cell the same", "new - → 2, setuptools 70.2.0 → 80.9.0")
    assert "then works, today broken at import" in markdown_pages(pair())["compatibility.md"]
    assert "setuptools 84.2.1" in whole(pair())


def test_a_day_without_todays_tells_nothing() -> None:
    assert judge_dated(make_results([make_cell(THEN)], [THEN]), LOCKS) == ()
