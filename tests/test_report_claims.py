"""Claims: verdicts, parts, evidence, and a table by version where it matters."""

from __future__ import annotations

import re
from typing import Any

from factories import make_cell, make_check, make_environment, make_results
from html_page import whole
from wide_results import make_wide_results

from asrcompat.model import Outcome, Stage
from asrcompat.report import render
from asrcompat.report.claims import Claim
from asrcompat.report.evidence import Told
from asrcompat.report.view import view


def claim_of(entry: dict[str, Any], **changes: Any) -> Claim:
    """Lay out one claim on two environments."""
    environments = [make_environment("a"), make_environment("b")]
    cells = [make_cell(one, path) for one in environments for path in ("p", "q")]
    (claim,) = view(make_results(cells, environments, claims=(entry,), **changes)).claims.claims
    return claim


def seen(environment: str | None, path: str = "p", message: str = "", **changes: Any) -> dict[str, Any]:
    """Make one piece of evidence."""
    place = {"environment": environment, "path": path, "device": "cpu", "stage": "load", "check": None}
    return {"part": 0, "supports": True, "outcome": "passed", "message": message, **place, **changes}


def telling(told: Told) -> tuple[str, str, str]:
    """Give how it speaks, what happened and the places."""
    places = "; ".join(
        f"{place.label} {' '.join(one.text for one in place.environments) or f'in all {place.all}'}"
        for place in told.places
    )
    return told.speaks.text, f"{told.name.text} {told.happened}".strip(), places


