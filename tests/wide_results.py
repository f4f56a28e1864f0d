"""Results with everything that a report tells of: many paths, findings, claims, an environment of another host."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from asrcompat.explain.judge import judge_failures
from asrcompat.model import (
    Cell,
    Check,
    CheckOutcome,
    Device,
    Environment,
    Features,
    Outcome,
    Results,
    Stage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
from core_results import make_core_results, versions_of
from factories import make_cell, make_check, make_environment, make_expectation, make_results

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
        packages=versions_of("2.8.0", "s3prl", "0.4.18", "202511", "4.57.6"),
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
