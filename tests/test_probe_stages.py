"""The stages' own judgement, on stand-ins for tensors: what is told apart, and what is the machine's fault."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from asrcompat.probe import group
from asrcompat.probe.arrays import Reference, largest
from asrcompat.probe.cell import Cell, CheckFailed, Passed, Skip, Unstable
from asrcompat.probe.findings import audio_lengths, claim_n_mels, precision
from asrcompat.probe.record import Record
from asrcompat.probe.stages import _frames, _memory, _parity, _round_trip, features, train

TOLERANCE = 1e-4
LENGTHS = [49, 34]


def layer(rows: int = 2, frames: int = 49) -> Any:
    return SimpleNamespace(size=lambda axis: (rows, frames, 768)[axis])


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    settings = {"device": "cpu", "seed": 1, "trials": 4, "tolerance": TOLERANCE, "expected": {"lengths": LENGTHS}}
    settings |= {"models": {"transformers": "some/model"}, "symbols": [], "fixtures": "", "fairseq": ""}
    settings["scratch"] = str(tmp_path)
    return Cell("transformers", ModuleType("path"), settings, Record(str(tmp_path / "record.jsonl")))


def checks(cell: Cell) -> list[dict[str, Any]]:
    lines = Path(cell.record.path).read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == "check"]


# by the name of a reference, how far the longest utterance and the padded one are from it
Distances = dict[str, tuple[float, float]]
FAR: Distances = dict.fromkeys(("masked raw", "masked prepared", "raw", "prepared", "prepared-whole"), (7.0, 7.0))


def judged(cell: Cell, monkeypatch: pytest.MonkeyPatch, distances: Distances, unmasked: bool = True) -> Any:
    def difference(_layers: Any, reference: Any, rows: Sequence[int] | None = None) -> list[float]:
        return [largest([distances[reference.layers][row] for row in (range(2) if rows is None else rows)])]

    def reference(name: str) -> Reference:
        return Reference(name, LENGTHS)

    monkeypatch.setattr(_parity, "difference_by_layer", difference)
    references = _parity.References(
        {kind: reference(f"masked {kind}") for kind in ("raw", "prepared")},
        {name: reference(name) for name in ("raw", "prepared", "prepared-whole")} if unmasked else {},
    )
    return _parity.judge(cell, [layer()], references)


@pytest.mark.parametrize(
    ("near", "follows", "padded"),
    [
        ({"masked raw": (1e-6, 1e-6), "raw": (1e-6, 2.0)}, "raw", "masked"),
        ({"masked raw": (1e-6, 2.0), "raw": (1e-6, 1e-6)}, "raw", "unmasked"),
        (
            {"masked prepared": (1e-6, 2.0), "prepared": (1e-6, 0.1), "prepared-whole": (1e-6, 1e-5)},
            "prepared",
            "unmasked",
        ),
    ],
    ids=["with a mask", "without", "without, prepared with its padding"],
)
def test_padded_utterances_follow_with_a_mask_or_without(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, near: Distances, follows: str, padded: str
) -> None:
    passed = judged(cell, monkeypatch, FAR | near)
    assert (passed.value.follows, passed.value.padded) == (follows, padded)
    assert (passed.data["follows"], passed.data["padded"]) == (follows, padded)
    assert passed.data["parity"] <= TOLERANCE
    assert passed.value.difference == (2.0 if padded == "unmasked" else None)


def test_only_features_with_a_mask_measure_other_paths(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[str] = []
    batch: Any = None
    monkeypatch.setattr(_parity, "serve", lambda *_: served.append("served"))
    features._serve(cell, None, batch, _parity.Parity("raw", "masked", None))
    features._serve(cell, None, batch, None)  # of another checkpoint than ours there is no reference to know it by
    assert served == ["served"] * 2
    with pytest.raises(Skip, match="without a mask"):
        features._serve(cell, None, batch, _parity.Parity("raw", "unmasked", 2.0))
    assert served == ["served"] * 2


@pytest.mark.parametrize("unmasked", [True, False])
@pytest.mark.parametrize("wrong", [3.0, float("nan")])
def test_padded_utterances_that_follow_nothing_are_wrong(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, wrong: float, unmasked: bool
) -> None:
    near = {"masked raw": (1e-6, wrong), "raw": (1e-6, wrong)}
    with pytest.raises(CheckFailed, match=r"does follow raw input .*padded ones are wrong") as failed:
        judged(cell, monkeypatch, FAR | near, unmasked)
    assert (failed.value.data["follows"], failed.value.data["padded"]) == ("neither", "neither")


@pytest.mark.parametrize(
    "found", [layer(rows=1), layer(rows=3), layer(frames=33)], ids=["a row", "three rows", "short"]
)
def test_features_of_other_utterances_are_not_compared(cell: Cell, found: Any) -> None:
    reference = {"raw": Reference("masked raw", LENGTHS), "prepared": Reference("masked prepared", LENGTHS)}
    with pytest.raises(CheckFailed, match="where there are 2, of up to 49 frames"):
        _parity.judge(cell, [layer(), found], _parity.References(reference, {}))


@pytest.mark.parametrize(
    ("reported", "right"),
    [
        ([49, 34], True),
        ([50, 35], True),
        ([49, 35], True),
        ([49], False),
        ([49, 34, 34], False),
        ([49, 33], False),
        ([51, 34], False),
    ],
)
def test_every_utterance_has_its_length(cell: Cell, reported: list[int], right: bool) -> None:
    found = SimpleNamespace(lengths=reported, output=layer(frames=51))
    with contextlib.nullcontext() if right else pytest.raises(CheckFailed, match="not the frames of these utterances"):
        features._lengths(cell, found)


def test_a_full_disk_is_not_the_packages_fault(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own writer would say RuntimeError: [enforce fail at inline_container.cc]."""

    def save(values: bytes, target: Any) -> None:
        if not hasattr(target, "write"):
            raise RuntimeError("[enforce fail at inline_container.cc:424] . unexpected pos 64 vs 0")
        target.write(values)

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(save=save))
    cell.check("saved", lambda: _round_trip._save(b"x" * 100_000, "/dev/full"), required=False)
    (check,) = checks(cell)
    assert (check["outcome"], check["data"]["exception"]) == ("error", "OSError")
    assert "No space left on device" in check["message"]


