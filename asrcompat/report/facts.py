"""The sentences and lists that say what was run, where, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asrcompat.model import Outcome
from asrcompat.offered import lacking
from asrcompat.report import words

if TYPE_CHECKING:
    from asrcompat.model import Results


def intro(results: Results) -> str:
    """Say in a paragraph what was run."""
    told = ", ".join(words.facts_line(results.host, ("os", "machine", "cpu", "cuda_devices")))
    host = f" on {told}" if told else ""
    several = len({environment.commit for environment in results.environments}) > 1
    runs = " Environments of several runs: see each." if several else ""
    return (
        f"Model {results.model} with weights {results.weights} ({words.WEIGHTS[results.weights]}). "
        f"Profile {results.profile}, run{host}, {results.generated_at}, by asrcompat {harness(results)}.{runs}"
    )


def harness(results: Results) -> str:
    """Name the harness by version and commit, and by whatever else it says of itself."""
    known = dict(results.harness)
    version = known.pop("version", "")
    return " ".join(filter(None, [version, *(f"{name} {value}" for name, value in known.items() if value)]))


def summary(results: Results) -> str:
    """Count the cells by outcome, and how many of the broken ones are of paths that an environment does not offer."""
    counted = ((outcome, sum(cell.outcome is outcome for cell in results.cells)) for outcome in Outcome)
    absent = sum(lacking(cell) is not None for cell in results.cells)
    besides = {Outcome.BROKEN: f" ({absent} of them not offered)"} if absent else {}
    cells = words.plural(len(results.cells), "cell")
    environments = words.plural(len(results.environments), "environment")
    counts = ", ".join(f"{count} {outcome}{besides.get(outcome, '')}" for outcome, count in counted if count)
    return f"{cells} in {environments}: {counts}." if counts else f"{cells} in {environments}."


def host(results: Results) -> tuple[tuple[str, str], ...]:
    """List everything known of the host, and of other hosts that took part."""
    lines = list(words.facts(results.host, without=("others",)))
    for number, other in enumerate(results.host.get("others") or (), start=2):
        lines += [(f"host {number}, {name}", text) for name, text in words.facts(other)]
    return tuple(lines)


def comparison(results: Results) -> tuple[tuple[str, str], ...]:
    """List how the real weights differ from the fixture, where that was compared."""
    return words.facts(results.weights_comparison or {})
