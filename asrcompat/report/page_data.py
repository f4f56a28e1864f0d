"""What the page's script is given: each cell's story, and each environment's way to be installed, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from asrcompat.advice import AXES, MAIN_PATHS, Candidate, seen_in
from asrcompat.advice.lines import Lines
from asrcompat.advice.question import OTHER_S3PRL
from asrcompat.model import Cell, Results
from asrcompat.report import ladder, words
from asrcompat.report.claim_cells import bearing
from asrcompat.report.grid import Target
from asrcompat.report.reasons import Said
from asrcompat.report.remedies import Verified
from asrcompat.report.sanitize import one_line, printable
from asrcompat.report.view import View
from asrcompat.report.where import label
from asrcompat.run.lock import versions_of

_LENGTH = 300


def page_data(
    results: Results,
    view: View,
    reproduce: Callable[[Cell], str],
    href: Callable[[Target], str],
    locks: Mapping[str, str],
) -> Markup:
    """JSON that no text can end early: what stands in it is shown as text by the script, and as nothing else.

    `locks` are the texts of the locks by their names: by them it tells how much of what a person has would change.
    """
    numbers = {one.row.environment.id: one.row.number for one in view.environments}
    verified = {one.remedy.id: one for one in view.remedies.verified}
    causes = {cell.key: reason.failure.number for reason in view.reasons for cell in reason.failure.cells}
    said = {
        cell.key: place
        for reason in view.reasons
        for place, one in enumerate(reason.said)
        for cell in one.message.cells
    }
    claims = bearing(results.claims)
    known = [
        replace(one, locked=versions_of(locks.get(one.environment.lock or "", ""))) for one in seen_in(results, ".")
    ]
    lines = Lines(known)
    packages = _packages(known)
    data = {
        "cells": {
            str(number): {
                **_cell(cell, numbers, causes.get(cell.key), reproduce),
                "cure": _cure(verified.get(cell.remedy or ""), cell, href),
                "said": said.get(cell.key),
                "claims": claims.get(cell.key, []),
            }
            for number, cell in enumerate(results.cells, start=1)
            if cell.evidence or cell.key in causes
        },
        "causes": {
            str(reason.failure.number): {
                "title": one_line(reason.failure.title, _LENGTH),
                "reason": one_line(reason.failure.reason, _LENGTH),
                "address": href(reason.failure.target),
                "said": [_said(one, numbers) for one in reason.said],
            }
            for reason in view.reasons
        },
        "claims": [
            {
                "id": one.id,
                "statement": one_line(one.statement, _LENGTH),
                "verdict": one.verdict.text,
                "address": href(one.target),
            }
            for one in view.claims.claims
        ],
        "environments": _environments(known, lines, numbers, packages),
        "releases": {axis: lines.all(axis) for axis in AXES},
        "lines": {axis: lines.by_distribution(axis) for axis in AXES},
        "packages": list(packages.items()),
        "other_s3prl": OTHER_S3PRL,
        "main": list(MAIN_PATHS),
    }
    text = json.dumps(_printable(data), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    escaped = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(escaped)  # noqa: S704 - it has none of the characters that HTML knows


def _cure(remedy: Verified | None, cell: Cell, href: Callable[[Target], str]) -> list[str] | None:
    """What cured a cell, and where that is told."""
    if remedy is None:
        return None
    days = remedy.days([cell.key])
    return [one_line(remedy.words, _LENGTH) + (f"; {days}" if days else ""), href(remedy.target)]


def _said(said: Said, numbers: Mapping[str, int]) -> dict[str, str] | None:
    """The long text of what a failure said; it is the first cell's, and another one's may differ in figures."""
    if not said.message.folded:
        return None
    first = said.message.cells[0]
    of = f"{label(first.path, first.device)} in environment {numbers[first.environment]}"
    others = f", as {of} said it" if len(said.message.cells) > 1 else ""
    return {"title": f"{said.message.folded_title}{others}", "text": said.message.folded}


def _printable(value: Any) -> Any:
    """The same with every text such that nothing in it acts on a reader's screen."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list | tuple):
        return [_printable(one) for one in value]
    return {name: _printable(one) for name, one in value.items()} if isinstance(value, dict) else value


def _cell(
    cell: Cell, numbers: Mapping[str, int], cause: int | None, reproduce: Callable[[Cell], str]
) -> dict[str, Any]:
    return {
        "environment": numbers[cell.environment],
        "path": label(cell.path, cell.device),
        "outcome": cell.outcome.value,
        "told": f"{words.SIGNS[cell.outcome]} {words.cell_label(cell)}",
        "rungs": [[rung.sign, rung.stage.value, rung.seconds] for rung in ladder.rungs(cell)],
        "exception": one_line(cell.exception or "", _LENGTH),
        "message": one_line(cell.message, _LENGTH),
        "cause": cause,
        "since": (cell.since or "").partition("T")[0],
        "command": reproduce(cell),
    }


def _packages(known: Sequence[Candidate]) -> dict[str, list[str]]:
    """Every distribution that an environment has, Python too, with its versions; environments then name a place."""
    found: dict[str, dict[str, None]] = {}
    for one in known:
        for name in ("python", *one.environment.packages, *one.locked):
            found.setdefault(name, {})[one.version(name) or ""] = None
    return {name: sorted(found[name]) for name in sorted(found)}


def _has(one: Candidate, packages: Mapping[str, Sequence[str]]) -> list[int]:
    there = ((one.version(name), versions) for name, versions in packages.items())
    return [-1 if version is None else versions.index(version) for version, versions in there]


def _environments(
    known: Sequence[Candidate], lines: Lines, numbers: Mapping[str, int], packages: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """What can be recommended, newest first by `rank`; and where each of its releases stands in its line."""
    ranks = {one.environment.id: rank for rank, one in enumerate(sorted(known, key=lines.newness, reverse=True))}
    return {
        str(numbers[one.environment.id]): {
            "rank": ranks[one.environment.id],
            "versions": one.versions,
            "has": _has(one, packages),
            "places": {axis: place for axis in AXES if (place := lines.place(axis, one)) is not None},
            "lock": quote(one_line(one.environment.lock or ""), safe="/").lstrip("/"),
            "command": one.install(one_line(one.environment.lock or "")),
        }
        for one in known
    }
