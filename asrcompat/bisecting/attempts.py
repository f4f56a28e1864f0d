"""Runs of an environment, one after the other: each with seeds of its own, all of them of the same packages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from asrcompat.errors import HarnessError
from asrcompat.explain.bisection.along import Lab
from asrcompat.lab.change import Change
from asrcompat.model import EnvironmentResult
from asrcompat.report.admit import admit
from asrcompat.run.cells import Settings
from asrcompat.spec import Request


class Attempts:
    """What was run, by changes and attempt. The same seeds again would tell nothing new."""

    def __init__(self, open_lab: Callable[[Settings], Lab], settings: Settings) -> None:
        self._open = open_lab
        self._settings = settings
        self._results: dict[tuple[tuple[Change, ...], int], EnvironmentResult] = {}
        self._locks: dict[tuple[Change, ...], str] = {}

    def lab(self, attempt: int = 0) -> Lab:
        """A laboratory with this attempt's seeds."""
        probe = self._settings.probe
        return self._open(replace(self._settings, probe=replace(probe, seed=probe.seed + attempt * probe.trials)))

    def known(self, changes: tuple[Change, ...], attempt: int) -> EnvironmentResult | None:
        """What this attempt found; None where it was not made."""
        return self._results.get((changes, attempt))

    def lock_sha256(self, changes: tuple[Change, ...]) -> str | None:
        """Of which packages all of the attempts were; None where none was of any."""
        return self._locks.get(changes)

    def run(self, request: Request, changes: tuple[Change, ...], attempt: int) -> EnvironmentResult:
        """As `Lab.run`; a verdict that proves nothing comes as an error.

        Raises `HarnessError` where other packages were run than in an attempt before: the two prove nothing together.
        """
        result = admit(self.lab(attempt).run(request, changes, attempt=attempt))
        found = result.environment.lock_sha256
        if found is not None and self._locks.setdefault(changes, found) != found:
            message = (
                f"{result.environment.id} was run again with other packages than before: another command has resolved "
                "it anew meanwhile; search again when that one is done"
            )
            raise HarnessError(message)
        self._results[changes, attempt] = result
        return result
