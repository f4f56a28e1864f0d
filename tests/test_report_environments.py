"""Environments as rows."""

from __future__ import annotations

import json

import pytest
from factories import make_cell, make_check, make_environment, make_results

from asrcompat.model import CheckOutcome, Device, Outcome, Stage
from asrcompat.report import facts
from asrcompat.report.badge import badge
from asrcompat.report.environments import TITLES, reproduce, rows, version_lines
from asrcompat.report.metadata import lies
from asrcompat.report.where import path_label


def test_versions_stand_under_their_titles() -> None:
    (row,) = rows([make_environment()], [])
    assert dict(zip(TITLES, row.versions, strict=True)) == {
        "Python": "3.10",
        "torch": "2.3.1 (cu121)",
        "torchaudio": "2.3.1",
        "s3prl": "0.4.15",
        "espnet": "202402",
        "transformers": "4.41.2",
        "fairseq": "",
    }


def test_the_other_distribution_is_named() -> None:
    (row,) = rows(
        [make_environment(packages={"torch": "2.11.0+cpu", "espnet-s3prl": "2026.5.14"}, torch_build="cpu")], []
    )
    assert row.versions == ("3.10", "2.11.0 (cpu)", "", "espnet-s3prl 2026.5.14", "", "", "")
    assert row.short == "Python 3.10 · torch 2.11.0 (cpu) · espnet-s3prl 2026.5.14"


def test_only_what_ran_counts_towards_the_verdict() -> None:
    environment = make_environment()
    outcomes = [Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE, Outcome.ERROR, Outcome.UNAVAILABLE]
    cells = [make_cell(environment, str(outcome), outcome) for outcome in outcomes]
    assert rows([environment], cells)[0].verdict == "1 of 3 cells"
    assert rows([environment], cells[3:])[0].verdict == "nothing ran"


def test_facts_hold_verdicts_pins_and_build() -> None:
    (row,) = rows([make_environment(declared="conflict", declared_reason="torch<2", packages={"numpy": "1.26.4"})], [])
    told = dict(row.facts)
    assert told["declared"] == "conflict: torch<2"
    assert told["other packages"] == "numpy 1.26.4"
    assert told["extra pin"] == "setuptools<81"
    assert told["torch build, architectures"] == "sm_50, sm_90"


def test_threads_that_stand_among_a_builds_facts_are_told_as_the_probes() -> None:
    """Results from before each cell told its own: how many torch took is the machine's and the probe's doing."""
    (row,) = rows([make_environment(build={"threads": 1})], [])
    told = dict(row.facts)
    assert told["probe threads"] == "1"
    assert "torch build, threads" not in told


def test_columns_that_differ_in_extras_and_pins_do_not_look_the_same() -> None:
    plain = make_environment("plain", pins=())
    more = make_environment(
        "more",
        packages={**plain.packages, "pandas": "2.2.3", "accelerate": "0.34.2"},
        pins=("numpy>=1,<2, in place of what packages ask for", "setuptools<81"),
    )
    lines = {line.head.text: line for line in version_lines(rows([plain, more], []))}
    assert [entry.text for entry in lines["also"].entries] == [
        "",
        "pandas 2.2.3, accelerate 0.34.2, numpy>=1,<2, setuptools<81",
    ]
    assert lines["also"].quiet
    assert "also" not in {line.head.text for line in version_lines(rows([plain], []))}


@pytest.mark.parametrize(
    ("declared", "outcome", "text"),
    [
        ("ok", Outcome.BROKEN, "declared ok, but broken at load: transformers"),
        ("conflict", Outcome.WORKS, "declared a conflict, but works in 1 cell"),
        ("ok", Outcome.WORKS, None),
        ("ok", Outcome.ERROR, None),
        ("unknown", Outcome.BROKEN, None),
    ],
)
def test_lies(declared: str, outcome: Outcome, text: str | None) -> None:
    environment = make_environment(declared=declared)
    cells = [make_cell(environment, outcome=outcome)]
    assert [lie.text for lie in lies(rows([environment], cells), cells)] == ([text] if text else [])


def test_paths_that_fail_alike_are_told_together() -> None:
    environment = make_environment()
    cells = [make_cell(environment, path, Outcome.BROKEN) for path in ("a", "b")]
    cells.append(make_cell(environment, "c", Outcome.BROKEN, Stage.IMPORT))
    (lie,) = lies(rows([environment], cells), cells)
    assert lie.text == "declared ok, but broken at load: a, b; broken at import: c"


def test_a_path_that_an_environment_does_not_offer_is_no_promise_broken() -> None:
    environment = make_environment()
    message = "No module named 'fairseq'"
    check = make_check(
        Stage.IMPORT,
        CheckOutcome.FAILED,
        message=message,
        data={"exception": "ModuleNotFoundError", "module": "fairseq.checkpoint_utils"},
    )
    cell = make_cell(environment, "espnet-fairseq", Outcome.BROKEN, Stage.IMPORT, message=message, checks=(check,))
    assert not lies(rows([environment], [cell]), [cell])
    assert rows([environment], [cell])[0].verdict == "nothing ran (1 not offered)"
    more = [cell, make_cell(environment), make_cell(environment, "s3prl-hf", Outcome.BROKEN)]
    assert rows([environment], more)[0].verdict == "1 of 2 cells (1 not offered)"
    results = make_results(more, [environment], expectations={"exit_code": 0})
    assert json.loads(badge(results))["message"] == "1 of 2 offered paths work"
    assert facts.summary(results) == "3 cells in 1 environment: 1 works, 2 broken (1 of them not offered)."


def test_labels_and_commands() -> None:
    cell = make_cell(make_environment("e"), "s3prl-hf", device=Device.CUDA)
    assert path_label(cell) == "s3prl-hf (cuda)"
    command = reproduce(cell, weights="synthetic-small", hosts={"e": None})
    assert command == 'nox -s "e" -- --weights synthetic-small --paths s3prl-hf --devices cuda'


def test_a_cell_of_a_planned_profile_is_run_again_for_its_report() -> None:
    command = reproduce(make_cell(make_environment("e")), weights="synthetic-base", hosts={}, planned="nightly")
    plan, session = command.splitlines()
    assert plan == "nox -s plan -- --profile nightly"
    assert session.startswith('nox -s "e" -- --profile nightly --weights synthetic-base --paths ')


def test_a_build_of_torch_has_no_session_of_its_own() -> None:
    cell = make_cell(make_environment("py3.10-torch2.3.1+cpu-s3prl0.4.15"))
    assert reproduce(cell, weights="hub", hosts={}).startswith(
        'nox -s "py3.10-torch2.3.1-s3prl0.4.15" -- --weights hub '
    )


@pytest.mark.parametrize(
    ("ran_at", "commit", "text"),
    [
        ("2026-11-22T20:15:53+00:00", "e615f2b", "2026-11-22T20:15:53+00:00 by commit e615f2b"),
        ("2026-11-22T20:15:53+00:00", None, "2026-11-22T20:15:53+00:00"),
        (None, None, None),
    ],
)
def test_facts_tell_the_run(ran_at: str | None, commit: str | None, text: str | None) -> None:
    (row,) = rows([make_environment(ran_at=ran_at, commit=commit)], [])
    assert dict(row.facts).get("run") == text
