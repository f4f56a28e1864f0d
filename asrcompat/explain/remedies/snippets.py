"""What a person pastes to have a change: shell, YAML, or a file's text."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.version import Version

from asrcompat.lab.additions import addition
from asrcompat.lab.change import PACKAGE_KINDS, Change
from asrcompat.lab.shim import site_customisation
from asrcompat.model import Environment
from asrcompat.spec.fields import FORK
from asrcompat.spec.request import split_aids

_FOLDER = "checkpoint"


def snippets(
    changes: Sequence[Change],
    worked: Environment,
    *,
    base: Environment,
    model: str,
    hub: Path,
    own_copy: bool = False,
) -> tuple[Mapping[str, str], ...]:
    """The texts for these changes, each with what it is for and its language.

    `worked` is the environment in which they did, `base` the one that they were made to; `hub` holds the repositories
    that files to add come from. `own_copy`: some of what they cure is a copy of the checkpoint that a
    person made, not the published one.
    """
    found: list[dict[str, str]] = []
    if any(one.kind in PACKAGE_KINDS for one in changes):
        found.append(_text("install", "sh", "\n".join(_commands(changes, worked, base))))
    configured = [one for one in changes if one.kind == "config"]
    if configured:
        found.append(_text("in the training configuration", "yaml", _yaml(configured)))
    files = [one for one in changes if one.kind == "file"]
    if files:
        about = f"a local copy of the checkpoint; give the folder {_FOLDER} in place of {model}"
        found.append(_text(about, "python", _copy(files, model=model, hub=hub, own_copy=own_copy)))
    variables = [one for one in changes if one.kind == "variable"]
    if variables:
        lines = (f"export {name}={shlex.quote(value)}" for name, value in (one.parts for one in variables))
        found.append(_text("in the shell, before the start", "sh", "\n".join(lines)))
    shims = [one.value for one in changes if one.kind == "shim"]
    if shims:
        about = "save as shims/sitecustomize.py, and start with PYTHONPATH=shims"
        found.append(_text(about, "python", site_customisation(shims)))
    return tuple(found)


def _text(about: str, language: str, text: str) -> dict[str, str]:
    return {"about": about, "language": language, "text": text.rstrip("\n") + "\n"}


def _commands(changes: Sequence[Change], worked: Environment, base: Environment) -> Iterator[str]:
    """For pip, with the versions that were there when it worked; for uv where something is overridden: pip cannot.

    What was moved alone, what of the packages asked for moved along with it (pip leaves what is installed where it is,
    though it no longer suits), and the bounds that came along; all that was asked for where there is nothing to move
    it in: on another Python, without an installation that came about, or for uv, which replaces a requirement wherever
    it resolves it.
    """
    packages, before = worked.packages, base.packages
    wanted: dict[str, str] = {}
    gone: list[str] = []
    python = None
    # both have the module s3prl: what stays behind would overwrite it, or be taken in its place
    twins = {FORK: "s3prl", "s3prl": FORK}
    for change in changes:
        name, value = change.parts
        if change.kind == "replace":
            gone.append("s3prl")
            wanted[FORK] = _exactly(FORK, packages)
        elif change.kind == "axis" and name == "python":
            python = value
        elif change.kind == "axis":
            for one in (FORK,) if value.startswith(FORK) else ("torch", "torchaudio") if name == "torch" else (name,):
                if (twin := twins.get(one)) is not None and (twin in before or (one == FORK and one not in before)):
                    gone.append(twin)
                wanted[one] = _exactly(one, packages)
        elif change.kind in ("pin", "extra"):
            wanted[change.value] = change.value
    for name in packages:
        if name in before and _exactly(name, packages) != _exactly(name, before):
            wanted.setdefault(name, _exactly(name, packages))
    if python is not None:
        yield f"# in a new environment of Python {python}"
    else:
        yield from (f"pip uninstall -y {one}" for one in gone)
    pins, overrides = split_aids(worked.pins)
    everything = [*(_exactly(name, packages) for name in packages), *wanted.values(), *pins]
    asked = dict.fromkeys(
        everything
        if overrides or python is not None or base.lock is None
        else [*wanted.values(), *(pin for pin in pins if pin not in base.pins)]
    )
    if not overrides:
        yield "pip install " + " ".join(map(shlex.quote, asked))
        return
    yield "pip install uv"
    yield from ("cat > overrides.txt <<'END'", *overrides, "END")
    yield from ("cat > requirements.txt <<'END'", *asked, "END")
    yield "uv pip install --override overrides.txt -r requirements.txt"


def _exactly(name: str, packages: Mapping[str, str]) -> str:
    """The release that worked; which build of it (``+cpu``) is the index's business, and PyPI has none of them."""
    return f"{name}=={Version(packages[name]).public}"


def _yaml(changes: Sequence[Change]) -> str:
    tree: dict[str, Any] = {}
    for change in changes:
        key, value = change.parts
        *above, last = key.rpartition(":")[2].split(".")
        table = tree
        for name in above:
            table = table.setdefault(name, {})
        table[last] = value
    return "\n".join(_yaml_lines(tree, 0))


def _yaml_lines(tree: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in tree.items():
        indent = "    " * depth
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _yaml_lines(value, depth + 1)
        else:
            yield f"{indent}{key}: {value}"


def _copy(changes: Sequence[Change], *, model: str, hub: Path, own_copy: bool) -> str:
    """A script for any version of huggingface_hub."""
    lines = ["import json", "from pathlib import Path", "", "import huggingface_hub", ""]
    lines += [f"folder = Path(huggingface_hub.snapshot_download({json.dumps(model)}, local_dir={json.dumps(_FOLDER)}))"]
    if own_copy:
        lines += ["# where you have a copy of your own (saved again, converted): its folder in place of this download"]
    for change in changes:
        name, colon, setting = change.value.partition(":")
        offer = None if colon else addition(name, hub, model)  # as the laboratory takes it
        if colon:
            keys, _, value = setting.partition("=")
            *above, last = keys.split(".")
            place = "".join(f"[{json.dumps(key)}]" for key in [*above, last])
            lines += [f"file = folder / {json.dumps(name)}", "content = json.loads(file.read_text())"]
            lines += [f"content{place} = {_literal(value)}", "file.unlink()  # it may be a link into the cache"]
            lines += ["file.write_text(json.dumps(content, indent=2))"]
        elif offer is not None and offer.lent:
            text = json.dumps(json.loads(offer.file.read_text(encoding="utf-8")), indent=2)
            lines += [f"(folder / {json.dumps(name)}).write_text('''{text}\n''')"]
        else:
            revision = unquote(offer.file.parent.name) if offer is not None else "refs/pr/1"
            asked = f"{json.dumps(model)}, {json.dumps(name)}, revision={json.dumps(revision)}, local_dir=folder"
            lines += [f"# {name}: from another revision of the same repository, which has it, such as a pull request's"]
            lines += [f"huggingface_hub.hf_hub_download({asked})"]
    return "\n".join(lines)


def _literal(text: str) -> str:
    """A JSON value as Python writes it."""
    try:
        return repr(json.loads(text))
    except ValueError:
        return repr(text)
