"""The same probe as the matrix's, on an environment as it is; nothing is written beside it, bytecode neither."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256

from asrcompat.doctor import given as own
from asrcompat.doctor.declared import conflicts
from asrcompat.doctor.given import Given
from asrcompat.doctor.patient import Patient
from asrcompat.model import Environment, EnvironmentResult
from asrcompat.run import code, host
from asrcompat.run.cells import Progress, Settings, Subject, probe_everywhere
from asrcompat.run.hold import alone
from asrcompat.run.inputs import prepare_inputs
from asrcompat.run.paths import path_files
from asrcompat.run.scrub import encodable

_CONFLICTS_TOLD = 8
_DIGITS = 6  # of the listing's hash, in an id


def environment_of(patient: Patient, name: str) -> Environment:
    """The environment as results tell of it: found on the host `name`, and not built from a lock.

    Versions of the axes do not tell two environments apart, nor need a host's name be the only one of its kind: part
    of the id is what else is installed.
    """
    disagreements = list(conflicts(patient))
    more = len(disagreements) - _CONFLICTS_TOLD
    told = disagreements[:_CONFLICTS_TOLD] + ([f"and {more} more"] if more > 0 else [])
    digest = sha256(_listing(name, patient.lines).encode()).hexdigest()
    host_part = re.sub(r"[^A-Za-z0-9_.]+", "_", name) or "host"
    identity = f"{patient.identity(host_part)}-{digest[:_DIGITS]}"
    return Environment(
        id=identity,
        python=".".join(patient.version.split(".")[:2]),
        packages=patient.packages,
        declared="conflict" if disagreements else "ok",
        declared_reason="; ".join(told) or None,
        installable="unknown",
        lock=f"locks/{identity}.txt",
        lock_sha256=digest,
        host=name,
        installed=patient.lines,
        reason="; ".join(_remarks(patient)),
    )


def _remarks(patient: Patient) -> Iterator[str]:
    """What a reader of its row has to know, wherever that is read."""
    yield "probed as it was found; its lock lists what is installed, without hashes"
    came = [(patient.installed[name], patient.installed[name].origin) for name in patient.packages]
    others = [f"{one.name} {one.version} ({origin.url})" for one, origin in came if origin is not None]
    if others:
        yield f"no release from an index: {', '.join(others)}"
    yield from patient.unseen
    if patient.elsewhere:
        yield f"its interpreter uses {patient.told_elsewhere} from there, and the probe did not"


def listing(environment: Environment) -> str:
    """The lock of an environment that was found: what is in it, which nobody can install with hashes."""
    return _listing(environment.host, environment.installed)


def _listing(host: str | None, installed: Sequence[str]) -> str:
    head = f"# found installed on host {host}, not resolved: no hashes"
    return encodable("\n".join([head, *installed]) + "\n")


def examine(
    patient: Patient, settings: Settings, *, name: str, given: Given | None, tell: Progress
) -> EnvironmentResult:
    """Probe the patient on every device; with `given`, a person's own configuration in place of the paths.

    Two doctors of one environment wait for each other: neither may take away what the other probes with.
    """
    environment = environment_of(patient, name)
    before = code.digest(settings)
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
        code=code.throughout(before, settings),
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
