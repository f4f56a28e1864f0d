"""The same probe as the matrix's, on an environment as it is; nothing is written beside it, bytecode neither."""

from __future__ import annotations

import datetime
import re
import time
from dataclasses import replace
from hashlib import sha256

from asrcompat.doctor import given as own
from asrcompat.doctor.declared import conflicts
from asrcompat.doctor.given import Given
from asrcompat.doctor.patient import Patient
from asrcompat.model import Environment, EnvironmentResult
from asrcompat.run import code, host
from asrcompat.run.cells import Progress, Settings, Subject, probe_everywhere
from asrcompat.run.environment import alone
from asrcompat.run.inputs import prepare_inputs
from asrcompat.run.paths import path_files

_CONFLICTS_TOLD = 8


def environment_of(patient: Patient, name: str) -> Environment:
    """The environment as results tell of it: found on the host `name`, and not built from a lock."""
    identity = patient.identity(re.sub(r"[^A-Za-z0-9_.]+", "_", name) or "host")
    disagreements = list(conflicts(patient))
    more = len(disagreements) - _CONFLICTS_TOLD
    told = disagreements[:_CONFLICTS_TOLD] + ([f"and {more} more"] if more > 0 else [])
    environment = Environment(
        id=identity,
        python=".".join(patient.version.split(".")[:2]),
        packages=patient.packages,
        declared="conflict" if disagreements else "ok",
        declared_reason="; ".join(told) or None,
        installable="unknown",
        lock=f"locks/{identity}.txt",
        host=name,
        installed=patient.lines,
        reason="probed as it was found; its lock lists what is installed, without hashes",
    )
    return replace(environment, lock_sha256=sha256(listing(environment).encode()).hexdigest())


def listing(environment: Environment) -> str:
    """The lock of an environment that was found: what is in it, which nobody can install with hashes."""
    head = f"# found installed on host {environment.host}, not resolved: no hashes"
    return "\n".join([head, *environment.installed]) + "\n"


def examine(
    patient: Patient, settings: Settings, *, name: str, given: Given | None, tell: Progress
) -> EnvironmentResult:
    """Probe the patient on every device; with `given`, a person's own configuration in place of the paths.

    Two doctors of one environment wait for each other: neither may take away what the other probes with.
    """
    environment = environment_of(patient, name)
    inputs = prepare_inputs(
        model=settings.model, weights=settings.weights, fixtures=settings.fixtures, work=settings.work
    )
    files = path_files(settings.paths)
    fixtures, model = settings.fixtures, settings.model
    subject = Subject(
        identity=environment.id,
        python=patient.python,
        distributions=tuple(environment.packages),
        write_bytecode=False,
    )
    with alone(settings.work / "probe" / environment.id, tell):
        started = time.monotonic()
        if given is not None:
            folder = settings.work / "doctor" / environment.id
            fixtures = own.lay_out(given, folder, model=model, fixtures=settings.fixtures)
            files = {own.PATH: own.FILE}
            if not given.is_of(model):
                inputs, model = own.without_reference(inputs), given.model or f"as {given.config.name} says"
            settings = replace(settings, findings=own.FINDINGS)
        cells, facts = probe_everywhere(subject, files, inputs, settings, tell=tell, fixtures=fixtures)
        seconds = round(time.monotonic() - started, 1)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    harness = host.harness(settings.root)
    done = replace(
        environment,
        build=facts,
        seconds={"probe": seconds},
        ran_at=now,
        commit=harness["commit"],
        code=code.digest(settings.fixtures),
    )
    return EnvironmentResult(
        schema=1,
        model=model,
        weights=settings.weights,
        generated_at=now,
        harness=harness,
        host=host.facts(),
        environment=done,
        cells=tuple(cells),
        weights_comparison=inputs.weights_comparison,
    )
