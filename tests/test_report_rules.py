"""What a rule says of the run that would tell, whatever is open."""

from __future__ import annotations

from typing import Any

import pytest
from factories import make_results

from asrcompat.explain.rules.search import Observation
from asrcompat.explain.rules.verdict import Evidence, explained
from asrcompat.model import Results
from asrcompat.report.rules import rules
from asrcompat.report.signatures import signatures
from asrcompat.report.where import counted

RUN = "a run of environment 1 with z==1 would tell"


def told(facts: dict[str, Any]) -> str:
    seen = {"cells": 1, "environments": ["a"]}
    rule: dict[str, Any] = {"signature": "odd", "fingerprint": None, "title": "odd", "subjects": [], "failing": seen}
    results: Results = make_results(rules=({**rule, "not_failing": seen, **facts},))
    (one,) = rules(results, signatures(results, {}), {"a": 1, "b": 2, "c": 3})
    return one.text


def verdict(*rows: tuple[str, dict[str, str], bool]) -> dict[str, Any]:
    seen = [Observation(environment=name, versions=row, failed=failed, asked=row) for name, row, failed in rows]
    return explained(Evidence(observations=tuple(seen)))


def test_one_explanation_that_chance_may_have_found_names_the_run_that_would_tell() -> None:
    facts = verdict(
        ("a", {"x": "2", "y": "2", "z": "2"}, True),
        ("b", {"x": "1", "y": "2", "z": "1"}, False),
        ("c", {"x": "2", "y": "1", "z": "1"}, False),
    )
    text = told(facts)
    assert text.startswith("undetermined: z >= 2 (not with 1) fits, but among so many packages chance would as well; ")
    assert text.endswith(f"; {RUN} whether it holds (`nox -s rules`)")
    text = told({**facts, "experiment": None})
    assert text.endswith("; no single change of what was seen, that was not tried, would tell more")


@pytest.mark.parametrize(
    ("sides", "tells"),
    [
        ({"fails": ["z"], "passes": ["x"]}, "some of them apart"),
        ({"fails": ["z"], "passes": []}, "whether any of them does"),
    ],
)
def test_several_explanations_are_told_apart_or_stand_and_fall_together(sides: dict[str, Any], tells: str) -> None:
    open_ = [[[{"text": "x >= 2"}]], [[{"text": "z >= 2"}]]]
    experiment = {"environment": "a", "moves": [{"kind": "pin", "value": "z==1"}], **sides}
    text = told({"verdict": "undetermined", "alternatives": open_, "experiment": experiment})
    assert text.endswith(f"{RUN} {tells} (`nox -s rules`)")


def test_variants_of_the_laboratory_are_counted_by_what_they_are_variants_of() -> None:
    numbers = {"a-1": 1, "a-1-more": 2, "c": 3}
    names = ["c", "a-1+x-2", "a-1+y", "a-1-more+x-2", "a-1", "a-1+x-2", "stranger+x"]
    assert counted(names, numbers) == "1, 3, 2 variants of 1, 1 variant of 2, stranger+x"
