"""Admission: a verdict without proof becomes an error, and everything else stays as it is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from factories import make_cell, make_environment, make_environment_result, make_evidence

from asrcompat.model import Cell, Device, Environment, Outcome, Stage
from asrcompat.report.admit import admit
from asrcompat.report.check import cell_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

A = make_environment("a")


def admitted(cell: Cell, environment: Environment = A) -> Cell:
    """Admit a result of this one cell."""
    result = admit(make_environment_result(environment, [cell]))
    assert admit(result) == result
    return result.cells[0]


def read(versions: Mapping[str, str | None], environment: Environment = A) -> Cell:
    """Make a cell whose probe read these versions, beside or in place of the environment's own."""
    merged = {**environment.packages, **versions}
    known = {name: version for name, version in merged.items() if version is not None}
    return make_cell(environment, evidence=make_evidence(environment, versions=known))


def built(torch_build: str | None, build: dict[str, Any]) -> Environment:
    """Make an environment whose lock says one thing of torch's build, and whose probe says another."""
    return make_environment("a", torch_build=torch_build, build=build)


@pytest.mark.parametrize(
    ("versions", "problem"),
    [
        ({"s3prl": "0.4.14"}, "the probe read s3prl 0.4.14, where 0.4.15 is locked"),
        ({"torch": "2.3.2"}, "the probe read torch 2.3.2, where 2.3.1 is locked"),
        ({"espnet": None}, "the probe read no version of espnet, which is locked to 202402"),
        ({"python": "3.11.4"}, "the probe ran on Python 3.11.4, where 3.10 was asked for"),
        ({"python": "3.1.0"}, "the probe ran on Python 3.1.0, where 3.10 was asked for"),
    ],
)
def test_versions_that_disagree_with_the_lock_are_refused(versions: dict[str, str | None], problem: str) -> None:
    cell = read(versions)
    found = admitted(cell)
    assert (found.outcome, found.message) == (Outcome.ERROR, f"refused: {problem}")
    assert (found.key, found.evidence) == (cell.key, cell.evidence)
    assert found == Cell(
        environment="a",
        path="transformers",
        device=Device.CPU,
        outcome=Outcome.ERROR,
        message=found.message,
        evidence=cell.evidence,
    )
    assert list(cell_problems(found)) == []


def test_all_disagreements_of_a_cell_are_told() -> None:
    message = admitted(read({"torch": "2.3.2", "espnet": None})).message
    assert "torch 2.3.2" in message
    assert "; the probe read no version of espnet" in message


@pytest.mark.parametrize(
    "versions",
    [
        {"torch": "2.3.1+cpu"},
        {"Torch": "2.3.1", "torch": None},
        {"espnet": "202402.0"},
        {"python": "3.10.14", "numpy": "1.26.4"},
    ],
)
def test_the_same_version_in_other_words_is_accepted(versions: dict[str, str | None]) -> None:
    cell = read(versions)
    assert admitted(cell) == cell


@pytest.mark.parametrize(("python", "accepted"), [("3.10.13", True), ("3.10.14", False), ("3.10.1", False)])
def test_a_full_version_of_python_is_taken_at_its_word(python: str, accepted: bool) -> None:
    environment = make_environment("a", python="3.10.13")
    cell = read({"python": python}, environment)
    assert (admitted(cell, environment) == cell) is accepted


@pytest.mark.parametrize(("locked", "found"), [("espnet-s3prl", "espnet_s3prl"), ("Espnet.S3PRL", "espnet-s3prl")])
def test_names_are_compared_as_packaging_does(locked: str, found: str) -> None:
    environment = make_environment("a", packages={locked: "2026.5.14"})
    cell = make_cell(environment, evidence=make_evidence(environment, versions={found: "2026.05.14"}))
    assert admitted(cell, environment) == cell


@pytest.mark.parametrize(
    ("torch_build", "build", "found"),
    [
        ("cu128", {"cuda": None}, "cpu"),
        ("cpu", {"cuda": "12.8"}, "cu128"),
        ("cu121", {"cuda": "12.8"}, "cu128"),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.WORKS, Outcome.BROKEN, Outcome.UNAVAILABLE])
def test_another_build_of_torch_is_refused(
    torch_build: str, build: dict[str, Any], found: str, outcome: Outcome
) -> None:
    environment = built(torch_build, build)
    cell = admitted(make_cell(environment, outcome=outcome), environment)
    assert cell.outcome is Outcome.ERROR
    assert cell.message == f"refused: the probe imported torch's build {found}, where {torch_build} is locked"


@pytest.mark.parametrize(
    ("torch_build", "build"),
    [
        ("cu128", {"cuda": "12.8"}),
        ("cu130", {"cuda": "13.0"}),
        ("cpu", {"cuda": None}),
        ("cu128", {}),
        (None, {"cuda": "12.8"}),
        ("rocm6.3", {"cuda": None}),
    ],
)
def test_the_build_that_was_locked_is_accepted(torch_build: str | None, build: dict[str, Any]) -> None:
    environment = built(torch_build, build)
    cell = make_cell(environment)
    assert admitted(cell, environment) == cell


@pytest.mark.parametrize(
    ("outcome", "failed"), [(Outcome.WORKS, None), (Outcome.UNSTABLE, None), (Outcome.BROKEN, Stage.IMPORT)]
)
def test_a_verdict_without_evidence_is_refused(outcome: Outcome, failed: Stage | None) -> None:
    found = admitted(make_cell(A, outcome=outcome, failed=failed, evidence=None))
    assert (found.outcome, found.message) == (Outcome.ERROR, f"refused: {outcome} without evidence that it ran")
    assert list(cell_problems(found)) == []


@pytest.mark.parametrize(
    "cell",
    [
        make_cell(A, outcome=Outcome.BROKEN, failed=Stage.RESOLVE, message="no solution"),
        make_cell(A, outcome=Outcome.BROKEN, failed=Stage.INSTALL, message="no wheel"),
        make_cell(A, outcome=Outcome.UNAVAILABLE),
        make_cell(A, outcome=Outcome.ERROR, evidence=None),
    ],
)
def test_what_never_reached_the_probe_needs_no_evidence(cell: Cell) -> None:
    assert admitted(cell) == cell


def test_an_error_keeps_its_own_message() -> None:
    cell = dataclasses.replace(read({"torch": None}), outcome=Outcome.ERROR, message="the probe hung")
    assert admitted(cell) == cell
