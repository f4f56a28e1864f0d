"""Variants of the ESPnet configuration that works, for the claims about what stands in it."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, Any, Callable, Dict

from ..arrays import is_finite, train_batch
from ..cell import CheckFailed, Passed
from ..paths import _espnet
from ..stages.forward import train_without_chance

if TYPE_CHECKING:
    from ..cell import Cell

_NAME = "asr_s3prl.yaml"


def build(cell: Cell, change: Callable[[Dict[str, Any]], None]) -> Any:
    """ESPnet's model of the configuration as `change` leaves it, from the same seed as the path's own.

    Raises what ESPnet raises; where its command line refuses the configuration, `CheckFailed` with what it printed.
    """
    import torch
    import yaml

    with open(os.path.join(cell.context.fixtures, "espnet", _NAME), encoding="utf-8") as file:
        config = yaml.safe_load(file)
    change(config)
    changed = os.path.join(cell.context.folder, "claims")
    os.makedirs(os.path.join(changed, "espnet"), exist_ok=True)
    with open(os.path.join(changed, "espnet", _NAME), "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)

    torch.manual_seed(cell.settings["seed"])
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            model = _espnet.build(cell.context._replace(fixtures=changed), _NAME, {"MODEL": cell.context.model})
    except SystemExit as end:
        # its usage comes first, of a hundred lines; what is wrong stands in the last one, after the program's name
        last = said.getvalue().strip().rpartition("\n")[2]
        reason = last.partition("error: ")[2].replace(cell.context.folder + os.sep, "")
        raise CheckFailed("ESPnet's command line: %s" % (reason or "exit code %s" % end.code)) from end
    return _espnet.Trained(model.to(cell.device), model.frontend)


def loss(cell: Cell, subject: Any) -> float:
    """The finite loss of the first training batch, with all that is random off."""
    train_without_chance(subject)
    batch = train_batch(cell.settings, 0)
    found = subject.loss(batch.speech, batch.lengths, batch.labels, batch.label_lengths).detach()
    if not is_finite(found):
        raise CheckFailed("the loss is %r" % float(found))
    return float(found)


def tried(cell: Cell, change: Callable[[Dict[str, Any]], None]) -> Passed:
    """Whether the configuration as `change` leaves it builds a model that gives a loss."""
    return Passed("loss %.4g" % loss(cell, build(cell, change)))
