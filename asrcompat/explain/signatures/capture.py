"""Keep tracebacks of results as the catalogue's proofs: one file a signature, which tests classify again.

    python -m asrcompat.explain.signatures.capture RESULT.json [RESULT.json …] [--into FOLDER] [--again]

Of each recognised failure that has no file yet (with `--again`: of each one) the first traceback is written, the ones
that decided an outcome before those of findings, without this machine's folders.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict

from asrcompat.adapters import adapter
from asrcompat.explain.signatures.classify import classify
from asrcompat.explain.signatures.entry import Signature, load_catalogue
from asrcompat.explain.signatures.facts import FAILED, Facts, facts_of_check
from asrcompat.model import Cell, Check, Device, Environment, EnvironmentResult
from asrcompat.result_files import parse_environment_result, parse_results

FOLDER = Path("tests/tracebacks")

# What `run.scrub` leaves: a checkout that is not the folder of matrix.toml, and folders that only a message names.
_PROBE = re.compile(r"(?<![\w>~])/[^\s\"']*?(?=/asrcompat/probe/)")
_LOCAL = re.compile(r"(?<![\w>:/])/(?:tmp|root|home|work|Users|mnt)\b[^\s\"',:)]*")
_KEPT = ("exception", "causes", "traceback")


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A failed check as this project's own run found it, and where: versions and time.

    `code` is the digest of what gave, probed and judged (`asrcompat.run.code`), which holds whatever becomes of the
    repository's history; `commit` is what the harness called its own at that time.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    schema: Literal[1]
    environment: str
    versions: Mapping[str, str]
    path: str
    device: Device
    weights: str
    commit: str
    ran_at: str
    check: Check
    code: str | None = None

    @property
    def facts(self) -> Facts:
        """What classification sees of it."""
        return facts_of_check(self.check)


def read(file: Path) -> Capture:
    """A kept capture; raises pydantic's `ValidationError` where the file is none."""
    return adapter(Capture).validate_json(file.read_bytes())


def captures(results: Sequence[EnvironmentResult], catalogue: Mapping[str, Signature]) -> dict[str, Capture]:
    """The first capture of each signature met, by its id: deciding checks come before findings."""
    failed = [(result, cell, check) for result in results for cell, check in _failed(result)]
    found: dict[str, Capture] = {}
    for result, cell, check in sorted(failed, key=lambda one: not one[2].required):
        signature = classify(facts_of_check(check), catalogue.values())
        if signature is not None and signature.id not in found:
            found[signature.id] = _capture(result, cell, check)
    return found


def _failed(result: EnvironmentResult) -> Iterator[tuple[Cell, Check]]:
    for cell in result.cells:
        for check in cell.checks:
            if check.outcome in FAILED and check.data.get("exception"):
                yield cell, check


def _capture(result: EnvironmentResult, cell: Cell, check: Check) -> Capture:
    environment = result.environment
    versions = {"python": environment.python, **environment.packages}
    if cell.evidence is not None:
        versions |= cell.evidence.versions
    data = {key: _scrubbed(check.data[key]) for key in _KEPT if key in check.data}
    return Capture(
        schema=1,
        environment=environment.id,
        versions=dict(sorted(versions.items())),
        path=cell.path,
        device=cell.device,
        weights=result.weights,
        commit=result.harness.get("commit", environment.commit or "unknown"),
        ran_at=environment.ran_at or result.generated_at,
        code=environment.code,
        check=dataclasses.replace(check, message=_scrubbed(check.message), data=data),
    )


def _scrubbed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_scrubbed(one) for one in value]
    if not isinstance(value, str):
        return value
    return _LOCAL.sub("<path>", _PROBE.sub("<checkout>", value))


def _read_results(file: Path) -> Iterator[EnvironmentResult]:
    """One environment's results, or all those of a published ``results.json``."""
    text = file.read_bytes()
    if b'"environments"' not in text:
        yield parse_environment_result(text, source=str(file))
        return
    whole = parse_results(text, source=str(file))
    for environment in whole.environments:
        yield EnvironmentResult(
            schema=1,
            model=whole.model,
            weights=whole.weights,
            generated_at=environment.ran_at or whole.generated_at,
            harness={**whole.harness, **_commit(environment)},
            host=whole.host,
            environment=environment,
            cells=tuple(cell for cell in whole.cells if cell.environment == environment.id),
        )


def _commit(environment: Environment) -> dict[str, str]:
    return {"commit": environment.commit} if environment.commit else {}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write what is missing, and say what was written."""
    parser = argparse.ArgumentParser(prog="capture", description="Keep tracebacks of recognised failures.")
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULT.json", help="an environment's, or a report's")
    parser.add_argument("--into", type=Path, default=FOLDER, help=f"folder to write to ({FOLDER})")
    parser.add_argument("--again", action="store_true", help="write over captures that are there")
    given = parser.parse_args(arguments)
    results = [result for file in given.results for result in _read_results(file)]
    given.into.mkdir(parents=True, exist_ok=True)
    for identity, capture in sorted(captures(results, load_catalogue()).items()):
        file = given.into / f"{identity}.json"
        if given.again or not file.exists():
            text = json.dumps(dataclasses.asdict(capture), indent=2, ensure_ascii=False)
            file.write_text(text + "\n", encoding="utf-8")
            print(f"{file}: {capture.environment}, {capture.path}, {capture.check.id}")


if __name__ == "__main__":
    main()
