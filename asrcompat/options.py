"""What a person may say on a command line, and what follows from it together with matrix.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from asrcompat.advice.question import AXES
from asrcompat.argument_sets import NO_INDEX
from asrcompat.argument_types import Budget, Share
from asrcompat.arguments import parser
from asrcompat.errors import UsageError
from asrcompat.model import Device, Outcome, Weights
from asrcompat.plan.candidates import entry_of
from asrcompat.plan.document import kept_plan
from asrcompat.run.paths import path_files
from asrcompat.run.progress import Progress
from asrcompat.run.store import Store
from asrcompat.spec import PUBLISHED, STATES, Request, Spec, known_paths, load_spec, split_path
from asrcompat.spec.problems import suggest

__all__ = ["Options", "parse", "parser"]


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
    resolved_since: float = 0.0
    fresh: bool = False
    again: bool = False
    retry_broken: bool = False
    retry_errors: bool = False
    recipe: bool = False
    quiet: bool = False
    guests: tuple[Path, ...] = ()
    python: Path | None = None
    config: Path | None = None
    model: str | None = None
    host: str | None = None
    out: Path | None = None
    findings: bool = False
    json: bool = False
    budget: int | None = None
    axis: str | None = None
    locks: tuple[Path, Path] | None = None
    base: str | None = None
    good: str | None = None
    bad: str | None = None
    cured: bool = False
    stage: str | None = None
    prereleases: bool = False
    yanked: bool = False
    disk: int | None = None
    as_of: str | None = None
    room: Budget | None = None
    wanted: str = ""
    shard: Share | None = None
    shards: int | None = None
    scheduler: str | None = None
    folders: tuple[Path, ...] = ()
    count: int = 3
    versions: Mapping[str, str] = field(default_factory=dict)
    editions: tuple[str, ...] = ()
    have: Path | None = None
    have_env: Path | None = None

    @cached_property
    def spec(self) -> Spec:
        """The validated matrix.toml, with the environments that a kept plan has chosen for a covering profile."""
        spec = load_spec(self.matrix)
        for name in [name for name, profile in spec.profiles.items() if profile.cover is not None]:
            plan = kept_plan(self.work_folder, name, self.as_of, warn=Progress().tell)
            own = {request.id for request in spec.environments(name)}
            rows = [one.row for one in plan.rows if one.id not in own] if plan is not None else []
            spec = spec.with_rows(name, [entry_of(row) for row in rows if row is not None])
        return spec

    @property
    def store(self) -> Store:
        """Where this profile's results are kept."""
        return self.store_in(self.work_folder)

    def store_in(self, work: Path) -> Store:
        """Where this profile's results are kept in a work folder."""
        findings = self.spec.profile(self.chosen_profile).findings
        return Store(work, self.chosen_weights, findings=findings)

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
        """The paths asked for, else the profile's; raises `UsageError` for an unknown one."""
        known = known_paths()
        for name in self.paths:
            if split_path(name)[0] not in known:
                states = ", ".join(f"@{state}" for state in STATES if state != PUBLISHED)
                message = (
                    f"unknown path {name!r}: {suggest(name, known, what='paths')}; a state of the checkpoint may "
                    f"follow, as in s3prl-hf@resaved: {states}"
                )
                raise UsageError(message)
        return tuple(path_files(self.paths or self.spec.paths_of(self.chosen_profile)))

    def paths_for(self, request: Request) -> tuple[str, ...]:
        """The paths to try in an environment: its own in place of the profile's, if it has some; of those asked for."""
        if not request.paths:
            return self.chosen_paths
        return tuple(path for path in request.paths if not self.paths or path in self.paths)

    @property
    def chosen_devices(self) -> tuple[Device, ...]:
        """The devices asked for, else matrix.toml's; raises `UsageError` for an unknown one."""
        for name in self.devices:
            if name not in list(Device):
                message = f"unknown device {name!r}: there are {', '.join(Device)}; give these with --devices"
                raise UsageError(message)
        return tuple(Device(name) for name in self.devices) or self.spec.probe.devices

    @property
    def chosen_environments(self) -> tuple[Request, ...]:
        """The profile's environments that match a pattern; raises `UsageError` for a pattern without match.

        They are named as matrix.toml and their sessions name them: `as_of` comes later, and of two that are the same
        then it is the first.
        """
        every = self.spec.environments(self.chosen_profile)
        planned = tuple({one.dated(self.as_of).id: one for one in reversed(every)}.values())[::-1]
        planned = planned[: self._within_budget()]
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

    def _within_budget(self) -> int | None:
        """How many of a plan's environments the budget has; those of the profile's grid, which come first, stay."""
        most = None if self.room is None else self.room.environments
        if most is None or self.spec.profile(self.chosen_profile).cover is None:
            return None
        grid = load_spec(self.matrix).environments(self.chosen_profile)
        return max(most, len({one.dated(self.as_of).id for one in grid}))

    @property
    def run_again(self) -> frozenset[Outcome]:
        """The outcomes of which a cell is run again though nothing changed that it depends on."""
        if self.fresh or self.again:
            return frozenset(Outcome)
        return frozenset({Outcome.BROKEN, Outcome.UNSTABLE} if self.retry_broken else ())

    @property
    def retried(self) -> frozenset[Outcome]:
        """Where only what ended in certain ways is to be run again: in which."""
        broken = {Outcome.BROKEN, Outcome.UNSTABLE} if self.retry_broken else set()
        return frozenset(broken | ({Outcome.ERROR} if self.retry_errors else set()))

    @property
    def whole(self) -> bool:
        """Whether nothing of the profile was left out."""
        return not (self.environments or self.paths or self.devices or self.room or self.shard)

    @property
    def whole_cells(self) -> bool:
        """Whether every path and device is run, so that a result replaces all that was known of its environment.

        A profile with paths of its own may share its environments with one that tries them all; one without findings
        keeps its results apart.
        """
        every, profile = self.spec.probe, self.chosen_profile
        paths = every.paths if self.spec.profile(profile).findings else self.spec.paths_of(profile)
        return set(self.chosen_paths) >= set(paths) and set(self.chosen_devices) >= set(every.devices)

    @property
    def reports_folder(self) -> Path:
        """``reports/`` holds the whole default profile on its own weights, a folder in it each covering one.

        All else is kept out of their way.
        """
        if self.reports is not None:
            return self.reports
        profile, weights = self.chosen_profile, self.chosen_weights
        published = profile == self.spec.default_profile or self.spec.profile(profile).cover is not None
        if published and self.whole and self.as_of is None and weights == self.spec.weights_of(profile):
            return self.published_folder
        dated = "" if self.as_of is None else f"-as-of-{self.as_of}"
        part = "" if self.whole else "-part" if self.shard is None else f"-{self.shard.number}-of-{self.shard.of}"
        return self.work_folder / "reports" / f"{profile}-{weights}{dated}{part}"

    @property
    def published_folder(self) -> Path:
        """Where the repository keeps this profile's report, if it does."""
        reports = self.root / "reports"
        return reports if self.chosen_profile == self.spec.default_profile else reports / self.chosen_profile

    @property
    def cuda_elsewhere(self) -> bool:
        """Whether CUDA was asked for by name of workers that may have it, whatever this machine has."""
        return self.scheduler is not None and Device.CUDA in self.devices

    def for_sessions(self, *, threads: int, torch_index: str | None) -> list[str]:
        """The options as arguments of one environment's session; all sessions of a run take torch from one index."""
        arguments = ["--matrix", str(self.matrix.resolve()), "--work", str(self.work_folder)]
        arguments += ["--threads", str(threads), "--torch-index", torch_index or NO_INDEX]
        return [*arguments, *self.choices_for_sessions()]

    def choices_for_sessions(self) -> list[str]:
        """Those of them that hold wherever a session runs."""
        arguments = ["--weights", self.chosen_weights, "--profile", self.chosen_profile]
        # not where none were asked for: an environment may have paths of its own
        arguments += ["--paths", ",".join(self.chosen_paths)] if self.paths else []
        arguments += ["--devices", ",".join(self.chosen_devices)]
        arguments += [] if self.as_of is None else ["--as-of", self.as_of]
        arguments += ["--again"] if self.fresh or self.again else []  # a run resolves, and its sessions find its locks
        arguments += ["--retry-broken"] if self.retry_broken else []
        return arguments + (["--recipe"] if self.recipe else [])


def parse(arguments: Sequence[str] | None) -> tuple[str, Options, str | None]:
    """Command, options and, for ``session``, the environment; argparse itself exits with 2 on bad usage."""
    given = vars(parser().parse_args(arguments))
    command: str = given.pop("command")
    environment = given.pop("environment", None)
    given["editions"] = tuple(given.pop(side) for side in ("before", "after") if side in given)
    said = {axis: given.pop(f"version_{axis}", None) for axis in AXES}
    given["versions"] = {axis: text for axis, text in said.items() if text is not None}
    # an option that was given again adds to what was said before
    repeated = ("environments", "paths", "devices", "guests", "folders")
    given |= {name: tuple(dict.fromkeys(given.get(name, ()))) for name in repeated}
    return command, Options(**given), environment