def part(*, environments: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """Make a part of a claim."""
    return {"says": "it loads", "verdict": "confirmed", "environments": environments or {}, "cites": [], **changes}


def test_verdicts_are_counted() -> None:
    claims = view(make_wide_results()).claims
    assert claims.summary == "3 claims: 1 confirmed, 1 partly, 1 not testable here."
    assert [(claim.id, claim.verdict.text) for claim in claims.claims] == [
        ("config", "~ partly"),
        ("width-768", "✓ confirmed"),
        ("indian", "– not testable here"),
    ]


def test_versions_are_tabled_where_they_differ() -> None:
    config, width, _ = view(make_wide_results()).claims.claims
    assert width.versions is None
    assert config.versions is not None
    assert [(line.head.text, "".join(entry.text for entry in line.entries)) for line in config.versions.lines] == [
        ("the claim", "✗✓✓✗✗✗·✓"),
        ("it loads", "✗✓✓✗✗✗·✓"),
    ]


def test_one_part_is_not_tabled_twice() -> None:
    verdicts = {"a": "confirmed", "b": "refuted"}
    claim = claim_of({"id": "x", "environments": verdicts, "parts": [part(environments=verdicts)]})
    assert claim.versions is not None
    assert [line.head.text for line in claim.versions.lines] == ["it loads"]


def test_evidence_is_told_once_and_leads_to_its_cells() -> None:
    failed = {"supports": False, "outcome": "failed"}
    evidence = [seen("a"), seen("b"), seen("a", "q"), seen("b", "q", "no file", **failed), seen("a", part=1)]
    claim = claim_of({"id": "x", "parts": [part()], "evidence": evidence})
    told = claim.parts[0].told
    assert [telling(one) for one in told] == [
        ("for", "load passed", "p 1 2; q 1"),
        ("against", "load failed: no file", "q 2"),
    ]
    targets = [one.target and one.target.anchor for place in told[0].places for one in place.environments]
    assert targets == ["cell-1", "cell-3", "cell-2"]


def test_a_check_is_named_and_figures_are_spans() -> None:
    evidence = [seen("a", message="loss 1.5", check="loss"), seen("b", message="loss 2.5", check="loss")]
    claim = claim_of({"parts": [part()], "evidence": evidence})
    assert [telling(one) for one in claim.parts[0].told] == [("for", "loss passed: loss 1.5 to 2.5", "p 1 2")]


def test_evidence_of_no_environment_holds_for_all() -> None:
    claim = claim_of({"parts": [part()], "evidence": [seen(None, "", "as in the fixture", stage=None, outcome=None)]})
    assert [telling(one) for one in claim.parts[0].told] == [("for", "as in the fixture", "")]


def test_what_passed_may_speak_against() -> None:
    evidence = [seen("a", supports=False), seen("b", outcome="failed", message="refused")]
    claim = claim_of({"parts": [part()], "evidence": evidence})
    assert [telling(one) for one in claim.parts[0].told] == [
        ("against", "load passed", "p 1"),
        ("for", "load failed: refused", "p 2"),
    ]
    for write in (render.markdown, whole):
        told = re.sub(r"<[^>]*>|\*", "", write(make_results(claims=({"parts": [part()], "evidence": evidence},))))
        assert "against: load passed" in told.replace("against ", "against: ")


def test_where_all_that_came_so_far_show_it_they_are_counted() -> None:
    evidence = [seen(name, path) for name in "abc" for path in "pqr"][:-1]
    evidence[1] = {**evidence[1], "supports": False}
    claim = claim_of({"parts": [part()], "evidence": evidence})
    assert [telling(one) for one in claim.parts[0].told] == [
        ("for", "load passed", "p in all 3; r 1 2; q 2 c"),
        ("against", "load passed", "q 1"),
    ]


def test_a_check_leads_to_what_it_said() -> None:
    environment = make_environment("a")
    loud = make_check(Stage.STEP, id="loud", required=False, message="moves by the rate")
    silent, required = make_check(Stage.STEP, id="silent", required=False), make_check(Stage.STEP, id="must")
    recipe = make_check(Stage.RECIPE, id="recipe", required=False, message="trains")
    cell = make_cell(environment, "p", checks=(silent, loud, required, recipe))
    evidence = [seen("a", check=check.id, stage=check.stage.value, message=check.message) for check in cell.checks]
    results = make_results([cell], [environment], claims=({"parts": [part()], "evidence": evidence},))
    told = {one.name.text: one.name.target for one in view(results).claims.claims[0].parts[0].told}
    assert told.pop("must") is None
    text = render.markdown_pages(results)["findings.md"]
    lines = {name: next(line for line in text.splitlines() if f'"{target.anchor}"' in line)
             for name, target in told.items() if target is not None}  # fmt: skip
    assert lines["loud"].endswith("**loud**")
    assert "| <a" in lines["silent"]
    assert "✓ trains" in lines["recipe"]


def without_evidence(environment: str, why: str, path: str = "p") -> dict[str, Any]:
    """Make a cell that says nothing about the claim."""
    return {"part": 0, "environment": environment, "path": path, "device": "cpu", "why": why}


def test_what_does_not_count_is_told_with_the_reason() -> None:
    entry = {
        "parts": [part(environments={"a": "confirmed"})],
        "environments": {"a": "confirmed"},
        "evidence": [seen("a")],
        "left_out": [without_evidence("b", "broken at import: no module"), without_evidence("a", "out", "q")],
    }
    claim = claim_of(entry)
    assert [(one.where, one.why.text) for one in claim.parts[0].left_out] == [
        ("p in 2", "broken at import: no module"),
        ("q in 1", "out"),
    ]
    assert claim.versions is not None
    assert [entry.text for line in claim.versions.lines for entry in line.entries] == ["✓", "–"]
    text = render.markdown_pages(make_results(claims=(entry,)))["claims.md"]
    assert "**not counted**: p in b: broken at import: no module; q in a: out" in text


def test_what_many_parts_leave_out_is_told_once() -> None:
    out = [{**without_evidence("b", "broken at import"), "part": number} for number in (0, 1, 3)]
    out.append({**without_evidence("a", "broken at load"), "part": 2})
    claim = claim_of({"parts": [part()] * 4, "left_out": out})
    assert ([one.where for one in claim.left_out], claim.left_out_of) == (["p in 2"], "1, 2, 4")
    assert [[one.where for one in part.left_out] for part in claim.parts] == [[], [], ["p in 1"], []]
    few = claim_of({"parts": [part()] * 4, "left_out": out[1:]})
    assert (few.left_out, few.left_out_of) == ((), "")


def test_no_table_is_drawn_for_cells_that_change_no_column() -> None:
    entry = {
        "parts": [part(environments={"a": "confirmed"})],
        "environments": {"a": "confirmed"},
        "left_out": [without_evidence("a", "broken at import", "q")],
    }
    assert claim_of(entry).versions is None


def test_of_many_reasons_each_is_told_where_it_leads() -> None:
    environment = make_environment("a")
    cells = [make_cell(environment, path, Outcome.BROKEN, message=f"no {path}") for path in "pqr"]
    out = [without_evidence("a", f"broken at load: no {path}", path) for path in "pqr"]
    results = make_results(cells, [environment], claims=({"parts": [part()], "left_out": out},))
    told = view(results).claims.claims[0].parts[0].left_out
    assert [(one.where, one.why.text) for one in told] == [(f"{path} in 1", "broken at load") for path in "pqr"]
    assert len({one.why.target for one in told} - {None}) == 3


def test_evidence_of_a_cell_that_is_not_there_has_no_link() -> None:
    claim = claim_of({"parts": [part()], "evidence": [seen("gone")]})
    (place,) = claim.parts[0].told[0].places
    assert [(one.text, one.target) for one in place.environments] == [("gone", None)]


def test_what_would_test_it_is_told_where_nothing_did() -> None:
    claim = claim_of({"parts": [part(needs="more"), part(needs="more", verdict="not testable here")]})
    assert [one.needs for one in claim.parts] == ["", "more"]


def test_an_entry_may_lack_everything() -> None:
    claim = claim_of({})
    assert (claim.verdict.text, claim.parts, claim.versions, claim.tested) == ("? without a verdict", (), None, "")
