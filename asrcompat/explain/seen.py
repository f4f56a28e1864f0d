"""Where a failure was seen and where it was not: what its versions, and the rules about it, are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from asrcompat.model import Cell, Check, CheckOutcome, Device, Environment, Outcome, Stage

_COUNTED = (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)


@dataclass(frozen=True, kw_only=True, order=True)
class Subject:
    """What fails or does not, whatever the environment: a path on a device, or a check of it that decides nothing."""

    path: str
    device: Device
    check: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Path and device, as in a cell's key."""
        return self.path, self.device.value


Fared = Mapping[str, bool]  # by environment: whether it failed so; those that did not come so far are not there


def fared(cells: Iterable[Cell], fails: Callable[[Cell, Check | None], bool]) -> dict[Subject, Fared]:
    """How each environment fared, for every subject that `fails` somewhere.

    `fails` is asked of a cell as such (with None) and of each check of it that decides nothing. A cell that got past
    the stage at which others failed did not fail so; one that ended earlier, or there in another way, says nothing.
    """
    told = list(cells)
    failed: dict[Subject, dict[str, bool]] = {}
    stages: dict[Subject, Stage] = {}
    for cell in told:
        if cell.failed is not None and fails(cell, None):
            subject = Subject(path=cell.path, device=cell.device)
            failed.setdefault(subject, {})[cell.environment] = True
            stages[subject] = max(cell.failed, stages.get(subject, cell.failed), key=lambda stage: stage.rung)
        for check in cell.checks:
            if not check.required and fails(cell, check):
                failed.setdefault(Subject(path=cell.path, device=cell.device, check=check.id), {})[cell.environment] = (
                    True
                )
    for subject, environments in failed.items():
        for cell in told:
            if (cell.path, cell.device) == (subject.path, subject.device) and _passed(cell, subject, stages):
                environments.setdefault(cell.environment, False)
    return dict(failed)


def _passed(cell: Cell, subject: Subject, stages: Mapping[Subject, Stage]) -> bool:
    if cell.outcome not in _COUNTED:
        return False
    if subject.check is not None:
        return any(check.id == subject.check and check.outcome is CheckOutcome.PASSED for check in cell.checks)
    return cell.passed is not None and cell.passed.rung >= stages[subject].rung


def alike(told: Mapping[Subject, Fared]) -> list[tuple[list[Subject], Fared]]:
    """Subjects that share a failing environment and differ in none, taken together; others have their own causes."""
    merged: list[tuple[list[Subject], dict[str, bool]]] = []
    for subject, environments in told.items():
        for subjects, together in merged:
            common = together.keys() & environments.keys()
            if any(together[one] and environments[one] for one in common) and all(
                together[one] == environments[one] for one in common
            ):
                subjects.append(subject)
                together.update(environments)
                break
        else:
            merged.append(([subject], dict(environments)))
    return [(subjects, together) for subjects, together in merged]


def versions_seen(told: Iterable[Fared], environments: Mapping[str, Environment]) -> dict[str, dict[str, list[str]]]:
    """For each package asked for, its versions where the failure was seen and where it was not.

    An environment where one path fails so and another does not counts as failing.
    """
    failing, passing = apart(told)
    found: dict[str, dict[str, list[str]]] = {}
    for name, identities in (("failing", failing), ("not_failing", passing)):
        for identity in identities:
            environment = environments[identity]
            for package, version in {"python": environment.python, **environment.packages}.items():
                versions = found.setdefault(package, {"failing": [], "not_failing": []})[name]
                if version not in versions:
                    versions.append(version)
    return found


def apart(told: Iterable[Fared]) -> tuple[list[str], list[str]]:
    """The environments that fail for some subject, and those that fail for none."""
    whole = list(told)
    failing = list(dict.fromkeys(one for each in whole for one, failed in each.items() if failed))
    passing = list(dict.fromkeys(one for each in whole for one, failed in each.items() if not failed))
    return failing, [one for one in passing if one not in failing]
