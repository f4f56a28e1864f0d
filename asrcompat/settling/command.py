"""What ``rules`` does: of each open rule the next run, in the laboratory, until it is settled or nothing is left.

Every run is judged together with all that is known, so that the next one follows from it. A run of which nothing came
(packages that do not resolve together, say) is not proposed again. Environments go as soon as no run needs them: eight
runs a rule, with a torch each, are more than a disk.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from asrcompat.answering import answer
from asrcompat.errors import ExitCode
from asrcompat.explain.rules.discriminate import Move
from asrcompat.explain.rules.judge import attempt, changes_of
from asrcompat.lab import room
from asrcompat.lab.change import variant_id
from asrcompat.lab.excluded import excluded
from asrcompat.lab.experiments import Tried
from asrcompat.lab.laboratory import Laboratory
from asrcompat.model import Cell, Device, Outcome, Results
from asrcompat.options import Options
from asrcompat.printable import printable
from asrcompat.report.admit import admit
from asrcompat.report.rules import Rule as InWords
from asrcompat.report.rules import rules as in_words
from asrcompat.report.signatures import signatures
from asrcompat.report.words import plural
from asrcompat.reporting import gather
from asrcompat.run import host
from asrcompat.run.progress import Progress
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import Request, environment_id

Rule = Mapping[str, Any]
_MOST = 8  # runs for one rule: what is not settled by then wants a thought, not a further run
_INSTALL_SECONDS = 60.0


def rules(options: Options) -> ExitCode:
    """Make the runs that tell explanations apart. 0: none is left that would tell more; 3: some are."""
    progress = Progress(quiet=options.quiet)
    settling = Settling(options, progress)
    deadline = None if options.budget is None else time.monotonic() + options.budget * 60
    try:
        with progress.showing():
            unfinished = settling.run(deadline)
    finally:
        settling.free()
    if options.json:
        answer({"schema": 1, "unfinished": unfinished, "rules": settling.data()})
    print(printable("\n".join(settling.lines())))
    print("`nox -s report` tells of it")
    return ExitCode.UNFINISHED if unfinished else ExitCode.OK


class Settling:
    """The rules of a profile's results, and the runs made for them."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self._options = options
        self._progress = progress
        self._requests = options.spec.environments(options.chosen_profile)
        self._sources = sources_for(options)
        self._settings = settings_for(
            options, self._sources, request=None, threads=options.threads or host.usable_cores()
        )
        self.results = self._gather()
        self._runs: dict[tuple[str, str], int] = {}  # by rule
        self._made: set[str] = set()  # environments
        self._left: set[Tried] = set()  # those that ended in an error of the harness, or may not be made

    def run(self, deadline: float | None) -> bool:
        """Make one run after the other; whether something was left undone."""
        self._estimate()
        while (rule := next(self._open(), None)) is not None:
            if deadline is not None and time.monotonic() > deadline:
                self._progress.tell(
                    f"the budget is used up; {plural(len(list(self._open())), 'rule')} left with a run to make"
                )
                return True
            self._make(rule)
            self.results = self._gather()
            self.free(keep=map(_environment, self._open()))
        return any(one["experiment"] is not None for one in self.results.rules)

    def free(self, *, keep: Iterable[str] = ()) -> None:
        """Remove the environments that were made, but not those named: results are kept, and what others have made."""
        laboratory = Laboratory(settings=self._settings, sources=self._sources, tell=self._progress.tell)
        laboratory.free(laboratory.users() - self._made.difference(keep))

    def lines(self) -> Iterator[str]:
        """Every rule in a sentence."""
        for one in self._in_words():
            yield f"{one.title} ({one.paths}): {one.text}"

    def data(self) -> list[dict[str, str]]:
        """The same for programs; what a rule is made of is in the report's results."""
        return [
            {"failure": one.title, "paths": one.paths, "verdict": one.verdict, "rule": one.text}
            for one in self._in_words()
        ]

    def _in_words(self) -> tuple[InWords, ...]:
        numbers = {one.id: number for number, one in enumerate(self.results.environments, start=1)}
        return in_words(self.results, signatures(self.results, numbers), numbers)

    def _gather(self) -> Results:
        return gather(self._options, self._requests).results

    def _open(self) -> Iterator[Rule]:
        """Those that a run would bear on, the undetermined first, then those that most cells show."""
        known = [one for one in self.results.rules if one["experiment"] is not None]
        for one in sorted(known, key=lambda one: (one["verdict"] == "found", -one["failing"]["cells"])):
            if self._runs.get(_name(one), 0) < _MOST and _attempt(one) not in self._left:
                yield one

    def _make(self, rule: Rule) -> None:
        """The run of a rule, kept by the laboratory."""
        experiment = rule["experiment"]
        request = self._request(experiment["environment"])
        changes = changes_of(_moves(rule))
        told = " and ".join(str(change) for change in changes)
        self._progress.tell(f"{rule['title']}: {experiment['environment']} with {told}")
        if (reason := excluded(self._options.spec, request, changes)) is not None:
            self._leave(rule, reason)
            return
        device = Device(rule["device"])
        laboratory = Laboratory(
            settings=replace(self._settings, paths=(rule["path"],), devices=(device,), findings={}),
            sources=self._sources,
            tell=self._progress.tell,
            rules=self._options.spec.pins,
            admit=admit,
        )
        if room.brings_torch(changes) and laboratory.remembered(request, changes) is None:
            wanted = _environment(rule)  # another rule's run on another path may have built it already
            self.free(keep=[wanted])  # what is kept for other rules can be built again
            there = wanted in laboratory.users()
            if not there and (reason := room.too_full(self._settings.work)) is not None:
                self._leave(rule, reason)
                return
        result = laboratory.run(request, changes)
        self._made.add(result.environment.id)
        self._runs[_name(rule)] = self._runs.get(_name(rule), 0) + 1
        cell = next(one for one in result.cells if (one.path, one.device) == (rule["path"], device))
        self._progress.tell(f"{result.environment.id}: {cell.path}: {_seen(cell)}")
        if cell.outcome in (Outcome.ERROR, Outcome.UNAVAILABLE):
            self._left.add(_attempt(rule))

    def _leave(self, rule: Rule, reason: str) -> None:
        """Leave a rule's run undone, which the exit code tells."""
        self._progress.tell(f"{rule['experiment']['environment']}: not run: {reason}")
        self._left.add(_attempt(rule))

    def _request(self, identity: str) -> Request:
        """The request of an environment of the report, whichever build of torch it is of."""
        return next(one for one in self._requests if identity in (one.id, environment_id(one.id, "cpu")))

    def _estimate(self) -> None:
        several = list(self._open())
        seconds = sum(_seconds(one, self.results) for one in several)
        self._progress.tell(
            f"{plural(len(several), 'rule')} with a run to make, about {seconds / 60:.0f} min for the first of each, "
            f"at most {_MOST} each"
        )


