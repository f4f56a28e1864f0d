"""The command line of ``python -m asrcompat``: which commands there are, and which options each one takes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, get_args

from asrcompat.advice.question import AXES, MAIN_PATHS
from asrcompat.argument_types import budget, day, gigabytes, names, positive, share
from asrcompat.command_help import COMMANDS, listing
from asrcompat.errors import ExitCode
from asrcompat.model import Stage, Weights

_ABOUT = "Which S3PRL, ESPnet, torch and Transformers versions load and train CLSRIL-23."
_MORE = """\
first steps:
  asrcompat ask                       what to install, by what was tested
  asrcompat matrix --profile smoke    run a small part of it here (minutes)
  asrcompat COMMAND --help            options, examples and exit codes of a command

exit codes: 0 as expected, 1 something is worse, 2 wrong usage, 3 it could not be found out.
Colours: on a terminal, unless NO_COLOR is set; FORCE_COLOR asks for them in a pipe too.
"""
_STAGES = [stage.value for stage in Stage if stage is not Stage.RECIPE]
NO_INDEX = "none"  # said for --torch-index: torch comes from where everything else does


class _Parser(argparse.ArgumentParser):
    """A wrong option is told in a line, with where to look, and not after a screen of all that there is."""

    def error(self, message: str) -> NoReturn:
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}; `{self.prog} --help` has examples\n")


class _Command(_Parser):
    """One command's own options: an unknown one is told by it, which knows the nearest."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, unknown = super().parse_known_args(args, namespace)
        for word in unknown:
            options = [option for option in self._option_string_actions if option.startswith("--")]
            near = get_close_matches(word.partition("=")[0], options, n=1, cutoff=0.5) if word[:1] == "-" else []
            hint = f", did you mean {near[0]}?" if near else ""
            self.error(f"it takes no {word!r}{hint}")
        return found, unknown


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
    _add_ask(commands["ask"])
    _add_diff(commands["diff"])
    for command in of(
        "matrix", "session", "report", "merge", "plan", "why", "reinstall", "doctor", "remedy", "rules", "bisect"
    ):
        _add_common(command)
    for command in of("matrix", "session", "report", "merge", "doctor", "remedy"):
        _add_choices(command)
    for command in of("matrix", "session", "doctor", "remedy", "rules", "bisect"):
        command.add_argument("--threads", type=positive, help="threads of one probe; default: all cores, shared")
    for command in of("matrix", "session", "doctor"):
        command.add_argument("--recipe", action="store_true", help="a whole recipe in every environment: minutes each")
    for command in of("matrix", "session", "plan", "remedy", "rules", "bisect"):
        _add_installing(command)
    for command in of("matrix", "session"):
        _add_known(command)
    _add_planning(commands["plan"], commands["matrix"])
    for command in of("matrix", "session", "plan", "report", "merge", "why"):
        command.add_argument("--as-of", type=day, metavar="DAY", help="as the index stood on this day, YYYY-MM-DD")
    _add_doctors(commands["doctor"])
    for command in of(
        "matrix", "session", "report", "merge", "plan", "why", "reinstall", "remedy", "rules", "diff", "bisect"
    ):
        command.add_argument("--profile", help="a profile of matrix.toml, in place of the default one")
    for command in of("matrix", "report", "merge", "remedy"):
        _add_names(command, "--environments", "GLOB,…", "only those whose id matches; may be repeated")
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
    _add_bisect(commands["bisect"])
    for command in of("matrix", "report", "merge", "plan", "why", "ask", "diff", "doctor", "remedy", "rules", "bisect"):
        command.add_argument(
            "--json", action="store_true", help="print what came of it as JSON, and all else on the error stream"
        )
    return top


def _add_ask(command: argparse.ArgumentParser) -> None:
    command.add_argument("--matrix", type=Path, default=_matrix(), help="that of the checkout whose reports are read")
    for axis in AXES:
        command.add_argument(
            f"--{axis}", dest=f"version_{axis}", metavar="VERSION", help="2.6 (any 2.6.x), or bounds: '>=2.6,<2.9'"
        )
    have = command.add_mutually_exclusive_group()
    have.add_argument("--have", type=Path, metavar="FILE", help="a file of requirements, which had better stay")
    have.add_argument("--have-env", type=Path, metavar="ENV", help="an environment, which had better stay as it is")
    _add_names(command, "--paths", "NAME,…", f"what has to work; default: {', '.join(MAIN_PATHS)}")
    _add_names(command, "--devices", "cpu,cuda", "where; default: cpu")
    command.add_argument("--count", type=positive, default=3, help="how many to tell; default: 3")


