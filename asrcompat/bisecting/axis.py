"""Bisection along the releases of one package, in one environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from asrcompat.answering import answer
from asrcompat.bisecting import choose, estimate, show
from asrcompat.bisecting.asof import AsOf
from asrcompat.bisecting.bench import OpenLab, bench, open_laboratory
from asrcompat.bisecting.tidy import Tidy
from asrcompat.errors import ExitCode
from asrcompat.explain.bisection.along import Releases, boundary, changes_to, packages_along
from asrcompat.explain.bisection.kept import KeptBoundaries
from asrcompat.explain.bisection.search import Turn, bisect, outward
from asrcompat.explain.bisection.surer import surer
from asrcompat.lab.excluded import excluded
from asrcompat.model import Boundary
from asrcompat.options import Options
from asrcompat.plan.prepare import prepare
from asrcompat.plan.releases import PackageIndex
from asrcompat.report.boundaries import undecided
from asrcompat.run import code, host
from asrcompat.run.progress import Progress
from asrcompat.settings import sources_for
from asrcompat.spec import Request


def along_an_axis(options: Options, *, open_lab: OpenLab = open_laboratory) -> ExitCode:
    """Search along `options.axis`; keep and tell each boundary as soon as it is found, however the search ends."""
    progress = Progress(quiet=options.quiet)
    request, why = choose.environment(options)
    asked = choose.question(options, request)
    asof = AsOf(sources_for(replace(options, devices=(asked.device,))))
    found, source = prepare(request, asof.sources)
    name, own = choose.package(str(options.axis), request, found, source)
    every = PackageIndex(options.spec.index.url, options.work_folder / "index").releases(name)
    line = choose.line(options, name, own, every, python=found.python)
    heavy = "torch" in (name, *packages_along(name))
    progress.tell(f"in {found.id} ({why}): which releases of {name} are such that {asked.told}?")
    for text in estimate.told(line, name, choose.seen(options, request, asked), heavy=heavy):
        progress.tell(text)
    kept = KeptBoundaries(options.work_folder, options.chosen_weights)
    boundaries: list[Boundary] = []
    looks_outward = line.good is None
    with (
        progress.showing(),
        bench(
            options, asked, asof, heavy=heavy, ahead=True, returns=looks_outward, open_lab=open_lab, tell=progress.tell
        ) as made,
    ):
        releases = Releases(
            made.tidy,
            request,
            package=name,
            own=own,
            question=asked,
            tell=progress.tell,
            refused=lambda release: excluded(options.spec, request, changes_to(request, name, release)),
            after=made.tidy.done,
        )
        try:
            for step, turn in _search(line, releases):
                sure = surer(turn, releases, line.releases, stage=asked.stage)
                differs = _differences(sure, releases, made.tidy, request, name)
                if differs is None:
                    progress.tell(f"what else differs between {sure.good} and {sure.bad} could not be told")
                one = boundary(
                    sure,
                    releases,
                    line.releases,
                    environment=found.id,
                    axis=name,
                    question=asked,
                    step=step,
                    differs=differs or {},
                    commit=host.harness(options.root)["commit"],
                    code=code.digest(made.settings),
                    peak_gb=round(made.footprint.peak, 1) if heavy else None,
                    lock_sha256=found.lock_sha256,
                )
                kept.write(one, tell=progress.tell)
                boundaries.append(one)
        finally:
            show.told(boundaries, releases, name=name)
            print(estimate.taken(line, made.tidy.installs))
    if options.json:
        answer(show.data(boundaries, axis=name, environment=found.id))
    return verdict(boundaries)


def verdict(boundaries: list[Boundary]) -> ExitCode:
    """0 where every limit that was looked for is known, or known not to be there; else 3.

    A release on which the harness failed was not looked at: 3, where the limit may lie there.
    """
    return ExitCode.OK if all(map(_known, boundaries)) else ExitCode.UNFINISHED


def _known(one: Boundary) -> bool:
    match one.verdict:
        case "found":
            return True  # two neighbours, each of which ran twice
        case "gap":
            return set(one.gap).isdisjoint(undecided(one))
        case "open":
            return not undecided(one)
        case _:
            return False


def _search(line: choose.Line, releases: Releases) -> Iterator[tuple[int, Turn]]:
    """The turns, each with where the bad releases lie from the good ones: 1 for newer, -1 for older."""
    every = line.releases
    if line.good is not None and line.bad is not None:
        step = 1 if every.index(line.good) < every.index(line.bad) else -1
        yield step, bisect(every, good=line.good, bad=line.bad, ask=releases.ask)
        return
    for way in (1, -1):
        turn = outward(every, start=line.own, step=1 if way == 1 else -1, ask=releases.ask)
        if turn.verdict == "no change":
            yield 1, turn
            return
        # from a bad release on, the good ones lie in the direction of the search
        from_good = releases.runs[line.own, 0].answer == "good"
        yield way if from_good else -way, turn


def _differences(
    turn: Turn, releases: Releases, tidy: Tidy, request: Request, package: str
) -> dict[str, tuple[str, str]] | None:
    """Versions other than the package's that differ between last good and first bad, ``-`` where there is none.

    Of what they ran with; None where that cannot be told: said on the terminal, as results name no differences then.
    """
    if turn.good is None or turn.bad is None:
        return {}
    good, bad = (tidy.lock(request, releases.changes(release)) for release in (turn.good, turn.bad))
    if good is None or bad is None:
        return None
    before, after = good.versions, bad.versions
    pairs = {name: (before.get(name, "-"), after.get(name, "-")) for name in sorted({*before, *after} - {package})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
