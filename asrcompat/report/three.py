"""The three things to know, in this order: what to install, what is newly worse, and what cures it or comes next.

What to install and what fails with the newest is `first`'s answer, the one that the page begins with; what is worse
since the last report, and what settles what did it, is what the page tells of the changes. Neither is worked out twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asrcompat.model import Outcome, Results
from asrcompat.printable import shell_line
from asrcompat.report import expectations, words
from asrcompat.report.first import First, Install
from asrcompat.report.sanitize import one_line
from asrcompat.report.view import View
from asrcompat.report.where import Key
from asrcompat.spec import request_id, undated_id

_FEW = 3  # of each kind in a text; data has them all
_WORSE = ("regressed", "unstable now")
_NO_VERDICT = (Outcome.ERROR, Outcome.UNAVAILABLE)
# a search names its environments and paths itself
_HERE = ("--profile", "--weights", "--work", "--matrix", "--torch-index")
_SETTLED = ("--profile", "--weights")  # what a command that settles something names by itself


@dataclass(frozen=True, kw_only=True)
class Next:
    """Something to do: why or what it is, and the command for it, empty where there is none."""

    says: str
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Worse:
    """A cell that is worse than in the report of this day, and what moved in its environment since."""

    environment: str
    path: str
    device: str
    before: str
    after: str
    day: str
    moved: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Three:
    """`expected` are worse than their expectation, `since` than in the last report, whose day is `last` (or None)."""

    install: tuple[Install, ...]
    expected: tuple[expectations.Expectation, ...]
    since: tuple[Worse, ...]
    last: str | None
    next: tuple[Next, ...]


def three(results: Results, view: View, *, choices: Sequence[str]) -> Three:
    """The three things; `choices` is what was chosen, as options of `matrix`, each with its value."""
    worse = tuple(_worse(results))
    regressions = next((one.entries for one in view.expectations if one.name == "regressions"), ())
    return Three(
        install=view.first.install,
        expected=regressions,
        since=worse,
        last=None if results.changes is None else _day(results.changes.generated_at),
        next=tuple(_next(results, view, worse, choices)),
    )


def _worse(results: Results) -> Iterator[Worse]:
    """The cells that are worse, by what the results tell of the changes; one without a verdict now is not."""
    told = results.changes
    if told is None:
        return
    outcomes = {_named(cell.key): cell.outcome for cell in results.cells}
    moved = {one.environment: one.versions for one in told.moved}
    for one in told.differences:
        for path, device in one.cells if one.kind in _WORSE else ():
            if outcomes.get(_named((one.environment, path, device)), Outcome.ERROR) in _NO_VERDICT:
                continue
            yield Worse(
                environment=one.environment,
                path=path,
                device=device.value,
                before=one.before or "",
                after=one.after or "",
                day=_day(one.since or told.generated_at),
                moved=moved.get(one.environment, {}),
            )


def _day(moment: str) -> str:
    return moment.partition("T")[0]


def _next(results: Results, view: View, since: Sequence[Worse], choices: Sequence[str]) -> Iterator[Next]:
    undecided = sum(cell.outcome is Outcome.ERROR for cell in results.cells)
    lost = expectations.without_result(results)
    unknown = bool(results.missing or undecided or lost)
    if unknown:
        told = [f"{words.plural(undecided, 'cell')} ended in an error of the harness or the network"] * bool(undecided)
        told += [f"{words.plural(len(results.missing), 'environment')} without a result"] * bool(results.missing)
        told += [f"{words.plural(lost, 'cell')} without a result"] * bool(lost)
        again = () if results.missing or lost else ("--retry-errors",)
        yield Next(says=f"not known yet: {' and '.join(told)}", command=_nox("matrix", *again, *choices))
    worse = [_named(key) for key, mark in expectations.marks(results).items() if mark == "regression"]
    worse += [_named((one.environment, one.path, one.device)) for one in since]
    red = {_named(cell.key) for cell in results.cells if cell.outcome in (Outcome.BROKEN, Outcome.UNSTABLE)}
    if worse := [key for key in dict.fromkeys(worse) if key in red]:
        yield from _of(worse, view, choices)
    elif view.first.broken:
        yield from _of_newest(view.first, choices)
    elif not unknown:
        ask = shell_line("asrcompat", "ask", "--torch", "VERSION", *_own(choices, ("--matrix",)))
        yield Next(says="nothing to cure; for versions of your own", command=ask)


def _named(key: Key) -> Key:
    """A cell by its request's name, whichever build of torch it is of."""
    environment, path, device = key
    return request_id(environment), path, str(device)


