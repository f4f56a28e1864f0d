"""The project's own claims: all of the mission's, and each looks at what the probe does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from asrcompat.explain.claims import Verdict, judge_claims, load_claims
from asrcompat.result_files import parse_results

ROOT = Path(__file__).parents[1]
PROBE = ROOT / "asrcompat" / "probe"
FOLDER = ROOT / "fixtures" / "claims"
CLAIMS = load_claims(FOLDER)

# The source article's claims, in its order.
IDS = [
    "model", "indian", "s3prl-0.4.15", "config", "width-768", "n-mels", "mat1-mat2", "old-s3prl", "time-axis", "freeze",
    "two-rates", "normalise", "improves",
]  # fmt: skip


def check_ids(source: str) -> Iterator[re.Pattern[str]]:
    """The ids of the checks that a module makes: literals, what literal formats may become, and texts beside a name."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "check":
                    argument = node.args[0]
                    text = argument.left if isinstance(argument, ast.BinOp) else argument
                    for literal in _texts(function if isinstance(text, ast.Name) else text):
                        yield re.compile(re.escape(literal).replace("%s", ".+").replace("%d", r"\d+"))


def _texts(node: ast.AST) -> list[str]:
    """Texts of a node that could be ids."""
    found = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return [text for text in found if re.fullmatch(r"[\w%.-]+", text)]


KNOWN = [one for file in sorted(PROBE.rglob("*.py")) for one in check_ids(file.read_text(encoding="utf-8"))]


def test_every_claim_of_the_article_is_there() -> None:
    assert [claim.id for claim in CLAIMS] == IDS


def test_ids_of_checks_are_found_in_sources() -> None:
    source = """
def run(cell):
    cell.check("a-%s-%d" % (x, 1), f)
    cell.check("b.c", f, required=False)

def others(cell):
    "No id at all."
    for name in ("d", "e"):
        cell.check(name, f)
    g("no id")
"""
    patterns = list(check_ids(source))
    assert [one.pattern for one in patterns] == [r"a\-.+\-\d+", r"b\.c", "d", "e"]


@pytest.mark.parametrize(
    ("claim", "check"),
    [(claim.id, part.look.check) for claim in CLAIMS for part in claim.parts if part.look and part.look.check],
)
def test_every_check_that_a_claim_looks_at_is_made_by_the_probe(claim: str, check: str) -> None:
    assert any(one.fullmatch(check) for one in KNOWN), f"{claim}: no module of the probe makes a check {check!r}"


def test_statements_that_only_training_can_settle_say_what_would() -> None:
    for name in ("indian", "improves"):
        (claim,) = [one for one in CLAIMS if one.id == name]
        assert all(part.look is None and part.weights is None for part in claim.parts)
        assert "word error rates" in (claim.parts[0].needs or "")


def test_what_is_cited_of_a_repository_is_of_one_commit() -> None:
    cited = [source.url for claim in CLAIMS for part in claim.parts for source in part.cites if source.url]
    for url in cited:
        if "/blob/" in url:
            assert re.search(r"/blob/[0-9a-f]{40}/", url), url


def test_the_committed_results_give_every_claim_a_verdict() -> None:
    results = parse_results((ROOT / "reports" / "results.json").read_bytes(), source="reports/results.json")
    claims = judge_claims(results, FOLDER)
    assert [claim.id for claim in claims] == IDS
    cells = {cell.key for cell in results.cells}
    for claim in claims:
        assert all((one.environment, one.path, one.device) in cells for one in claim.evidence)
    # whatever there is to look at in a run of core was looked at
    unseen = [
        (document.id, part.says)
        for document, claim in zip(load_claims(FOLDER), claims, strict=True)
        for part, verdict in zip(document.parts, claim.parts, strict=True)
        if part.look is not None and part.look.weights is None and verdict.verdict is Verdict.NOT_TESTABLE
    ]
    assert unseen == []
