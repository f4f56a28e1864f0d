"""The shape of matrix.toml: its tables as classes, from which the JSON Schema for editors is made too.

What can be checked by looking at one value is checked by its type (see `fields`); what concerns several is in `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from asrcompat.model import Device, Weights

from .covering import Covering
from .fields import (
    STRICT,
    AxisVersion,
    Day,
    ExtraDistribution,
    Jobs,
    Name,
    PinRequirement,
    Positive,
    PythonVersion,
    S3prlVersion,
    Specifiers,
    Text,
    Url,
    Values,
    about,
)

AxisName = Literal["python", "torch", "torchaudio", "transformers", "s3prl", "espnet"]
When = Mapping[AxisName, Specifiers]
FindingGroup = Literal["audio", "precision", "finetuning", "claims", "recipe"]
NonEmpty = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Model:
    """The checkpoint: its name on the hub, and which weights stand in for it."""

    __pydantic_config__ = STRICT

    name: Annotated[Name, about("name of the checkpoint's repository on the Hugging Face Hub")]
    weights: Annotated[Weights, about("synthetic-small (quick), synthetic-base (true size) or hub (the real ones)")]


@dataclass(frozen=True, kw_only=True)
class TorchaudioRule:
    """How torchaudio is chosen: by torch, unless a grid names it."""

    __pydantic_config__ = STRICT

    follows: Annotated[
        Literal["torch"], about("the axis that decides: 1.Y.Z goes with 0.Y.Z, later ones share the number")
    ]
    reason: Annotated[Text, about("why this rule is needed")]


@dataclass(frozen=True, kw_only=True)
class Axes:
    """The values each axis may take."""

    __pydantic_config__ = STRICT

    python: Annotated[tuple[PythonVersion, ...], NonEmpty, about("Python versions, as X.Y")]
    torch: Annotated[tuple[AxisVersion, ...], NonEmpty, about("versions of torch, or newest")]
    transformers: Annotated[tuple[AxisVersion, ...], NonEmpty, about("versions of transformers, or newest")]
    s3prl: Annotated[
        tuple[S3prlVersion, ...], NonEmpty, about("versions of s3prl, or newest, or 'espnet-s3prl <version>'")
    ]
    espnet: Annotated[tuple[AxisVersion, ...], NonEmpty, about("versions of espnet, or newest")]
    torchaudio: Annotated[TorchaudioRule, about("the rule by which torchaudio follows torch")]


@dataclass(frozen=True, kw_only=True)
class GridEntry:
    """Environments of a profile: every product of the values of one entry."""

    __pydantic_config__ = STRICT

    python: Annotated[Values, about("one or more values of the python axis")]
    torch: Annotated[Values, about("one or more values of the torch axis")]
    transformers: Annotated[Values, about("one or more values of the transformers axis")]
    s3prl: Annotated[Values, about("one or more values of the s3prl axis")]
    espnet: Annotated[Values, about("one or more values of the espnet axis")]
    torchaudio: Annotated[AxisVersion | None, about("a torchaudio that does not follow the rule")] = None
    extras: Annotated[tuple[ExtraDistribution, ...], about("what else is asked for, as name==version")] = ()
    pins: Annotated[tuple[PinRequirement, ...], about("extra requirements for these environments")] = ()
    overrides: Annotated[tuple[PinRequirement, ...], about("requirements in place of what packages ask for")] = ()
    reason: Annotated[Text | None, about("why the pins and overrides are needed")] = None
    paths: Annotated[
        tuple[str, ...], NonEmpty, about("the only ways to load the checkpoint to try here, in place of [probe]'s")
    ] = ()
    as_of: Annotated[Day | None, about("as the index stood on this day, YYYY-MM-DD: nothing later is installed")] = None
    recipe: Annotated[bool, about("whether the toolkit's own recipe is run in these environments")] = False


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A named choice of environments."""

    __pydantic_config__ = STRICT

    description: Annotated[Text, about("what this profile is for")]
    grid: Annotated[
        tuple[GridEntry, ...],
        NonEmpty,
        about("the environments: products of axis values; beside `cover`, those to keep in whatever else is covered"),
    ] = ()
    cover: Annotated[Covering | None, about("what further environments are to cover, chosen from an index")] = None
    findings: Annotated[bool, about("whether what [probe.findings] has is tried; without, results are kept apart")] = (
        True
    )
    default: Annotated[bool, about("whether this profile is run where none is named")] = False
    weights: Annotated[Weights | None, about("weights for this profile in place of the model's")] = None
    paths: Annotated[
        tuple[str, ...],
        NonEmpty,
        about("ways to load the checkpoint for this profile in place of [probe]'s, but where a grid has its own"),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class PinRule:
    """Extra requirements for the environments that match, with the reason."""

    __pydantic_config__ = STRICT

    when: Annotated[When, about("which environments: axis = specifier; all must match")]
    requirements: Annotated[tuple[PinRequirement, ...], NonEmpty, about("requirements by PEP 508")]
    reason: Annotated[Text, about("why the environments do not work without")]


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """Environments that are not to be run, with the reason."""

    __pydantic_config__ = STRICT

    when: Annotated[When, NonEmpty, about("which environments: axis = specifier; all must match")]
    reason: Annotated[Text, about("why they are not run")]


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """What is tried in every environment."""

    __pydantic_config__ = STRICT

    paths: Annotated[tuple[str, ...], NonEmpty, about("ways to load the checkpoint: files of asrcompat/probe/paths")]
    devices: Annotated[tuple[Device, ...], NonEmpty, about("devices to try")]
    seed: Annotated[int, Field(ge=0), about("seed of everything random")]
    trials: Annotated[int, Field(ge=1), about("train-mode steps, each with its own seed")]
    tolerance: Annotated[Positive, about("largest absolute difference of features from a reference")]
    findings: Annotated[
        Mapping[FindingGroup, Positive],
        about("what is tried after the climb, and for how many seconds in one cell; a group left out is not tried"),
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Deadlines and sizes, so that one bad release cannot hold up the rest."""

    __pydantic_config__ = STRICT

    resolve_seconds: Annotated[Positive, about("for resolving one environment")]
    install_seconds: Annotated[Positive, about("for installing one environment")]
    import_seconds: Annotated[Positive, about("for importing a path's modules")]
    cell_seconds: Annotated[Positive, about("for one path on one device, load to step")]
    train_seconds: Annotated[Positive, about("for its trials, and its own training loop")]
    silence_seconds: Annotated[Positive, about("without a finished check or a line of output")]
    memory_gb: Annotated[Positive, about("per probe process, in gigabytes")]
    output_mb: Annotated[Positive, about("printed by one path, in megabytes")]
    jobs: Annotated[Jobs, about('environments at once: a number, or "auto" for as memory and cores allow')]


@dataclass(frozen=True, kw_only=True)
class Index:
    """Where packages come from. Without `url` the installer's own default holds."""

    __pydantic_config__ = STRICT

    lock_hours: Annotated[float, Field(ge=0, allow_inf_nan=False), about("a lock younger than this is used again")]
    torch_cpu: Annotated[
        Url | None, about("index of CPU builds of torch, used where reachable and no CUDA is asked for")
    ] = None
    url: Annotated[Url | None, about("package index in place of the default one")] = None
    find_links: Annotated[tuple[Name, ...], about("folders or pages of distributions to look at as well")] = ()


@dataclass(frozen=True, kw_only=True)
class Document:
    """matrix.toml: what is tested."""

    __pydantic_config__ = STRICT

    schema: Annotated[Literal[1], about("the version of this file's form: 1")]
    model: Annotated[Model, about("the checkpoint")]
    axes: Annotated[Axes, about("the values each axis may take")]
    profiles: Annotated[Mapping[str, Profile], NonEmpty, about("named choices of environments")]
    probe: Annotated[ProbeSettings, about("what is tried in every environment")]
    limits: Annotated[Limits, about("deadlines and sizes")]
    index: Annotated[Index, about("where packages come from")]
    pins: Annotated[tuple[PinRule, ...], about("extra requirements for matching environments")] = ()
    exclude: Annotated[tuple[Exclusion, ...], about("environments that are not to be run")] = ()
