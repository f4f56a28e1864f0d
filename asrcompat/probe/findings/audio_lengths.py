"""Features of short and of long speech: how many frames, and at which lengths there are none.

Train mode has a bound of its own: SpecAugment masks spans of frames, which a short utterance has not. Lengths are tried
one by one, not by halving: a path may fail at some and not at shorter ones.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Callable, Dict, List

from ..arrays import RATE
from ..cell import CheckFailed, Passed, not_the_packages
from ..record import describe_exception, without_numbers
from ..stages import _frames
from ._train_mode import all_layers

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "features"
GROUP = "audio"
PATHS = None

_SECONDS = (0.02, 0.1, 1)
_SHORT = 0.5
_LONG = 15  # last: it takes most time and memory
_EVALUATION = range(40, 2001, 40)  # samples that are tried for `shortest`
_TRAIN = range(80, 4001, 320)


def run(cell: Cell) -> None:
    """Each length in evaluation mode, the short ones in train mode too; then which lengths fail in either."""
    for seconds in _SECONDS:
        cell.check("features-%gs" % seconds, partial(_frames.check, cell, int(seconds * RATE)))
    for seconds in _SECONDS:
        if seconds < _SHORT:
            cell.check("features-%gs-train-mode" % seconds, partial(_train_mode, cell, int(seconds * RATE)))
    cell.check("shortest", lambda: _shortest(partial(_frames.check, cell), _EVALUATION))
    cell.check("shortest-train-mode", lambda: _shortest(partial(_train_mode, cell), _TRAIN))
    cell.check("features-%gs" % _LONG, partial(_frames.check, cell, _LONG * RATE))


def _train_mode(cell: Cell, samples: int) -> Passed:
    with all_layers(cell.subject, cell.settings["seed"]):
        return _frames.check(cell, samples)


def _shortest(run_on: Callable[[int], Passed], lengths: range) -> Passed:
    failed: Dict[str, List[int]] = {}
    works: List[int] = []
    for samples in lengths:
        try:
            run_on(samples)
            works.append(samples)
        except Exception as error:
            if not_the_packages(error):
                raise
            failed.setdefault(_kind(error), []).append(samples)
    told = "of %d to %d samples, every %d, " % (lengths[0], lengths[-1], lengths.step)
    told += "; ".join("%s fail (%s)" % (_spans(some, lengths.step), kind) for kind, some in failed.items())
    data = {"works": works, "failed": failed}
    if not works:
        raise CheckFailed(told, **data)
    if not failed:
        return Passed(told + "all have features", **data)
    told += "; there are features from %d (%.3g s) on" % (works[0], works[0] / RATE)
    holes = [samples for some in failed.values() for samples in some if samples > works[0]]
    if holes:
        raise CheckFailed("%s, but not at every length" % told, **data)
    return Passed(told, **data)


def _kind(error: Exception) -> str:
    """What is alike in one failure at several lengths: the numbers in messages differ."""
    described = describe_exception(error)
    said = without_numbers(described["message"].split("\n")[0])
    return said if isinstance(error, CheckFailed) else "%s: %s" % (described["exception"], said)


def _spans(numbers: List[int], step: int) -> str:
    """Numbers with what follows step by step joined: 40 to 360, 680."""
    spans: List[List[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + step:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join("%d to %d" % (span[0], span[-1]) if len(span) > 1 else str(span[0]) for span in spans)
