"""The search for one environment's remedies: candidates in order, each run in the laboratory, the first that works.

Cells are served together: one run of a cure is for all cells that failed in a way that it is known for, and each that
it makes work has it. Where no single cure is enough but one lets a cell climb further, or brings another failure in
place of the first, the cures of what fails next are added to it. A set that works is made smaller by dropping each of
its parts once. Where the catalogue has nothing that helps, releases of the packages that may be to blame are tried, the
nearest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from asrcompat.explain.remedies.candidates import Candidate, Releases, cures_of, intrusiveness
from asrcompat.explain.remedies.groups import Group, failure, groups
from asrcompat.explain.remedies.moves import asks_of, blamed, move, nearest
from asrcompat.explain.remedies.trial import NO_VERDICT, Found, Trial, climbed, place
from asrcompat.explain.remedies.trying import OutOfTime, Try, Trying
from asrcompat.explain.signatures.classify import classify
from asrcompat.explain.signatures.entry import Signature
from asrcompat.explain.signatures.facts import Facts, facts_of
from asrcompat.lab.change import Change, in_order
from asrcompat.model import Cell, Environment, Outcome

_DEEPEST = 4  # cures on top of one another: S3PRL's runner on torch 2.11 wants as many


class Search:
    """The search in one environment; `versions` are its lock's by distribution, or those asked for without one."""

    def __init__(
        self,
        *,
        environment: Environment,
        versions: Mapping[str, str],
        catalogue: Mapping[str, Signature],
        releases: Releases,
        attempt: Try,
        usual_trials: int,
        tell: Callable[[str], None],
    ) -> None:
        self._versions = {**versions, **environment.packages}
        self._catalogue = catalogue
        self._releases = releases
        self._tell = tell
        self.trying = Trying(attempt, usual_trials=usual_trials, tell=tell)
        self.found = self.trying.found

    def run(self, cells: Sequence[Cell]) -> Found:
        """Look for a remedy of every broken or unstable cell."""
        for cell in cells:
            self.found.saw(cell)
        try:
            self._search(groups(cells, self._catalogue))
        except OutOfTime:
            self.found.unfinished = True
            self._tell("the budget is used up")
        finally:
            self.trying.take_back_luck()
        return self.found

    def moves(self, cells: Sequence[Cell]) -> int:
        """How many releases there may be to try at most, where nothing of the catalogue helps."""
        found = groups(cells, self._catalogue)
        return sum(asks_of(one) for group in found for one in self._blamed(group))

    def candidates(self, cells: Sequence[Cell]) -> int:
        """How many sets of changes the catalogue has for these cells."""
        return len(self._plan(groups(cells, self._catalogue)))

    def _search(self, found: Sequence[Group]) -> None:
        for candidate, members in self._plan(found):
            self.trying.apply(candidate, members)
        self._climb_on([cell for group in found for cell in group.cells])
        for group in found:
            self._move(group)

    def _plan(self, found: Sequence[Group]) -> list[tuple[Candidate, list[Cell]]]:
        """The catalogue's candidates for all groups, the least intrusive first, each with the cells that it is for."""
        plan: dict[tuple[Change, ...], tuple[Candidate, list[Cell]]] = {}
        for group in found:
            for candidate in self._cures(group.signature):
                _, members = plan.setdefault(candidate.changes, (candidate, []))
                members += group.cells
        return _in_order(plan.values())

    def _cures(self, signature: Signature | None) -> tuple[Candidate, ...]:
        if signature is None:
            return ()
        return cures_of(signature, self._versions, self._releases, tell=self._tell)

    def _climb_on(self, cells: Sequence[Cell]) -> None:
        """Add the cures of what fails next to changes with which a cell climbs further."""
        reached = [one for several in self.found.trials.values() for one in several]
        for _ in range(_DEEPEST - 1):
            plan = self._next(self.trying.open(cells), reached)
            reached = [trial for one, members in plan if (trial := self.trying.apply(one, members)) is not None]

    def _next(self, cells: Sequence[Cell], reached: Sequence[Trial]) -> list[tuple[Candidate, list[Cell]]]:
        """The sets of these runs with which a cell climbed, each with a cure of what fails then added."""
        found: dict[tuple[Change, ...], tuple[Candidate, list[Cell]]] = {}
        for trial in reached:
            tried = trial.candidate.changes
            for cell in cells:
                seen = trial.seen.get(place(cell))
                if seen is None or not climbed(seen, self._before(trial, cell), self._failure):
                    continue
                for cure in self._cures(_signature(facts_of(seen), self._catalogue)):
                    if not set(cure.changes) <= set(tried):
                        candidate = trial.candidate.with_more(cure)
                        found.setdefault(candidate.changes, (candidate, []))[1].append(cell)
        return _in_order(found.values())

    def _before(self, trial: Trial, cell: Cell) -> Cell:
        """The cell with the changes that a run's were added to; as installed where there were none."""
        known = self.found.trials.get(trial.candidate.built_on, [])
        return next((one.seen[place(cell)] for one in known if place(cell) in one.seen), cell)

    def _failure(self, cell: Cell) -> object:
        return failure(cell, self._catalogue)

    def _move(self, group: Group) -> None:
        """Try releases of the packages that may be to blame for a group that nothing has cured."""
        for distribution in self._blamed(group):
            still = self.trying.open(group.cells)
            if not still:
                return
            self._move_along(distribution, still)

    def _blamed(self, group: Group) -> tuple[str, ...]:
        return () if group.facts is None else blamed(group.facts, self._versions, group.signature)

    def _move_along(self, distribution: str, cells: Sequence[Cell]) -> None:
        line = self._releases(distribution)
        trials: dict[str, Trial] = {}

        def works(version: str) -> bool | None:
            says = f"take {distribution} {version}"
            trial = self.trying.run(Candidate(changes=in_order([move(distribution, version)]), says=says), cells)
            if trial is None:
                return None
            trials[version] = trial
            outcomes = {trial.seen[place(cell)].outcome for cell in cells if place(cell) in trial.seen}
            return None if outcomes <= set(NO_VERDICT) else Outcome.WORKS in outcomes

        self._tell(f"tries releases of {distribution} near {self._versions[distribution]}")
        version = nearest(line, self._versions[distribution], works, asks=asks_of(distribution))
        if version is not None:
            self.trying.apply(trials[version].candidate, cells)


def _in_order(plan: Iterable[tuple[Candidate, list[Cell]]]) -> list[tuple[Candidate, list[Cell]]]:
    return sorted(plan, key=lambda pair: intrusiveness(pair[0].changes))


def _signature(facts: Facts | None, catalogue: Mapping[str, Signature]) -> Signature | None:
    return None if facts is None else classify(facts, catalogue.values())
