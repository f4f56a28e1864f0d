"""Claims: verdicts, parts, evidence, and a table by version where it matters."""

from __future__ import annotations

from typing import Any

from factories import make_cell, make_environment, make_results, make_wide_results

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
    return {"part": 0, "supports": True, "message": message, **place, **changes}


def telling(told: Told) -> tuple[str, str, str]:
    """Give sign, text and places."""
    places = "; ".join(f"{place.label} {' '.join(one.text for one in place.environments)}" for place in told.places)
    return told.sign, told.text, places


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
    evidence = [seen("a"), seen("b"), seen("a", "q"), seen("b", "q", "no file", supports=False), seen("a", part=1)]
    claim = claim_of({"id": "x", "parts": [part()], "evidence": evidence})
    told = claim.parts[0].told
    assert [telling(one) for one in told] == [("✓", "load", "p 1 2; q 1"), ("✗", "load: no file", "q 2")]
    targets = [one.target and one.target.anchor for place in told[0].places for one in place.environments]
    assert targets == ["cell-1", "cell-3", "cell-2"]


def test_a_check_is_named_and_figures_are_spans() -> None:
    evidence = [seen("a", message="loss 1.5", check="loss"), seen("b", message="loss 2.5", check="loss")]
    claim = claim_of({"parts": [part()], "evidence": evidence})
    assert [telling(one) for one in claim.parts[0].told] == [("✓", "loss: loss 1.5 to 2.5", "p 1 2")]


def test_evidence_of_no_environment_holds_for_all() -> None:
    claim = claim_of({"parts": [part()], "evidence": [seen(None, "", "as in the fixture", stage=None)]})
    assert [telling(one) for one in claim.parts[0].told] == [("✓", "as in the fixture", "")]


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
