"""The command line of ``python -m asrcompat``: which commands there are, and which options each one takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from asrcompat.advice.question import AXES, MAIN_PATHS
from asrcompat.argument_types import budget, day, gigabytes, names, positive, share
from asrcompat.model import Stage, Weights

_ABOUT = "Which S3PRL, ESPnet, torch and Transformers versions load and train CLSRIL-23."
_STAGES = [stage.value for stage in Stage if stage is not Stage.RECIPE]
NO_INDEX = "none"  # said for --torch-index: torch comes from where everything else does


def parser() -> argparse.ArgumentParser:
    """The command line of ``python -m asrcompat``."""
    top = argparse.ArgumentParser(prog="asrcompat", description=_ABOUT, allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    matrix = commands.add_parser("matrix", allow_abbrev=False, help="run a profile's environments, then report")
    session = commands.add_parser("session", allow_abbrev=False, help="run one environment, as its nox session does")
    session.add_argument("environment", help="its id, as `nox -l` lists it")
    report = commands.add_parser("report", allow_abbrev=False, help="report from the results there are")
    plan = commands.add_parser(
        "plan", allow_abbrev=False, help="what a profile would run and why, what not and why, and what that covers"
    )
    why = commands.add_parser("why", allow_abbrev=False, help="the story of one environment, or of some versions")
    why.add_argument("wanted", metavar="ID", help="an environment's id, or versions: 'torch=2.9.1 espnet=202412'")
    doctor = commands.add_parser(
        "doctor", allow_abbrev=False, help="probe an environment that you have, and say what is wrong with it"
    )
    remedy = commands.add_parser(
        "remedy", allow_abbrev=False, help="try what may cure the broken and unstable cells of a profile's results"
    )
    rules = commands.add_parser(
        "rules", allow_abbrev=False, help="run what tells explanations of a profile's failures apart"
    )
    reinstall = commands.add_parser(
        "reinstall", allow_abbrev=False, help="install some published locks again, other ones every day"
    )
    reinstall.add_argument("--count", type=positive, default=3, help="how many; default: 3")
    merge = commands.add_parser(
        "merge", allow_abbrev=False, help="take over what other machines found, and report on the whole profile"
    )
    _add_ask(commands)
    _add_diff(commands)
    merge.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="a run's work folder, or what holds it")
    for command in (matrix, session, report, merge, plan, why, reinstall, doctor, remedy, rules):
        _add_common(command)
    for command in (matrix, session, doctor, remedy):
        _add_choices(command)
    for command in (matrix, session, doctor):
        command.add_argument("--recipe", action="store_true", help="a whole recipe in every environment: minutes each")
    for command in (matrix, session, plan, remedy, rules):
        _add_installing(command)
    for command in (matrix, session):
        _add_known(command)
    _add_planning(plan, matrix)
    for command in (matrix, session, plan, report, merge, why):
        command.add_argument("--as-of", type=day, metavar="DAY", help="as the index stood on this day, YYYY-MM-DD")
    _add_doctors(doctor)
    for command in (matrix, session, report, merge, plan, why, reinstall, remedy, rules):
        command.add_argument("--profile", help="a profile of matrix.toml, in place of the default one")
    for command in (matrix, remedy):
        command.add_argument(
            "--environments", type=names, default=(), metavar="GLOB,…", help="only those whose id matches"
        )
    for command in (remedy, rules):
        command.add_argument(
            "--budget", type=positive, metavar="MINUTES", help="begin nothing more after this time; default: no limit"
        )
    rules.add_argument("--threads", type=positive, help="threads of one probe; default: all cores")
    matrix.add_argument("--jobs", type=positive, help="environments at once")
    for command in (matrix, report, merge):
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
    _add_bisect(commands)
    return top


def _add_ask(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "ask",
        allow_abbrev=False,
        help="what to install: tested environments nearest to what you want and have",
        description="Tested environments in which all that you ask for works, nearest to what you want and have first.",
        epilog="for example: asrcompat ask --torch 2.8 --paths s3prl-hf --have requirements.txt",
    )
    command.add_argument("--matrix", type=Path, default=_matrix(), help="that of the checkout whose reports are read")
    for axis in AXES:
        command.add_argument(
            f"--{axis}", dest=f"version_{axis}", metavar="VERSION", help="2.6 (any 2.6.x), or bounds: '>=2.6,<2.9'"
        )
    have = command.add_mutually_exclusive_group()
    have.add_argument("--have", type=Path, metavar="FILE", help="a file of requirements, which had better stay")
    have.add_argument("--have-env", type=Path, metavar="ENV", help="an environment, which had better stay as it is")
    command.add_argument(
        "--paths", type=names, default=(), metavar="NAME,…", help=f"what has to work; default: {', '.join(MAIN_PATHS)}"
    )
    command.add_argument("--devices", type=names, default=(), metavar="cpu,cuda", help="where; default: cpu")
    command.add_argument("--count", type=positive, default=3, help="how many to tell; default: 3")
    command.add_argument("--json", action="store_true", help="print the whole answer as JSON")


def _add_diff(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "diff",
        allow_abbrev=False,
        help="what changed between two reports, and which packages moved",
        description="Which cells fare otherwise in a later report, and what moved. Exits with 1 where one got worse.",
        epilog="for example: asrcompat diff HEAD~1 HEAD --profile nightly, or asrcompat diff old/results.json reports",
    )
    command.add_argument("before", metavar="BEFORE", help="a results.json, its folder, or a revision of the repository")
    command.add_argument("after", metavar="AFTER", help="the later one")
    command.add_argument("--matrix", type=Path, default=_matrix(), help="that of the checkout whose revisions are read")
    command.add_argument("--profile", help="whose published report a revision has; default: matrix.toml's default one")
    command.add_argument("--json", action="store_true", help="print it as JSON")


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--matrix", type=Path, default=_matrix(), help="the file that says what is tested")
    command.add_argument("--work", type=Path, help="folder for all that is made, in place of .asrcompat/")
    command.add_argument("--weights", choices=get_args(Weights), help="the checkpoint's weights")
    command.add_argument("--quiet", action="store_true", help="no progress")


def _add_choices(command: argparse.ArgumentParser) -> None:
    command.add_argument("--paths", type=names, default=(), metavar="NAME,…", help="ways to load the checkpoint")
    command.add_argument("--devices", type=names, default=(), metavar="cpu,cuda", help="devices to try")
    command.add_argument("--threads", type=positive, help="threads of one probe; default: all cores, shared")


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
    plan.add_argument("--json", action="store_true", help="print the plan as JSON: what CI shards from")
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
    command.add_argument("--json", action="store_true", help="print the result as JSON in place of text")


def _add_bisect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "find the release, or the change between two locks, that broke or cured a path"
    command = commands.add_parser("bisect", allow_abbrev=False, help=about)
    _add_common(command)
    _add_installing(command)
    command.add_argument("--profile", help="a profile of matrix.toml, in place of the default one")
    along = command.add_mutually_exclusive_group(required=True)
    along.add_argument(
        "--axis", metavar="PACKAGE", help="along the releases of a package that the environment installs"
    )
    along.add_argument("--locks", nargs=2, type=Path, metavar=("GOOD", "BAD"), help="between two lock files")
    command.add_argument("--good", metavar="VERSION", help="a release that works; default: the environment's own")
    command.add_argument("--bad", metavar="VERSION", help="one that does not; with neither, the limits around its own")
    command.add_argument("--cured", action="store_true", help="the good release is the later one: what cured it")
    command.add_argument("--environment", dest="base", metavar="ID", help="all else is as this environment has it")
    command.add_argument("--path", dest="paths", type=names, default=(), metavar="NAME", help="the path to judge by")
    command.add_argument("--devices", type=names, default=(), metavar="cpu", help="the device to judge on")
    command.add_argument("--stage", choices=_STAGES, help="good is what passes this stage; default: what works")
    command.add_argument("--prereleases", action="store_true", help="take pre-releases along")
    command.add_argument("--yanked", action="store_true", help="take yanked releases along")
    command.add_argument("--disk", type=gigabytes, metavar="GB", help="room for torch stacks; default: 15")
    command.add_argument("--threads", type=positive, help="threads of one probe; default: all cores")


def _matrix() -> Path:
    """The file in this folder; elsewhere, the one of the checkout that this is installed from."""
    here, own = Path("matrix.toml"), Path(__file__).parents[1] / "matrix.toml"
    return own if own.exists() and not here.exists() else here
