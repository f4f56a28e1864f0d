"""The newest answer for the README: what to install today, and what each path does with the newest releases.

``python -m asrcompat.report.newest reports/results.json README.md`` writes it there, and so does publishing the report
that the README is about.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from asrcompat.advice import AXES, Candidate, seen_in
from asrcompat.advice.lines import Lines
from asrcompat.advice.question import OTHER_S3PRL
from asrcompat.model import UNRECOGNISED, Cell, Outcome, Results
from asrcompat.report import words
from asrcompat.report.first import newest as newest_of
from asrcompat.report.sanitize import markdown, markdown_block, one_line
from asrcompat.report.signatures import titles
from asrcompat.report.view import view
from asrcompat.result_files import parse_results

BEGIN, END = "<!-- newest -->", "<!-- /newest -->"
_DEVICE = "cpu"
_RAN = (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)
_TITLE = 90
_SHOWN = ("torch", "transformers", "s3prl", "espnet")


def written(readme: str, results: Results, folder: str) -> str:
    """The README with the newest answer between its marks; as it is where it has none. `folder` holds the report."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{newest(results, folder)}\n{END}{after}" if begin and end else readme


def newest(results: Results, folder: str) -> str:
    """What to install today, and a line for each path; states of the checkpoint are told in the report itself."""
    return "\n".join(_lines(results, folder))


def _lines(results: Results, folder: str) -> Iterator[str]:
    known = [one for one in seen_in(results, folder) if one.environment.as_of is None]
    first = view(results).first
    day = results.generated_at.partition("T")[0]
    for one in first.install:
        yield f"{markdown(one.paths)} work in this environment (run of {day}, weights {results.weights}):"
        yield f"{markdown(one.versions)}."
        yield ""
        yield markdown_block(one.command.replace(one.lock, f"{folder}/{one.lock}"))
    if not first.install:
        yield f"In no environment of the run of {day} a way that people take most works."
    yield ""
    yield f"With the newest that was tested, {markdown(first.newest)}, and the newest with which each path works:"
    yield ""
    yield "| path | with the newest | works with |"
    yield "| --- | --- | --- |"
    lines = Lines(known)
    ordered = sorted(known, key=lines.newness, reverse=True)
    top = newest_of(known)
    told = titles(results)
    for path in dict.fromkeys(cell.path for cell in results.cells if "@" not in cell.path):
        works = next((one for one in ordered if _outcome(one, path) is Outcome.WORKS), None)
        where = "none" if works is None else _short(works)
        yield f"| {markdown(path)} | {markdown(_with(top, path, told))} | {markdown(where)} |"


def _with(top: Sequence[Candidate], path: str, told: dict[str, str]) -> str:
    """What became of a path in the newest environments, by what provides S3PRL's import name where that matters."""
    said: dict[str, list[str]] = {}
    for one in top:
        cell = one.cells.get((path, _DEVICE))
        if cell is not None and cell.outcome in _RAN:
            there = one.axis("s3prl")
            said.setdefault(_said(cell, told), []).append("" if there is None else there[0])
    if len(said) < 2:  # noqa: PLR2004 - alike everywhere
        return next(iter(said), "not tried")
    return "; ".join(f"{', '.join(dict.fromkeys(by))}: {text}" for text, by in said.items())


def _short(one: Candidate) -> str:
    """The versions that matter most, and what was asked for besides: without that a path may not work."""
    shown = list(filter(None, map(one.axis, _SHOWN)))
    besides = [pair for pair in one.environment.packages.items() if pair[0] not in (*AXES, OTHER_S3PRL)]
    return ", ".join(f"{name} {version}" for name, version in (*shown, *besides))


def _said(cell: Cell, told: dict[str, str]) -> str:
    label = f"{words.SIGNS[cell.outcome]} {words.cell_label(cell) if cell.failed else cell.outcome}"
    if cell.failed is None:
        return label
    known = cell.signature is not None and cell.signature != UNRECOGNISED
    why = told.get(cell.signature or "", "") if known else cell.exception or ""
    return one_line(f"{label}: {why}" if why else label, _TITLE)


def _outcome(one: Candidate, path: str) -> Outcome | None:
    cell = one.cells.get((path, _DEVICE))
    return None if cell is None else cell.outcome


def main(arguments: Sequence[str]) -> None:
    """Write the answer of a ``results.json`` into a README."""
    source, readme = map(Path, arguments)
    results = parse_results(source.read_bytes(), source=str(source))
    readme.write_text(written(readme.read_text(encoding="utf-8"), results, source.parent.as_posix()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
