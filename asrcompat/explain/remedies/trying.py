"""Trying candidates: each is run for the cells that are still open, and a set that works is made smaller.

What works stands at once, whatever ends the search after that; what proves to be luck is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from asrcompat.errors import UsageError
from asrcompat.explain.remedies.candidates import Candidate
from asrcompat.explain.remedies.groups import CURABLE, MISS, miss, trials_for
from asrcompat.explain.remedies.trial import NO_VERDICT, Cured, Found, Place, Trial, place
from asrcompat.lab.change import Change
from asrcompat.model import Cell, EnvironmentResult, Outcome

Try = Callable[[tuple[Change, ...], Sequence[Cell], int], EnvironmentResult | None]
"""Changes, the cells to look at and how many trials → what the laboratory found; None where they change nothing."""


class OutOfTime(Exception):  # noqa: N818 - no fault: what was found until then stands
    """The budget is used up; nothing more is begun."""


class NoRoom(Exception):  # noqa: N818 - no fault either: other changes go on
    """The disk has no room for what the changes would install."""


class Trying:
    """Runs candidates in one environment and keeps what came of them in `found`."""

    def __init__(self, attempt: Try, *, usual_trials: int, tell: Callable[[str], None]) -> None:
        self.attempt = attempt
        self.found = Found()
        self._usual_trials = usual_trials
        self._tell = tell
        self._idle: set[tuple[Change, ...]] = set()  # what leaves the environment as it is

    def open(self, cells: Sequence[Cell]) -> list[Cell]:
        """Those of `cells` that nothing has cured yet."""
        return [cell for cell in cells if place(cell) not in self.found.cured]

    def apply(self, candidate: Candidate, cells: Sequence[Cell]) -> Trial | None:
        """Run a candidate for those of `cells` that are not cured yet, and credit it."""
        still = self.open(cells)
        trial = self.run(candidate, still) if still else None
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

    def run(self, candidate: Candidate, cells: Sequence[Cell]) -> Trial | None:
        """The run of a candidate, with enough steps for these cells; None where there is none, which is told."""
        trials = trials_for(self.found.unsure(cells), self._usual_trials)
        for known in self.found.trials.get(candidate.changes, []):
            if known.trials >= trials and all(place(cell) in known.seen for cell in cells):
                return known
        self._tell(f"tries {_words(candidate.changes)} on {', '.join(sorted({cell.path for cell in cells}))}")
        try:
            result = self.attempt(candidate.changes, cells, trials)
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
            without = self.run(candidate, together)
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
        trial = self.run(cured.trial.candidate, [cell])
        if trial is None or not _works(trial, cell):
            return None
        return None if self._may_be_luck(trial, place(cell)) else replace(cured, trial=trial)

    def take_back_luck(self) -> None:
        """Take back what works by too few steps for what was seen since: a search may end before they are made."""
        for at, cured in list(self.found.cured.items()):
            if self._may_be_luck(cured.trial, at):
                del self.found.cured[at]

    def _may_be_luck(self, trial: Trial, at: Place) -> bool:
        chance = miss(self.found.unstable.get(at, ()), trial.trials)
        if chance is None or chance <= MISS:
            return False
        self._tell(f"{_words(trial.candidate.changes)}: no cure of {at[0]}: it may be luck, by {chance:.0%}")
        return True


def _works(trial: Trial, cell: Cell) -> bool:
    seen = trial.seen.get(place(cell))
    return seen is not None and seen.outcome is Outcome.WORKS


def _words(changes: Sequence[Change]) -> str:
    return " and ".join(map(str, changes))
