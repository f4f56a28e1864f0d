"""Results for tests: every function gives a self-consistent value, and keywords change what a test is about."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

from asrcompat.explain.judge import judge_failures
from asrcompat.model import (
    Cell,
    Check,
    CheckOutcome,
    Device,
    Environment,
    EnvironmentResult,
    Evidence,
    Features,
    Outcome,
    Remedy,
    RemedyCell,
    Results,
    Stage,
    Trials,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
MOMENT = "2026-11-22T19:00:00+00:00"
PATHS = ("transformers", "s3prl-hf", "espnet-s3prl")
PROBED = (Stage.IMPORT, Stage.LOAD, Stage.FEATURES, Stage.FORWARD, Stage.BACKWARD, Stage.STEP, Stage.TRAIN)

HARNESS = {"version": "0.1.0", "commit": "c057ff8a1c62"}
HOST = {"os": "Linux 6.1", "machine": "x86_64", "cpu": "Example CPU @ 2.0 GHz", "cores": 2, "cuda_devices": []}

PREPROCESSOR = (
    f"{MODEL} does not appear to have a file named preprocessor_config.json. "
    f"Checkout 'https://huggingface.co/{MODEL}/tree/main' for available files."
)
TRACEBACK = f"""Traceback (most recent call last):
  File "probe.py", line 7, in load
    raise OSError(message)
OSError: {PREPROCESSOR}
"""


def make_environment(identity: str = "py3.10-torch2.3.1-s3prl0.4.15", **changes: Any) -> Environment:
    """Make an environment that resolved and installed."""
    environment = Environment(
        id=identity,
        python="3.10",
        packages={
            "torch": "2.3.1",
            "torchaudio": "2.3.1",
            "s3prl": "0.4.15",
            "espnet": "202402",
            "transformers": "4.41.2",
        },
        torch_build="cu121",
        declared="ok",
        installable="ok",
        lock=f"locks/{identity}.txt",
        lock_sha256=hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest(),
        index="https://pypi.org/simple",
        pins=("setuptools<81",),
        build={
            "torch": "2.3.1+cu121",
            "cuda": "12.1",
            "threads": 1,
            "architectures": ["sm_50", "sm_90"],
            "least_driver": "525.60.13",
        },
        seconds={"resolve": 6.5, "install": 44.0, "probe": 92.25},
        code="c0de",
    )
    return dataclasses.replace(environment, **changes)


def make_check(stage: Stage, outcome: CheckOutcome = CheckOutcome.PASSED, **changes: Any) -> Check:
    """Make a required check."""
    return dataclasses.replace(
        Check(id=f"{stage}-ok", stage=stage, required=True, outcome=outcome, seconds=0.5), **changes
    )


def make_evidence(environment: Environment, **changes: Any) -> Evidence:
    """Proof of a run of this environment."""
    evidence = Evidence(
        pid=4711,
        started="2026-11-22T18:58:00.000+00:00",
        log_sha256=hashlib.sha256(b"log").hexdigest(),
        versions={**environment.packages, "numpy": "1.26.4"},
        mode="forked",
    )
    return dataclasses.replace(evidence, **changes)


def make_cell(
    environment: Environment | None = None,
    path: str = "transformers",
    outcome: Outcome = Outcome.WORKS,
    failed: Stage | None = None,
    **changes: Any,
) -> Cell:
    """Make a cell that worked up to `train`, or that failed at `failed` in the way its outcome says."""
    environment = environment or make_environment()
    cell = Cell(
        environment=environment.id,
        path=path,
        device=Device.CPU,
        outcome=outcome,
        stage=Stage.TRAIN,
        passed=Stage.TRAIN,
        checks=tuple(make_check(stage) for stage in PROBED),
        features=Features(width=768, frames=99, parity=2.5e-06, follows="raw"),
        trials=Trials(passed=20, of=20),
        evidence=make_evidence(environment),
        seconds={stage.value: 1.5 for stage in PROBED},
    )
    if outcome in (Outcome.BROKEN, Outcome.UNSTABLE, Outcome.ERROR):
        stage = failed or (Stage.TRAIN if outcome is Outcome.UNSTABLE else Stage.LOAD)
        cell = _failed(
            cell, stage, str(changes.get("message", PREPROCESSOR)), str(changes.get("exception", raised(stage)))
        )
    if outcome is Outcome.UNAVAILABLE:
        cell = Cell(environment=environment.id, path=path, device=Device.CPU, outcome=outcome, message="no CUDA device")
    return dataclasses.replace(cell, **changes)


def raised(failed: Stage) -> str:
    """Name the exception of a failure at this stage."""
    return {Stage.RESOLVE: "ResolutionConflict", Stage.INSTALL: "BuildFailed"}.get(failed, "OSError")


def _failed(cell: Cell, failed: Stage, message: str, exception: str) -> Cell:
    unstable = cell.outcome is Outcome.UNSTABLE
    below = [stage for stage in PROBED if stage.rung < failed.rung]
    building = failed in (Stage.RESOLVE, Stage.INSTALL)
    probed = {"causes": [f"{exception}: {message}", "KeyError: 'x'"]}
    check = make_check(
        failed,
        {Outcome.UNSTABLE: CheckOutcome.UNSTABLE, Outcome.ERROR: CheckOutcome.ERROR}.get(
            cell.outcome, CheckOutcome.FAILED
        ),
        message=message,
        data={"exception": exception, **({"traceback": message} if building else {"traceback": TRACEBACK, **probed})},
    )
    return dataclasses.replace(
        cell,
        stage=failed,
        passed=below[-1] if below else None if building else Stage.INSTALL,
        failed=failed,
        exception=exception,
        message=message,
        checks=(*(make_check(stage) for stage in below), check),
        features=cell.features if failed.rung > Stage.FEATURES.rung else None,
        trials=Trials(passed=13, of=20) if unstable else None,
        evidence=None if building else cell.evidence,
        seconds={stage.value: 1.5 for stage in below},
    )


def make_environment_result(
    environment: Environment | None = None, cells: Sequence[Cell] | None = None, **changes: Any
) -> EnvironmentResult:
    """One environment's result, with a working cell for each path."""
    environment = environment or make_environment()
    result = EnvironmentResult(
        schema=1,
        model=MODEL,
        weights="synthetic-base",
        generated_at=MOMENT,
        harness=HARNESS,
        host=HOST,
        environment=environment,
        cells=tuple(make_cell(environment, path) for path in PATHS) if cells is None else tuple(cells),
    )
    return dataclasses.replace(result, **changes)


