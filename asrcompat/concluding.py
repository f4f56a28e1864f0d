"""What a run or a report comes to, said at its end: the table, the three things to know, where the report lies."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from asrcompat.answering import answer
from asrcompat.model import Results
from asrcompat.options import Options
from asrcompat.report.terminal import render_table, render_three
from asrcompat.report.three import Three, data, in_folder, three
from asrcompat.report.view import view
from asrcompat.run.console import console

_FILE = "results.json"


def conclude(options: Options, results: Results, *, code: int) -> None:
    """Say what came of it: as JSON where a program asked, the essentials alone where quiet was asked for, else all."""
    folder = _from_here(options.reports_folder)
    told = three(results, view(results), choices=choices(options))
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
        "--matrix": "" if options.matrix.resolve() == Path.cwd() / "matrix.toml" else str(options.matrix.resolve()),
        "--work": _anywhere(options.work, options.root),
        "--reports": _anywhere(options.reports, options.root),
        "--torch-index": options.torch_index or "",
    }
    return [word for name, value in pairs.items() if value for word in (name, value)]


def _anywhere(folder: Path | None, root: Path) -> str:
    """A folder as a command names it that is given in the checkout, wherever one is: sessions of nox run there."""
    if folder is None:
        return ""
    return _from_here(folder) if root == Path.cwd() else str(folder.resolve())


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
