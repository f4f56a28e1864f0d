"""The releases of a package, asked one by one in a laboratory: what `search` asks, and what became of it as data."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from asrcompat.explain.bisection.judge import Question, chance_of_a_miss, judge, standing
from asrcompat.explain.bisection.search import Answer, Turn
from asrcompat.lab.change import Change
from asrcompat.model import Boundary, BoundaryRun, EnvironmentResult
from asrcompat.spec import Request, torch_for, torchaudio_for
from asrcompat.spec.fields import FORK

_AXES = ("torch", "torchaudio", "transformers", "s3prl", FORK, "espnet")
LUCK = 0.01  # the last good release is run again while it could have been lucky with more than this probability
_TOGETHER = {"torch": ("torchaudio",), "torchaudio": ("torch",)}


class Runs(Protocol):
    """What asking about releases needs."""

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        """The result of a request with changes."""


class Lab(Runs, Protocol):
    """What is needed of a `Laboratory`."""

    def remembered(
        self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0
    ) -> EnvironmentResult | None:
        """What `run` would give at once; None where it would build or probe."""

    def users(self) -> set[str]:
        """The ids of all that have an environment there."""

    def free(self, keep: Collection[str]) -> int:
        """Remove environments but those named; bytes freed."""


def packages_along(package: str) -> tuple[str, ...]:
    """The packages that move with this one."""
    return _TOGETHER.get(package, ())


def changes_to(request: Request, package: str, version: str) -> tuple[Change, ...]:
    """What moves a package of this request to another release: torch and torchaudio go together, by the rule."""
    if package in ("torch", "torchaudio"):
        torch = version if package == "torch" else torch_for(version)
        audio = torchaudio_for(version) if package == "torch" else version
        return (
            Change(kind="axis", value=f"torch={torch}"),
            Change(kind="axis", value=f"torchaudio={audio}"),
        )
    if package == FORK:
        return (Change(kind="axis", value=f"s3prl={FORK} {version}"),)
    if package in _AXES:
        return (Change(kind="axis", value=f"{package}={version}"),)
    if package in (extra.partition("==")[0] for extra in request.extras):
        return (Change(kind="extra", value=f"{package}=={version}"),)
    return (Change(kind="pin", value=f"{package}=={version}"),)


class Releases:
    """Asks the laboratory about releases of `package`; keeps every run.

    `own` is the release that the environment has by itself: it is asked about without a change. `refused` says why a
    release is not to be run at all. `after` is called with the id of each environment that was run.
    """

    def __init__(
        self,
        lab: Runs,
        request: Request,
        *,
        package: str,
        own: str | None,
        question: Question,
        tell: Callable[[str], None],
        refused: Callable[[str], str | None] = lambda _: None,
        after: Callable[[str, BoundaryRun], None] = lambda *_: None,
    ) -> None:
        self._lab = lab
        self._request = request
        self._package = package
        self._own = own
        self._question = question
        self._tell = tell
        self._refused = refused
        self._after = after
        self.runs: dict[tuple[str, int], BoundaryRun] = {}
        self.refusals: dict[str, str] = {}

    def changes(self, release: str) -> tuple[Change, ...]:
        """What makes this release's environment of the one asked about."""
        return () if release == self._own else changes_to(self._request, self._package, release)

    def ask(self, release: str, attempt: int) -> tuple[Answer, str]:
        """As `search.Ask`; a release that was once unstable stays bad, whatever another run of it says."""
        if (release, attempt) in self.runs:
            known = self.runs[release, attempt]
            return Answer(known.answer), known.told
        if (reason := self._refused(release)) is not None:
            self.refusals[release] = reason
            return Answer.SKIP, reason
        result = self._lab.run(self._request, self.changes(release), attempt=attempt)
        run = judge(result, self._question, release=release, attempt=attempt)
        run = standing(run, self.runs.values())
        self.runs[release, attempt] = run
        again = "" if not attempt else ", again" if attempt == 1 else f", attempt {attempt + 1}"
        self._tell(f"{self._package} {release}{again}: {run.answer}: {run.told}")
        self._after(result.environment.id, run)
        return Answer(run.answer), run.told


def boundary(
    turn: Turn,
    releases: Releases,
    line: Sequence[str],
    *,
    environment: str,
    axis: str,
    question: Question,
    step: int,
    differs: Mapping[str, tuple[str, str]],
    commit: str,
    code: str | None = None,
    peak_gb: float | None = None,
    lock_sha256: str | None = None,
) -> Boundary:
    """What a search found, as it is published. `step` 1: the bad releases lie on the newer side of the good ones."""
    asked = {(one.release, one.attempt) for one in turn.asked}
    runs = tuple(run for key, run in releases.runs.items() if key in asked)
    told = {one.release: one.told for one in turn.asked if not one.attempt}
    gap: tuple[str, ...] = ()
    if turn.verdict == "gap" and turn.good is not None and turn.bad is not None:
        first, last = sorted((line.index(turn.good), line.index(turn.bad)))
        gap = tuple(line[first + 1 : last])
    return Boundary(
        environment=environment,
        axis=axis,
        path=question.path,
        device=question.device,
        stage=question.stage,
        direction="newer" if step == 1 else "older",
        verdict=turn.verdict,
        last_good=turn.good,
        first_bad=turn.bad,
        gap=gap,
        skipped={release: told[release] for release in turn.skipped},
        runs=runs,
        line=(line[0], line[-1]),
        releases=len(line),
        along=packages_along(axis),
        differs=differs,
        miss=None if turn.good is None else chance_of_a_miss(turn.good, runs, stage=question.stage),
        peak_gb=peak_gb,
        lock_sha256=lock_sha256,
        found_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        commit=commit,
        code=code,
    )
