"""The search for one environment's remedies: candidates in order, each run in the laboratory, the first that works.

Cells are served together: one run of a cure is for all cells that failed in a way that it is known for, and each that
it makes work has it. Where no single cure is enough but one lets a cell climb further, or brings another failure in
place of the first, the cures of what fails next are added to it. A set that works is made smaller by dropping each of
its parts once. Where the catalogue has nothing that helps, releases of the packages that may be to blame are tried, the
nearest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from asrcompat.errors import UsageError
from asrcompat.explain.remedies.candidates import Candidate, Releases, cures_of, intrusiveness
from asrcompat.explain.remedies.groups import CURABLE, MISS, Group, failure, groups, miss, trials_for
from asrcompat.explain.remedies.moves import asks_of, blamed, move, nearest
from asrcompat.explain.remedies.trial import NO_VERDICT, Cured, Found, Trial, climbed, place
from asrcompat.explain.signatures.classify import classify
from asrcompat.explain.signatures.entry import Signature
from asrcompat.explain.signatures.facts import Facts, facts_of
from asrcompat.lab.change import Change, in_order
from asrcompat.model import Cell, Environment, EnvironmentResult, Outcome

_DEEPEST = 3  # cures on top of one another

Try = Callable[[tuple[Change, ...], Sequence[Cell], int], EnvironmentResult | None]
"""Changes, the cells to look at and how many trials → what the laboratory found; None where they change nothing."""


class OutOfTime(Exception):  # noqa: N818 - no fault: what was found until then stands
    """The budget is used up; nothing more is begun."""


class NoRoom(Exception):  # noqa: N818 - no fault either: other changes go on
    """The disk has no room for what the changes would install."""


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
        self._attempt = attempt
        self._usual_trials = usual_trials
        self._tell = tell
        self._idle: set[tuple[Change, ...]] = set()  # what leaves the environment as it is
        self.found = Found()

    def run(self, cells: Sequence[Cell]) -> Found:
        """Look for a remedy of every broken or unstable cell."""
        for cell in cells:
            self.found.saw(cell)
        try:
            self._search(groups(cells, self._catalogue))
        except OutOfTime:
            self.found.unfinished = True
            self._tell("the budget is used up")
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
            self._try(candidate, members)
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

    def _open(self, cells: Sequence[Cell]) -> list[Cell]:
        return [cell for cell in cells if place(cell) not in self.found.cured]

    def _try(self, candidate: Candidate, cells: Sequence[Cell]) -> Trial | None:
        """Run a candidate for those of `cells` that are not cured yet, and credit it."""
        still = self._open(cells)
        trial = self._run(candidate, still) if still else None
        if trial is None:
            return None
        works = [cell for cell in still if _works(trial, cell)]
        for cell in works:  # stands whatever ends the search while the set is made smaller
            parts = trial.candidate.changes
            self.found.cured[place(cell)] = Cured(trial=trial, open=parts if len(parts) > 1 else ())
        for cell in works:
            cured = self._sure(self._smaller(trial, cell, works), cell)
            if cured is None:
                del self.found.cured[place(cell)]
            else:
                self.found.cured[place(cell)] = cured
        return trial

    def _run(self, candidate: Candidate, cells: Sequence[Cell]) -> Trial | None:
        trials = trials_for(self.found.unsure(cells), self._usual_trials)
        for known in self.found.trials.get(candidate.changes, []):
            if known.trials >= trials and all(place(cell) in known.seen for cell in cells):
                return known
        self._tell(f"tries {_words(candidate.changes)} on {', '.join(sorted({cell.path for cell in cells}))}")
        try:
            result = self._attempt(candidate.changes, cells, trials)
        except UsageError as error:  # one cure that cannot be made is no reason to leave out the others
            self._tell(f"{_words(candidate.changes)}: not tried: {error}")
            return None
        except NoRoom as full:
            self.found.unfinished = True
            self._tell(f"{_words(candidate.changes)}: not tried: {full}")
            return None
        if result is None:
            self._tell(f"{_words(candidate.changes)}: changes nothing here")
            self._idle.add(candidate.changes)
            return None
        trial = Trial(candidate=candidate, result=result, trials=trials)
        self.found.trials.setdefault(candidate.changes, []).append(trial)
        asked = {place(cell) for cell in cells}
        for cell in result.cells:
            if place(cell) not in asked:
                continue
            self.found.saw(cell)
            at = f" at {cell.stage}" if cell.stage and cell.outcome is not Outcome.WORKS else ""
            what = "; that says nothing about the change" if cell.outcome in NO_VERDICT else ""
            self._tell(f"with {_words(candidate.changes)}: {cell.path} on {cell.device}: {cell.outcome}{at}{what}")
        return trial

    def _smaller(self, trial: Trial, cell: Cell, together: Sequence[Cell]) -> Cured:
        """The same with each part dropped once, where the cell works without it; one run serves those `together`."""
        needless: list[Change] = []
        unsure: list[Change] = []
        parts = trial.candidate.changes
        for part in parts if len(parts) > 1 else ():
            rest = tuple(one for one in trial.candidate.changes if one != part)
            if not rest:
                break
            candidate = Candidate(changes=rest, says=trial.candidate.says, signatures=trial.candidate.signatures)
            without = self._run(candidate, together)
            seen = None if without is None else without.seen.get(place(cell))
            if without is not None and seen is not None and seen.outcome is Outcome.WORKS:
                if self._ever_failed(rest, cell):  # and works now: as luck has it
                    continue
                needless.append(part)
                trial = without
            elif rest not in self._idle and (seen is None or seen.outcome in NO_VERDICT):
                unsure.append(part)
        return Cured(trial=trial, needless=tuple(needless), open=tuple(unsure))

    def _ever_failed(self, changes: tuple[Change, ...], cell: Cell) -> bool:
        seen = [trial.seen.get(place(cell)) for trial in self.found.trials.get(changes, [])]
        return any(one is not None and one.outcome in CURABLE for one in seen)

    def _sure(self, cured: Cured, cell: Cell) -> Cured | None:
        """The same after enough steps; None where they tell that it was luck, after what has been seen since."""
        trial = self._run(cured.trial.candidate, [cell])
        if trial is None or not _works(trial, cell):
            return None
        chance = miss(self.found.unsure([cell]), trial.trials)
        if chance is not None and chance > MISS:
            self._tell(f"{_words(trial.candidate.changes)}: no cure of {cell.path}: it may be luck, by {chance:.0%}")
            return None
        return replace(cured, trial=trial)

    def _climb_on(self, cells: Sequence[Cell]) -> None:
        """Add the cures of what fails next to changes with which a cell climbs further."""
        reached = [one for several in self.found.trials.values() for one in several]
        for _ in range(_DEEPEST - 1):
            plan = self._next(self._open(cells), reached)
            reached = [trial for one, members in plan if (trial := self._try(one, members)) is not None]

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
            still = self._open(group.cells)
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
            trial = self._run(Candidate(changes=in_order([move(distribution, version)]), says=says), cells)
            if trial is None:
                return None
            trials[version] = trial
            outcomes = {trial.seen[place(cell)].outcome for cell in cells if place(cell) in trial.seen}
            return None if outcomes <= set(NO_VERDICT) else Outcome.WORKS in outcomes

        self._tell(f"tries releases of {distribution} near {self._versions[distribution]}")
        version = nearest(line, self._versions[distribution], works, asks=asks_of(distribution))
        if version is not None:
            self._try(trials[version].candidate, cells)


def _in_order(plan: Iterable[tuple[Candidate, list[Cell]]]) -> list[tuple[Candidate, list[Cell]]]:
    return sorted(plan, key=lambda pair: intrusiveness(pair[0].changes))


def _works(trial: Trial, cell: Cell) -> bool:
    seen = trial.seen.get(place(cell))
    return seen is not None and seen.outcome is Outcome.WORKS


def _signature(facts: Facts | None, catalogue: Mapping[str, Signature]) -> Signature | None:
    return None if facts is None else classify(facts, catalogue.values())


def _words(changes: Sequence[Change]) -> str:
    return " and ".join(map(str, changes))
