"""Two learning rates, a small one for the encoder: by a loop of one's own, and by Transformers' Trainer.

Adam's first step has the size of its rate wherever there is a gradient, so the sizes of the steps are the rates.
"""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any, Dict, List

from ..arrays import train_batch
from ..cell import CheckFailed, Passed
from ..stages.forward import short_loss, train_without_chance

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "step"
GROUP = "finetuning"
PATHS = None

_SMALL, _LARGE = 1e-5, 1e-3
_TOLERANCE = 0.05  # of a ratio: float32 rounds what is added to a value


def run(cell: Cell) -> None:
    """The loop for every path; the other toolkits' own entries are findings of their own."""
    cell.check("two-rates", lambda: _loop(cell))
    if cell.name == "transformers":
        cell.restore()
        cell.check("trainer-rates", lambda: _trainer(cell))


def _groups(cell: Cell) -> List[Dict[str, Any]]:
    pretrained = list(cell.subject.upstream.parameters())
    known = {id(one) for one in pretrained}
    above = [one for one in cell.subject.model.parameters() if id(one) not in known]
    return [{"params": pretrained, "lr": _SMALL}, {"params": above, "lr": _LARGE}]


def _loop(cell: Cell) -> Passed:
    import torch

    train_without_chance(cell.subject)
    optimiser = torch.optim.Adam(_groups(cell))
    short_loss(cell).value.backward()
    optimiser.step()
    return _judge(cell, "a loop written by hand, with a group of parameters for each part")


def _judge(cell: Cell, entry: str) -> Passed:
    small, large = (_size(cell, group["params"]) for group in _groups(cell))
    data = {"rates": [_SMALL, _LARGE], "steps": [small, large]}
    told = "%s: rates %g and %g, steps of %.3g and %.3g" % (entry, _SMALL, _LARGE, small, large)
    if not (abs(small / _SMALL - 1) <= _TOLERANCE and abs(large / _LARGE - 1) <= _TOLERANCE):
        raise CheckFailed(told, **data)
    return Passed(told, **data)


def _size(cell: Cell, parameters: List[Any]) -> float:
    """The largest step of any value below 1, so that rounding is small beside it."""
    names = {id(one): name for name, one in cell.subject.model.named_parameters()}
    largest = 0.0
    for parameter in parameters:
        before = (cell.snapshot or {})[names[id(parameter)]].to(parameter.device)
        step = (parameter.detach() - before).abs_().masked_fill_(before.abs() >= 1, 0)
        largest = max(largest, float(step.max()))
    return largest


def _on(device: str, known: Any) -> Dict[str, Any]:
    """The Trainer's arguments that keep it from a GPU that the machine has, where the cell is not about it."""
    if device != "cpu":
        return {}
    return {"use_cpu": True} if "use_cpu" in known else {"no_cuda": True}


def _trainer(cell: Cell) -> Passed:
    """As installed: what it needs beyond that is what it raises."""
    import torch
    from transformers import Trainer, TrainingArguments

    # the Trainer moves what it is given to the device itself
    batch = train_batch(dict(cell.settings, device="cpu"), seconds=1)
    subject = cell.subject

    class Recogniser(torch.nn.Module):  # type: ignore[misc] # torch is not where types are checked
        def __init__(self) -> None:
            super().__init__()
            self.model = subject.model

        def forward(self, **given: Any) -> Dict[str, Any]:
            return {"loss": subject.loss(given["speech"], given["n"], given["labels"], given["m"])}

    rows = [dict(zip(("speech", "n", "labels", "m"), row)) for row in zip(*batch)]
    arguments = TrainingArguments(
        output_dir=os.path.join(cell.context.folder, "trainer"),
        max_steps=1,
        per_device_train_batch_size=len(rows),
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        max_grad_norm=0.0,
        **_on(cell.device, inspect.signature(TrainingArguments).parameters),
    )
    optimiser = torch.optim.Adam(_groups(cell))
    trainer = Trainer(model=Recogniser(), args=arguments, train_dataset=rows, optimizers=(optimiser, None))
    trainer.train()
    return _judge(cell, "Transformers' Trainer, given an optimiser with a group for each part")
