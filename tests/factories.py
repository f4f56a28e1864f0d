"""Results for tests: every function gives a self-consistent value, and keywords change what a test is about."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

from asrcompat.model import (
    Cell,
    Check,
    CheckOutcome,
    Device,
    Environment,
    EnvironmentResult,
    Evidence,
    Features,
    Outcome,
    Remedy,
    RemedyCell,
    Results,
    Stage,
    Trials,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"


MOMENT = "2026-11-22T19:00:00+00:00"


PATHS = ("transformers", "s3prl-hf", "espnet-s3prl")


PROBED = (Stage.IMPORT, Stage.LOAD, Stage.FEATURES, Stage.FORWARD, Stage.BACKWARD, Stage.STEP, Stage.TRAIN)


HARNESS = {"version": "0.1.0", "commit": "c057ff8a1c62"}


HOST = {"os": "Linux 6.1", "machine": "x86_64", "cpu": "Example CPU @ 2.0 GHz", "cores": 2, "cuda_devices": []}


PREPROCESSOR = (
    f"{MODEL} does not appear to have a file named preprocessor_config.json. "
    f"Checkout 'https://huggingface.co/{MODEL}/tree/main' for available files."
)


TRACEBACK = f"""Traceback (most recent call last):
  File "probe.py", line 7, in load
    raise OSError(message)
OSError: {PREPROCESSOR}
"""


def make_environment(identity: str = "py3.10-torch2.3.1-s3prl0.4.15", **changes: Any) -> Environment:
    """Make an environment that resolved and installed."""
    environment = Environment(
        id=identity,
        python="3.10",
        packages={
            "torch": "2.3.1",
            "torchaudio": "2.3.1",
            "s3prl": "0.4.15",
            "espnet": "202402",
            "transformers": "4.41.2",
        },
        torch_build="cu121",
        declared="ok",
        installable="ok",
        lock=f"locks/{identity}.txt",
        lock_sha256=hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest(),
        index="https://pypi.org/simple",
        pins=("setuptools<81",),
        build={
            "torch": "2.3.1+cu121",
            "cuda": "12.1",
            "architectures": ["sm_50", "sm_90"],
            "least_driver": "525.60.13",
        },
        seconds={"resolve": 6.5, "install": 44.0, "probe": 92.25},
        code="c0de",
    )
    return dataclasses.replace(environment, **changes)


def make_check(stage: Stage, outcome: CheckOutcome = CheckOutcome.PASSED, **changes: Any) -> Check:
    """Make a required check."""
    return dataclasses.replace(
        Check(id=f"{stage}-ok", stage=stage, required=True, outcome=outcome, seconds=0.5), **changes
    )


def make_evidence(environment: Environment, **changes: Any) -> Evidence:
    """Proof of a run of this environment."""
    evidence = Evidence(
        pid=4711,
        started="2026-11-22T18:58:00.000+00:00",
        log_sha256=hashlib.sha256(b"log").hexdigest(),
        versions={**environment.packages, "numpy": "1.26.4"},
        mode="forked",
    )
    return dataclasses.replace(evidence, **changes)


def make_cell(
    environment: Environment | None = None,
    path: str = "transformers",
    outcome: Outcome = Outcome.WORKS,
    failed: Stage | None = None,
    **changes: Any,
) -> Cell:
    """Make a cell that worked up to `train`, or that failed at `failed` in the way its outcome says."""
    environment = environment or make_environment()
    cell = Cell(
        environment=environment.id,
        path=path,
        device=Device.CPU,
        outcome=outcome,
        stage=Stage.TRAIN,
        passed=Stage.TRAIN,
        checks=tuple(make_check(stage) for stage in PROBED),
        features=Features(width=768, frames=99, parity=2.5e-06, follows="raw"),
        trials=Trials(passed=20, of=20),
        evidence=make_evidence(environment),
        seconds={stage.value: 1.5 for stage in PROBED},
    )
    if outcome in (Outcome.BROKEN, Outcome.UNSTABLE, Outcome.ERROR):
        stage = failed or (Stage.TRAIN if outcome is Outcome.UNSTABLE else Stage.LOAD)
        cell = _failed(
            cell, stage, str(changes.get("message", PREPROCESSOR)), str(changes.get("exception", raised(stage)))
        )
    if outcome is Outcome.UNAVAILABLE:
        cell = Cell(environment=environment.id, path=path, device=Device.CPU, outcome=outcome, message="no CUDA device")
    return dataclasses.replace(cell, **changes)


def raised(failed: Stage) -> str:
    """Name the exception of a failure at this stage."""
    return {Stage.RESOLVE: "ResolutionConflict", Stage.INSTALL: "BuildFailed"}.get(failed, "OSError")


def _failed(cell: Cell, failed: Stage, message: str, exception: str) -> Cell:
    unstable = cell.outcome is Outcome.UNSTABLE
    below = [stage for stage in PROBED if stage.rung < failed.rung]
    building = failed in (Stage.RESOLVE, Stage.INSTALL)
    probed = {"causes": [f"{exception}: {message}", "KeyError: 'x'"]}
    check = make_check(
        failed,
        {Outcome.UNSTABLE: CheckOutcome.UNSTABLE, Outcome.ERROR: CheckOutcome.ERROR}.get(
            cell.outcome, CheckOutcome.FAILED
        ),
        message=message,
        data={"exception": exception, **({"traceback": message} if building else {"traceback": TRACEBACK, **probed})},
    )
    return dataclasses.replace(
        cell,
        stage=failed,
        passed=below[-1] if below else None if building else Stage.INSTALL,
        failed=failed,
        exception=exception,
        message=message,
        checks=(*(make_check(stage) for stage in below), check),
        features=cell.features if failed.rung > Stage.FEATURES.rung else None,
        trials=Trials(passed=13, of=20) if unstable else None,
        evidence=None if building else cell.evidence,
        seconds={stage.value: 1.5 for stage in below},
    )


def make_environment_result(
    environment: Environment | None = None, cells: Sequence[Cell] | None = None, **changes: Any
) -> EnvironmentResult:
    """One environment's result, with a working cell for each path."""
    environment = environment or make_environment()
    result = EnvironmentResult(
        schema=1,
        model=MODEL,
        weights="synthetic-base",
        generated_at=MOMENT,
        harness=HARNESS,
        host=HOST,
        environment=environment,
        cells=tuple(make_cell(environment, path) for path in PATHS) if cells is None else tuple(cells),
    )
    return dataclasses.replace(result, **changes)


