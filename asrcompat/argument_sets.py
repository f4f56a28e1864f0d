"""The options of the commands, in sets: some that many commands share, and the many of a few."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from asrcompat.advice.question import AXES, MAIN_PATHS
from asrcompat.argument_types import budget, gigabytes, names, positive, share
from asrcompat.model import Stage, Weights

_STAGES = [stage.value for stage in Stage if stage is not Stage.RECIPE]
NO_INDEX = "none"  # said for --torch-index: torch comes from where everything else does


def add_ask(command: argparse.ArgumentParser) -> None:
    """What to ask of the published reports."""
    command.add_argument("--matrix", type=Path, default=_matrix(), help="that of the checkout whose reports are read")
    for axis in AXES:
        command.add_argument(
            f"--{axis}", dest=f"version_{axis}", metavar="VERSION", help="2.6 (any 2.6.x), or bounds: '>=2.6,<2.9'"
        )
    have = command.add_mutually_exclusive_group()
    have.add_argument("--have", type=Path, metavar="FILE", help="a file of requirements, which had better stay")
    have.add_argument("--have-env", type=Path, metavar="ENV", help="an environment, which had better stay as it is")
    add_names(command, "--paths", "NAME,…", f"what has to work; default: {', '.join(MAIN_PATHS)}")
    add_names(command, "--devices", "cpu,cuda", "where; default: cpu")
    command.add_argument("--count", type=positive, default=3, help="how many to tell; default: 3")


def add_diff(command: argparse.ArgumentParser) -> None:
    """Two reports, and how to tell of them."""
    command.add_argument("before", metavar="BEFORE", help="a results.json, its folder, or a revision of the repository")
    command.add_argument("after", metavar="AFTER", help="the later one")
    command.add_argument("--matrix", type=Path, default=_matrix(), help="that of the checkout whose revisions are read")


def add_common(command: argparse.ArgumentParser) -> None:
    """What all commands that read or make results take."""
    command.add_argument("--matrix", type=Path, default=_matrix(), help="the file that says what is tested")
    command.add_argument("--work", type=Path, help="folder for all that is made, in place of .asrcompat/")
    command.add_argument("--weights", choices=get_args(Weights), help="the checkpoint's weights")
    command.add_argument("--quiet", action="store_true", help="no progress; of a report only what there is to know")


def add_names(
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


def add_choices(command: argparse.ArgumentParser) -> None:
    """Which cells are meant."""
    add_names(command, "--paths", "NAME,…", "ways to load the checkpoint; may be repeated")
    add_names(command, "--devices", "cpu,cuda", "devices to try; may be repeated")


def add_installing(command: argparse.ArgumentParser) -> None:
    """From where to install, and whether anew."""
    command.add_argument("--torch-index", metavar="URL", help=f"index for torch alone, or {NO_INDEX!r}")
    command.add_argument(
        "--fresh", action="store_true", help="resolve again, however young the locks are, and run again what is known"
    )


def add_known(command: argparse.ArgumentParser) -> None:
    """What of the known to run again."""
    command.add_argument("--again", action="store_true", help="run again what is known, from the locks there are")
    command.add_argument(
        "--retry-broken", action="store_true", help="run only environments with broken or unstable cells, those again"
    )
    command.add_argument(
        "--retry-errors", action="store_true", help="run only environments with cells that ended in an error"
    )


def add_planning(plan: argparse.ArgumentParser, matrix: argparse.ArgumentParser) -> None:
    """How much to run, and where."""
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


def add_doctors(command: argparse.ArgumentParser) -> None:
    """What to look at, and with what."""
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


def add_bisect(command: argparse.ArgumentParser) -> None:
    """What to search for, and where."""
    along = command.add_mutually_exclusive_group(required=True)
    along.add_argument(
        "--axis", metavar="PACKAGE", help="along the releases of a package that the environment installs"
    )
    along.add_argument("--locks", nargs=2, type=Path, metavar=("GOOD", "BAD"), help="between two lock files")
    command.add_argument("--good", metavar="VERSION", help="a release that works; default: the environment's own")
    command.add_argument("--bad", metavar="VERSION", help="one that does not; with neither, the limits around its own")
    command.add_argument("--cured", action="store_true", help="the good release is the later one: what cured it")
    command.add_argument("--environment", dest="base", metavar="ID", help="all else is as this environment has it")
    add_names(command, "--path", "NAME", "the path to judge by", dest="paths")
    add_names(command, "--devices", "cpu", "the device to judge on")
    command.add_argument("--stage", choices=_STAGES, help="good is what passes this stage; default: what works")
    command.add_argument("--prereleases", action="store_true", help="take pre-releases along")
    command.add_argument("--yanked", action="store_true", help="take yanked releases along")
    command.add_argument("--disk", type=gigabytes, metavar="GB", help="room for torch stacks; default: 15")


def _matrix() -> Path:
    """The file in this folder; elsewhere, the one of the checkout that this is installed from."""
    here, own = Path("matrix.toml"), Path(__file__).parents[1] / "matrix.toml"
    return own if own.exists() and not here.exists() else here
