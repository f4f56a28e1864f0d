"""What a search runs in: a laboratory that asks about one path on one device, and is tidied up however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from asrcompat.bisecting.asof import AsOf
from asrcompat.bisecting.places import Places
from asrcompat.bisecting.tidy import Tidy
from asrcompat.explain.bisection.along import Lab
from asrcompat.explain.bisection.judge import Question
from asrcompat.lab.laboratory import Laboratory
from asrcompat.options import Options
from asrcompat.plan.prepare import Sources
from asrcompat.report.admit import admit
from asrcompat.run import host
from asrcompat.run.cells import Settings
from asrcompat.run.footprint import Footprint, cache_of_its_own
from asrcompat.settings import settings_for
from asrcompat.spec import PinRule

_DISK_GB = 15

OpenLab = Callable[[Settings, Sources, tuple[PinRule, ...], Callable[[str], None]], Lab]


def open_laboratory(
    settings: Settings, sources: Sources, rules: tuple[PinRule, ...], tell: Callable[[str], None]
) -> Lab:
    """The real laboratory."""
    return Laboratory(settings=settings, sources=sources, tell=tell, rules=rules, admit=admit)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The laboratories of a search, what they take of the disk, and what holds for every run."""

    tidy: Tidy
    footprint: Footprint
    settings: Settings


@contextmanager
def bench(
    options: Options,
    asked: Question,
    asof: AsOf,
    *,
    heavy: bool,
    ahead: bool,
    returns: bool,
    open_lab: OpenLab,
    tell: Callable[[str], None],
) -> Iterator[Bench]:
    """Set up what a search asks in; `heavy`, `ahead` and `returns` are as `Tidy` has them."""
    settings = settings_for(options, asof.sources, request=None, threads=options.threads or host.usable_cores())
    settings = replace(settings, paths=(asked.path,), devices=(asked.device,), findings={})
    rules = tuple(options.spec.pins)
    lab = options.work_folder / "lab"
    with Footprint(lab) as footprint, cache_of_its_own(lab / "uv-cache" if heavy else None):
        tidy = Tidy(
            # opened for each run: how old a lock may be is a matter of when that is asked
            lambda chosen: open_lab(chosen, asof.sources, rules, tell),
            settings,
            places=Places(work=options.work_folder, asof=asof, rules=rules),
            footprint=footprint,
            budget=float(options.disk or _DISK_GB),
            heavy=heavy,
            ahead=ahead,
            returns=returns,
            tell=tell,
        )
        try:
            yield Bench(tidy=tidy, footprint=footprint, settings=settings)
        finally:
            tidy.close()
