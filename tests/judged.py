"""Failures in miniature as `judge_failures` explains them: environments by versions, cells that fail, signatures."""

from __future__ import annotations

from typing import Any

from factories import make_cell, make_environment

from asrcompat.explain.judge import judge_failures
from asrcompat.explain.signatures.entry import Match, Signature
from asrcompat.model import (
    Cell,
    Environment,
    EnvironmentResult,
    Outcome,
    Results,
)

CLASH = (
    "error: No solution found when resolving dependencies\n  cause: Because espnet==202308 depends on "
    "protobuf<=3.20.1 and s3prl==0.4.15 depends on protobuf==3.20.3, we can conclude that espnet==202308 and "
    "s3prl==0.4.15 are incompatible.\n         And because environment depends on s3prl==0.4.15 and espnet==202308, "
    "we can conclude that your requirements are unsatisfiable."
)


ABSENT = (
    "error: No solution found when resolving dependencies\n  cause: Because there is no version of "
    "torchaudio==2.13.0 and environment depends on torchaudio==2.13.0, we can conclude that your requirements are "
    "unsatisfiable."
)


BUILD = """error: Failed to build `openai-whisper==20230308`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
           File "site-packages/setuptools/build_meta.py", line 333, in get_requires_for_build_wheel
             return self._get_build_requires(config_settings, requirements=[])
         KeyError: '__version__'
"""


def explained(
    results: Results, catalogue: dict[str, Signature] | None = None, beside: tuple[EnvironmentResult, ...] = ()
) -> Results:
    """Judge with locks that hold what environments name."""
    locks = {
        str(one.lock): "".join(f"{name}=={version} \\\n    --hash=sha256:0\n" for name, version in one.packages.items())
        for one in (*results.environments, *(other.environment for other in beside))
    }
    return judge_failures(results, locks, catalogue=catalogue, beside=beside)


def known(name: str, **match: Any) -> dict[str, Signature]:
    """A catalogue of one entry."""
    entry = Signature(id=name, title=name, cause="why", status="told", source=("s",), match=Match(**match))
    return {name: entry}


def environments(**packages: tuple[str, ...]) -> list[Environment]:
    """Environments with these versions, the first of each package in the first one."""
    count = max(len(versions) for versions in packages.values())
    return [
        make_environment(
            f"e{number}", packages={name: versions[number] for name, versions in packages.items() if versions[number]}
        )
        for number in range(count)
    ]


def failing(environment: Environment, path: str = "s3prl-hf", **changes: Any) -> Cell:
    given = {"exception": "OddError", "message": "odd 7", **changes}
    return make_cell(environment, path, Outcome.BROKEN, **given)
