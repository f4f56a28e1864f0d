"""From a row of a plan to an environment, and from matrix.toml's exclusions to what a plan must not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from packaging.version import Version

from asrcompat.plan.space import Ban, Row
from asrcompat.run.lock import Lock
from asrcompat.spec import Exclusion, GridEntry, PinRule, Request, general_pins, matches, torchaudio_for
from asrcompat.spec.document import When
from asrcompat.spec.expand import products
from asrcompat.spec.fields import FORK


def entry_of(row: Row) -> GridEntry:
    """The row as a grid's entry of one environment."""
    return GridEntry(
        python=(row["python"],),
        torch=(row["torch"],),
        transformers=(row["transformers"],),
        s3prl=(row["s3prl"],),
        espnet=(row["espnet"],),
    )


def request_of(row: Row, pins: Sequence[PinRule]) -> Request:
    """The environment that a row stands for, with the pins that apply."""
    (request,) = products(entry_of(row))
    return request.with_pins(general_pins(pins, request))


def row_of(request: Request, axes: Mapping[str, Sequence[str]], lock: Lock, *, as_of: str | None) -> Row | None:
    """The row that an environment is, by its lock; None where it is more than values of these axes.

    So is one of another day than `as_of`. A build of torch is one of its version.
    """
    public = {name: Version(version).public for name, version in lock.axis_versions.items()}
    versions = {**public, FORK: f"{FORK} {public.get(FORK)}", "python": request.python}
    row = {axis: versions.get(request.s3prl_distribution if axis == "s3prl" else axis, "") for axis in axes}
    more = request.extras or request.overrides or request.as_of != as_of
    plain = not more and request.torchaudio == torchaudio_for(request.torch)
    return row if plain and all(row[axis] in values for axis, values in axes.items()) else None


def excluded(rules: Sequence[Exclusion], axes: Mapping[str, Sequence[str]]) -> Iterator[Ban]:
    """What the rules take out of a plan with these axes; a rule that matches none of their values takes nothing."""
    for rule in rules:
        for chosen in matching(rule.when, axes):
            yield Ban(choices=frozenset(chosen.items()), reason=f"excluded in matrix.toml: {rule.reason}")


def matching(when: When, axes: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """The values of axes that a rule matches, each with those of the other axes it names."""
    # torchaudio follows torch: a rule on it is one on torch
    named = tuple(dict.fromkeys("torch" if axis == "torchaudio" else axis for axis in when))
    for values in product(*(axes[axis] for axis in named)):
        chosen: dict[str, str] = dict(zip(named, values, strict=True))
        any_row = {axis: chosen.get(axis, choices[0]) for axis, choices in axes.items()}
        if matches(when, next(iter(products(entry_of(any_row))))):
            yield chosen