def make_results(
    cells: Sequence[Cell] | None = None, environments: Sequence[Environment] | None = None, **changes: Any
) -> Results:
    """Results of one environment in which every path works, unless other cells or environments are given."""
    environments = tuple(environments) if environments is not None else (make_environment(),)
    given = tuple(cells) if cells is not None else tuple(make_cell(environments[0], path) for path in PATHS)
    results = Results(
        schema=1,
        model=MODEL,
        weights="synthetic-base",
        profile="core",
        generated_at=MOMENT,
        harness=HARNESS,
        host=HOST,
        environments=environments,
        cells=given,
    )
    return dataclasses.replace(results, **changes)


def make_remedy(identity: str, environment: str, *, value: str = "transformers==4.41.2", **changes: Any) -> Remedy:
    """Make a verified remedy of one change."""
    remedy = Remedy(
        id=identity,
        environment=environment,
        changes=({"kind": "pin", "value": value},),
        says="An older release does without.",
        verified=True,
        cells=(RemedyCell(path="p", device=Device.CPU, before="broken at load", outcome=Outcome.WORKS),),
    )
    return dataclasses.replace(remedy, **changes)


def make_expectation(cell: Cell, **changes: Any) -> Mapping[str, Any]:
    """Make an entry of an expectation list about this cell."""
    entry = {"environment": cell.environment, "path": cell.path, "device": cell.device.value}
    return {**entry, "expected": "works (train)", "found": f"{cell.outcome} at {cell.stage}", "reason": "", **changes}


