"""The three things to know, in this order: what to install, what is newly worse, and what cures it or comes next.

What to install and what fails with the newest is `first`'s answer, the one that the page begins with.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asrcompat.explain.changed import Changed, Edition, Kind, changed
from asrcompat.model import Outcome, Results
from asrcompat.report import expectations, words
from asrcompat.report.first import First, Install
from asrcompat.report.sanitize import one_line
from asrcompat.report.view import View
from asrcompat.report.where import Key
from asrcompat.spec import request_id, undated_id

_FEW = 3  # of each kind in a text; data has them all
_WORSE = (Kind.REGRESSED, Kind.UNSTABLE)


@dataclass(frozen=True, kw_only=True)
class Next:
    """Something to do: why or what it is, and the command for it, empty where there is none."""

    says: str
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Three:
    """`expected` are worse than their expectation, `since` than in the last report, whose day is `last` (or None)."""

    install: tuple[Install, ...]
    expected: tuple[expectations.Expectation, ...]
    since: tuple[Changed, ...]
    last: str | None
    next: tuple[Next, ...]


def three(results: Results, view: View, *, before: Edition | None, after: Edition, choices: Sequence[str]) -> Three:
    """The three things; `before` is the last published report, `choices` what was chosen, as options of `matrix`."""
    worse = tuple(one for one in changed(before, after) if one.kind in _WORSE) if before is not None else ()
    regressions = next((one.entries for one in view.expectations if one.name == "regressions"), ())
    return Three(
        install=view.first.install,
        expected=regressions,
        since=worse,
        last=None if before is None else before.results.generated_at.partition("T")[0],
        next=tuple(_next(results, view, worse, choices)),
    )


def _next(results: Results, view: View, since: Sequence[Changed], choices: Sequence[str]) -> Iterator[Next]:
    undecided = sum(cell.outcome is Outcome.ERROR for cell in results.cells)
    if results.missing or undecided:
        told = [f"{words.plural(undecided, 'cell')} ended in an error of the harness or the network"] * bool(undecided)
        told += [f"{words.plural(len(results.missing), 'environment')} without a result"] * bool(results.missing)
        again = () if results.missing else ("--retry-errors",)
        yield Next(says=f"not known yet: {' and '.join(told)}", command=_nox("matrix", *again, *choices))
    worse = [_named(key) for key, mark in expectations.marks(results).items() if mark == "regression"]
    worse += [_named((one.environment, one.path, one.device)) for one in since]
    red = {_named(cell.key) for cell in results.cells if cell.outcome in (Outcome.BROKEN, Outcome.UNSTABLE)}
    if worse := [key for key in dict.fromkeys(worse) if key in red]:
        yield from _of(worse, view, since, choices)
    elif view.first.broken:
        yield from _of_newest(view.first, choices)
    elif not (results.missing or undecided):
        yield Next(says="nothing to cure; for versions of your own", command="asrcompat ask --torch VERSION")


def _named(key: Key) -> Key:
    """A cell by its request's name, whichever build of torch it is of."""
    environment, path, device = key
    return request_id(environment), path, str(device)


def _of(worse: Sequence[Key], view: View, since: Sequence[Changed], choices: Sequence[str]) -> Iterator[Next]:
    """For cells that got worse: the cures that were verified, a search for others, and the release to blame."""
    cured = set()
    for reason in view.reasons:
        mine = {_named(cell.key) for cell in reason.failure.cells} & set(worse)
        for cure in reason.cures if mine else ():
            yield Next(says=f"{reason.failure.title or reason.where}: {cure.text}")
            cured |= mine
    if left := [key for key in worse if key not in cured]:
        names = dict.fromkeys(undated_id(environment) for environment, _, _ in left)
        paths = dict.fromkeys(path for _, path, _ in left)
        chosen = [*_own(choices), "--environments", ",".join(names), "--paths", ",".join(paths)]
        yield Next(says="search for what cures it", command=_nox("remedy", *chosen))
    for one in since:
        axis = one.culprit or next(iter([*one.suspects, *one.moved]), None)
        if axis is not None and axis != "python":
            base = undated_id(request_id(one.environment))
            chosen = [*_own(choices), "--axis", axis, "--environment", base, "--path", one.path]
            yield Next(says=f"which release of {axis} broke {one.path}", command=_nox("bisect", *chosen))
            break


def _of_newest(first: First, choices: Sequence[str]) -> Iterator[Next]:
    """For what fails with the newest: its verified cures, else the search for some."""
    open_ones = [one for one in first.broken if not one.cures]
    for one in first.broken:
        for cure in one.cures[:1]:
            yield Next(says=f"with the newest fails {one.where}: {one.title}; {cure.text}")
    if open_ones:
        told = "; ".join(f"{one.where}: {one.title}" for one in open_ones[:_FEW])
        yield Next(says=f"with the newest fails {told}: search for a cure", command=_nox("remedy", *_own(choices)))


def _own(choices: Sequence[str]) -> list[str]:
    """Of the choices the profile and the weights: a search names its environments and paths itself."""
    pairs = zip(choices[::2], choices[1::2], strict=True)
    return [word for name, value in pairs if name in ("--profile", "--weights") for word in (name, value)]


def _nox(session: str, *options: str) -> str:
    return " ".join(["nox", "-s", session, *(["--", *map(shlex.quote, options)] if options else [])])


def in_folder(one: Install, folder: str) -> Install:
    """An installation whose command is given elsewhere, where the report's folder goes by this name."""
    lock = f"{folder}/{one.lock}"
    return replace(one, lock=lock, command=one.command.removesuffix(one.lock) + lock)


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
        yield f"   since {told.last}: {place}: {one.before} -> {one.after}" + (f" ({moved})" if moved else ""), ""
    if (more := len(told.since) - _FEW) > 0:
        yield f"   and {more} more since {told.last}", ""
    yield "3. Next:", "bold"
    for step in told.next[: 2 * _FEW]:
        yield f"   {step.says}" + (":" if step.command else ""), ""
        if step.command:
            yield f"     {step.command}", "cyan"


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
