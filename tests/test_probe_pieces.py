"""Pieces of the probe by themselves: what is compared, kept, put back and timed, with stand-ins for what is heavy."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asrcompat.run.paths import PROBE


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Modules of the probe by name, in this process, and in torch's place only what they use here."""
    name = "_probe_under_test"
    spec = importlib.util.spec_from_file_location(name, PROBE / "__init__.py", submodule_search_locations=[str(PROBE)])
    assert spec is not None
    monkeypatch.setitem(sys.modules, name, importlib.util.module_from_spec(spec))
    torch = SimpleNamespace(no_grad=contextlib.nullcontext, manual_seed=lambda _seed: None)
    monkeypatch.setitem(sys.modules, "torch", torch)
    yield lambda module: importlib.import_module(f"{name}.{module}")
    for module in [one for one in sys.modules if one.startswith(name + ".")]:
        del sys.modules[module]


class Value:
    """As much of a tensor as the keeping of values needs."""

    def __init__(self, number: float) -> None:
        self.number = number
        self.requires_grad = True

    def detach(self) -> Value:
        return self

    cpu = detach

    def clone(self) -> Value:
        return Value(self.number)

    def copy_(self, other: Value) -> None:
        self.number = other.number

    def requires_grad_(self, flag: bool) -> None:
        self.requires_grad = flag


class Model:
    """As much of a module as the keeping of values needs."""

    def __init__(self) -> None:
        self.weight, self.mean = Value(1.0), Value(2.0)
        self.training = True
        self.gradients = True
        self.device = ""

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        yield "weight", self.weight

    def parameters(self) -> Iterator[Value]:
        yield self.weight

    def named_buffers(self) -> Iterator[tuple[str, Value]]:
        yield "mean", self.mean

    def eval(self) -> None:
        self.training = False

    def zero_grad(self, *, set_to_none: bool) -> None:
        assert set_to_none, "before torch 2.0 zeros would stay"
        self.gradients = False

    def to(self, device: str) -> None:
        self.device = device


@pytest.mark.parametrize(
    ("name", "state", "is_one"),
    [("transformers", "published", True), ("transformers", "resaved", False), ("s3prl-hf", "published", False)],
)
def test_the_checkpoint_as_published_alone_is_what_others_are_compared_with(
    own: Callable[[str], Any], name: str, state: str, is_one: bool
) -> None:
    cell = SimpleNamespace(name=name, state=state, settings={"reference_path": "transformers"})
    assert own("stages._parity").is_reference(cell) is is_one


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_no_number_is_the_largest(own: Callable[[str], Any], place: int) -> None:
    values = [1e-6, 1e-5, 1e-6]
    values[place] = float("nan")
    assert own("arrays").largest(values) != own("arrays").largest(values)


def test_a_child_has_the_seconds_of_where_it_has_come_to(own: Callable[[str], Any], tmp_path: Path) -> None:
    isolate, events = own("isolate"), own("record")
    record = events.Record(str(tmp_path / "planted.jsonl"))
    limits = isolate.Limits(
        seconds=1,
        train_seconds=2,
        findings_seconds=4,
        silence_seconds=1,
        import_seconds=0,
        memory_bytes=1,
        output_bytes=1,
        data_bytes=None,
        exit_seconds=1,
    )
    watch = isolate._Watch(1, 0, str(tmp_path / "log"), str(tmp_path / "planted.jsonl"), limits)
    allowed = []
    for kind, data in (("begin", {"stage": "step"}), ("begin", {"stage": "train"}), ("climbed", {})):
        record.event(kind, **data)
        allowed.append(watch.seconds())
    watch.log.close()
    record.close()
    assert allowed == [1, 3, 7]


def test_a_cell_puts_back_what_was_loaded(own: Callable[[str], Any]) -> None:
    settings = {"device": "cpu", "models": {"planted@resaved": "folder"}, "seed": 1}
    settings |= {"symbols": [], "fixtures": "", "scratch": "", "fairseq": ""}
    path = SimpleNamespace(load=lambda context: SimpleNamespace(model=Model(), context=context))
    cell = own("cell").Cell("planted@resaved", path, settings, None)
    assert (cell.name, cell.state) == ("planted", "resaved")
    cell.subject = cell.load()
    model = cell.subject.model
    assert (cell.subject.context.model, model.device) == ("folder", "cpu")
    cell.remember()
    model.weight.number = model.mean.number = float("nan")
    model.weight.requires_grad = False
    weight = model.weight
    cell.restore()
    assert (weight.number, model.mean.number) == (1.0, 2.0)
    assert model.weight is weight, "an optimiser may hold it"
    assert weight.requires_grad
    assert not model.training
    assert not model.gradients


@pytest.mark.parametrize(
    ("fails", "outcome", "told"),
    [
        ([], "passed", "of 10 to 80 samples, every 10, all have features"),
        ([10, 20], "passed", "10 to 20 fail (ValueError: N is too short); there are features from 30 (0.00187 s) on"),
        (
            [10, 50],
            "failed",
            "10, 50 fail (ValueError: N is too short); there are features from 20 (0.00125 s) on, but",
        ),
        (range(10, 90, 10), "failed", "of 10 to 80 samples, every 10, 10 to 80 fail (ValueError: N is too short)"),
    ],
    ids=["none", "short ones", "one in the midst", "all"],
)
def test_every_length_that_fails_is_told(
    own: Callable[[str], Any], fails: Sequence[int], outcome: str, told: str
) -> None:
    def run_on(samples: int) -> None:
        if samples in fails:
            raise ValueError(f"{samples} is too short")

    try:
        message, found = own("findings.audio_lengths")._shortest(run_on, range(10, 81, 10)).message, "passed"
    except own("cell").CheckFailed as failed:
        message, found = str(failed), "failed"
    assert found == outcome
    assert told in message


def test_a_warm_up_that_fails_is_left_to_the_stage_that_meets_it(
    own: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fail(_parameters: object) -> None:
        tried.append(1)
        raise ImportError("no compiler")

    torch = sys.modules["torch"]
    monkeypatch.setattr(torch, "optim", SimpleNamespace(Adam=fail), raising=False)
    monkeypatch.setattr(torch, "nn", SimpleNamespace(Parameter=lambda value: value), raising=False)
    monkeypatch.setattr(torch, "zeros", lambda _size: 0, raising=False)
    own("group").warm_up()
    assert tried == [1]
    monkeypatch.delitem(sys.modules, "torch")
    own("group").warm_up()
    assert tried == [1]


@pytest.mark.parametrize(
    ("cuda", "driver"), [("11.8", "450.80.02"), ("12.8", "525.60.13"), ("13.0", "580.65.06"), ("14.1", None)]
)
def test_where_torch_sees_no_device_its_build_is_told(
    own: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, cuda: str, driver: str | None
) -> None:
    told: list[str] = []
    torch = SimpleNamespace(
        __version__="2.8.0",
        version=SimpleNamespace(cuda=cuda),
        _C=SimpleNamespace(_cuda_getArchFlags=lambda: "sm_80 sm_90"),
        backends=SimpleNamespace(cudnn=SimpleNamespace(), cuda=SimpleNamespace(matmul=SimpleNamespace())),
        cuda=SimpleNamespace(is_available=lambda: False),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    static = own("static")
    assert static.facts()["least_driver"] == driver
    assert not static.prepare_cuda(SimpleNamespace(event=lambda _kind, message: told.append(message)))
    (message,) = told
    assert "sees no CUDA device" in message
    assert message.endswith("for sm_80 sm_90")
    assert ("takes driver" in message) == (driver is not None)
