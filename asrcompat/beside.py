"""What is known besides a report's own results, by the same code: rules are the better for it.

Of other profiles, and of the laboratory's runs with packages changed. A row of somebody's own (`doctor`) joins where it
is named, and brings nothing else along.
"""

from __future__ import annotations

from dataclasses import dataclass

from asrcompat.lab.experiments import Tried, of_packages, tried
from asrcompat.model import EnvironmentResult, Results
from asrcompat.options import Options
from asrcompat.report.admit import admit
from asrcompat.run.progress import Progress
from asrcompat.run.store import Store


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Further results, the texts of their locks by what they are called, and what of packages was tried."""

    results: tuple[EnvironmentResult, ...]
    locks: dict[str, str]
    tried: frozenset[Tried]


def beside(options: Options, store: Store, results: Results) -> Beside:
    """What there is beside these results."""
    codes = {one.code for one in results.environments if one.host is None} - {None}

    def alike(one: EnvironmentResult) -> bool:
        return one.model == results.model and one.environment.code in codes

    laboratory = options.work_folder / "lab" / "results" / options.chosen_weights
    others = store.others([one.id for one in results.environments], warn=Progress().tell)
    plain = [one for one in others if one.environment.derived_from is None and one.environment.host is None]
    locked = [(one, text) for one in plain if alike(one) and (text := _lock(store, one)) is not None]
    found = locked + of_packages(laboratory, alike)
    known = {one.environment.id: (admit(one), text) for one, text in found}
    return Beside(
        results=tuple(one for one, _ in known.values()),
        locks={str(one.environment.lock): text for one, text in known.values()},
        tried=tried(laboratory, alike),
    )


def _lock(store: Store, result: EnvironmentResult) -> str | None:
    try:
        return store.lock(result.environment)
    except OSError as error:
        Progress().tell(f"passed over: {result.environment.id}: its lock cannot be read: {error}")
        return None
