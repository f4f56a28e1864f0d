"""Results in the shape of a core run: six environments, a regression, news, and an environment derived from another."""

from __future__ import annotations

import dataclasses
from typing import Any

from factories import PATHS, make_cell, make_environment, make_expectation, make_results

from asrcompat.model import (
    Check,
    CheckOutcome,
    Device,
    Outcome,
    Results,
    Stage,
)


def make_core_results() -> Results:
    """Six environments with what a core run typically finds: every outcome, repeated failures, and expectations."""
    old = make_environment(
        "py310-torch2.3.1-s3prl0.4.14", packages=versions_of("2.3.1", "s3prl", "0.4.14", "202402", "4.41.2")
    )
    new = make_environment(
        "py310-torch2.3.1-s3prl0.4.15", packages=versions_of("2.3.1", "s3prl", "0.4.15", "202402", "4.41.2")
    )
    mid = make_environment(
        "py311-torch2.8.0-tf4.57.6",
        python="3.11",
        packages=versions_of("2.8.0", "s3prl", "0.4.18", "202511", "4.57.6"),
        pins=(),
    )
    next_ = make_environment(
        "py311-torch2.8.0-tfnewest",
        python="3.11",
        packages=versions_of("2.8.0", "s3prl", "0.4.18", "202511", "5.20.2"),
        pins=(),
    )
    top = make_environment(
        "py312-torch2.11.0-s3prl0.4.18",
        python="3.12",
        packages=versions_of("2.11.0", "s3prl", "0.4.18", "202611", "5.20.2"),
        torch_build="cpu",
        pins=(),
    )
    fork = make_environment(
        "py312-torch2.11.0-espnet-s3prl",
        python="3.12",
        packages=versions_of("2.11.0", "espnet-s3prl", "2026.5.14", "202611", "5.20.2"),
        torch_build="cpu",
        pins=(),
    )
    environments = (old, new, mid, next_, top, fork)
    backend: dict[str, Any] = {
        "failed": Stage.IMPORT,
        "exception": "AttributeError",
        "message": "module 'torchaudio' has no attribute 'set_audio_backend'",
    }
    padding = Check(
        id="padding",
        stage=Stage.FEATURES,
        required=False,
        outcome=CheckOutcome.FAILED,
        message="padding in a batch moves the features by 1.3, where their spread is 1.0",
    )
    cells = [
        *(make_cell(environment) for environment in environments),
        make_cell(old, "s3prl-hf", Outcome.BROKEN, cause="the repository has no preprocessor_config.json"),
        make_cell(old, "espnet-s3prl", Outcome.BROKEN, cause="the repository has no preprocessor_config.json"),
        *(make_cell(environment, path) for environment in (new, mid) for path in PATHS[1:]),
        make_cell(next_, "s3prl-hf", Outcome.UNSTABLE, exception="AssertionError", message="11, 13"),
        make_cell(
            next_,
            "espnet-s3prl",
            Outcome.ERROR,
            failed=Stage.LOAD,
            exception="ConnectionError",
            message="the hub hung up",
        ),
        *(make_cell(top, path, Outcome.BROKEN, **backend) for path in PATHS[1:]),
        make_cell(fork, "s3prl-hf", Outcome.UNSTABLE, exception="AssertionError", message="10, 13"),
        make_cell(fork, "espnet-s3prl"),
    ]
    order = [environment.id for environment in environments]
    cells.sort(key=lambda cell: (order.index(cell.environment), PATHS.index(cell.path)))
    cells = [
        dataclasses.replace(cell, checks=(*cell.checks, padding)) if cell.outcome is Outcome.WORKS else cell
        for cell in cells
    ]
    cuda = [
        make_cell(environment, path, Outcome.UNAVAILABLE, device=Device.CUDA, message="torch sees no CUDA device")
        for environment in environments
        for path in PATHS
    ]
    by_key = {cell.key: cell for cell in cells}
    lost, known = by_key[(top.id, "s3prl-hf", "cpu")], by_key[(old.id, "s3prl-hf", "cpu")]
    return make_results(
        [*cells, *cuda],
        environments,
        expectations={
            "regressions": [make_expectation(lost, reason="worked with torchaudio 2.8")],
            "news": [
                make_expectation(
                    by_key[(fork.id, "espnet-s3prl", "cpu")], expected="broken at load", found="works (train)"
                )
            ],
            "unfinished": [make_expectation(by_key[(next_.id, "espnet-s3prl", "cpu")])],
            "unlisted": [],
            "expected": [
                {
                    "environment": known.environment,
                    "path": known.path,
                    "device": "cpu",
                    "outcome": "broken",
                    "stage": "load",
                    "reason": "s3prl before 0.4.15 needs a preprocessor in the repository",
                }
            ],
            "exit_code": 1,
        },
    )


def versions_of(torch: str, distribution: str, s3prl: str, espnet: str, transformers: str) -> dict[str, str]:
    return {"torch": torch, "torchaudio": torch, distribution: s3prl, "espnet": espnet, "transformers": transformers}
