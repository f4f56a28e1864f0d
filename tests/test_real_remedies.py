"""Remedies on real packages: a known cure is verified by a run, and a planted wrong one is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, RealEnvironment
from session_settings import make_settings

from asrcompat.explain.remedies import told
from asrcompat.explain.remedies.attach import attached
from asrcompat.explain.signatures.entry import Cure, Match, Signature
from asrcompat.lab.change import all_in_words
from asrcompat.lab.laboratory import Laboratory
from asrcompat.model import Outcome, Stage
from asrcompat.plan.prepare import Sources
from asrcompat.remedying.bench import Bench, Means, Task
from asrcompat.report.merge import merge
from asrcompat.spec import Spec

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

WRONG = Cure(kind="variable", value="TRANSFORMERS_VERBOSITY=error", says="say nothing of it")
RIGHT = Cure(kind="file", value="preprocessor_config.json", says="add the file that the repository lacks")
MISSING = Signature(
    id="missing",
    title="no preprocessor",
    cause="the repository has none",
    status="told",
    source=("a test",),
    match=Match(message="preprocessor_config"),
    cures=(WRONG, RIGHT),
)


def test_the_missing_preprocessor_is_cured_by_the_file_and_by_nothing_else_that_was_tried(
    spec: Spec, work: Path, tmp_path: Path, before_0415: RealEnvironment
) -> None:
    for name in ("envs", "locks"):
        (tmp_path / name).symlink_to(work / name)
    sources = Sources(index=spec.index, torch_index=None, work=work, seconds=spec.limits.resolve_seconds, fresh=False)
    settings = make_settings(
        spec,
        ROOT,
        work=tmp_path,
        paths=("s3prl-hf", "espnet-s3prl"),
        probe=replace(spec.probe, trials=2),
        install_arguments=sources.install_arguments(),
        threads=2,
    )
    said: list[str] = []
    request = before_0415.request
    base = Laboratory(settings=settings, sources=sources, tell=said.append).run(request)
    assert {(cell.outcome, cell.failed) for cell in base.cells} == {(Outcome.BROKEN, Stage.LOAD)}

    means = Means(
        settings=settings,
        sources=sources,
        rules=spec.pins,
        catalogue={"missing": MISSING},
        deadline=None,
        tell=said.append,
    )
    task = Task(request=request, result=base, versions=before_0415.lock.versions, cells=base.cells)
    bench = Bench(task, means, said.append)
    found = bench.search.run(base.cells)
    hub = ROOT / "fixtures" / "hub"
    remedies = told.remedies(base.environment, base.cells, found, model=settings.model, hub=hub)
    assert [(all_in_words(one.changes), one.verified) for one in remedies] == [
        ("file preprocessor_config.json", True),
        ("variable TRANSFORMERS_VERBOSITY=error", False),
    ]
    cured, tried = remedies
    assert cured.id == f"{request.id}+file-preprocessor_config.json"
    assert [(cell.path, cell.before, cell.outcome, cell.stage) for cell in cured.cells] == [
        ("s3prl-hf", "broken at load", Outcome.WORKS, Stage.TRAIN),
        ("espnet-s3prl", "broken at load", Outcome.WORKS, Stage.TRAIN),
    ]
    assert {cell.outcome for cell in tried.cells} == {Outcome.BROKEN}
    assert cured.differences == ()
    # what was tried is no environment of the matrix, and nothing was built for it
    assert not (tmp_path / "lab" / "envs").exists()

    results = attached(merge([base], profile="core", planned=[request.id]), remedies)
    assert {(cell.outcome, cell.remedy) for cell in results.cells} == {(Outcome.BROKEN, cured.id)}
