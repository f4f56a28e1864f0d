"""The newest answer for the README: what to install today, and what each path does with the newest releases.

By all published reports, as ``ask`` answers: what one of them lacks another may have. Publishing a report writes it,
and so does ``python -m asrcompat.report.newest`` in the checkout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from asrcompat.advice import AXES, MAIN_PATHS, Candidate, Question, answer, seen_in
from asrcompat.advice.question import OTHER_S3PRL
from asrcompat.model import UNRECOGNISED, Cell, Outcome, Results
from asrcompat.report import words
from asrcompat.report.first import newest as newest_of
from asrcompat.report.first import shared
from asrcompat.report.sanitize import markdown, markdown_block, one_line
from asrcompat.report.signatures import titles
from asrcompat.result_files import published_reports

BEGIN, END = "<!-- newest -->", "<!-- /newest -->"
_DEVICE = "cpu"
_RAN = (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)
_TITLE = 90
_SHOWN = ("torch", "transformers", "s3prl", "espnet")


def written(readme: str, reports: Mapping[str, Results]) -> str:
    """The README with the newest answer between its marks; as it is where it has none."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{newest(reports)}\n{END}{after}" if begin and end else readme


def newest(reports: Mapping[str, Results]) -> str:
    """What to install today, and a line for each path, by the reports in these folders.

    States of the checkpoint are told in the reports themselves.
    """
    known = [
        one for folder, results in reports.items() for one in seen_in(results, folder) if one.environment.as_of is None
    ]
    told = {identity: title for results in reports.values() for identity, title in titles(results).items()}
    paths = dict.fromkeys(cell.path for results in reports.values() for cell in results.cells if "@" not in cell.path)
    return "\n".join(_lines(known, told, list(paths)))


def _lines(known: Sequence[Candidate], told: Mapping[str, str], paths: Sequence[str]) -> Iterator[str]:
    best = _newest_with(MAIN_PATHS, known)
    if best is None:
        yield "In no environment that was run a way that people take most works."
    else:
        day = (best.environment.ran_at or "").partition("T")[0]
        yield f"{markdown(', '.join(MAIN_PATHS))} work in this environment (run of {day}, weights {best.weights}):"
        yield f"{markdown(best.versions)}."
        yield ""
        yield markdown_block(best.install(best.lock))
    yield ""
    top = newest_of(known)
    alike = shared(top)
    tested = f"with the newest that was tested, {markdown(alike)}, and " if alike else ""
    yield f"On the CPU, {tested}the newest with which each path works:"
    yield ""
    yield "| path | with the newest | works with |"
    yield "| --- | --- | --- |"
    for path in paths:
        works = _newest_with((path,), known)
        where = "none" if works is None else _short(works)
        yield f"| {markdown(path)} | {markdown(_with(top, path, told))} | {markdown(where)} |"


def _newest_with(paths: Sequence[str], known: Sequence[Candidate]) -> Candidate | None:
    """The newest environment in which these paths work on the CPU."""
    fits = answer(Question(paths=tuple(paths), devices=(_DEVICE,)), known).fits
    return fits[0].candidate if fits else None


def _with(top: Sequence[Candidate], path: str, told: Mapping[str, str]) -> str:
    """What became of a path in the newest environments, by what tells those apart that it fared otherwise in."""
    said: dict[str, list[Candidate]] = {}
    for one in top:
        cell = one.cells.get((path, _DEVICE))
        if cell is not None and cell.outcome in _RAN:
            said.setdefault(_said(cell, told), []).append(one)
    if len(said) < 2:  # noqa: PLR2004 - alike everywhere
        return next(iter(said), "not tried")
    labels = _apart(list(said.values()))
    return "; ".join(f"{label}: {text}" for label, text in zip(labels, said, strict=True))


def _apart(groups: Sequence[Sequence[Candidate]]) -> list[str]:
    """A label for each group that no other one has: by as little as tells all of them apart."""
    every = [one for group in groups for one in group]
    extras = sorted({name for one in every for name, _ in _besides(one)})
    for parts in ((_provider,), (_extras,), (_provider, _extras), (_provider, _extras, _python)):
        labels = [
            list(dict.fromkeys(" ".join(filter(None, (part(one, extras) for part in parts))) for one in group))
            for group in groups
        ]
        flat = [label for group in labels for label in group]
        if len(flat) == len(set(flat)) and all(flat):
            return [", ".join(group) for group in labels]
    return [f"in {len(group)} of {len(every)} environments" for group in groups]


def _provider(one: Candidate, _: Sequence[str]) -> str:
    """What provides S3PRL's import name."""
    there = one.axis("s3prl")
    return "" if there is None else there[0]


def _extras(one: Candidate, extras: Sequence[str]) -> str:
    """What was asked for besides; nothing is what the others have and it has not."""
    there = ", ".join(" ".join(pair) for pair in _besides(one))
    return f"with {there}" if there else f"without {', '.join(extras)}" if extras else ""


def _python(one: Candidate, _: Sequence[str]) -> str:
    return f"on Python {one.environment.python}"


def _short(one: Candidate) -> str:
    """The versions that matter most, and what was asked for besides: without that a path may not work."""
    shown = list(filter(None, map(one.axis, _SHOWN)))
    return ", ".join(f"{name} {version}" for name, version in (*shown, *_besides(one)))


def _besides(one: Candidate) -> list[tuple[str, str]]:
    """The packages that were asked for and are on no axis."""
    return [pair for pair in one.environment.packages.items() if pair[0] not in (*AXES, OTHER_S3PRL)]


def _said(cell: Cell, told: Mapping[str, str]) -> str:
    label = f"{words.SIGNS[cell.outcome]} {words.cell_label(cell) if cell.failed else cell.outcome}"
    if cell.failed is None:
        return label
    known = cell.signature is not None and cell.signature != UNRECOGNISED
    why = told.get(cell.signature or "", "") if known else cell.exception or ""
    return one_line(f"{label}: {why}" if why else label, _TITLE)


def main() -> None:
    """Write the answer of this folder's reports into its README."""
    root = Path.cwd()
    readme = root / "README.md"
    reports = published_reports(root, warn=print)
    readme.write_text(written(readme.read_text(encoding="utf-8"), reports), encoding="utf-8")


if __name__ == "__main__":
    main()