def make_results(
    cells: Sequence[Cell] | None = None, environments: Sequence[Environment] | None = None, **changes: Any
) -> Results:
    """Results of one environment in which every path works, unless other cells or environments are given."""
    environments = tuple(environments) if environments is not None else (make_environment(),)
    given = tuple(cells) if cells is not None else tuple(make_cell(environments[0], path) for path in PATHS)
    results = Results(
        schema=1,
        model=MODEL,
        weights="synthetic-base",
        profile="core",
        generated_at=MOMENT,
        harness=HARNESS,
        host=HOST,
        environments=environments,
        cells=given,
    )
    return dataclasses.replace(results, **changes)


def make_remedy(identity: str, environment: str, *, value: str = "transformers==4.41.2", **changes: Any) -> Remedy:
    """Make a verified remedy of one change."""
    remedy = Remedy(
        id=identity,
        environment=environment,
        changes=({"kind": "pin", "value": value},),
        says="An older release does without.",
        verified=True,
        cells=(RemedyCell(path="p", device=Device.CPU, before="broken at load", outcome=Outcome.WORKS),),
    )
    return dataclasses.replace(remedy, **changes)


def make_expectation(cell: Cell, **changes: Any) -> Mapping[str, Any]:
    """Make an entry of an expectation list about this cell."""
    entry = {"environment": cell.environment, "path": cell.path, "device": cell.device.value}
    return {**entry, "expected": "works (train)", "found": f"{cell.outcome} at {cell.stage}", "reason": "", **changes}
