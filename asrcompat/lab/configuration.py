"""Keys of ESPnet configurations, set in copies that keep everything else, comments included."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from asrcompat.errors import UsageError

_MODELS = "asr_*.yaml"


class _Representer(RoundTripRepresenter):
    """Writes ``null`` as the configurations do, where the library leaves the place empty."""

    def represent_nothing(self, _: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_nothing)


def edited_configurations(settings: Iterable[str], folder: Path) -> dict[str, str]:
    """The text of every configuration in `folder` by file name, with each of `settings` (``[FILE:]KEY=VALUE``) made.

    A setting without a file is made in the models' configurations that have the key; where none has it, in those that
    have what is above it. Raises `UsageError` where there is none to make it in.
    """
    texts = {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.yaml"))}
    models = [file.name for file in sorted(folder.glob(_MODELS))]
    for setting in settings:
        target, value = setting.split("=", 1)
        name, colon, key = target.rpartition(":")
        keys = key.split(".")
        candidates = [name] if colon else models
        chosen = [one for one in candidates if one in texts and (colon or _has(texts[one], keys))]
        chosen = chosen or [one for one in candidates if one in texts and _has(texts[one], keys[:-1])]
        if not chosen:
            message = f"no configuration of {folder.name}/ has a place for {key}; there are {', '.join(texts)}"
            raise UsageError(message)
        for one in chosen:
            texts[one] = with_key(texts[one], keys, value)
    return texts


def with_key(text: str, keys: list[str], value: str) -> str:
    """The YAML text with the value (YAML itself) at `keys`; tables that are not there are made.

    Where it says so already, it is the same text to the byte.
    """
    yaml = _yaml()
    document = yaml.load(text) or {}
    table: Any = document
    for key in keys[:-1]:
        if not isinstance(table.get(key), MutableMapping):
            table[key] = {}
        table = table[key]
    wanted = yaml.load(value)
    if keys[-1] in table and _same(table[keys[-1]], wanted):
        return text
    table[keys[-1]] = wanted
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)  # 1 is no `true`


def _has(text: str, keys: list[str]) -> bool:
    place: Any = _yaml().load(text)
    for key in keys:
        if not isinstance(place, Mapping) or key not in place:
            return False
        place = place[key]
    return True


def _yaml() -> YAML:
    yaml = YAML()  # round trip: comments, order and quotes stay
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.indent(mapping=4, sequence=4, offset=0)
    return yaml
