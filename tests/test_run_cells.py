"""What becomes of cells where the hub that served them was itself in trouble."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from factories import make_cell, make_check, make_environment

from asrcompat.hub.repositories import prepare
from asrcompat.hub.server import Hub
from asrcompat.model import CheckOutcome, Outcome, Stage
from asrcompat.run import cells

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"


def test_a_hub_that_is_gone_is_noticed(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # not asked for what is on loopback
    root = prepare(weights="synthetic-small", model=MODEL, fixtures=ROOT / "fixtures", work=work)
    with Hub(root) as hub:
        address = f"{hub.endpoint}/api/models/{MODEL}"
        assert cells._answers(address)
        assert not cells._answers(address + "-of-nobody")
    assert not cells._answers(address)


@pytest.mark.parametrize("found", [Outcome.BROKEN, Outcome.UNSTABLE])
def test_a_failure_while_our_hub_failed_says_nothing_about_the_packages(found: Outcome) -> None:
    stage = Stage.LOAD if found is Outcome.BROKEN else Stage.TRAIN
    cell = make_cell(make_environment(), outcome=found, failed=stage)
    doubted = cells._doubted(cell, ["GET /x: 500"])
    assert doubted.outcome is Outcome.ERROR
    assert "GET /x: 500" in doubted.message
    assert cell.message in doubted.message


def test_a_finding_that_failed_while_our_hub_failed_says_nothing_either() -> None:
    told = make_check(Stage.FORWARD, CheckOutcome.FAILED, id="n-mels-inner-1024", required=False, message="500")
    cell = make_cell(make_environment())
    (doubted,) = cells._doubted(replace(cell, checks=(*cell.checks, told)), ["GET /x: 500"]).checks[-1:]
    assert (doubted.outcome, doubted.id) == (CheckOutcome.ERROR, told.id)
    assert doubted.message == "the harness's hub failed (GET /x: 500); the path then said: 500"


def test_what_worked_although_the_hub_stumbled_still_works() -> None:
    cell = make_cell(make_environment())
    assert cells._doubted(cell, ["GET /x: 500"]) == cell
