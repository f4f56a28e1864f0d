"""What a session makes of its cells where the hub that it served them was itself in trouble."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT
from factories import make_cell, make_environment

from asrcompat.hub.repositories import prepare
from asrcompat.hub.server import Hub
from asrcompat.model import Outcome, Stage
from asrcompat.run import session

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"


def test_a_hub_that_is_gone_is_noticed(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # not asked for what is on loopback
    root = prepare(weights="synthetic-small", model=MODEL, fixtures=ROOT / "fixtures", work=work)
    with Hub(root) as hub:
        address = f"{hub.endpoint}/api/models/{MODEL}"
        assert session._answers(address)
        assert not session._answers(address + "-of-nobody")
    assert not session._answers(address)


@pytest.mark.parametrize("found", [Outcome.BROKEN, Outcome.UNSTABLE])
def test_a_failure_while_our_hub_failed_says_nothing_about_the_packages(found: Outcome) -> None:
    stage = Stage.LOAD if found is Outcome.BROKEN else Stage.TRAIN
    cell = make_cell(make_environment(), outcome=found, failed=stage)
    doubted = session._doubted(cell, ["GET /x: 500"])
    assert doubted.outcome is Outcome.ERROR
    assert "GET /x: 500" in doubted.message
    assert cell.message in doubted.message


def test_what_worked_although_the_hub_stumbled_still_works() -> None:
    cell = make_cell(make_environment())
    assert session._doubted(cell, ["GET /x: 500"]) == cell
