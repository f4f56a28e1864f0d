"""Stage ``train``: steps in train mode, each a trial with its own seed; a failure does not end the series.

Models in train mode drop layers and units at random, so some breakage shows in some steps only.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Dict, Tuple

from ..arrays import is_finite, train_batch
from ..cell import CheckFailed, Passed, Unstable, not_the_packages
from ..record import describe_exception, without_numbers
from . import _memory
from .forward import finite_loss
from .step import optimiser

if TYPE_CHECKING:
    from ..cell import Cell

_SAID = 3  # messages that are told; all are in the data


def run(cell: Cell) -> None:
    """As many trials as asked for: none passing is a failure, some is unstable. Then the path's own loop, if any."""
    _memory.reset(cell)
    cell.check("trials", lambda: _trials(cell))
    own = getattr(cell.path, "train", None)
    if own is not None:
        cell.check("own-training", lambda: own(cell.context))
    _memory.tell(cell)


def _trials(cell: Cell) -> Passed:
    cell.subject.model.train()
    steps = optimiser(cell.subject.model)
    total = cell.settings["trials"]
    failures: Dict[Tuple[str, str], Dict[str, Any]] = {}
    losses = []
    for trial in range(total):
        seed = cell.settings["seed"] + trial
        try:
            losses.append(_trial(cell, steps, trial, seed))
        except Exception as error:
            if not_the_packages(error):
                raise
            described = describe_exception(error)
            kind = (described["exception"], without_numbers(described["message"]))
            known = failures.setdefault(kind, dict(described, seeds=[]))
            known["seeds"].append(seed)
        cell.record.event("trial", trial=trial + 1, of=total)
    data: Dict[str, Any] = {"passed": len(losses), "of": total, "losses": losses, "failures": list(failures.values())}
    if not failures:
        return Passed("%d of %d trials passed" % (len(losses), total), **data)
    first = data["failures"][0]
    data.update({key: first[key] for key in ("exception", "traceback", "causes")})
    said = [failure["message"] for failure in data["failures"]]
    if len(said) > _SAID:
        said[_SAID:] = ["%d other messages" % (len(said) - _SAID)]
    message = "%d of %d trials passed; others: %s" % (len(losses), total, "; or ".join(said))
    raise Unstable(message, **data) if losses else CheckFailed(message, **data)


def _trial(cell: Cell, steps: Any, trial: int, seed: int) -> float:
    import torch

    random.seed(seed)
    torch.manual_seed(seed)
    _seed_numpy(seed)
    steps.zero_grad(set_to_none=True)
    passed = finite_loss(cell, train_batch(cell.settings, trial))
    passed.value.backward()
    for name, parameter in cell.subject.model.named_parameters():
        # a step on such gradients would spoil every later trial
        if parameter.grad is not None and not is_finite(parameter.grad):
            raise CheckFailed("the gradient of %s is not finite" % name)
    steps.step()
    return round(float(passed.data["loss"]), 6)


def _seed_numpy(seed: int) -> None:
    """Transformers draws SpecAugment's masks with NumPy's global generator."""
    try:
        import numpy
    except ImportError:
        return
    numpy.random.seed(seed)
