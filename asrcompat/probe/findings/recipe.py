"""A recipe: ESPnet's own command line on a tiny data set, from its statistics to hypotheses, as a person runs it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, Callable, List, NoReturn, Optional

from ..cell import CheckFailed, Passed, Skip
from ..declared import declared, requirements
from ..recipes import data, espnet, rates
from ..recipes.saved import Freezing, Saved

if TYPE_CHECKING:
    from ..cell import Cell
    from ..recipes.command import Ran

STAGE = "recipe"
GROUP = "recipe"
PATHS = ("espnet-s3prl",)


def run(cell: Cell) -> None:
    """Each check goes on from what the one before it left; what then cannot be tried says so."""
    folder = os.path.join(cell.context.folder, "recipe")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    recipe = Recipe(cell, folder)
    try:
        measured = cell.check("recipe-stats", recipe.stats)
        trained = cell.check("recipe-train", _after(measured, "recipe-stats", recipe.train))
        cell.check("recipe-rates", lambda: rates.offered(cell))
        cell.check("recipe-resume", _after(trained, "recipe-train", recipe.resume))
        cell.check("recipe-decode", _after(trained, "recipe-train", recipe.decode))
        cell.check("recipe-as-installed", recipe.as_installed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # checkpoints: a gigabyte


def _after(stands: Any, earlier: str, check: Callable[[], Passed]) -> Callable[[], Passed]:
    """The check, or one that is skipped because an earlier one did not pass."""

    def skipped() -> NoReturn:
        raise Skip("%s did not pass" % earlier)

    return check if stands else skipped


class Recipe:
    """The checks, and what they leave to each other."""

    def __init__(self, cell: Cell, folder: str) -> None:
        self.commands = espnet.Espnet(cell, folder)
        self.names = self.commands.names
        self.path = self.commands.path
        self.freezing = Freezing(cell.subject.model, cell.subject.upstream)
        self.first: Optional[Saved] = None

    def stats(self) -> Passed:
        """Stage 10 of ESPnet's recipes: the shapes by which training makes batches, for every utterance."""
        keys = self._shape_files("data", "wav.scp")
        ran = self.commands.train("--collect_stats", "true", *keys, "--output_dir", self.path("stats"))
        for part in ("train", "valid"):
            shapes = data.read_index(self.path("stats", part, "speech_shape"))
            if sorted(shapes) != sorted(self.names[part]):
                told = (part, len(shapes), len(self.names[part]))
                raise CheckFailed("collect_stats: the shapes of %s are of %d utterances, not of its %d" % told)
        counts = (len(self.names["train"]), len(self.names["valid"]))
        return Passed("shapes of all %d and %d utterances" % counts, value=True, seconds=ran.seconds)

    def train(self) -> Passed:
        """Stage 11: one epoch, with the pretrained parameters frozen by ESPnet's own option."""
        ran = self._epochs()
        saved = self.first = self._saved()
        losses = {part: saved.loss(1, part) for part in ("train", "valid")}
        self.freezing.check(saved)
        counts = (len(self.freezing.published), len(self.freezing.others))
        return Passed(
            "an epoch of %d steps, loss %.4g, in validation %.4g; the %d frozen parameters equal the published ones,"
            " all %d others moved" % (saved.steps, losses["train"], losses["valid"], *counts),
            value=True,
            seconds=ran.seconds,
            steps=saved.steps,
            losses=losses,
        )

    def resume(self) -> Passed:
        """A second epoch goes on from the first: with its optimiser and its report, and without doing it again."""
        first, model = self.first, self.path("exp", "1epoch.pth")
        if first is None:
            raise Skip("recipe-train left nothing to go on from")
        written = os.stat(model).st_mtime_ns
        ran = self._epochs("--max_epoch", "2", "--resume", "true")
        if "The training was resumed using" not in ran.output:
            raise CheckFailed("asr_train --resume true says nothing of resuming")
        saved = self._saved()
        losses = (first.loss(1, "train"), saved.loss(2, "train"))
        if os.stat(model).st_mtime_ns != written or saved.loss(1, "train") != losses[0] or saved.epoch != 2:  # noqa: PLR2004
            raise CheckFailed("asr_train --resume true trained the first epoch again")
        if saved.steps != 2 * first.steps:
            told = (saved.steps, first.steps)
            raise CheckFailed("the optimiser counts %d steps after two epochs of %d: it began anew" % told)
        self.freezing.check(saved)
        self.freezing.check_moved(first.model, saved.model)
        message = "epoch 2 went on from epoch 1's checkpoint: steps %d to %d, loss %.4g, then %.4g"
        return Passed(
            message % (first.steps, saved.steps, *losses), seconds=ran.seconds, losses=losses, steps=saved.steps
        )

    def decode(self) -> Passed:
        """Stage 12: a hypothesis for every utterance, by the averaged model that ESPnet's recipes decode with."""
        ran = self.commands.decode(self.path("exp", "valid.acc.ave.pth"), self.path("decoded"))
        found = data.read_index(self.path("decoded", "1best_recog", "text"))
        absent = sorted(set(self.names["test"]) - set(found))
        if absent:
            raise CheckFailed("no hypothesis for %s" % ", ".join(absent), hypotheses=found)
        empty = sum(not text.strip() for text in found.values())
        told = (len(found), len(self.names["test"]), "%d of them" % empty if empty else "none")
        message = "%d hypotheses for %d utterances, %s empty" % told
        return Passed(message, seconds=ran.seconds, hypotheses=found)

    def as_installed(self) -> Passed:
        """Whether the commands did with what was installed, as the package's own requirements ask for it."""
        if not self.commands.needs:
            if self.first is None:
                raise Skip("recipe-train did not pass, and no command named a module that is missing")
            return Passed("%s ran with what was installed" % " and ".join(self.commands.ran))
        required = requirements("espnet")
        needs = [dict(need._asdict(), declared=declared(need.module, required)) for need in self.commands.needs]
        told = ["%(tool)s wants %(module)s (%(declared)s); without it: %(options)s" % need for need in needs]
        raise CheckFailed("not as installed: " + "; ".join(told), needs=needs, exception="ModuleNotFoundError")

    def _epochs(self, *options: str) -> Ran:
        shapes = self._shape_files("stats", "speech_shape")
        freezing = ("--freeze_param", self.freezing.prefix)
        return self.commands.train(*shapes, *freezing, "--output_dir", self.path("exp"), *options)

    def _shape_files(self, folder: str, name: str) -> List[str]:
        files = {part: self.path(folder, part, name) for part in ("train", "valid")}
        return [word for part, file in files.items() for word in ("--%s_shape_file" % part, file)]

    def _saved(self) -> Saved:
        return Saved(self.path("exp", "checkpoint.pth"), self.freezing.names)