def _add_diff(command: argparse.ArgumentParser) -> None:
    command.add_argument("before", metavar="BEFORE", help="a results.json, its folder, or a revision of the repository")
    command.add_argument("after", metavar="AFTER", help="the later one")
    command.add_argument("--matrix", type=Path, default=_matrix(), help="that of the checkout whose revisions are read")


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--matrix", type=Path, default=_matrix(), help="the file that says what is tested")
    command.add_argument("--work", type=Path, help="folder for all that is made, in place of .asrcompat/")
    command.add_argument("--weights", choices=get_args(Weights), help="the checkpoint's weights")
    command.add_argument("--quiet", action="store_true", help="no progress; of a report only what there is to know")


def _add_names(
    command: argparse.ArgumentParser, option: str, metavar: str, about: str, *, dest: str | None = None
) -> None:
    """Names between commas; given again, the option adds to what was said before."""
    command.add_argument(
        option,
        dest=dest or option.removeprefix("--"),
        type=names,
        action="extend",
        default=[],
        metavar=metavar,
        help=about,
    )


def _add_choices(command: argparse.ArgumentParser) -> None:
    _add_names(command, "--paths", "NAME,…", "ways to load the checkpoint; may be repeated")
    _add_names(command, "--devices", "cpu,cuda", "devices to try; may be repeated")


def _add_installing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--torch-index", metavar="URL", help=f"index for torch alone, or {NO_INDEX!r}")
    command.add_argument(
        "--fresh", action="store_true", help="resolve again, however young the locks are, and run again what is known"
    )


def _add_known(command: argparse.ArgumentParser) -> None:
    command.add_argument("--again", action="store_true", help="run again what is known, from the locks there are")
    command.add_argument(
        "--retry-broken", action="store_true", help="run only environments with broken or unstable cells, those again"
    )
    command.add_argument(
        "--retry-errors", action="store_true", help="run only environments with cells that ended in an error"
    )


def _add_planning(plan: argparse.ArgumentParser, matrix: argparse.ArgumentParser) -> None:
    for command in (plan, matrix):
        command.add_argument(
            "--budget",
            dest="room",
            type=budget,
            metavar="N|90m|2h",
            help="so many environments, the most valuable first; or those that are begun within this time",
        )
    plan.add_argument("--shards", type=positive, metavar="N", help="divide the profile's environments among machines")
    matrix.add_argument(
        "--scheduler", metavar="ADDRESS", help="run the environments on the workers of this Dask scheduler"
    )
    matrix.add_argument(
        "--shard", type=share, metavar="K/N", help="run the K-th of N shares; `merge` puts the results together"
    )
    matrix.add_argument(
        "--disk", type=gigabytes, metavar="GB", help="room for environments and downloads; default: what is free"
    )


def _add_doctors(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--python", type=Path, metavar="PATH", help="the interpreter; default: the active environment's"
    )
    command.add_argument(
        "--config", type=Path, metavar="YAML", help="an ESPnet configuration of your own to climb with"
    )
    command.add_argument("--model", metavar="ID_OR_DIR", help="the checkpoint, in place of what --config names")
    command.add_argument("--findings", action="store_true", help="try also what matrix.toml has under probe.findings")
    command.add_argument("--host", metavar="NAME", help="what to call this machine; default: its name")
    command.add_argument("--out", type=Path, metavar="FILE", help="write the result here too, for `report --with FILE`")


def _add_bisect(command: argparse.ArgumentParser) -> None:
    along = command.add_mutually_exclusive_group(required=True)
    along.add_argument(
        "--axis", metavar="PACKAGE", help="along the releases of a package that the environment installs"
    )
    along.add_argument("--locks", nargs=2, type=Path, metavar=("GOOD", "BAD"), help="between two lock files")
    command.add_argument("--good", metavar="VERSION", help="a release that works; default: the environment's own")
    command.add_argument("--bad", metavar="VERSION", help="one that does not; with neither, the limits around its own")
    command.add_argument("--cured", action="store_true", help="the good release is the later one: what cured it")
    command.add_argument("--environment", dest="base", metavar="ID", help="all else is as this environment has it")
    _add_names(command, "--path", "NAME", "the path to judge by", dest="paths")
    _add_names(command, "--devices", "cpu", "the device to judge on")
    command.add_argument("--stage", choices=_STAGES, help="good is what passes this stage; default: what works")
    command.add_argument("--prereleases", action="store_true", help="take pre-releases along")
    command.add_argument("--yanked", action="store_true", help="take yanked releases along")
    command.add_argument("--disk", type=gigabytes, metavar="GB", help="room for torch stacks; default: 15")


def _matrix() -> Path:
    """The file in this folder; elsewhere, the one of the checkout that this is installed from."""
    here, own = Path("matrix.toml"), Path(__file__).parents[1] / "matrix.toml"
    return own if own.exists() and not here.exists() else here
