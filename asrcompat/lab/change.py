"""One change of one kind to an environment or to what its probe is given, as a person could make it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from asrcompat.errors import UsageError
from asrcompat.run.probing import RESERVED_VARIABLES
from asrcompat.spec.fields import AXIS_DISTRIBUTIONS, FORK, NEWEST

# From the least to the most intrusive: what is given to a run, then the checkpoint's copy, then the environment.
Kind = Literal["variable", "config", "file", "extra", "pin", "override", "axis", "replace", "shim"]

SHIMS = Path(__file__).parent / "shims"
AXES = ("python", "torch", "torchaudio", "transformers", "s3prl", "espnet")
# These make another environment; the others change what the probe of the same one is given.
PACKAGE_KINDS: tuple[Kind, ...] = ("axis", "replace", "override", "pin", "extra")

_FORMS: dict[Kind, tuple[str, str]] = {
    "pin": (r"\S.*", "setuptools<81"),
    "override": (r"\S.*", "omegaconf>=2.1.1"),
    "extra": (r"[a-z0-9]+(-[a-z0-9]+)*==\S+", "six==1.17.0"),
    "replace": (rf"s3prl -> {FORK} \S+", f"s3prl -> {FORK} {NEWEST}"),
    "axis": (rf"({'|'.join(AXES)})=(({FORK} )?\S+)", "transformers=4.50.0"),
    "config": (r"([\w-]+\.yaml:)?[A-Za-z_]\w*(\.\w+)*=.*", "frontend_conf.multilayer_feature=false"),
    "file": (
        r"[\w.-]+\.json:[A-Za-z_]\w*(\.\w+)*=.+|\w[\w.-]*",
        "preprocessor_config.json, or config.json:layerdrop=0.0",
    ),
    "variable": (r"[A-Za-z_]\w*=.*", "NAME=value"),
    "shim": (r"[a-z0-9]+([-_][a-z0-9]+)*", "torchaudio_backend"),
}
_OPERATORS = (
    ("<=", "-le-"),
    (">=", "-ge-"),
    ("!=", "-ne-"),
    ("==", "-"),
    ("~=", "-like-"),
    ("<", "-lt-"),
    (">", "-gt-"),
)
_PLAIN = re.compile(r"[A-Za-z0-9_.<>=!~: -]*")
_LONGEST = 160  # of an id: file names are made of it


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change. `value` is, by kind:

    ``pin``: a requirement; ``override``: one that holds in place of what packages ask for; ``extra``:
    ``name==version``; ``replace``: ``s3prl -> espnet-s3prl newest``; ``axis``: ``transformers=4.50.0``; ``config``:
    ``frontend_conf.multilayer_feature=false``, which may name the one file of ``fixtures/espnet`` in front
    (``asr_s3prl.yaml:…``); ``file``: one to add to a local copy of the checkpoint, or a key to set in one of its JSON
    files (``config.json:layerdrop=0.0``); ``variable``: ``NAME=value``; ``shim``: a file of ``asrcompat/lab/shims``,
    without its suffix.

    Raises `UsageError` for a value that is not of its kind's form.
    """  # noqa: D400, D415 - the list is the point

    kind: Kind
    value: str

    def __post_init__(self) -> None:
        form, example = _FORMS[self.kind]
        if not re.fullmatch(form, self.value):
            message = f"a change of kind '{self.kind}' cannot be {self.value!r}; write it like {example}"
            raise UsageError(message)
        if (problem := _problem(self)) is not None:
            message = f"a change of kind '{self.kind}' cannot be {self.value!r}: {problem}"
            raise UsageError(message)

    def __str__(self) -> str:
        """Short and readable: ``setuptools<81``, ``config frontend_conf.multilayer_feature=false``."""
        return in_words(self.kind, self.value)

    @property
    def target(self) -> tuple[str, str]:
        """What is changed: of two changes with one target, the later takes the place of the earlier."""
        match self.kind:
            case "replace":
                return "axis", "s3prl"
            case "pin" | "override" | "extra":
                return "package", canonicalize_name(Requirement(self.value).name)
            case "shim":
                return self.kind, self.value
            case _:
                return self.kind, self.parts[0]

    @property
    def parts(self) -> tuple[str, str]:
        """What stands before and after the ``=`` of an ``axis``, ``config``, ``file`` or ``variable`` change."""
        name, _, value = self.value.partition("=")
        return name, value


def _problem(change: Change) -> str | None:
    match change.kind:
        case "pin" | "override":
            return _pin_problem(change.value)
        case "extra" if change.value.partition("==")[0] in AXIS_DISTRIBUTIONS:
            return "that is an axis; make it a change of kind 'axis'"
        case "axis":
            name, value = change.parts
            return None if _is_version(value.removeprefix(f"{FORK} ")) else f"'{value}' is no version of {name}"
        case "variable" if change.parts[0] in RESERVED_VARIABLES:
            return "the harness sets this variable itself; a probe without its value would not be one"
        case "shim" if not (SHIMS / f"{change.value}.py").is_file():
            known = ", ".join(sorted(file.stem for file in SHIMS.glob("[!_]*.py")))
            return f"there is no such file in asrcompat/lab/shims; there are {known}"
    return None


def _pin_problem(value: str) -> str | None:
    try:
        requirement = Requirement(value)
    except InvalidRequirement as error:
        return f"that is no requirement: {str(error).splitlines()[0]}"
    if canonicalize_name(requirement.name) in AXIS_DISTRIBUTIONS:
        return "that is an axis; make it a change of kind 'axis'"
    return None


def _is_version(value: str) -> bool:
    if value == NEWEST:
        return True
    try:
        Version(value)
    except InvalidVersion:
        return False
    return True


def in_words(kind: str, value: str) -> str:
    """A change in a few words: what is a package's is told by its value alone."""
    return value if kind in PACKAGE_KINDS and kind != "override" else f"{kind} {value}"


def all_in_words(changes: Iterable[Mapping[str, str]]) -> str:
    """Changes as a remedy has them, in a few words."""
    return " and ".join(in_words(one["kind"], one["value"]) for one in changes)


def in_order(changes: Collection[Change]) -> tuple[Change, ...]:
    """The same changes, those of packages first: equal sets are equal, whoever made them up.

    Of several with one target, the last one is left: two versions of one package are no set to try.
    """
    changes = {one.target: one for one in changes}.values()
    kinds = [*PACKAGE_KINDS, *(kind for kind in _FORMS if kind not in PACKAGE_KINDS)]
    return tuple(sorted(changes, key=lambda one: (kinds.index(one.kind), one.value)))


def variant_id(base: str, changes: Collection[Change]) -> str:
    """A base's id with '+' and a slug for each change; that of packages' changes alone is a beginning of it."""
    identity = "+".join([base, *map(_slug, in_order(changes))])
    if len(identity) <= _LONGEST:
        return identity
    return f"{identity[: _LONGEST - 9]}-{sha256(identity.encode()).hexdigest()[:8]}"


def _slug(change: Change) -> str:
    text = str(change).replace(" -> ", "-to-")
    for operator, word in _OPERATORS:
        text = text.replace(operator, word)
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.")
    # what the slug leaves out must not make two changes one
    return slug if _PLAIN.fullmatch(str(change)) else f"{slug}-{sha256(str(change).encode()).hexdigest()[:6]}"
