"""ESPnet's commands on one data set: each as the package was installed, and where a module is missing, without it.

A person who meets ``No module named 'tensorboard'`` installs it, or switches off what wants it. Nothing is installed
here, so that the second is tried, and what was missing is remembered: that it is needed is a finding.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Dict, List, NamedTuple

from . import command, data

if TYPE_CHECKING:
    from ..cell import Cell

TRAIN = "espnet2.bin.asr_train"
DECODE = "espnet2.bin.asr_inference"

# By command, the options that switch off what wants a module. Whether it does is seen by running it once more.
_WITHOUT: Dict[str, Dict[str, List[str]]] = {
    TRAIN: {
        "tensorboard": ["--use_tensorboard", "false"],
        "matplotlib": ["--use_matplotlib", "false", "--num_att_plot", "0"],
        "editdistance": ["--model_conf", "report_cer=false", "--model_conf", "report_wer=false"],
        "jiwer": ["--model_conf", "report_cer=false", "--model_conf", "report_wer=false"],
    }
}
_CONFIGURATIONS = ("asr_s3prl.yaml", "recipe.yaml")  # the model that this path tests, and how it is trained


class Need(NamedTuple):
    """A module that a command wanted and did not find; `options` let it do without, where some are known."""

    tool: str
    module: str
    options: str


class Espnet:
    """The commands of a recipe in a folder of its own, on the data set that it makes there."""

    def __init__(self, cell: Cell, folder: str) -> None:
        self.cell = cell
        self.folder = folder
        self.names = data.write(self.path("data"), cell.settings["inputs"]["train"])
        self.needs: List[Need] = []
        self.ran: List[str] = []
        self._switches: Dict[str, List[str]] = {TRAIN: [], DECODE: []}
        with open(self.path("tokens.txt"), "w", encoding="utf-8") as file:
            file.writelines(symbol + "\n" for symbol in cell.context.symbols)
        with open(self.path("train.yaml"), "w", encoding="utf-8") as file:
            file.write(configuration(cell.context.fixtures).replace("@MODEL@", cell.context.model))

    def path(self, *parts: str) -> str:
        """A file or folder of this recipe."""
        return os.path.join(self.folder, *parts)

    def train(self, *options: str) -> command.Ran:
        """``asr_train`` on the data set."""
        sets = []
        for part in ("train", "valid"):
            for file, name, kind in (("wav.scp", "speech", "sound"), ("text", "text", "text")):
                sets += [
                    "--%s_data_path_and_name_and_type" % part,
                    "%s,%s,%s" % (self.path("data", part, file), name, kind),
                ]
        configured = ["--config", self.path("train.yaml"), "--token_list", self.path("tokens.txt")]
        return self._run(TRAIN, [*configured, *sets, "--ngpu", self._devices(), *options])

    def decode(self, model: str, output: str) -> command.Ran:
        """``asr_inference`` on the part to be decoded. An untrained decoder need not end: hypotheses are bounded."""
        sound = self.path("data", "test", "wav.scp") + ",speech,sound"
        trained = ["--asr_train_config", self.path("exp", "config.yaml"), "--asr_model_file", model]
        search = ["--beam_size", "2", "--ctc_weight", "0.3", "--maxlenratio", "0.2"]
        arguments = ["--data_path_and_name_and_type", sound, *trained, *search, "--output_dir", output]
        return self._run(DECODE, [*arguments, "--ngpu", self._devices(), "--num_workers", "0"])

    def _devices(self) -> str:
        return "1" if self.cell.device == "cuda" else "0"

    def _run(self, module: str, arguments: List[str]) -> command.Ran:
        """As installed; then, for each module found missing, once more without what wants it."""
        tool = command.tool_name(module)
        while True:
            try:
                ran = command.run(self.cell, module, [*arguments, *self._switches[module]], self.folder)
            except command.CommandFailed as failed:
                if failed.missing is None or any(need[:2] == (tool, failed.missing) for need in self.needs):
                    raise
                options = _WITHOUT.get(module, {}).get(failed.missing, [])
                self.needs.append(Need(tool, failed.missing, " ".join(options)))
                if not options:
                    raise
                self._switches[module] += options
            else:
                if tool not in self.ran:
                    self.ran.append(tool)
                return ran


def configuration(fixtures: str) -> str:
    """The recipe's configuration: the tested model's, followed by how it is trained."""
    texts = []
    for name in _CONFIGURATIONS:
        with open(os.path.join(fixtures, "espnet", name), encoding="utf-8") as file:
            texts.append(file.read().rstrip("\n"))
    return "\n\n".join(texts) + "\n"