def make_core_results() -> Results:
    """Six environments with what a core run typically finds: every outcome, repeated failures, and expectations."""
    old = make_environment(
        "py310-torch2.3.1-s3prl0.4.14", packages=_versions("2.3.1", "s3prl", "0.4.14", "202402", "4.41.2")
    )
    new = make_environment(
        "py310-torch2.3.1-s3prl0.4.15", packages=_versions("2.3.1", "s3prl", "0.4.15", "202402", "4.41.2")
    )
    mid = make_environment(
        "py311-torch2.8.0-tf4.57.6",
        python="3.11",
        packages=_versions("2.8.0", "s3prl", "0.4.18", "202511", "4.57.6"),
        pins=(),
    )
    next_ = make_environment(
        "py311-torch2.8.0-tfnewest",
        python="3.11",
        packages=_versions("2.8.0", "s3prl", "0.4.18", "202511", "5.20.2"),
        pins=(),
    )
    top = make_environment(
        "py312-torch2.11.0-s3prl0.4.18",
        python="3.12",
        packages=_versions("2.11.0", "s3prl", "0.4.18", "202611", "5.20.2"),
        torch_build="cpu",
        pins=(),
    )
    fork = make_environment(
        "py312-torch2.11.0-espnet-s3prl",
        python="3.12",
        packages=_versions("2.11.0", "espnet-s3prl", "2026.5.14", "202611", "5.20.2"),
        torch_build="cpu",
        pins=(),
    )
    environments = (old, new, mid, next_, top, fork)
    backend: dict[str, Any] = {
        "failed": Stage.IMPORT,
        "exception": "AttributeError",
        "message": "module 'torchaudio' has no attribute 'set_audio_backend'",
    }
    padding = Check(
        id="padding",
        stage=Stage.FEATURES,
        required=False,
        outcome=CheckOutcome.FAILED,
        message="padding in a batch moves the features by 1.3, where their spread is 1.0",
    )
    cells = [
        *(make_cell(environment) for environment in environments),
        make_cell(old, "s3prl-hf", Outcome.BROKEN, cause="the repository has no preprocessor_config.json"),
        make_cell(old, "espnet-s3prl", Outcome.BROKEN, cause="the repository has no preprocessor_config.json"),
        *(make_cell(environment, path) for environment in (new, mid) for path in PATHS[1:]),
        make_cell(next_, "s3prl-hf", Outcome.UNSTABLE, exception="AssertionError", message="11, 13"),
        make_cell(
            next_,
            "espnet-s3prl",
            Outcome.ERROR,
            failed=Stage.LOAD,
            exception="ConnectionError",
            message="the hub hung up",
        ),
        *(make_cell(top, path, Outcome.BROKEN, **backend) for path in PATHS[1:]),
        make_cell(fork, "s3prl-hf", Outcome.UNSTABLE, exception="AssertionError", message="10, 13"),
        make_cell(fork, "espnet-s3prl"),
    ]
    order = [environment.id for environment in environments]
    cells.sort(key=lambda cell: (order.index(cell.environment), PATHS.index(cell.path)))
    cells = [
        dataclasses.replace(cell, checks=(*cell.checks, padding)) if cell.outcome is Outcome.WORKS else cell
        for cell in cells
    ]
    cuda = [
        make_cell(environment, path, Outcome.UNAVAILABLE, device=Device.CUDA, message="torch sees no CUDA device")
        for environment in environments
        for path in PATHS
    ]
    by_key = {cell.key: cell for cell in cells}
    lost, known = by_key[(top.id, "s3prl-hf", "cpu")], by_key[(old.id, "s3prl-hf", "cpu")]
    return make_results(
        [*cells, *cuda],
        environments,
        expectations={
            "regressions": [make_expectation(lost, reason="worked with torchaudio 2.8")],
            "news": [
                make_expectation(
                    by_key[(fork.id, "espnet-s3prl", "cpu")], expected="broken at load", found="works (train)"
                )
            ],
            "unfinished": [make_expectation(by_key[(next_.id, "espnet-s3prl", "cpu")])],
            "unlisted": [],
            "expected": [
                {
                    "environment": known.environment,
                    "path": known.path,
                    "device": "cpu",
                    "outcome": "broken",
                    "stage": "load",
                    "reason": "s3prl before 0.4.15 needs a preprocessor in the repository",
                }
            ],
            "exit_code": 1,
        },
    )


def _versions(torch: str, distribution: str, s3prl: str, espnet: str, transformers: str) -> dict[str, str]:
    return {"torch": torch, "torchaudio": torch, distribution: s3prl, "espnet": espnet, "transformers": transformers}


WIDE_PATHS = (
    "transformers",
    "transformers@resaved",
    "s3prl-hf",
    "s3prl-hf@preprocessor",
    "s3prl-hf@resaved",
    "s3prl-converted",
    "s3prl-downstream",
    "espnet-s3prl",
    "espnet-s3prl-last",
    "espnet-huggingface",
    "espnet-huggingface@preprocessor",
    "torchaudio-hf",
)
FAIRSEQ_PATHS = ("s3prl-converted", "espnet-fairseq", "torchaudio-fairseq")


