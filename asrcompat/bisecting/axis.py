"""Bisection along the releases of one package, in one environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil, log2

from asrcompat.bisecting import choose, show
from asrcompat.bisecting.footprint import Footprint, Tidy, cache_of_its_own
from asrcompat.errors import ExitCode
from asrcompat.explain.bisection.along import Lab, Releases, boundary, changes_to, packages_along, surer
from asrcompat.explain.bisection.judge import Question
from asrcompat.explain.bisection.kept import KeptBoundaries
from asrcompat.explain.bisection.search import Turn, bisect, outward
from asrcompat.lab.laboratory import Laboratory
from asrcompat.lab.variant import variant
from asrcompat.model import Boundary, BoundaryRun
from asrcompat.options import Options
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.plan.releases import PackageIndex
from asrcompat.report.boundaries import undecided
from asrcompat.run import host
from asrcompat.run.cells import Settings
from asrcompat.run.lock import Lock
from asrcompat.run.probing import REFERENCE_PATH
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import PinRule, Request, matches

OpenLab = Callable[[Settings, Sources, tuple[PinRule, ...], Callable[[str], None]], Lab]


def open_laboratory(
    settings: Settings, sources: Sources, rules: tuple[PinRule, ...], tell: Callable[[str], None]
) -> Lab:
    """The real laboratory."""
    return Laboratory(settings=settings, sources=sources, tell=tell, rules=rules)


def along_an_axis(options: Options, *, open_lab: OpenLab = open_laboratory) -> ExitCode:
    """Search along `options.axis`, keep the boundaries, and tell them."""
    progress = Progress(quiet=options.quiet)
    request, why = choose.environment(options)
    asked = choose.question(options, request)
    sources = sources_for(replace(options, devices=(asked.device,)))
    found, source = prepare(request, sources)
    name, own = choose.package(str(options.axis), request, found, source)
    every = PackageIndex(options.spec.index.url, options.work_folder / "index").releases(name)
    line = choose.line(options, name, own, every, python=found.python)
    progress.tell(f"in {found.id} ({why}): which releases of {name} are such that {asked.told}?")
    for text in _estimate(options, request, asked, name, line):
        progress.tell(text)
    settings = settings_for(options, sources, request=None, threads=options.threads or host.usable_cores())
    # without the reference path, parity with it would be skipped
    paths = tuple(dict.fromkeys((REFERENCE_PATH, asked.path)))
    settings = replace(settings, paths=paths, devices=(asked.device,), findings={})
    heavy = "torch" in (name, *packages_along(name))
    locks = _Locks(request=request, package=name, sources=sources, rules=tuple(options.spec.pins))
    with (
        Footprint(options.work_folder) as footprint,
        cache_of_its_own(options.work_folder / "lab" / "uv-cache" if heavy else None),
    ):
        tidy = Tidy(
            lambda chosen: open_lab(chosen, sources, tuple(options.spec.pins), progress.tell),
            settings,
            footprint=footprint,
            budget=float(options.disk),
            heavy=heavy,
            tell=progress.tell,
        )

        def done(environment: str, run: BoundaryRun) -> None:
            tidy.done(environment, run, locks.of(run.release, own) if heavy else None)

        releases = Releases(
            tidy,
            request,
            package=name,
            own=own,
            question=asked,
            tell=progress.tell,
            refused=lambda release: _excluded(options, request, name, release),
            after=done,
        )
        turns = [(step, surer(turn, releases, stage=asked.stage)) for step, turn in _search(line, releases)]
        if heavy:
            tidy.free(())
        peak = round(footprint.peak, 1)
    boundaries = [
        boundary(
            turn,
            releases,
            line.releases,
            environment=found.id,
            axis=name,
            question=asked,
            step=step,
            differs=locks.differences(turn, own),
            commit=host.harness(options.root)["commit"],
            peak_gb=peak if heavy else None,
            lock_sha256=found.lock_sha256,
        )
        for step, turn in turns
    ]
    kept = KeptBoundaries(options.work_folder, options.chosen_weights)
    for one in boundaries:
        kept.write(one, tell=progress.tell)
    show.told(boundaries, releases, name=name)
    return verdict(boundaries)


def verdict(boundaries: list[Boundary]) -> ExitCode:
    """0 where every limit that was looked for is known, or known not to be there; else 3.

    Where the harness failed on a release that was stepped over, that release was not looked at: 3 as well.
    """
    known = all(one.verdict in ("found", "gap", "open") and not undecided(one) for one in boundaries)
    return ExitCode.OK if known else ExitCode.UNFINISHED


def _search(line: choose.Line, releases: Releases) -> list[tuple[int, Turn]]:
    """The turns, each with where the bad releases lie from the good ones: 1 for newer, -1 for older."""
    every = line.releases
    if line.good is not None and line.bad is not None:
        step = 1 if every.index(line.good) < every.index(line.bad) else -1
        return [(step, bisect(every, good=line.good, bad=line.bad, ask=releases.ask))]
    turns: list[tuple[int, Turn]] = []
    for way in (1, -1):
        turn = outward(every, start=line.own, step=1 if way == 1 else -1, ask=releases.ask)
        if turn.verdict == "no change":
            return [(1, turn)]
        # from a bad release on, the good ones lie in the direction of the search
        from_good = releases.runs[line.own, 0].answer == "good"
        turns.append((way if from_good else -way, turn))
    return turns


def _estimate(options: Options, request: Request, asked: Question, name: str, line: choose.Line) -> list[str]:
    every = line.releases
    together = "".join(f", {other} moving along" for other in packages_along(name))
    told = [f"{len(every)} releases of {name} from {every[0]} to {every[-1]}{together}"]
    if line.good is not None and line.bad is not None:
        between = abs(every.index(line.good) - every.index(line.bad)) + 1
        most = ceil(log2(between)) + 4
        told[0] += f"; {between} from {line.good} (good) to {line.bad} (bad)"
    else:
        place = every.index(line.own)
        most = sum(2 * ceil(log2(count + 1)) + 2 for count in (place, len(every) - place - 1) if count)
        told[0] += f"; outward from {line.own}"
    text = f"at most {most} runs, each an installation at most; releases that do not install are stepped over"
    result, cell = choose.seen(options, request, asked)
    if result is not None and cell is not None:
        building = sum(result.environment.seconds.get(stage, 0) for stage in ("resolve", "install"))
        seconds = building + sum(value for stage, value in cell.seconds.items() if stage != "findings")
        text += f"; an earlier run took {seconds:.0f} s, so up to {most * seconds / 60:.0f} minutes without downloads"
    return [*told, text]


def _excluded(options: Options, request: Request, name: str, release: str) -> str | None:
    """Why matrix.toml has this environment left out; None where it does not."""
    wanted = variant(request, changes_to(request, name, release), tuple(options.spec.pins))
    reason = next((rule.reason for rule in options.spec.exclude if matches(rule.when, wanted)), None)
    return None if reason is None else f"excluded by matrix.toml: {reason}"


@dataclass(frozen=True, kw_only=True)
class _Locks:
    """The locks behind the releases that were run: made again from what the run left, without a new resolution."""

    request: Request
    package: str
    sources: Sources
    rules: tuple[PinRule, ...]

    def of(self, release: str, own: str) -> Lock | None:
        changes = () if release == own else changes_to(self.request, self.package, release)
        _, source = prepare(variant(self.request, changes, self.rules), replace(self.sources, fresh=False))
        return source.lock if isinstance(source, Locked) else None

    def differences(self, turn: Turn, own: str) -> Mapping[str, tuple[str, str]]:
        """Versions other than the package's that differ between last good and first bad, ``-`` where there is none."""
        if turn.good is None or turn.bad is None:
            return {}
        good, bad = self.of(turn.good, own), self.of(turn.bad, own)
        if good is None or bad is None:
            return {}
        names = sorted({*good.versions, *bad.versions} - {self.package})
        pairs = {name: (good.versions.get(name, "-"), bad.versions.get(name, "-")) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
