"""A person's own ESPnet configuration and checkpoint. No path of the matrix, hence the underscore: `asrcompat.doctor`.

``context.fixtures`` is then the folder with what the person gave: ``train.yaml``, and ``given.json`` with

- ``name``: what the file is called where it came from; ``folders``: where its relative file names may begin;
- ``model``: a name or folder to be used in place of the configuration's, or null;
- ``served``: the names of checkpoints that can be had here without a network.

The configuration is taken as it is written. What training scripts give on the command line, or what would write to
the person's folders, gets a stand-in, and each is told (``Subject.told``).
"""

from __future__ import annotations

import copy
import json
import os
import re
from typing import Any, Dict, List, NoReturn, Tuple

from ..guard import NetworkRefused
from . import _espnet_own, espnet_huggingface

MODULES = ("espnet2.tasks.asr",)

# Where the frontends that take a pretrained model have its name.
MODEL_KEYS: Dict[str, Tuple[str, ...]] = {
    "s3prl": ("frontend_conf", "frontend_conf", "path_or_url"),
    "huggingface": ("frontend_conf", "model"),
}

_FILES = ("path_or_url", "model", "stats_file", "token_list", "w2v_dir_path")


class ConfigError(ValueError):
    """The configuration cannot be what was meant; the message says what ESPnet, or YAML, has against it."""


def load(context: Any) -> Any:
    """ESPnet's ASR model by the person's configuration."""
    config, told = complete(context, read(context))
    model = build(context, config)[1]
    return subject_of(model, told)


def read(context: Any) -> Dict[str, Any]:
    """The configuration as it is written."""
    import yaml

    name = given(context)["name"]
    with open(os.path.join(context.fixtures, "train.yaml"), encoding="utf-8") as file:
        try:
            config = yaml.safe_load(file)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = "" if mark is None else ", line %d, column %d" % (mark.line + 1, mark.column + 1)
            raise ConfigError("%s%s: not YAML: %s" % (name, where, getattr(error, "problem", error))) from error
    if not isinstance(config, dict):
        raise ConfigError("%s: not a mapping of keys to values" % name)
    return config


def given(context: Any) -> Dict[str, Any]:
    """What the person gave beside the configuration."""
    with open(os.path.join(context.fixtures, "given.json"), encoding="utf-8") as file:
        facts: Dict[str, Any] = json.load(file)
    return facts


def complete(context: Any, config: Dict[str, Any]) -> Tuple[Dict[str, Any], List[str]]:
    """The configuration with stand-ins for what is not in it or not here, and what was done, in sentences."""
    facts = given(context)
    config, told = copy.deepcopy(config), []
    for parent, name, value in _texts(config):
        found = _found(value, facts["folders"]) if name in _FILES or "/" in value else None
        if found is not None:
            parent[name] = found
    key = MODEL_KEYS.get(config.get("frontend", ""))
    if facts["model"] is not None and key is not None:
        _put(config, key, facts["model"])
        told.append("%s is %r, as said on the command line" % (".".join(key), facts["model"]))
    tokens = config.get("token_list")
    if not _enough_tokens(tokens, context.symbols):
        config["token_list"] = list(context.symbols)
        why = "not given" if tokens is None else "no such file here, or too short"
        told.append("token_list: %s; %d characters stand in for it" % (why, len(context.symbols)))
    if isinstance(config.get("frontend_conf"), dict) and isinstance(config["frontend_conf"].get("download_dir"), str):
        config["frontend_conf"]["download_dir"] = context.folder
    return config, told


def model_named(config: Dict[str, Any]) -> Tuple[str, Any]:
    """The key and value by which the configuration names its pretrained model; an empty key where it names none."""
    key: Tuple[str, ...] = MODEL_KEYS.get(str(config.get("frontend")), ())
    value: Any = config
    for part in key:
        value = value.get(part) if isinstance(value, dict) else None
    return ".".join(key), value


def build(context: Any, config: Dict[str, Any]) -> Tuple[Any, Any]:
    """The arguments and the model that ESPnet makes of a configuration."""
    import yaml
    from espnet2.tasks.asr import ASRTask

    key, model = model_named(config)
    if isinstance(model, str) and not os.path.exists(model) and model not in given(context)["served"]:
        raise NetworkRefused(
            "%s: %r is no folder here, and nothing else may be asked: --model FOLDER gives it one" % (key, model)
        )
    written = os.path.join(context.folder, "train.yaml")
    with open(written, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    parser = ASRTask.get_parser()
    parser.error = _refuse  # which would print a page of usage, and exit
    arguments = parser.parse_args(["--config", written, "--output_dir", context.folder])
    inner = arguments.frontend_conf.get("frontend_conf") if isinstance(arguments.frontend_conf, dict) else None
    if arguments.frontend == "s3prl" and isinstance(inner, dict):
        arguments.frontend_conf["frontend_conf"] = _espnet_own.ReadKeys(inner)
    return arguments, ASRTask.build_model(arguments)


def subject_of(model: Any, told: List[str]) -> Any:
    """The subject of a model; `ConfigError` where the configuration gives it no pretrained frontend."""
    frontend: Any = getattr(model, "frontend", None)
    if hasattr(frontend, "upstream"):
        subject: Any = _espnet_own.S3prlSubject(
            model, _espnet_own.Used(frontend.upstream, getattr(frontend, "layer", -1))
        )
    elif hasattr(frontend, "encoder"):
        subject = espnet_huggingface.Subject(model)
    else:
        kind = "no frontend" if frontend is None else "the frontend %s" % type(frontend).__name__
        raise ConfigError("this configuration makes a model with %s: no pretrained model is in it" % kind)
    subject.told = told
    return subject


def _refuse(message: str) -> NoReturn:
    raise ConfigError("asr_train says: " + re.sub(r" \(from [^)]*\)$", "", message))


def _texts(config: Dict[str, Any]) -> List[Tuple[Dict[str, Any], str, str]]:
    """Every text in the configuration, as (mapping, key, text)."""
    found = []
    for key, value in config.items():
        if isinstance(value, dict):
            found += _texts(value)
        elif isinstance(value, str):
            found.append((config, key, value))
    return found


def _found(name: str, folders: List[str]) -> Any:
    """A relative file name as a full one, where there is such a file."""
    return next((os.path.join(folder, name) for folder in folders if os.path.exists(os.path.join(folder, name))), None)


def _put(config: Dict[str, Any], key: Tuple[str, ...], value: Any) -> None:
    for part in key[:-1]:
        if not isinstance(config.get(part), dict):
            config[part] = {}
        config = config[part]
    config[key[-1]] = value


def _enough_tokens(tokens: Any, symbols: List[str]) -> bool:
    if isinstance(tokens, str):
        try:
            with open(tokens, encoding="utf-8") as file:
                return sum(1 for _ in file) >= len(symbols)
        except OSError:
            return False
    return isinstance(tokens, (list, tuple)) and len(tokens) >= len(symbols)
