"""What a run or a report comes to, said at its end: the table, the three things to know, where the report lies."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from asrcompat.answering import answer
from asrcompat.explain.changed import Edition
from asrcompat.model import Results
from asrcompat.options import Options
from asrcompat.report.terminal import render_table, render_three
from asrcompat.report.three import Three, data, in_folder, three
from asrcompat.report.view import view
from asrcompat.result_files import ResultError, parse_results
from asrcompat.run.console import console

_FILE = "results.json"


def last_report(options: Options) -> Edition | None:
    """The report that is there before a new one takes its place: in its folder, else the one that is published.

    None where there is none on the same weights, as of the same day: what differs then says nothing of the packages.
    """
    if options.as_of is not None:
        return None
    for folder in dict.fromkeys((options.reports_folder, options.published_folder)):
        try:
            results = parse_results((folder / _FILE).read_bytes(), source=_FILE)
        except (OSError, ResultError):
            continue
        if results.weights == options.chosen_weights:
            return Edition(name=str(folder), results=results, locks=_locks(results, folder))
    return None


def _locks(results: Results, folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for lock in (one.lock for one in results.environments):
        try:
            found |= {} if lock is None else {lock: (folder / lock).read_text(encoding="utf-8")}
        except (OSError, UnicodeDecodeError):
            continue  # what moved is told as far as it is known
    return found


def conclude(options: Options, after: Edition, before: Edition | None, *, code: int) -> None:
    """Say what came of it: as JSON where a program asked, the essentials alone where quiet was asked for, else all."""
    results, folder = after.results, _from_here(options.reports_folder)
    told = three(results, view(results), before=before, after=after, choices=choices(options))
    told = replace(told, install=tuple(in_folder(one, folder) for one in told.install))
    if options.json:
        answer(_data(results, told, folder, code))
        return
    if not options.quiet:
        render_table(results, console())
        print()
    render_three(told, console())
    print(f"report: {folder}/compatibility.md (in a browser: index.html), results: {folder}/{_FILE}")


def choices(options: Options) -> list[str]:
    """What was chosen otherwise than by default, as pairs of option and value that most commands take."""
    spec, profile = options.spec, options.chosen_profile
    pairs = {
        "--profile": profile if profile != spec.default_profile else "",
        "--weights": options.chosen_weights if options.chosen_weights != spec.weights_of(profile) else "",
        "--environments": ",".join(options.environments),
        "--paths": ",".join(options.paths),
        "--devices": ",".join(options.devices),
        "--as-of": options.as_of or "",
    }
    return [word for name, value in pairs.items() if value for word in (name, value)]


def _from_here(folder: Path) -> str:
    """A folder as a command names it that is given in the folder where one is."""
    here = Path.cwd()
    return str(folder.resolve().relative_to(here) if folder.resolve().is_relative_to(here) else folder)


def _data(results: Results, told: Three, folder: str, code: int) -> dict[str, Any]:
    """What programs are told; `schema` grows by one where a name's meaning changes, and not where names are added."""
    return {
        "schema": 1,
        "profile": results.profile,
        "weights": results.weights,
        "generated_at": results.generated_at,
        "exit_code": int(code),
        "cells": dict(Counter(str(cell.outcome) for cell in results.cells)),
        "missing": list(results.missing),
        **data(told),
        "report": f"{folder}/compatibility.md",
        "results": f"{folder}/{_FILE}",
    }
