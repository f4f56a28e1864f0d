"""A person's ESPnet configuration and checkpoint, laid out for the probe (form: ``probe/paths/_espnet_config.py``).

The configuration is read by the environment under test, with its own YAML; here it is only carried there.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from asrcompat.errors import UsageError
from asrcompat.run.inputs import Inputs
from asrcompat.run.paths import PROBE
from asrcompat.run.store import write_text

PATH = "espnet-config"
FILE = PROBE / "paths" / "_espnet_config.py"

# What is tried after the climb, in seconds: a dozen builds of a model of the true size.
FINDINGS = {"configuration": 300.0}

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_NAMED = re.compile(r"""\b(?:path_or_url|model)["']?\s*:\s*["']?([^\s"',}]+)""")


@dataclass(frozen=True, kw_only=True)
class Given:
    """The configuration's file; `model` is a name or a local folder, in place of what the configuration names."""

    config: Path
    model: str | None = None

    def is_of(self, model: str) -> bool:
        """Whether this is about the checkpoint `model`, as far as the text tells: then features have references."""
        if self.model is not None:
            return self.model == model
        text = self.config.read_text(encoding="utf-8", errors="replace")
        return model in _NAMED.findall(_COMMENT.sub("", text))


def given(config: Path, model: str | None) -> Given:
    """What was said on the command line, looked at as far as that can be done here; raises `UsageError`."""
    if not config.is_file():
        message = (
            f"--config {config}: no such file; give the YAML that `asr_train --config` gets, such as conf/train.yaml"
        )
        raise UsageError(message)
    if model is None:
        return Given(config=config.absolute())
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            message = f"--model {model}: there is no config.json in this folder; give one that `save_pretrained` wrote"
            raise UsageError(message)
        return Given(config=config.absolute(), model=str(folder.absolute()))
    if folder.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        message = f"--model {model}: no such folder; give a local folder, or a name such as owner/name"
        raise UsageError(message)
    return Given(config=config.absolute(), model=model)


def lay_out(what: Given, folder: Path, *, model: str, fixtures: Path) -> Path:
    """A folder that stands in for the fixtures' in this probe: the configuration, and what belongs to it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(what.config, folder / "train.yaml")
    own = (fixtures / "espnet" / "asr_s3prl.yaml").read_text(encoding="utf-8")
    write_text(folder / "own.yaml", own.replace("@MODEL@", model))
    hub = fixtures / "hub"
    facts = {
        "name": what.config.name,
        "folders": [str(Path.cwd()), str(what.config.parent), str(what.config.parent.parent)],
        "model": what.model,
        "served": sorted(one.relative_to(hub).as_posix() for one in hub.glob("*/*") if one.is_dir()),
    }
    write_text(folder / "given.json", json.dumps(facts, indent=1))
    return folder


def without_reference(inputs: Inputs) -> Inputs:
    """The inputs for a checkpoint of which nothing is known beforehand: neither its shape nor its features."""
    unknown = {"width": None, "layers": None, "lengths": inputs.expected["lengths"]}
    return replace(inputs, probe={**inputs.probe, "reference": None}, expected=unknown)
