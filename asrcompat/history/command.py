"""What ``diff`` does: read two reports, compare, show."""

from __future__ import annotations

from asrcompat.answering import answer
from asrcompat.errors import ExitCode
from asrcompat.explain.changed import Kind, changed
from asrcompat.history.show import data, lines
from asrcompat.history.source import edition
from asrcompat.options import Options
from asrcompat.run.scrub import encodable


def diff(options: Options) -> int:
    """Tell what changed from one report to another: 1 where a cell got worse, else 0.

    Raises `UsageError` for what is no report.
    """
    options.spec.profile(options.chosen_profile)  # or it is said which there are
    folder = options.published_folder.relative_to(options.root).as_posix()
    before, after = (edition(name, options.root, folder) for name in options.editions)
    found = changed(before, after)
    if options.json:
        answer(data(before, after, found))
    else:
        for line in lines(before, after, found):
            print(encodable(line))
    worse = any(one.kind in (Kind.REGRESSED, Kind.UNSTABLE) for one in found)
    return ExitCode.WORSE if worse else ExitCode.OK
