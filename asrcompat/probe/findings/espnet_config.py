"""Which keys of a person's ESPnet configuration are wrong: found by trying the configuration, key by key.

Only `asrcompat.doctor` gives this group a budget. Every key that is to blame is a failed check, ``key <name>``, whose
data tell the key, its value, and what to do; where there is none, the check ``configuration`` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List

from ..cell import CheckFailed, Passed, Skip, not_the_packages
from ._blame import faults, in_words
from ._trial import Fault, Trial, freezing, unknown_keys, unread_keys

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "load"
GROUP = "configuration"
PATHS = ("espnet-config",)


def run(cell: Cell) -> None:
    """Name every key that is to blame; a fault found is mended before the next one is looked for."""
    found: List[Fault] = []

    def diagnose() -> Passed:
        config, told = cell.path.complete(cell.context, cell.path.read(cell.context))
        trial = Trial(cell)
        unknown = list(unknown_keys(config))
        found.extend(unknown)
        config = {key: value for key, value in config.items() if key not in {fault.key for fault in unknown}}
        first = trial(config)
        if first is not None and not_the_packages(first):
            raise Skip("not looked for: " + str(first))
        last = first
        if first is not None:
            if trial.own_configuration() is not None:
                message = "no key is to blame: the smallest configuration fails in this environment as well"
                raise CheckFailed(message, told=told)
            named, config, last = faults(trial, config, first)
            found.extend(named)
        found.extend(unread_keys(trial))
        found.extend(freezing(trial, config))
        if last is not None:
            raise CheckFailed("no key was found to blame for: " + in_words(last), told=told)
        if found:
            raise CheckFailed("to blame: " + ", ".join(fault.key for fault in found), told=told)
        return Passed("the model builds, its optimiser too, and gives a loss; no key stands out", told=told)

    cell.check("configuration", diagnose)
    for fault in found:
        cell.check("key " + fault.key, _raiser(fault))


def _raiser(fault: Fault) -> Any:
    data: Dict[str, Any] = {"key": fault.key, "value": fault.value, "remedy": fault.remedy}

    def tell() -> None:
        value = "null" if fault.value is None else str(fault.value)
        raise CheckFailed("%s: %s" % (value, fault.message), **data)

    return tell
