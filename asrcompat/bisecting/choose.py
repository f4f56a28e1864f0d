"""What is asked about and along which releases: from the options and the index, or a `UsageError` with its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from asrcompat.errors import HarnessError, UsageError
from asrcompat.explain.bisection.judge import Question
from asrcompat.model import Cell, Device, Environment, EnvironmentResult, Outcome, Stage
from asrcompat.options import Options
from asrcompat.plan.releases import Release, for_python
from asrcompat.run.cells import unavailable_devices
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked, NotBuilt
from asrcompat.spec import Request, environment_id, request_id
from asrcompat.spec.fields import FORK
from asrcompat.spec.problems import guess, suggest

# The path that goes through the packages of every axis.
_DEFAULT_PATH = "espnet-s3prl"


@dataclass(frozen=True, kw_only=True)
class Line:
    """The releases to search, the oldest first, all of them installable by the environment's Python.

    `own` is the environment's own release. `good` and `bad` are the ends to search between; None: outward from `own`.
    """

    releases: tuple[str, ...]
    own: str
    good: str | None
    bad: str | None


def question(options: Options, request: Request) -> Question:
    """What is asked of each release: about one path on one device."""
    paths = options.paths_for(request)
    if not paths:
        message = f"--path: {request.id} is for {', '.join(request.paths)} only; name one of these"
        raise UsageError(message)
    if len(options.paths) > 1:
        message = f"--path {','.join(options.paths)}: a search is about one path; name one of these"
        raise UsageError(message)
    device = Device.CPU if not options.devices else options.chosen_devices[0]
    if len(options.chosen_devices) > 1 and options.devices:
        message = f"--devices {','.join(options.devices)}: a search is about one device; name one of these"
        raise UsageError(message)
    if (absent := unavailable_devices([device])) and device in absent:
        message = f"--devices {device}: {absent[device]}"
        raise UsageError(message)
    path = paths[0] if options.paths or _DEFAULT_PATH not in paths else _DEFAULT_PATH
    stage = None if options.stage is None else Stage(options.stage)
    return Question(path=path, device=device, stage=stage)


def environment(options: Options) -> tuple[Request, str]:
    """The environment to search in, and why it: the one named, else one of the profile where the path works."""
    planned = options.spec.environments(options.chosen_profile)
    if options.base is not None:
        named = request_id(options.base)
        known = {request.id: request for request in (*planned, *options.spec.all_environments())}
        if named not in known:
            message = f"--environment {options.base}: {suggest(options.base, known, what='environments')}"
            raise UsageError(message)
        return known[named], "as asked"
    suited = [request for request in planned if options.paths_for(request) and _moves(request, options.axis or "")]
    if not suited:
        message = (
            f"no environment of profile '{options.chosen_profile}' is for this path and package; name one with "
            "--environment"
        )
        raise UsageError(message)
    for request in suited:
        asked = question(options, request)
        _, cell = seen(options, request, asked)
        if cell is not None and cell.outcome is Outcome.WORKS:
            return request, f"the first of profile '{options.chosen_profile}' where {asked.path} was seen to work"
    return suited[0], f"the first of profile '{options.chosen_profile}'; where the path works is not known here"


def seen(options: Options, request: Request, asked: Question) -> tuple[EnvironmentResult | None, Cell | None]:
    """What an earlier run found of this environment, and of the cell that is asked about."""
    store = options.store
    for identity in (request.id, environment_id(request.id, "cpu")):
        result = store.read(identity, warn=Progress().tell)
        for cell in () if result is None else result.cells:
            if (cell.path, cell.device) == (asked.path, asked.device):
                return result, cell
    return None, None


def _moves(request: Request, axis: str) -> bool:
    """Whether the environment has that distribution, as far as its request tells."""
    return canonicalize_name(axis) not in ("s3prl", FORK) or canonicalize_name(axis) == request.s3prl_distribution


def package(axis: str, request: Request, found: Environment, source: Locked | NotBuilt) -> tuple[str, str]:
    """The distribution to move and the release of it that the environment has.

    It may be any that the environment installs, asked for or not.
    """
    name = str(canonicalize_name(axis))
    if name == "python":
        message = "--axis python: an index has no releases of it; name environments on other Pythons in matrix.toml"
        raise UsageError(message)
    if isinstance(source, NotBuilt):
        message = f"{request.id} cannot be searched in: {source.message}\nname another with --environment"
        raise HarnessError(message)
    versions = source.lock.versions
    if name not in versions:
        other = request.s3prl_distribution
        instead = (
            f"it has {other} in its place; say --axis {other}, or name another --environment"
            if name in ("s3prl", FORK)
            else guess(name, versions, what="packages there")
        )
        message = f"--axis {axis}: {found.id} does not install '{name}': {instead}"
        raise UsageError(message)
    return name, Version(versions[name]).public


def line(options: Options, name: str, own: str, every: Sequence[Release], *, python: str) -> Line:
    """The releases along which to search, and its ends."""
    usable = for_python(every, python, prereleases=options.prereleases, yanked=options.yanked)
    # what the environment has belongs to the line, whatever the index thinks of it today
    kept = {one.version for one in usable} | {own}
    releases = tuple(sorted(kept, key=Version))
    good, bad = (
        _end(f"--{side}", given, releases, every, name=name, python=python, prereleases=options.prereleases)
        for side, given in (("good", options.good), ("bad", options.bad))
    )
    if good is None and bad is None:
        return Line(releases=releases, own=own, good=None, bad=None)
    good, bad = good or own, bad or own
    if good == bad:
        if options.good and options.bad:
            message = f"--good {good} --bad {bad}: these are the same release; name two"
            raise UsageError(message)
        return Line(releases=releases, own=own, good=None, bad=None)
    if Version(good) > Version(bad) and not options.cured:
        said = "swap them" if options.good and options.bad else f"the environment has {own}, so name both"
        message = (
            f"the good release {good} is later than the bad one {bad}: {said}, or say --cured to look for the release "
            "that cured it"
        )
        raise UsageError(message)
    return Line(releases=releases, own=own, good=good, bad=bad)


def _end(
    option: str,
    given: str | None,
    releases: Sequence[str],
    every: Iterable[Release],
    *,
    name: str,
    python: str,
    prereleases: bool,
) -> str | None:
    """An end that was named, as the index writes it."""
    if given is None:
        return None
    try:
        version = str(Version(given))
    except InvalidVersion:
        message = f"{option} {given}: that is no version; write one such as 2.8.0"
        raise UsageError(message) from None
    if version in releases:
        return version
    release = next((one for one in every if one.version == version), None)
    if release is None:
        older = [one for one in releases if Version(one) < Version(version)][-1:]
        newer = [one for one in releases if Version(one) > Version(version)][:1]
        near = " and ".join(older + newer)
        message = f"{option} {given}: the index has no such release of {name}; next to it are {near}"
    elif not release.suits(python):
        message = f"{option} {given}: this release of {name} has nothing to install for Python {python} on this machine"
    elif release.prerelease and not prereleases:
        message = f"{option} {given}: that is a pre-release; --prereleases takes them along"
    else:
        message = f"{option} {given}: that release was yanked; --yanked takes such along"
    raise UsageError(message)
