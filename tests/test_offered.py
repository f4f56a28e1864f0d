"""What is no part of an environment, and what is there and does not work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from factories import make_cell, make_check

from asrcompat.model import Cell, CheckOutcome, Outcome, Stage
from asrcompat.offered import lacking


def make_missing_cell(path: str, missing: str, *, wanted: str, **changes: Any) -> Cell:
    """Make the cell of a path that imports `wanted`, where `missing` is not found."""
    data = {"exception": "ModuleNotFoundError", "traceback": "Traceback", "module": wanted, **changes.pop("data", {})}
    check = make_check(Stage.IMPORT, CheckOutcome.FAILED, message=f"No module named '{missing}'", data=data)
    told = {"message": check.message, "exception": data["exception"], "checks": (check,)}
    return make_cell(path=path, **{"outcome": Outcome.BROKEN, "failed": Stage.IMPORT, **told, **changes})


@pytest.mark.parametrize(
    ("wanted", "missing", "said"),
    [
        ("fairseq.checkpoint_utils", "fairseq", "fairseq"),
        ("fairseq.checkpoint_utils", "fairseq.checkpoint_utils", "fairseq.checkpoint_utils"),
        ("espnet2.asr.frontend.huggingface", "espnet2.asr.frontend", "espnet2.asr.frontend"),
        ("transformers:Wav2Vec2Model", "transformers", "transformers"),
        # what the module itself imports
        ("s3prl.run_downstream", "tensorboardX", None),
        ("s3prl.run_downstream", "s3prl.run_downstream.more", None),
        ("s3prl.run_downstream", "s3prl.run", None),
        ("espnet2.tasks.asr", "espnet", None),
        ("transformers:Wav2Vec2Model", "Wav2Vec2Model", None),
    ],
)
def test_only_the_module_that_the_path_begins_with_makes_it_not_offered(
    wanted: str, missing: str, said: str | None
) -> None:
    assert lacking(make_missing_cell("some-path", missing, wanted=wanted)) == said


def test_a_module_below_one_that_is_no_package_is_missing_too() -> None:
    cell = make_missing_cell("p", "a.b", wanted="a.b")
    check = replace(cell.checks[0], message="No module named 'a.b'; 'a' is not a package")
    assert lacking(replace(cell, checks=(check,))) == "a.b"


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"exception": "ImportError"}},
        {"data": {"module": ""}},
        {"outcome": Outcome.ERROR},
        {"outcome": Outcome.BROKEN, "failed": Stage.LOAD},
        {"checks": ()},
    ],
)
def test_any_other_end_is_a_verdict_on_what_is_there(changes: dict[str, Any]) -> None:
    assert lacking(make_missing_cell("p", "fairseq", wanted="fairseq", **changes)) is None


def test_what_works_offers_itself() -> None:
    assert lacking(make_cell()) is None


@pytest.mark.parametrize(
    ("path", "exception", "message", "said"),
    [
        ("s3prl-converted", "ModuleNotFoundError", "No module named 'fairseq'", "fairseq"),
        ("s3prl-converted", "ModuleNotFoundError", "No module named 'omegaconf'", None),
        ("s3prl-converted", "KeyError", "No module named 'fairseq'", None),
        ("s3prl-converted@converted", "ModuleNotFoundError", "No module named 'fairseq'", None),
    ],
)
def test_what_a_path_begins_with_may_be_seen_at_load(path: str, exception: str, message: str, said: str | None) -> None:
    cell = make_cell(path=path, outcome=Outcome.BROKEN, failed=Stage.LOAD, exception=exception, message=message)
    assert lacking(cell) == said
