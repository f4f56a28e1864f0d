"""The stored reference: samples of the features of synthetic weights, computed once and kept in the repository.

All paths of an environment are compared with features that the harness computes itself. Were its arithmetic, numpy,
or the generator of weights to drift, everything would be compared with something wrong, and drifts that the packages
share would go unseen. So ``fixtures/reference/<weights>.json`` keeps a few hundred values of each layer, and the
environment that computed them, and a computed reference is checked against it. It holds for the checkpoint,
configuration and speech whose hashes it names, and for no others.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from asrcompat import __version__
from asrcompat.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

# Computed in float64 and rounded once: beyond a few roundings of float32 it is another computation. A path's own
# tolerance is ten times this.
TOLERANCE = 1e-5

_SAMPLES = 256
_DIGITS = 9  # enough to tell any two float32 apart


@dataclass(frozen=True, kw_only=True)
class Computed:
    """Features by kind of input, each [layers, utterances, frames, width], and the hashes of what they follow from."""

    features: Mapping[str, NDArray[np.float32]]
    lengths: tuple[int, ...]
    sources: Mapping[str, str]


def stored_reference(fixtures: Path, weights: str) -> Path:
    """Where the stored reference of synthetic weights is."""
    return fixtures / "reference" / f"{weights}.json"


def environment() -> dict[str, str]:
    """What computes here."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "harness": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
    }


def describe(computed: Computed) -> dict[str, Any]:
    """The stored form."""
    samples = {kind: _sampled(values, computed.lengths) for kind, values in computed.features.items()}
    return {
        "environment": environment(),
        "sources": dict(computed.sources),
        "shape": list(next(iter(computed.features.values())).shape),
        "lengths": list(computed.lengths),
        "samples": {
            kind: [[float(f"{value:.{_DIGITS}g}") for value in layer] for layer in layers.tolist()]
            for kind, layers in samples.items()
        },
    }


def check(computed: Computed, file: Path) -> None:
    """Compare with the stored form in `file`; `HarnessError` says what differs, and how to renew it."""
    renew = f"python -m asrcompat.hub.renew {file.stem}"
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        then, sources = dict(stored["environment"]), dict(stored["sources"])
        samples = {kind: np.array(stored["samples"][kind], dtype=np.float64) for kind in computed.features}
    except (OSError, ValueError, LookupError, TypeError) as error:
        message = f"{file}: no stored reference to check with: {type(error).__name__}: {error}; {renew} makes it"
        raise HarnessError(message) from error
    named = sources.keys() | computed.sources.keys()
    changed = sorted(source for source in named if sources.get(source) != computed.sources.get(source))
    if changed:
        message = (
            f"{file}: the stored reference is of another fixture: {', '.join(changed)} changed since "
            f"{then.get('date')}. Results would not be comparable with older ones; if the change is meant, {renew}"
        )
        raise HarnessError(message)
    for kind, values in computed.features.items():
        _compare(kind, _sampled(values, computed.lengths), samples[kind], f"{file}, computed with {then}", renew)


def _compare(kind: str, now: NDArray[np.float64], then: NDArray[np.float64], origin: str, renew: str) -> None:
    if now.shape != then.shape:
        message = f"reference features ({kind} input) have {now.shape} samples, {then.shape} in {origin}; {renew}"
        raise HarnessError(message)
    distance = np.abs(now - then).max(axis=1)
    # A value that is not a number is no agreement.
    drifted = ~(distance <= TOLERANCE)
    if drifted.any():
        first = int(np.argmax(drifted))
        message = (
            f"the harness's own reference has drifted: with {kind} input, layer {first} is the first to differ, by "
            f"{distance[first]:.3g} (at most {TOLERANCE:g} is rounding) from {origin}; here: {environment()}. "
            f"No result can be trusted until this is explained; if the change is meant, {renew}"
        )
        raise HarnessError(message)


def _sampled(features: NDArray[np.float32], lengths: tuple[int, ...]) -> NDArray[np.float64]:
    """So many values of each layer, over the valid frames of all utterances: [layers, samples]."""
    valid = np.concatenate([features[:, row, :length] for row, length in enumerate(lengths)], axis=1)
    flat = valid.reshape(len(valid), -1)
    # Multiples of the golden ratio fall evenly, and never in step with the width.
    positions = [(number * 2654435769 % 2**32) * flat.shape[1] >> 32 for number in range(_SAMPLES)]
    return flat[:, positions].astype(np.float64)