def _of(worse: Sequence[Key], view: View, choices: Sequence[str]) -> Iterator[Next]:
    """For cells that got worse: the cures that were verified, a search for others, and what settles what did it."""
    cured: set[Key] = set()
    for reason in view.reasons:
        mine = {_named(cell.key) for cell in reason.failure.cells if cell.remedy is not None} & set(worse)
        for cure in reason.cures if mine else ():
            yield Next(says=f"{reason.failure.title or reason.where}: {cure.text}")
        cured |= mine
    if left := [key for key in worse if key not in cured]:
        names = dict.fromkeys(undated_id(environment) for environment, _, _ in left)
        paths = dict.fromkeys(path for _, path, _ in left)
        chosen = [*_own(choices, _HERE), "--environments", ",".join(names), "--paths", ",".join(paths)]
        devices = list(dict.fromkeys(device for _, _, device in left))
        chosen += ["--devices", ",".join(devices)] if devices != ["cpu"] else []
        yield Next(says="search for what cures it", command=_nox("remedy", *chosen))
    lines = [line for group in (view.changed.groups if view.changed is not None else ()) for line in group.lines]
    for line in lines:
        if line.command and set(line.keys) & set(left):
            more = shell_line(*_own(choices, [name for name in _HERE if name not in _SETTLED]))
            of = ", ".join(cell.text for cell in line.cells)
            says = f"{line.aim[:1].lower()}{line.aim[1:]}, of {of} in {line.head.text}"
            every = (" ".join(filter(None, [each, more])) for each in line.command.splitlines())
            yield Next(says=says, command="\n".join(every))
            break


def _of_newest(first: First, choices: Sequence[str]) -> Iterator[Next]:
    """For what fails with the newest: its verified cures, else the search for some."""
    open_ones = [one for one in first.broken if not one.cures]
    for one in first.broken:
        for cure in one.cures[:1]:
            yield Next(says=f"with the newest fails {one.where}: {one.title}; {cure.text}")
    if open_ones:
        told = "; ".join(f"{one.where}: {one.title}" for one in open_ones[:_FEW])
        search = _nox("remedy", *_own(choices, _HERE))
        yield Next(says=f"with the newest fails {told}: search for a cure", command=search)


def _own(choices: Sequence[str], names: Sequence[str]) -> list[str]:
    """Of the choices those that go by these names."""
    pairs = zip(choices[::2], choices[1::2], strict=True)
    return [word for name, value in pairs if name in names for word in (name, value)]


def _nox(session: str, *options: str) -> str:
    return shell_line("nox", "-s", session, *(["--", *options] if options else []))


def in_folder(one: Install, folder: str) -> Install:
    """An installation whose command is given elsewhere, where the report's folder goes by this name."""
    lock = f"{folder}/{one.lock}"
    return replace(one, lock=lock, command=one.command.removesuffix(shell_line(one.lock)) + shell_line(lock))


def lines(told: Three) -> Iterator[tuple[str, str]]:
    """The three things as lines, each with its style; packages' texts are made fit for a terminal."""
    for line, style in _lines(told):
        indent = line[: len(line) - len(line.lstrip(" "))]
        yield indent + one_line(line), style


def _lines(told: Three) -> Iterator[tuple[str, str]]:
    yield from _install_lines(told.install)
    if not (told.expected or told.since):
        last = "" if told.last is None else f", nor than in the last report ({told.last})"
        yield f"2. Worse: nothing is worse than expected{last}.", "bold green"
    else:
        yield "2. Worse:", "bold red"
    for entry in told.expected[:_FEW]:
        yield f"   than expected: {': '.join(filter(None, [entry.subject, entry.text]))}", ""
    if (more := len(told.expected) - _FEW) > 0:
        yield f"   and {more} more than expected, see the report", ""
    for one in told.since[:_FEW]:
        moved = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in list(one.moved.items())[:_FEW])
        place = f"{one.environment}, {one.path}, {one.device}"
        yield f"   since {one.day}: {place}: {one.before} -> {one.after}" + (f" ({moved})" if moved else ""), ""
    if (more := len(told.since) - _FEW) > 0:
        yield f"   and {more} more since {told.last}", ""
    yield "3. Next:", "bold"
    for step in told.next[: 2 * _FEW]:
        yield f"   {step.says}" + (":" if step.command else ""), ""
        if step.command:
            yield f"     {' && '.join(step.command.splitlines())}", "cyan"


def _install_lines(install: Sequence[Install]) -> Iterator[tuple[str, str]]:
    if not install:
        yield "1. Install: in none of these environments a way that people take most works.", "bold red"
    for number, one in enumerate(install):
        head = "1. Install" if number == 0 else "   or"
        works = "work" if ", " in one.paths else "works"
        yield f"{head}: environment {one.entry.text} ({one.versions}): {one.paths} {works} on the CPU:", "bold green"
        yield f"     {' && '.join(one.command.splitlines())}", "cyan"


def data(told: Three) -> dict[str, Any]:
    """The same for programs."""
    return {
        "install": [
            {
                "environment": one.environment,
                "paths": one.paths.split(", "),
                "versions": one.versions,
                "lock": one.lock,
                "commands": one.command.splitlines(),
            }
            for one in told.install
        ],
        "worse": {
            "than_expected": [_entry(one) for one in told.expected],
            "last_report": told.last,
            "since_last_report": [
                {
                    "environment": one.environment,
                    "path": one.path,
                    "device": one.device,
                    "before": one.before,
                    "after": one.after,
                    "moved": {name: list(pair) for name, pair in one.moved.items()},
                }
                for one in told.since
            ],
        },
        "next": [{"says": one.says, "command": one.command or None} for one in told.next],
    }


def _entry(one: expectations.Expectation) -> Mapping[str, str | None]:
    return {"cells": one.subject, "found": one.text, "reason": one.reason or None}
