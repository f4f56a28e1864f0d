"""What runs left that were killed while they probed: nobody looked any more at what their paths had done to files.

Files that were altered in place are known by their hashes (`run.probed`), and are given up. Compiled modules have none,
and an altered one imports as well as a true one: those that may have been written since are dropped, in every
environment that has them, and are compiled again.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asrcompat.run import bytecode
from asrcompat.run.environment import distrust, give_up
from asrcompat.run.hold import held_now
from asrcompat.run.intact import recorded
from asrcompat.run.probed import left_altered, left_since, touched


def recover(envs: Path, own: Path, tell: Callable[[str], None]) -> None:
    """Put right what killed runs left in the environments below `envs`; the caller holds those in `own` (`alone`).

    Whoever shares a file with one of them is as badly off. What somebody else holds is being probed, and left alone.
    """
    for environment in sorted(mark.parent for mark in envs.glob(f"*/*/{bytecode.PROBING}")):
        home = environment.parent
        with _held(home, {own}) as mine:
            if not mine:
                continue
            try:
                _recover(environment, {own, home}, tell)
            except (OSError, UnicodeDecodeError, csv.Error) as error:
                if home == own:
                    raise
                tell(f"{home.name}: what a run that was killed left there cannot be looked at: {error}")


@contextmanager
def _held(home: Path, ours: Collection[Path]) -> Iterator[bool]:
    """Hold the environments of one identity, where it is not `ours` already; whether nobody else does."""
    if home in ours:
        yield True
        return
    with held_now(home / ".lock") as mine:
        yield mine


def _recover(environment: Path, ours: Collection[Path], tell: Callable[[str], None]) -> None:
    if (since := left_since(environment)) is None:
        return
    if dropped := _drop(environment, since, ours):  # first: once nothing is found altered, the mark is gone
        tell(f"compiled modules that a killed run may have altered: {dropped}; they are compiled again")
    if (altered := left_altered(environment)) is not None:
        tell(f"given up: a run that was killed had altered files of {', '.join(sorted(altered.distributions))}")
        give_up(environment, altered, tell)


def _drop(environment: Path, since: float, ours: Collection[Path]) -> int:
    """Remove the compiled modules that may have been written since, here and wherever else they are linked.

    The own one goes last: a run that is killed here finds by it what is left to do.
    """
    doubtful = list(_doubtful(environment, since))
    shared = [one for one in doubtful if _links(one) > 1]
    for other in environment.parents[1].glob("*/*/") if shared else ():
        if other != environment:
            _drop_linked(environment, other, shared, ours)
    for compiled in doubtful:
        compiled.unlink(missing_ok=True)  # a neighbour of ours may be putting right the same
    return len(doubtful)


def _links(file: Path) -> int:
    try:
        return file.stat().st_nlink
    except FileNotFoundError:
        return 0


def _doubtful(environment: Path, since: float) -> Iterator[Path]:
    """What Python compiled, and not a distribution brought: of that a hash is known, or it is the distribution's."""
    brought = {os.path.join(packages, row[0]) for packages, _, row in recorded(environment) if row}  # noqa: PTH118
    for compiled in bytecode.compiled(environment):
        if touched(compiled, since) and str(compiled) not in brought:
            yield compiled


def _drop_linked(environment: Path, other: Path, shared: Sequence[Path], ours: Collection[Path]) -> None:
    """Remove from another environment what it shares; one that is being probed is built again afterwards."""
    linked = [there for one in shared if _is_one(one, there := other / one.relative_to(environment))]
    if not linked:
        return
    with _held(other.parent, ours) as mine:
        if mine or not (other / bytecode.PROBING).exists():  # no path of somebody's would find it gone
            for there in linked:
                there.unlink(missing_ok=True)
        else:
            distrust(other)


def _is_one(file: Path, other: Path) -> bool:
    try:
        return file.samefile(other)
    except OSError:
        return False