def _name(rule: Rule) -> tuple[str, str]:
    return str(rule["signature"] if rule["fingerprint"] is None else rule["fingerprint"]), str(rule["path"])


def _moves(rule: Rule) -> tuple[Move, ...]:
    return tuple(Move(kind=one["kind"], value=one["value"]) for one in rule["experiment"]["moves"])


def _environment(rule: Rule) -> str:
    """What the laboratory calls the environment of a rule's run."""
    return variant_id(str(rule["experiment"]["environment"]), changes_of(_moves(rule)))


def _attempt(rule: Rule) -> Tried:
    return attempt(rule["experiment"]["environment"], _moves(rule), rule["path"], rule["device"])


def _seconds(rule: Rule, results: Results) -> float:
    """How long a run takes, by what the cell took where it was seen: it imports and climbs again."""
    times = [
        sum(cell.seconds.values()) - cell.seconds.get("findings", 0)
        for cell in results.cells
        if (cell.path, cell.device) == (rule["path"], rule["device"])
    ]
    return _INSTALL_SECONDS + max(times, default=0.0)


def _seen(cell: Cell) -> str:
    at = f" at {cell.stage}" if cell.stage else ""
    line = cell.message.partition("\n")[0]
    return f"{cell.outcome}{at}" + (f": {line}" if line else "")
