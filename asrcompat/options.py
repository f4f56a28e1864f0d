"""What a person may say on a command line, and what follows from it together with matrix.toml."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from asrcompat.errors import UsageError
from asrcompat.model import Device, Weights
from asrcompat.run.paths import path_files
from asrcompat.spec import Request, Spec, load_spec

_ABOUT = "Which S3PRL, ESPnet, torch and Transformers versions load and train CLSRIL-23."
NO_INDEX = "none"  # said for --torch-index: torch comes from where everything else does


@dataclass(frozen=True, kw_only=True)
class Options:
    """The choices of one command; None or empty means: as matrix.toml says."""

    matrix: Path
    work: Path | None = None
    profile: str | None = None
    environments: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    weights: Weights | None = None
    jobs: int | None = None
    threads: int | None = None
    reports: Path | None = None
    torch_index: str | None = None
    fresh: bool = False
    quiet: bool = False

    @cached_property
    def spec(self) -> Spec:
        """The validated matrix.toml."""
        return load_spec(self.matrix)

    @property
    def root(self) -> Path:
        """The folder of matrix.toml: the checkout."""
        return self.matrix.resolve().parent

    @property
    def work_folder(self) -> Path:
        """Where everything that is made is kept."""
        return (self.work or self.root / ".asrcompat").resolve()

    @property
    def chosen_profile(self) -> str:
        """The profile asked for, else the default one."""
        return self.profile or self.spec.default_profile

    @property
    def chosen_weights(self) -> Weights:
        """The weights asked for, else the profile's."""
        return self.weights or self.spec.weights_of(self.chosen_profile)

    @property
    def chosen_paths(self) -> tuple[str, ...]:
        """The paths asked for, else matrix.toml's; raises `UsageError` for an unknown one."""
        return tuple(path_files(self.paths or self.spec.probe.paths))

    @property
    def chosen_devices(self) -> tuple[Device, ...]:
        """The devices asked for, else matrix.toml's; raises `UsageError` for an unknown one."""
        for name in self.devices:
            if name not in list(Device):
                message = f"unknown device {name!r}: there are {', '.join(Device)}"
                raise UsageError(message)
        return tuple(Device(name) for name in self.devices) or self.spec.probe.devices

    @property
    def chosen_environments(self) -> tuple[Request, ...]:
        """The profile's environments that match a pattern; raises `UsageError` for a pattern without match."""
        planned = self.spec.environments(self.chosen_profile)
        for pattern in self.environments:
            if not any(fnmatchcase(request.id, pattern) for request in planned):
                known = "".join(f"\n  {request.id}" for request in planned)
                message = f"no environment of profile '{self.chosen_profile}' matches {pattern!r}; there are:{known}"
                raise UsageError(message)
        if not self.environments:
            return planned
        return tuple(
            request for request in planned if any(fnmatchcase(request.id, pattern) for pattern in self.environments)
        )

    @property
    def whole(self) -> bool:
        """Whether nothing of the profile was left out."""
        return not (self.environments or self.paths or self.devices)

    @property
    def whole_cells(self) -> bool:
        """Whether every path and device is run, so that a result replaces all that was known of its environment."""
        return not (self.paths or self.devices) or (
            set(self.chosen_paths) >= set(self.spec.probe.paths)
            and set(self.chosen_devices) >= set(self.spec.probe.devices)
        )

    @property
    def reports_folder(self) -> Path:
        """``reports/`` holds the whole default profile on its own weights; all else is kept out of its way."""
        if self.reports is not None:
            return self.reports
        profile, weights = self.chosen_profile, self.chosen_weights
        if self.whole and profile == self.spec.default_profile and weights == self.spec.weights_of(profile):
            return self.root / "reports"
        return self.work_folder / "reports" / (f"{profile}-{weights}" if self.whole else f"{profile}-{weights}-part")

    def for_sessions(self, *, threads: int, torch_index: str | None) -> list[str]:
        """The options as arguments of one environment's session; all sessions of a run take torch from one index."""
        arguments = ["--weights", self.chosen_weights, "--paths", ",".join(self.chosen_paths)]
        arguments += ["--devices", ",".join(self.chosen_devices), "--matrix", str(self.matrix.resolve())]
        arguments += ["--work", str(self.work_folder), "--threads", str(threads)]
        arguments += ["--torch-index", torch_index or NO_INDEX]
        return arguments + (["--fresh"] if self.fresh else [])


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


_positive.__name__ = "whole number from 1 on:"


def parser() -> argparse.ArgumentParser:
    """The command line of ``python -m asrcompat``."""
    top = argparse.ArgumentParser(prog="asrcompat", description=_ABOUT, allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    matrix = commands.add_parser("matrix", allow_abbrev=False, help="run a profile's environments, then report")
    session = commands.add_parser("session", allow_abbrev=False, help="run one environment, as its nox session does")
    session.add_argument("environment", help="its id, as `nox -l` lists it")
    report = commands.add_parser("report", allow_abbrev=False, help="report from the results there are")
    plan = commands.add_parser(
        "plan", allow_abbrev=False, help="list a profile's environments; validates matrix.toml and baseline.toml"
    )
    for command in (matrix, session, report, plan):
        _add_common(command)
    for command in (matrix, session):
        _add_choices(command)
    for command in (matrix, report, plan):
        command.add_argument("--profile", help="a profile of matrix.toml")
    matrix.add_argument("--environments", type=_names, default=(), metavar="GLOB,…", help="only those whose id matches")
    matrix.add_argument("--jobs", type=_positive, help="environments at once")
    for command in (matrix, report):
        command.add_argument("--reports", type=Path, help="folder for the report, in place of reports/")
    return top


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--matrix", type=Path, default=Path("matrix.toml"), help="the file that says what is tested")
    command.add_argument("--work", type=Path, help="folder for all that is made, in place of .asrcompat/")
    command.add_argument("--weights", choices=get_args(Weights), help="the checkpoint's weights")
    command.add_argument("--quiet", action="store_true", help="no progress")


def _add_choices(command: argparse.ArgumentParser) -> None:
    command.add_argument("--paths", type=_names, default=(), metavar="NAME,…", help="ways to load the checkpoint")
    command.add_argument("--devices", type=_names, default=(), metavar="cpu,cuda", help="devices to try")
    command.add_argument("--threads", type=_positive, help="threads of one probe; default: all cores, shared")
    command.add_argument("--torch-index", metavar="URL", help=f"index for torch alone, or {NO_INDEX!r}")
    command.add_argument("--fresh", action="store_true", help="resolve again, however young the locks are")


def parse(arguments: Sequence[str] | None) -> tuple[str, Options, str | None]:
    """Command, options and, for ``session``, the environment; argparse itself exits with 2 on bad usage."""
    given = vars(parser().parse_args(arguments))
    command: Literal["matrix", "session", "report", "plan"] = given.pop("command")
    environment = given.pop("environment", None)
    return command, Options(**given), environment
