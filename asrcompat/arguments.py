"""The command line of ``python -m asrcompat``: which commands there are, and which options each one takes."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from asrcompat.argument_sets import (
    add_ask,
    add_bisect,
    add_choices,
    add_common,
    add_diff,
    add_doctors,
    add_installing,
    add_known,
    add_names,
    add_planning,
)
from asrcompat.argument_types import day, positive
from asrcompat.command_help import COMMANDS, listing
from asrcompat.errors import ExitCode

_ABOUT = "Which S3PRL, ESPnet, torch and Transformers versions load and train CLSRIL-23."
_MORE = """\
first steps:
  asrcompat ask                       what to install, by what was tested
  asrcompat matrix --profile smoke    run a small part of it here (minutes)
  asrcompat COMMAND --help            options, examples and exit codes of a command

exit codes: 0 as expected, 1 something is worse, 2 wrong usage, 3 it could not be found out.
Colours: on a terminal, unless NO_COLOR is set; FORCE_COLOR asks for them in a pipe too.
"""


_ALIKE = 0.7  # of 1: a slip of a finger or two; below that a guess misleads


class _Parser(argparse.ArgumentParser):
    """A wrong option is told in a line, with where to look, and not after a screen of all that there is."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As it is, with the nearest choice before the list of all."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as wrong:
            near = get_close_matches(str(value), [str(one) for one in action.choices or ()], n=1, cutoff=_ALIKE)
            if near:
                wrong.message = wrong.message.replace(f"{value!r}", f"{value!r}, did you mean {near[0]!r}?", 1)
            raise

    def error(self, message: str) -> NoReturn:
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}; `{self.prog} --help` has examples\n")


class _Command(_Parser):
    """One command's own options: an unknown one is told by it, which knows the nearest."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, unknown = super().parse_known_args(args, namespace)
        for word in unknown:
            self.error(f"it takes no {word!r}{self._hint(word)}")
        return found, unknown

    def _hint(self, word: str) -> str:
        """What may have been meant: an option that is written nearly so, or a version that options are for."""
        if word.startswith("-"):
            # without the dashes, which make any two short names look alike
            names = [option.removeprefix("--") for option in self._option_string_actions if option.startswith("--")]
            near = get_close_matches(word.partition("=")[0].lstrip("-"), names, n=1, cutoff=_ALIKE)
            return f", did you mean --{near[0]}?" if near else ""
        package, *versions = re.split("(?=[=<>~!])", word, maxsplit=1)
        option = self._option_string_actions.get(f"--{package}")
        if not versions or option is None or option.metavar != "VERSION":
            return ""
        return f", versions are given as `--{package} {shlex.quote(versions[0].lstrip('='))}`"


def parser() -> argparse.ArgumentParser:
    """The command line of ``python -m asrcompat``."""
    top = _Parser(
        prog="asrcompat",
        usage="asrcompat COMMAND [options]",
        description=_ABOUT,
        epilog=_MORE,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    every = top.add_subparsers(
        prog="asrcompat",
        parser_class=_Command,
        dest="command",
        required=True,
        metavar="COMMAND",
        title="commands",
        description=listing(),
        help=argparse.SUPPRESS,  # they are in the description, by what they are for
    )
    commands = {
        name: every.add_parser(
            name,
            allow_abbrev=False,
            description=told.about,
            epilog=told.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, told in COMMANDS.items()
    }

    def of(*names: str) -> Iterator[argparse.ArgumentParser]:
        return (commands[name] for name in names)

    commands["session"].add_argument("environment", help="its id, as `nox -l` lists it")
    commands["why"].add_argument(
        "wanted", metavar="ID", help="an environment's id, or versions: 'torch=2.9.1 espnet=202412'"
    )
    commands["reinstall"].add_argument("--count", type=positive, default=3, help="how many; default: 3")
    commands["merge"].add_argument(
        "folders", type=Path, nargs="+", metavar="FOLDER", help="a run's work folder, or what holds it"
    )
    add_ask(commands["ask"])
    add_diff(commands["diff"])
    for command in of(
        "matrix", "session", "report", "merge", "plan", "why", "reinstall", "doctor", "remedy", "rules", "bisect"
    ):
        add_common(command)
    for command in of("matrix", "session", "report", "merge", "doctor", "remedy"):
        add_choices(command)
    for command in of("matrix", "session", "doctor", "remedy", "rules", "bisect"):
        command.add_argument(
            "--threads", type=positive, help="threads of one probe; default: all cores, shared by what runs"
        )
    for command in of("matrix", "session", "doctor"):
        command.add_argument("--recipe", action="store_true", help="a whole recipe in every environment: minutes each")
    for command in of("matrix", "session", "plan", "remedy", "rules", "bisect"):
        add_installing(command)
    for command in of("matrix", "session"):
        add_known(command)
    # said by a run whose sessions are on other machines
    commands["session"].add_argument("--resolved-since", type=float, default=0.0, help=argparse.SUPPRESS)
    add_planning(commands["plan"], commands["matrix"])
    for command in of("matrix", "session", "plan", "report", "merge", "why"):
        command.add_argument("--as-of", type=day, metavar="DAY", help="as the index stood on this day, YYYY-MM-DD")
    add_doctors(commands["doctor"])
    for command in of(
        "matrix", "session", "report", "merge", "plan", "why", "reinstall", "remedy", "rules", "diff", "bisect"
    ):
        command.add_argument("--profile", help="a profile of matrix.toml, in place of the default one")
    for command in of("matrix", "report", "merge", "remedy"):
        add_names(command, "--environments", "GLOB,…", "only those whose id matches; may be repeated")
    for command in of("remedy", "rules"):
        command.add_argument(
            "--budget", type=positive, metavar="MINUTES", help="begin nothing more after this time; default: no limit"
        )
    commands["matrix"].add_argument("--jobs", type=positive, help="environments at once")
    for command in of("matrix", "report", "merge"):
        command.add_argument("--reports", type=Path, help="folder for the report, in place of reports/")
        command.add_argument(
            "--with",
            dest="guests",
            type=Path,
            nargs="+",
            action="extend",
            default=[],
            metavar="FILE",
            help="results that `doctor --out FILE` wrote, here or elsewhere: rows of their own",
        )
    add_bisect(commands["bisect"])
    for command in of("matrix", "report", "merge", "plan", "why", "ask", "diff", "doctor", "remedy", "rules", "bisect"):
        command.add_argument(
            "--json", action="store_true", help="print what came of it as JSON, and all else on the error stream"
        )
    return top