def make_wide_results(**changes: Any) -> Results:
    """Eight environments and 14 paths with findings, claims, a fairseq environment and one of another host."""
    core = make_core_results()
    drivers = {"2.3.1": "525.60.13", "2.8.0": "525.60.13", "2.11.0": "580.65.06"}
    environments = [
        dataclasses.replace(one, build={**one.build, "least_driver": drivers[one.packages["torch"]]})
        for one in core.environments
    ]
    old = environments[1]
    fairseq = dataclasses.replace(
        old,
        id="py310-torch2.3.1-fairseq0.12.2",
        packages={**old.packages, "fairseq": "0.12.2"},
        derived_from=old.id,
        reason="fairseq needs omegaconf, hydra-core and numpy overridden",
    )
    found = make_environment(
        "gpu-box-venv",
        python="3.11",
        packages=_versions("2.8.0", "s3prl", "0.4.18", "202511", "4.57.6"),
        declared="unknown",
        lock=None,
        lock_sha256=None,
        pins=(),
        build={"cuda": "12.1", "architectures": ["sm_50", "sm_90"]},
        host="gpu-box",
        ran_at="2026-11-21T08:00:00+00:00",
        commit="c057ff8a1c62",
    )
    environments += [fairseq, found]
    cells = [
        _wide_cell(environment, path, number)
        for number, environment in enumerate(environments, start=1)
        for path in (FAIRSEQ_PATHS if environment is fairseq else WIDE_PATHS)
    ]
    absent = [
        make_cell(environment, cell.path, Outcome.UNAVAILABLE, device=Device.CUDA, message="torch sees no CUDA device")
        for environment in environments
        for cell in cells
        if cell.environment == environment.id
    ]
    unlisted = [make_expectation(cell, found=f"{cell.outcome} at {cell.stage}") for cell in cells]
    results = make_results(
        [*cells, *absent],
        environments,
        expectations={"unlisted": [{**entry, "expected": None} for entry in unlisted], "exit_code": 0},
        claims=make_claims(cells),
    )
    return dataclasses.replace(results, **changes)


def make_explained_results() -> Results:
    """The wide results with what the project's own catalogue and rules say of their failures."""
    results = make_wide_results()
    locks = {
        one.lock: "".join(f"{name}=={version}\n" for name, version in one.packages.items())
        for one in results.environments
        if one.lock is not None
    }
    return judge_failures(results, locks)


def _wide_cell(environment: Environment, path: str, number: int) -> Cell:
    """Fail where and as the real packages do, and find what they find."""
    base, _, state = path.partition("@")
    failure: dict[str, Any] = {}
    if number == 5 and base.startswith(("s3prl", "espnet-s3prl")):
        failure = {
            "failed": Stage.IMPORT,
            "exception": "AttributeError",
            "message": "module 'torchaudio' has no attribute 'set_audio_backend'",
        }
    elif base == "espnet-huggingface" and number < 3:
        module = "No module named 'espnet2.asr.frontend.huggingface'"
        failure = {"failed": Stage.IMPORT, "exception": "ModuleNotFoundError", "message": module}
    elif path in ("s3prl-hf", "espnet-s3prl", "espnet-s3prl-last", "s3prl-downstream") and number == 1:
        failure = {"cause": "the repository has no preprocessor_config.json"}
    elif path == "espnet-huggingface":
        failure = {"cause": "the repository has no preprocessor_config.json", "exception": "builtins.OSError"}
    elif state == "resaved" and number < 3:
        message = "these are not the checkpoint's features: largest difference 7.9 from raw input's features"
        failure = {"failed": Stage.FEATURES, "exception": "probe.cell.CheckFailed", "message": message}
    unstable = number in (4, 6) and base in ("s3prl-hf", "espnet-s3prl")
    if unstable:
        failure = {"exception": "AssertionError", "message": "13 of 20 trials passed; others: 12, 13"}
    outcome = Outcome.UNSTABLE if unstable else Outcome.BROKEN if failure else Outcome.WORKS
    cell = make_cell(environment, path, outcome, **failure)
    if cell.passed is None or cell.passed.rung < Stage.FEATURES.rung:
        return cell
    prepared = base.startswith(("s3prl", "espnet-s3prl"))
    follows, frames = ("prepared", 50) if prepared else ("raw", 49)
    features = Features(width=768, frames=frames, parity=(2.4 + number / 10) * 1e-5, follows=follows)  # type: ignore[arg-type]
    measured = {"follows": follows, "parity": features.parity, "tolerance": 1e-4}
    told = [
        make_check(Stage.FEATURES, id="parity", data=measured),
        make_check(Stage.FEATURES, id="lengths", data={"reported": [frames, frames - 15], "true": [49, 34]}),
    ]
    if base != "transformers":
        told.append(make_check(Stage.FEATURES, id="parity-path", data=measured))
    if not state:
        told += make_findings(base, number)
    return dataclasses.replace(cell, checks=(*cell.checks, *told), features=features)


