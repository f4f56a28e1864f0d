"""Real climbs, as the tests on real packages make them: small weights, few trials, the project's own limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from asrcompat.hub.server import Hub
from asrcompat.model import Cell, Device
from asrcompat.run import outcome
from asrcompat.run.inputs import Inputs, prepare_inputs
from asrcompat.run.probing import Target, probe
from asrcompat.run.records import Raw
from asrcompat.run.scrub import Scrubber
from asrcompat.spec import Spec, load_spec

ROOT = Path(__file__).parent.parent
MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"


def small_inputs(work: Path) -> Inputs:
    """The inputs of the small checkpoint."""
    return prepare_inputs(model=MODEL, weights="synthetic-small", fixtures=ROOT / "fixtures", work=work)


@dataclass(frozen=True, kw_only=True)
class Climber:
    """What is alike in the climbs of a test; `hub_root` in place of the inputs' own, where a test changed that."""

    python: Path
    inputs: Inputs
    folder: Path
    trials: int = 2
    findings: Mapping[str, float] = field(default_factory=dict)
    hub_root: Path | None = None
    guided: bool = False
    distributions: tuple[str, ...] = ("torch", "transformers", "s3prl", "espnet")
    spec: Spec = field(default_factory=lambda: load_spec(ROOT / "matrix.toml"))

    def raws(self, files: Mapping[str, Path]) -> dict[str, Raw]:
        """What the probe left of each path."""
        with Hub(self.hub_root or self.inputs.hub_root) as hub:
            target = Target(
                python=self.python,
                distributions=self.distributions,
                endpoint=hub.endpoint,
                model=MODEL,
                inputs=self.inputs,
                fixtures=ROOT / "fixtures",
                probe=replace(self.spec.probe, trials=self.trials),
                findings=self.findings,
                limits=self.spec.limits,
                threads=1,
                guided=self.guided,
            )
            return probe(target, files, Device.CPU, folder=self.folder, on_progress=lambda *_: None)

    def cells(self, files: Mapping[str, Path], *, environment: str = "environment") -> dict[str, Cell]:
        """The cells of those paths."""
        return {name: outcome.cell(environment, raw, Scrubber({})) for name, raw in self.raws(files).items()}
