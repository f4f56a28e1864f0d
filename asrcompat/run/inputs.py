"""What probes are given: a hub of the checkpoint, speech, label symbols, and reference features, as plain files."""

# ruff: noqa: PLC0415 - what makes them is imported where they are made: with numpy, that is half of what a command that
# runs nothing imports

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asrcompat.model import Weights
from asrcompat.run.store import write_bytes, write_text

# ESPnet's convention: the blank first, the symbol for both ends of a sentence last.
_BLANK, _UNKNOWN, _ENDS, _SPACE = "<blank>", "<unk>", "<sos/eos>", "<space>"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """`hub_root` is served by a `Hub`; `probe` and `expected` go into every probe's settings (form: `probe.arrays`).

    `states` holds a local folder for each state of the checkpoint other than the published one, `fairseq` is the file
    of the same weights in fairseq's format: both are shared, and only to be read. `weights_comparison` tells, for real
    weights, how their repository differs from the fixture's.
    """

    hub_root: Path
    symbols: tuple[str, ...]
    probe: dict[str, Any]
    expected: dict[str, Any]
    states: dict[str, str]
    fairseq: Path
    weights_comparison: dict[str, Any] | None = None


def prepare_inputs(*, model: str, weights: Weights, fixtures: Path, work: Path) -> Inputs:
    """Make, or find again, all inputs of a run under `work`.

    Weights ``hub`` are fetched from the Hugging Face Hub, or the mirror of it that ``HF_ENDPOINT`` names; raises
    `HarnessError` where it cannot be reached.
    """
    from asrcompat.hub.compare import compare
    from asrcompat.hub.fairseq import prepare_fairseq
    from asrcompat.hub.reference import Values, prepare_reference
    from asrcompat.hub.repositories import prepare
    from asrcompat.hub.speech import features_batch, load_utterances
    from asrcompat.hub.states import prepare_states
    from asrcompat.hub.stored import stored_reference

    comparison = stored = None
    if weights == "hub":
        from asrcompat.hub.mirror import ENDPOINT, mirror

        root = mirror(model=model, endpoint=os.environ.get("HF_ENDPOINT") or ENDPOINT, work=work)
        comparison = compare(fixtures / "hub" / model, root / model)
    else:
        root = prepare(weights=weights, model=model, fixtures=fixtures, work=work)
        stored = stored_reference(fixtures, weights)
    folder = work / "inputs" / root.name
    folder.mkdir(parents=True, exist_ok=True)
    batch = features_batch(fixtures)
    features = [_write(folder / f"features-{number}.f32", samples) for number, samples in enumerate(batch)]
    spoken = load_utterances(fixtures)
    train = [{"file": _write(folder / f"{one.id}.f32", one.samples), "text": one.text} for one in spoken]
    letters = sorted({letter for one in spoken for letter in one.text if letter != " "})
    reference = prepare_reference(hub_root=root, model=model, utterances=batch, work=work, stored=stored)
    batches = {"raw": reference.raw, "prepared": reference.prepared}
    told = {kind: Values(file=file, shape=reference.shape, lengths=reference.lengths) for kind, file in batches.items()}
    for kind, values in {**told, **reference.beside}.items():
        write_text(folder / f"reference-{kind}.json", json.dumps({**asdict(values), "file": str(values.file)}))
    layers, _, _, width = reference.shape
    states = prepare_states(hub_root=root, model=model, fixtures=fixtures, work=work)
    return Inputs(
        hub_root=root,
        symbols=(_BLANK, _UNKNOWN, _SPACE, *letters, _ENDS),
        probe={"features": features, "train": train, "reference": str(folder / "reference")},
        expected={"width": width, "layers": layers, "lengths": list(reference.lengths)},
        states={state: str(folder) for state, folder in states.items()},
        fairseq=prepare_fairseq(hub_root=root, model=model, fixtures=fixtures, work=work),
        weights_comparison=comparison,
    )


def _write(file: Path, samples: Any) -> str:
    # another session may be reading it
    write_bytes(file, samples.astype("<f4").tobytes())
    return str(file)
