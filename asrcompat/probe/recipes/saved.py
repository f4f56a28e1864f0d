"""What ESPnet's training left in its checkpoint: which parameters moved, by how many steps, with what loss."""

from __future__ import annotations

import math
from typing import Any, Dict, List

from ..cell import CheckFailed


class Saved:
    """A ``checkpoint.pth``: the model, the optimiser (Adam) and the reporter after its last epoch."""

    def __init__(self, file: str, names: List[str]) -> None:
        import torch

        # this run's own file: all that it holds may be read
        saved = torch.load(file, map_location="cpu", weights_only=False)
        self.model: Dict[str, Any] = saved["model"]
        self.epoch = int(saved["reporter"]["epoch"])
        self.stats: Dict[int, Dict[str, Dict[str, Any]]] = saved["reporter"]["stats"]
        (optimiser,) = saved["optimizers"]
        indices = [index for group in optimiser["param_groups"] for index in group["params"]]
        if len(indices) != len(names):
            raise CheckFailed("the optimiser has %d parameters, where the model has %d" % (len(indices), len(names)))
        states = {names[index]: state for index, state in optimiser["state"].items()}
        # Adam moves a parameter if and only if its mean of past gradients is not zero
        self.moved = {name for name, state in states.items() if bool((state["exp_avg"] != 0).any())}
        self.steps = int(max((float(state["step"]) for state in states.values()), default=0))

    def loss(self, epoch: int, part: str) -> float:
        """An epoch's loss as ESPnet reports it; raises `CheckFailed` where it is not finite."""
        value = float(self.stats[epoch][part]["loss"])
        if not math.isfinite(value):
            raise CheckFailed("ESPnet reports a loss of %r in epoch %d, %s" % (value, epoch, part))
        return value


class Freezing:
    """Which of a model's parameters are the pretrained ones, with their published values, and which are not."""

    def __init__(self, model: Any, upstream: Any) -> None:
        self.prefix = next(name for name, module in model.named_modules() if module is upstream)
        self.published = {self.prefix + "." + name: value for name, value in upstream.named_parameters()}
        self.names = [name for name, _ in model.named_parameters()]
        self.others = [name for name in self.names if name not in self.published]

    def check(self, saved: Saved) -> None:
        """Fails where a frozen parameter was trained or differs from the published one, or another was not trained."""
        trained = sorted(saved.moved & set(self.published))
        if trained:
            told = (self.prefix, len(trained), trained[0])
            raise CheckFailed("--freeze_param %s left %d parameters to be trained, the first: %s" % told, names=trained)
        changed = [name for name, value in self.published.items() if not _equal(saved.model[name], value)]
        if changed:
            told = (len(changed), len(self.published), changed[0])
            message = "%d of %d frozen parameters differ from the published ones, the first: %s"
            raise CheckFailed(message % told, names=changed)
        still = [name for name in self.others if name not in saved.moved]
        if still:
            raise CheckFailed("%d parameters that are not frozen never moved: %s" % (len(still), ", ".join(still)))

    def check_moved(self, first: Dict[str, Any], second: Dict[str, Any]) -> None:
        """Fails where a parameter that is not frozen is the same in both models."""
        same = [name for name in self.others if _equal(first[name], second[name])]
        if same:
            raise CheckFailed("%d parameters are the same after another epoch: %s" % (len(same), ", ".join(same)))


def _equal(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool((one.cpu() == other.detach().cpu()).all())
