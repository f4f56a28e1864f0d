"""Results of as many environments as wanted, on twelve paths, with a few causes of failure."""

from __future__ import annotations

import random

from core_results import versions_of
from factories import make_cell, make_environment, make_results
from wide_results import WIDE_PATHS

from asrcompat.model import Outcome, Results, Stage

_CAUSES = (
    (Stage.IMPORT, "AttributeError", "module 'torchaudio' has no attribute 'set_audio_backend'"),
    (Stage.LOAD, "OSError", "someone/some-model does not appear to have a file named preprocessor_config.json"),
    (Stage.FEATURES, "ValueError", "frames are not what they were said to be"),
)


def make_many_results(count: int) -> Results:
    """Results of so many environments; the same every time."""
    chance = random.Random(count)
    environments, cells = [], []
    for number in range(count):
        packages = versions_of(
            chance.choice(["2.0.1", "2.3.1", "2.6.0", "2.8.0", "2.11.0"]),
            chance.choice(["s3prl", "espnet-s3prl"]),
            chance.choice(["0.4.14", "0.4.15", "0.4.18"]),
            chance.choice(["202301", "202402", "202511"]),
            chance.choice(["4.30.2", "4.41.2", "4.57.6", "5.24.0"]),
        )
        python = chance.choice(["3.9", "3.10", "3.11", "3.12"])
        environments.append(make_environment(f"environment-{number}", python=python, packages=packages))
        for path in WIDE_PATHS:
            if chance.random() < 0.6:
                cells.append(make_cell(environments[-1], path))
                continue
            failed, exception, message = chance.choice(_CAUSES)
            cells.append(
                make_cell(environments[-1], path, Outcome.BROKEN, failed, exception=exception, message=message)
            )
    return make_results(cells, environments)
