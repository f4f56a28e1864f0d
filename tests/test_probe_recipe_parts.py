"""What a recipe trained and froze, and which learning rates its trainer takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from recipe_subject import Value, subject

from asrcompat.probe.cell import CheckFailed
from asrcompat.probe.recipes import rates
from asrcompat.probe.recipes.saved import Freezing


@pytest.mark.parametrize(
    ("moved", "values", "message"),
    [
        ({"head"}, {}, None),
        ({"head", "upstream.bias"}, {}, "left 1 parameters to be trained, the first: upstream.bias"),
        ({"head"}, {"upstream.conv": Value(1, 5)}, "1 of 2 frozen parameters differ .* upstream.conv"),
        ({"head"}, {"upstream.conv": Value(1)}, "1 of 2 frozen parameters differ .* upstream.conv"),
        (set(), {}, "never moved: head"),
    ],
)
def test_what_was_trained_and_what_was_not(moved: set[str], values: dict[str, Value], message: str | None) -> None:
    one = subject()
    saved: Any = SimpleNamespace(moved=moved, model={**dict(one.model.named_parameters()), **values})
    freezing = Freezing(one.model, one.upstream)
    if message is None:
        freezing.check(saved)
        freezing.check_moved(saved.model, {**saved.model, "head": Value(5)})
        with pytest.raises(CheckFailed, match="the same after another epoch: head"):
            freezing.check_moved(saved.model, saved.model)
    else:
        with pytest.raises(CheckFailed, match=message):
            freezing.check(saved)


def task(groups: Callable[[Any], list[dict[str, Any]]]) -> Any:
    parser = SimpleNamespace(parse_args=lambda options: options)
    build = lambda arguments, model: [SimpleNamespace(param_groups=groups(model))]  # noqa: E731
    return SimpleNamespace(get_parser=lambda: parser, build_optimizers=build)


def test_readings_of_learning_rates() -> None:
    one = subject()
    head, rest = [one.model.named["head"]], one.upstream.parameters()

    def fails(model: Any) -> Any:
        raise TypeError("unexpected keyword 'groups'\nmore")

    def refuses(model: Any) -> Any:
        print("usage: many\nasr_train: error: unrecognized arguments: --optim2", file=sys.stderr)
        raise SystemExit(2)

    results = {
        "two": rates.reading(task(lambda _: [{"params": head, "lr": 1.0}, {"params": rest, "lr": 0.1}]), one, []),
        "one": rates.reading(task(lambda model: [{"params": model.parameters(), "lr": 1.0}]), one, []),
        "same": rates.reading(task(lambda _: [{"params": head, "lr": 1.0}, {"params": rest, "lr": 1.0}]), one, []),
        "mixed": rates.reading(
            task(lambda _: [{"params": head + rest[:1], "lr": 1.0}, {"params": rest[1:], "lr": 0.1}]), one, []
        ),
        "fails": rates.reading(task(fails), one, []),
        "refuses": rates.reading(task(refuses), one, []),
    }
    assert results == {
        "two": "two rates",
        "one": "accepted, with one rate for all in one group",
        "same": "accepted, with one rate for all in 2 groups",
        "mixed": "accepted, with rates that both parts share in 2 groups",
        "fails": "TypeError: unexpected keyword 'groups'",
        "refuses": "refused: unrecognized arguments: --optim2",
    }


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("two", [False, True])
def test_a_trainer_that_was_not_tried_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool, two: bool
) -> None:
    """``asr_train`` is all that is tried: what else a wheel brings is not answered by what that takes."""
    one = subject()
    groups = [{"params": [one.model.named["head"]], "lr": 1.0}, {"params": one.upstream.parameters(), "lr": 0.1}]
    of_all = [{"params": one.model.parameters(), "lr": 1.0}]
    for name in ("espnet2", "espnet2.tasks"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    module: Any = ModuleType("espnet2.tasks.asr")
    module.ASRTask = task(lambda _: groups if two else of_all)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.syspath_prepend(tmp_path)
    if there:
        (tmp_path / "espnet3").mkdir()
        (tmp_path / "espnet3" / "__init__.py").write_text("raise RuntimeError('imported')")
    try:
        message = rates.offered(SimpleNamespace(subject=one)).message  # type: ignore[arg-type]
    except CheckFailed as failed:
        message = str(failed)
    assert message.startswith("asr_train takes" if two else "asr_train offers no")
    assert ("the trainer of espnet3, which is installed and has named optimizers, was not tried" in message) is there
