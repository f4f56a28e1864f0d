"""The ``cover`` table of a profile: releases named by selectors, of which a plan covers every pair that can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from .fields import STRICT, Days, Pythons, S3prlSelectors, Selector, about

PackageName = Literal["torch", "transformers", "s3prl", "espnet-s3prl", "espnet"]


@dataclass(frozen=True, kw_only=True)
class Covering:
    """What is to be covered: of each axis the releases that a selector takes (grammar: `spec.selector`)."""

    __pydantic_config__ = STRICT

    python: Annotated[Pythons, Field(min_length=1), about("Python versions, as X.Y")]
    torch: Annotated[Selector, about('releases of torch, such as "2.3.1, newest 2 minors"')]
    transformers: Annotated[Selector, about("releases of transformers")]
    s3prl: Annotated[S3prlSelectors, about("releases of s3prl, or 'espnet-s3prl <selector>'; or a list of such")]
    espnet: Annotated[Selector, about("releases of espnet")]
    environments: Annotated[int, Field(ge=1), about("at most so many, the most valuable first; those kept in count")]
    seed: Annotated[int, Field(ge=0), about("the same seed and releases give the same plan")] = 0
    cool_off_days: Annotated[
        Mapping[PackageName, Days], about("releases of a package that are younger than this are left for later")
    ] = field(default_factory=dict)
