"""What ``ask`` does: read the published reports, answer, show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from asrcompat.advice import AXES, MAIN_PATHS, Candidate, Question, answer, seen_in, wanted
from asrcompat.advice.question import Wanted
from asrcompat.answering import answer as as_json
from asrcompat.ask.have import from_environment, from_file
from asrcompat.ask.show import data, lines
from asrcompat.errors import ExitCode, HarnessError
from asrcompat.options import Options
from asrcompat.result_files import published_reports
from asrcompat.run.lock import versions_of
from asrcompat.run.progress import Progress
from asrcompat.run.scrub import encodable


def ask(options: Options) -> int:
    """Tell what to install, by the published reports: 0 where something fits, 1 where nothing does.

    Raises `UsageError` for what is no question, `HarnessError` where there is no report to answer from.
    """
    question = _question(options)
    found = answer(question, list(_known(options.root)))
    if options.json:
        as_json(data(found))
    else:
        for line in lines(found, count=options.count, here=lambda name: _seen_from_here(options.root / name)):
            print(encodable(line))
    return ExitCode.OK if found.fits else ExitCode.WORSE


def _question(options: Options) -> Question:
    have: dict[str, Wanted] = {}
    if options.have is not None:
        have, passed_over = from_file(options.have, python=options.versions.get("python"))
        for line in passed_over:
            Progress(quiet=options.json).tell(f"not looked at: {options.have}, {line}")
    elif options.have_env is not None:
        have = from_environment(options.have_env)
    wants = {axis: wanted(axis, text) for axis in AXES if (text := options.versions.get(axis)) is not None}
    return Question(
        wants=wants,
        have=have,
        paths=options.chosen_paths if options.paths else MAIN_PATHS,
        devices=tuple(device.value for device in options.chosen_devices) if options.devices else ("cpu",),
    )


def _known(root: Path) -> Iterator[Candidate]:
    """The environments of every published report of the checkout; a report that cannot be read is told and left out."""
    reports = published_reports(root, warn=Progress().tell)
    for folder, results in reports.items():
        there = [one for one in seen_in(results, folder) if (root / one.lock).is_file()]
        yield from (replace(one, locked=_locked(root / one.lock)) for one in there)
    if not reports:
        message = f"no report lies in {root / 'reports'}: run `nox -s matrix`, or name a checkout's matrix.toml"
        raise HarnessError(message)


def _locked(lock: Path) -> dict[str, str]:
    """The versions in a lock; none, with a word, where it cannot be read."""
    try:
        return versions_of(lock.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        Progress().tell(f"passed over: {lock}: {error}")
        return {}


def _seen_from_here(file: Path) -> str:
    """A file as a command names it that is given in the folder where one is."""
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
