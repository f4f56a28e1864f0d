"""Learning rates by S3PRL's own training entry: whether the pretrained part can have one and the new layers another."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any, Dict

from ..cell import CheckFailed, Passed
from ..paths import _s3prl_runner
from ..record import describe_exception

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "step"
GROUP = "finetuning"
PATHS = ("s3prl-hf", "s3prl-downstream")

_RATE = 1e-3


def run(cell: Cell) -> None:
    """By the Runner where it can be imported; elsewhere by the one function that the Runner gets its optimiser from."""
    if cell.name == "s3prl-downstream":
        cell.check("rates-runner", lambda: _runner(cell))
    else:
        cell.check("rates-optimizer", lambda: _optimizer(cell))


def _runner(cell: Cell) -> Passed:

    with tempfile.TemporaryDirectory(dir=cell.context.folder) as folder:
        runner = _s3prl_runner.runner(cell.context, folder, trainable=True, steps=1, rate=_RATE)
        models = {name: getattr(runner, name).model for name in ("upstream", "downstream")}
        before = {name: _copied(model) for name, model in models.items()}
        runner.train()
        moved = {name: _moved(model, before[name]) for name, model in models.items()}
        # the Runner keeps its optimiser to itself, but for the checkpoint
        file = os.path.join(runner.args.expdir, "states-1.ckpt")
        groups = _s3prl_runner.checkpoint(file)["Optimizer"]["param_groups"]
    return _judge("S3PRL's Runner", groups, moved)


def _optimizer(cell: Cell) -> Passed:
    from s3prl.optimizers import get_optimizer

    subject = cell.subject
    models = {"upstream": subject.upstream, "downstream": subject.head}
    configuration = {"name": "TorchOptim", "torch_optim_name": "Adam", "lr": _RATE}
    try:
        rates = {"Upstream": _RATE / 10, "Downstream": _RATE}  # by the names of the Runner's parts
        optimiser = get_optimizer(list(models.values()), 1, dict(configuration, lr=rates))
        asked = "accepts a rate for each of the Runner's parts"
    except Exception as error:
        asked = "refuses one for each of the Runner's parts (%(exception)s: %(message)s)" % describe_exception(error)
        optimiser = get_optimizer(list(models.values()), 1, configuration)
    before = {name: _copied(model) for name, model in models.items()}
    for model in models.values():
        for parameter in model.parameters():
            parameter.grad = parameter.detach().clone()
    optimiser.step()
    moved = {name: _moved(model, before[name]) for name, model in models.items()}
    return _judge("S3PRL's get_optimizer, by which its Runner trains, %s; it" % asked, optimiser.param_groups, moved)


def _judge(entry: str, groups: Any, moved: Dict[str, float]) -> Passed:
    rates = sorted({group["lr"] for group in groups})
    message = "%s has %d group(s) of parameters, with learning rate %s: a step moves the upstream by up to %.2g and %s"
    told = message % (
        entry,
        len(groups),
        ", ".join("%g" % rate for rate in rates),
        moved["upstream"],
        "what is on top by up to %.2g" % moved["downstream"],
    )
    if len(rates) == 1:
        raise CheckFailed("no learning rate per part: " + told, rates=rates, **moved)
    return Passed(told, rates=rates, **moved)


def _copied(model: Any) -> Dict[str, Any]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def _moved(model: Any, before: Dict[str, Any]) -> float:
    return max(float((value.detach() - before[name]).abs().max()) for name, value in model.named_parameters())
