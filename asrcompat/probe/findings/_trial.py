"""Trying a configuration, and what a trial shows beside its failure: keys unknown, never read, or without effect."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional

from ..arrays import is_finite, train_batch
from ..cell import CheckFailed
from ..stages.forward import train_without_chance

if TYPE_CHECKING:
    from ..cell import Cell

# What ESPnet's frontend asks its inner `frontend_conf` for; at the top level these are often meant for it.
_INNER = ("upstream", "path_or_url", "normalize", "extra_conf", "tile_factor")


class Fault(NamedTuple):
    """A key that is to blame: its value, what is wrong with it, and what to do."""

    key: str
    value: Any
    message: str
    remedy: str


class Trial:
    """Builds what a configuration asks for, its optimiser and schedule too, and takes one loss, with nothing random."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.arguments: Any = None
        self.model: Any = None
        self.width: Optional[int] = None

    def __call__(self, config: Dict[str, Any]) -> Optional[BaseException]:
        """What it fails with; None where it does not. `model` and `width` are left as far as it came."""
        self.model = self.width = None
        try:
            self._try(config)
        except (Exception, SystemExit) as error:
            return error
        return None

    def _try(self, config: Dict[str, Any]) -> None:
        import torch
        from espnet2.tasks import abs_task, asr

        path, context = self.cell.path, self.cell.context
        torch.manual_seed(self.cell.settings["seed"])
        self.arguments, self.model = path.build(context, config)
        optimiser = asr.ASRTask.build_optimizers(self.arguments, model=self.model)[0]
        if self.arguments.scheduler is not None:
            kind = abs_task.scheduler_classes.get(self.arguments.scheduler)
            if kind is None:
                known = sorted(abs_task.scheduler_classes)
                raise ValueError("--scheduler must be one of %s: %s" % (known, self.arguments.scheduler))
            kind(optimiser, **self.arguments.scheduler_conf)
        subject = path.subject_of(self.model.to(context.device), [])
        train_without_chance(subject)
        batch = train_batch(self.cell.settings)
        with torch.no_grad():
            output, lengths = self.model.frontend(batch.speech, batch.lengths)
            self.width = int(output.size(-1))
            if int(lengths.max()) != int(output.size(1)):
                message = "the frontend says %s frames, and gives %d" % (lengths.tolist(), output.size(1))
                raise CheckFailed(message)
            loss = subject.loss(batch.speech, batch.lengths, batch.labels, batch.label_lengths)
            if not is_finite(loss):
                raise CheckFailed("the loss is %r" % float(loss))

    def own_configuration(self) -> Optional[BaseException]:
        """What the harness's smallest configuration fails with, on the harness's checkpoint and the same batch."""
        import yaml

        context = self.cell.context
        with open(os.path.join(context.fixtures, "own.yaml"), encoding="utf-8") as file:
            config = yaml.safe_load(file)
        config["token_list"] = list(context.symbols)
        config["frontend_conf"]["download_dir"] = context.folder
        return Trial(self.cell)(config)


def unknown_keys(config: Dict[str, Any]) -> Iterator[Fault]:
    """Keys at the top level that ESPnet's training command does not have."""
    from espnet2.tasks.asr import ASRTask

    known = {action.dest for action in ASRTask.get_parser()._actions}
    for key, value in config.items():
        if key in known:
            continue
        close = difflib.get_close_matches(str(key), sorted(known), 1)
        if key in _INNER:
            remedy = "it belongs under frontend_conf.frontend_conf"
        else:
            remedy = "did you mean %s?" % close[0] if close else "remove it, or move it under the part it is for"
        message = "ESPnet's training command has no such key at the top level; " + remedy
        yield Fault(str(key), value, message, remedy)


def unread_keys(trial: Trial) -> Iterator[Fault]:
    """Keys of the S3PRL frontend's inner mapping that nobody asked for while the model was built."""
    conf = getattr(trial.arguments, "frontend_conf", None)
    inner: Any = conf.get("frontend_conf") if isinstance(conf, dict) else None
    if trial.model is None or not hasattr(inner, "read"):
        return
    for key in dict.keys(inner):
        if key not in inner.read:
            message = "nothing reads it: ESPnet takes it without a word, and it has no effect"
            yield Fault("frontend_conf.frontend_conf.%s" % key, dict.get(inner, key), message, "remove it")


def freezing(trial: Trial, config: Dict[str, Any]) -> Iterator[Fault]:
    """Entries of ``freeze_param`` by which nothing is frozen, as ESPnet's training command matches them."""
    if trial.model is None:
        return
    names = [name for name, _ in trial.model.named_parameters()]
    entries = config.get("freeze_param") or []
    if isinstance(entries, str):
        message = "it has to be a list; ESPnet goes through this text letter by letter, and freezes nothing"
        yield Fault("freeze_param", entries, message, "write it as a list: [%s]" % entries)
        return
    for number, entry in enumerate(entries):
        if not any(name == entry or name.startswith("%s." % entry) for name in names):
            meant = _prefixes_like(str(entry), names)
            remedy = "did you mean %s?" % " or ".join(meant) if meant else "it takes whole parts of parameters' names"
            message = "no parameter's name begins with it, so nothing is frozen by it; " + remedy
            yield Fault("freeze_param[%d]" % number, entry, message, remedy)


def _prefixes_like(entry: str, names: List[str]) -> List[str]:
    prefixes = {".".join(name.split(".")[:length]) for name in names for length in range(1, name.count(".") + 2)}
    last = entry.rstrip(".").rpartition(".")[2]
    ending = sorted((one for one in prefixes if one.rpartition(".")[2] == last), key=len)
    return ending[:1] or difflib.get_close_matches(entry, sorted(prefixes), 1)
