"""Whether ESPnet's training entry point offers a learning rate for a part of the model.

Every way in which its options could be meant to say so is given to its own parser and its own making of the optimiser.
That is `asr_train`, of ``espnet2``. Newer wheels hold ``espnet3`` as well, whose trainer has named optimizers: it is a
program of its own, which is not tried here, and where it is there, that is said.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from typing import TYPE_CHECKING, Any, Dict, List, Set, Tuple

from ..cell import CheckFailed, Passed
from ..record import type_name

if TYPE_CHECKING:
    from ..cell import Cell

_TWO = "two rates"
_ESPNET3 = "; the trainer of espnet3, which is installed and has named optimizers, was not tried"
_READINGS: Tuple[Tuple[str, List[str]], ...] = (
    ("a rate by name in optim_conf", ["--optim_conf", "{lr: 0.001, frontend.upstream: {lr: 0.00001}}"]),
    ("groups in optim_conf", ["--optim_conf", "{lr: 0.001, params: [{name: frontend.upstream, lr: 0.00001}]}"]),
    ("a second optimiser", ["--optim_conf", "lr=0.001", "--optim2", "adam", "--optim2_conf", "lr=0.00001"]),
    ("groups by weight decay", ["--optim_conf", "lr=0.001", "--exclude_weight_decay", "true"]),
)


def offered(cell: Cell) -> Passed:
    """Passes where one of the readings gives the pretrained part a rate of its own; fails with what each gave."""
    from espnet2.tasks.asr import ASRTask

    found = {name: reading(ASRTask, cell.subject, options) for name, options in _READINGS}
    untried = "" if importlib.util.find_spec("espnet3") is None else _ESPNET3
    works = [name for name, result in found.items() if result == _TWO]
    if works:
        message = "asr_train takes a learning rate for a part of the model: %s%s"
        return Passed(message % (", ".join(works), untried), readings=found)
    told = "; ".join("%s: %s" % pair for pair in found.items())
    message = "asr_train offers no learning rate for a part of the model (%s)%s"
    raise CheckFailed(message % (told, untried), readings=found)


def reading(task: Any, subject: Any, options: List[str]) -> str:
    """What came of one reading, in words: by ESPnet's own parser, and its own making of the optimiser."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            arguments = task.get_parser().parse_args(["--optim", "adam", *options])
            (optimiser,) = task.build_optimizers(arguments, model=subject.model)
    except SystemExit:
        return "refused: " + said.getvalue().strip().rpartition("\n")[2].rpartition("error: ")[2]
    except Exception as error:  # whatever it does not take
        return "%s: %s" % (type_name(error), str(error).partition("\n")[0])
    finally:
        for parameter in subject.model.parameters():
            parameter.__dict__.pop("_optim", None)  # what weight decay's grouping leaves there
    return judged(optimiser.param_groups, {id(one) for one in subject.upstream.parameters()})


def judged(groups: List[Dict[str, Any]], pretrained: Any) -> str:
    """`_TWO` where no group's rate is shared by the pretrained parameters (by id) and the others."""
    rates: Dict[bool, Set[float]] = {True: set(), False: set()}
    for group in groups:
        for parameter in group["params"]:
            rates[id(parameter) in pretrained].add(float(group["lr"]))
    if rates[True] and rates[False] and not rates[True] & rates[False]:
        return _TWO
    shared = "one rate for all" if len(rates[True] | rates[False]) == 1 else "rates that both parts share"
    return "accepted, with %s in %s" % (shared, "one group" if len(groups) == 1 else "%d groups" % len(groups))
