"""Changes of what a probe is given, laid out as files: configurations, the checkpoint's folder, a shim on the path.

Everything is a copy, made of links where nothing is changed: the fixtures and the checkpoint stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from asrcompat.errors import UsageError
from asrcompat.hub.catalogue import MAIN
from asrcompat.hub.folders import building, link
from asrcompat.lab import additions
from asrcompat.lab.additions import LENDER, addition
from asrcompat.lab.change import Change
from asrcompat.lab.configuration import edited_configurations
from asrcompat.lab.shim import site_customisation
from asrcompat.run.inputs import Inputs
from asrcompat.run.session import Given
from asrcompat.run.store import write_text
from asrcompat.spec import PUBLISHED


def lay_out(changes: Sequence[Change], inputs: Inputs, *, model: str, fixtures: Path, work: Path) -> Given:
    """What the probe of a variant is given; under `work`, by content.

    Raises `UsageError` for a change of something that is not there.
    """
    of_kind = {kind: [one for one in changes if one.kind == kind] for kind in ("config", "file", "variable", "shim")}
    variables = dict(one.parts for one in of_kind["variable"])
    if of_kind["shim"]:
        variables["PYTHONPATH"] = str(_shimmed([one.value for one in of_kind["shim"]], work))
    if of_kind["config"]:
        fixtures = _configured(of_kind["config"], fixtures, work)
    if of_kind["file"]:
        inputs = _with_folders(of_kind["file"], inputs, model=model, work=work)
    return Given(inputs=inputs, fixtures=fixtures, variables=variables)


def changes_nothing(changes: Sequence[Change], *, fixtures: Path) -> bool:
    """Whether the probe is given the same with these changes: configurations that say so already, and nothing else.

    A file to add or to change is a change in any case: it is given in a copy, by a folder's name. Raises `UsageError`
    for a key that there is no place for.
    """
    if any(one.kind != "config" for one in changes):
        return False
    folder = fixtures / "espnet"
    edited = edited_configurations([one.value for one in changes], folder)
    return all(text == (folder / name).read_text(encoding="utf-8") for name, text in edited.items())


def _shimmed(names: Sequence[str], work: Path) -> Path:
    text = site_customisation(names)
    folder = work / "shims" / _digest(text)
    write_text(folder / "sitecustomize.py", text)
    return folder


def _configured(changes: Sequence[Change], fixtures: Path, work: Path) -> Path:
    texts = edited_configurations([one.value for one in changes], fixtures / "espnet")
    folder = work / "fixtures" / _digest(str(fixtures), *(part for pair in texts.items() for part in pair))
    if not folder.is_dir():
        with building(folder) as partial:
            for entry in fixtures.iterdir():
                if entry.name != "espnet":
                    (partial / entry.name).symlink_to(entry)
            for name, text in texts.items():
                write_text(partial / "espnet" / name, text)
    return folder


def _with_folders(changes: Sequence[Change], inputs: Inputs, *, model: str, work: Path) -> Inputs:
    """The inputs with a local folder in place of the name, and in place of every other state's folder."""
    sources = {PUBLISHED: inputs.hub_root / model / MAIN, **{state: Path(at) for state, at in inputs.states.items()}}
    root = work / "checkpoints" / _digest(*map(str, sources.values()), *(one.value for one in changes))
    if not root.is_dir():
        with building(root) as partial:
            for state, source in sources.items():
                _copy(source, partial / state)
                for change in changes:
                    _change_file(change, partial / state, inputs.hub_root, model)
    return replace(inputs, states={state: str(root / state) for state in sources})


def _copy(source: Path, target: Path) -> None:
    for file in sorted(one for one in source.rglob("*") if one.is_file()):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        link(file, copy)


def _change_file(change: Change, folder: Path, hub_root: Path, model: str) -> None:
    name, colon, setting = change.value.partition(":")
    if colon:
        _set_key(folder / name, setting)
    elif not (folder / name).exists():
        link(_offered(name, hub_root, model), folder / name)


def _offered(name: str, hub_root: Path, model: str) -> Path:
    offer = addition(name, hub_root, model)
    if offer is None:
        message = f"there is no {name} to add: neither another revision of {model} nor {LENDER} has one"
        raise UsageError(message)
    return offer.file


def _set_key(file: Path, setting: str) -> None:
    keys, _, text = setting.partition("=")
    if not file.is_file():
        message = f"there is no {file.name} in the checkpoint's folder to set {keys} in"
        raise UsageError(message)
    content = json.loads(file.read_text(encoding="utf-8"))
    *above, last = keys.split(".")
    target = content
    for key in above:
        target = target.setdefault(key, {}) if isinstance(target, dict) else None
    if not isinstance(target, dict):
        message = f"{keys} cannot be set in {file.name}: something above it is no table"
        raise UsageError(message)
    target[last] = _value(text)
    # a new file in its place: the hard link shares its bytes with the checkpoint's own
    write_text(file, json.dumps(content, indent=2) + "\n")


def _value(text: str) -> Any:
    """As JSON, or the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _digest(*parts: str) -> str:
    own = [Path(str(one)).read_text(encoding="utf-8") for one in (__file__, additions.__file__)]
    return sha256(json.dumps([*own, *parts]).encode()).hexdigest()[:16]