def test_nothing_outside_of_the_probes_own_folder_is_emptied(tmp_path: Path) -> None:
    folder, home = tmp_path / "probe", tmp_path / "probe" / "home"
    home.mkdir(parents=True)
    (home / "cached").touch()
    group.empty(str(home), str(folder))
    assert list(home.iterdir()) == []
    somebodys = tmp_path / "probe-er"
    somebodys.mkdir()
    (somebodys / "letter").touch()
    (folder / "link").symlink_to(somebodys)
    for one in (somebodys, folder, folder / "link", folder / ".." / "probe-er", tmp_path):
        with pytest.raises(ValueError, match="does not lie inside"):
            group.empty(str(one), str(folder))
    assert (somebodys / "letter").exists()


def test_a_probe_started_by_hand_leaves_a_persons_home_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebodys, folder = tmp_path / "somebody", tmp_path / "probe"
    somebodys.mkdir()
    folder.mkdir()
    (somebodys / "letter").touch()
    monkeypatch.setenv("HOME", str(somebodys))
    path = tmp_path / "planted.py"
    path.write_text("MODULES = ('no_such_module',)\n", encoding="utf-8")
    settings = {"folder": str(folder), "home": str(folder / "home"), "preimport": True, "distributions": []}
    group._Group({**settings, "path_files": {"planted": str(path)}}).probe("planted")
    assert (somebodys / "letter").exists()
    assert list((folder / "home").iterdir()) == []


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_peak_memory_is_told_where_a_device_counts_it(cell: Cell, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    counter = SimpleNamespace(bytes=9_000_000_000)
    cuda = SimpleNamespace(
        reset_peak_memory_stats=lambda: setattr(counter, "bytes", 0), max_memory_allocated=lambda: counter.bytes
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    cell.device = device

    def trials(_cell: Cell) -> None:
        counter.bytes += 2_500_000

    monkeypatch.setattr(train, "_trials", trials)
    cell.stage = "train"
    train.run(cell)
    told = {check["id"]: check for check in checks(cell)}
    assert set(told) == {"trials", "peak-memory"} if device == "cuda" else {"trials"}
    if device == "cuda":
        assert told["peak-memory"]["message"] == "at most 2 MB of the device's memory"
        assert told["peak-memory"]["data"] == {"peak_bytes": 2_500_000}
        assert not told["peak-memory"]["required"]
    assert (_memory.peak(cell) is None) is (device == "cpu")


def trials_of(cell: Cell, monkeypatch: pytest.MonkeyPatch, failures: dict[int, Exception]) -> Any:
    def one(_cell: Cell, _steps: Any, trial: int, _seed: int) -> float:
        if trial in failures:
            raise failures[trial]
        return 1.0

    monkeypatch.setattr(train, "_trial", one)
    monkeypatch.setattr(train, "optimiser", lambda _model: None)
    cell.subject = SimpleNamespace(model=SimpleNamespace(train=lambda: None))
    with pytest.raises(Unstable) as found:
        train._trials(cell)
    return found.value


def test_failures_of_one_type_are_told_apart_by_what_they_say(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    found = trials_of(
        cell,
        monkeypatch,
        {0: RuntimeError("sizes 3 and 4"), 1: RuntimeError("no kernel"), 3: RuntimeError("sizes 5 and 6 at 0x7f01ab")},
    )
    assert [one["seeds"] for one in found.data["failures"]] == [[1], [2], [4]]
    assert str(found) == "1 of 4 trials passed; others: sizes 3 and 4; or no kernel; or sizes 5 and 6 at 0x7f01ab"
    found = trials_of(cell, monkeypatch, {0: RuntimeError("11, 13"), 2: RuntimeError("12, 13"), 3: ValueError("1, 2")})
    assert [one["seeds"] for one in found.data["failures"]] == [[1, 3], [4]]
    assert found.data["exception"] == "RuntimeError"


class Values:
    """Features of one element type, as `precision` looks at them."""

    dtype = "torch.float16"

    def __init__(self, spread: float) -> None:
        self.spread = spread

    def std(self) -> float:
        return self.spread

    def float(self) -> Values:
        return self


@pytest.mark.parametrize(("difference", "passes"), [(0.9, True), (1.0, False), (float("nan"), False)])
def test_half_precision_that_gives_other_features_fails(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, difference: float, passes: bool
) -> None:
    monkeypatch.setattr(precision, "_features", lambda *_: Values(1.0))
    monkeypatch.setattr(precision, "_differentiated", lambda *_: (1.5, 7, 0))
    monkeypatch.setattr(precision, "is_finite", lambda _: True)
    monkeypatch.setattr(precision, "largest_difference", lambda *_: difference)
    reference: Any = precision.Line(Values(1.0), 7)
    with contextlib.nullcontext() if passes else pytest.raises(CheckFailed, match="not the same features"):
        precision._line(cell, None, reference)


class Ones:
    """A tensor whose product has the element type that autocast gives it."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def __matmul__(self, other: Ones) -> Ones:
        return self


@pytest.mark.parametrize(("gives", "skips"), [("float16", False), ("float32", True)])
def test_autocast_that_does_nothing_is_said_to(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, gives: str, skips: bool
) -> None:
    torch = SimpleNamespace(
        float16="float16",
        autocast=lambda _device, dtype: contextlib.nullcontext(),
        ones=lambda *_sizes, device: Ones(gives),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    tried = Passed("tried")
    monkeypatch.setattr(precision, "_line", lambda *_: tried)
    with pytest.raises(Skip, match="no float16 on cpu: products stay float32") if skips else contextlib.nullcontext():
        assert precision._autocast(cell, "float16", None) is tried


def test_every_half_is_tried_by_cast_and_by_autocast(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_line", "_autocast", "_cast"):
        monkeypatch.setattr(precision, name, lambda *_: None)
    cell.climbing = False
    precision.run(cell)
    kinds = ("bfloat16", "float16")
    assert [check["id"] for check in checks(cell)] == ["float32", *(f"autocast-{kind}" for kind in kinds), *kinds]


def test_long_audio_is_a_finding_and_no_part_of_the_climb(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(_frames, "check", lambda _cell, samples: asked.append(samples))
    monkeypatch.setattr(audio_lengths, "_train_mode", lambda *_: None)
    monkeypatch.setattr(audio_lengths, "_shortest", lambda *_: None)
    cell.climbing = False
    audio_lengths.run(cell)
    last = checks(cell)[-1]
    assert (last["id"], last["required"], asked[-1]) == ("features-15s", False, 15 * 16_000)
    assert not hasattr(features, "_frames")


def test_a_model_holds_the_checkpoint_or_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(equal=lambda one, other: one.value == other.value))

    def module(*values: int) -> Any:
        return SimpleNamespace(parameters=lambda: [SimpleNamespace(shape=(1,), value=value) for value in values])

    assert claim_n_mels._held(module(1, 2), module(0, 2, 1)) == (2, 2)
    assert claim_n_mels._held(module(1, 2), module(0, 2)) == (1, 2)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ({"raw": [1e-6, 1e-6], "prepared": [1e-6, 0.1]}, "raw"),
        ({"raw": [0.1], "prepared": [0.1], "prepared-whole": [1e-6]}, "prepared"),
        ({"raw": [1e-6], "prepared": [1e-6]}, "both"),
        ({"raw": [1e-6, float("nan")], "prepared": [0.1]}, "neither"),
    ],
)
def test_which_kinds_are_followed(found: dict[str, list[float]], word: str) -> None:
    assert _parity.following(found, TOLERANCE)[0] == word
