"""What lies next to a failure: whether a neighbour fails as well tells which of the versions the failure is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from packaging.version import Version

from asrcompat.model import Environment
from asrcompat.plan.space import Row
from asrcompat.spec.fields import FORK

_S3PRL = "s3prl"
_AXES = ("python", "torch", "transformers", _S3PRL, "espnet")


def next_to(surprising: Sequence[Row], axes: Mapping[str, Sequence[str]], known: Sequence[Row]) -> Iterator[Row]:
    """The rows one step from these along one axis, each once, but those known; rows on other axes have none."""
    told = [dict(row) for row in known]
    for row in surprising:
        if not all(row.get(axis) in values for axis, values in axes.items()):
            continue
        for axis, values in axes.items():
            place = values.index(row[axis])
            for value in (*values[max(place - 1, 0) : place], *values[place + 1 : place + 2]):
                near = {**row, axis: value}
                if near not in told:
                    told.append(near)
                    yield near


def row_that_ran(environment: Environment) -> Row | None:
    """The row that an environment of a report was; None where it was more than values of a plan's axes."""
    versions = {name: Version(version).public for name, version in environment.packages.items()}
    if FORK in versions:
        versions[_S3PRL] = f"{FORK} {versions.pop(FORK)}"
    versions["python"] = ".".join(environment.python.split(".")[:2])
    versions.pop("torchaudio", None)
    more = versions.keys() != set(_AXES) or environment.as_of or environment.derived_from
    return None if more else {axis: versions[axis] for axis in _AXES}