def make_findings(path: str, number: int) -> tuple[Check, ...]:
    """What one cell found besides: the same everywhere, different figures, different outcomes, and a traceback."""

    def found(stage: Stage, identity: str, message: str, outcome: CheckOutcome = CheckOutcome.PASSED) -> Check:
        raised = {"exception": "builtins.RuntimeError", "traceback": f"Traceback\nRuntimeError: {message}"}
        data = raised if outcome is CheckOutcome.FAILED else {}
        return make_check(stage, outcome, id=identity, required=False, message=message, data=data)

    failed, spread = CheckOutcome.FAILED, 1 + number / 100
    padding = f"padding moves the last hidden state by up to {1.2 + number / 100:.3g}, where its spread is {spread:.3g}"
    alone = make_check(
        Stage.FEATURES,
        id="batch-against-alone",
        required=False,
        message=padding,
        data={"difference": 1.2 + number / 100, "spread": spread},
    )
    short = "Kernel size can't be greater than actual input size"
    half = "\"slow_conv2d_cpu\" not implemented for 'Half'"
    recipe = (
        found(Stage.RECIPE, "asr-train", "one epoch in 48.2 s, valid loss 31.4"),
        found(Stage.RECIPE, "asr-inference", "No module named 'tensorboard'", failed),
    )
    return (
        alone,
        found(Stage.FEATURES, "audio-0.02s", short, failed)
        if path != "s3prl-hf"
        else found(Stage.FEATURES, "audio-0.02s", "1 frame"),
        found(Stage.FEATURES, "audio-0.1s", "4 frames, 768 wide"),
        found(Stage.FEATURES, "audio-15s", f"749 frames in {5 + number / 10:.1f} s"),
        found(Stage.FEATURES, "quiet", "at -80 dB the features follow neither reference: they differ by 3.1", failed),
        found(Stage.FEATURES, "float16", half, failed)
        if number < 3
        else found(Stage.FEATURES, "float16", "differs by 0.021"),
        found(Stage.FEATURES, "bfloat16", "differs by 0.17"),
        make_check(
            Stage.STEP,
            CheckOutcome.SKIPPED,
            id="two-rates",
            required=False,
            message="the entry point offers no rate per part",
        ),
        found(Stage.STEP, "frozen", "upstream unchanged by a step; its features stay equal in train mode: no"),
        *(recipe if path == "espnet-s3prl" and number in (2, 3) else ()),
    )


def make_claims(cells: Sequence[Cell]) -> tuple[Mapping[str, Any], ...]:
    """Claims of every verdict, about these cells."""
    looked = [cell for cell in cells if cell.path in ("s3prl-hf", "espnet-s3prl")]

    def supports(cell: Cell) -> bool:
        return cell.outcome is Outcome.WORKS

    def verdict(found: set[bool]) -> str:
        return "partly" if len(found) > 1 else "confirmed" if True in found else "refuted"

    environments = {
        one: verdict({supports(cell) for cell in looked if cell.environment == one})
        for one in dict.fromkeys(cell.environment for cell in looked)
    }
    evidence = [
        {
            "part": 0,
            "supports": supports(cell),
            "environment": cell.environment,
            "path": cell.path,
            "device": "cpu",
            "stage": "load",
            "check": None,
            "message": cell.message,
        }
        for cell in looked
    ]
    loads = {"says": "it loads", "verdict": "partly", "control": False, "needs": "", "cites": []}
    loads["environments"] = environments
    recipe = {
        "title": "FLEURS recipe",
        "url": "https://github.com/espnet/espnet/blob/abc/egs2/fleurs/asr1/conf/train.yaml",
    }
    wide = {
        **loads,
        "says": "recipes expect 1024",
        "verdict": "not testable here",
        "cites": [recipe],
        "environments": {},
    }
    wide["needs"] = "the recipes, which are no part of the wheels"
    common = {"sources": [{"title": "the source article", "url": None}], "tested": 1, "of": 2}
    hours = [{"part": 0, "supports": True, "environment": None, "message": "as in the fixture"}]
    return (
        {
            **common,
            "id": "config",
            "statement": "`upstream: hf_wav2vec2_custom` loads it",
            "verdict": "partly",
            "environments": environments,
            "parts": [loads, wide],
            "evidence": evidence,
        },
        {
            **common,
            "id": "width-768",
            "statement": "it is a base model, so features are 768 wide",
            "verdict": "confirmed",
            "environments": {},
            "parts": [{**loads, "says": "width is 768", "verdict": "confirmed", "environments": {}}],
            "evidence": hours,
        },
        {
            **common,
            "id": "indian",
            "statement": "it does well on Indian English",
            "verdict": "not testable here",
            "environments": {},
            "parts": [wide],
            "evidence": [],
        },
    )
