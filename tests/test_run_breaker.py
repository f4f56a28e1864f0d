"""An index that is down is asked a few times by a run, not once for each environment; and a while later again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from miniature import Trouble, serving

from asrcompat.plan.resolve import Resolver
from asrcompat.run import breaker, uv
from asrcompat.run.breaker import Breaker
from asrcompat.run.environment import build
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.process import Finished
from asrcompat.spec import Index, Spec

DOWN = uv.Failure(kind="error", message="error sending request", unreachable=True)
OTHER = uv.Failure(kind="conflict", message="No solution found")


class Clock:
    """In place of the module `time`."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(breaker, "time", clock)
    return clock


def answers(work: Path, *found: object) -> list[bool]:
    """Whether the index was asked, for each question; each has an answer ready."""
    asked = []
    for answer in found:
        questions: list[object] = []
        Breaker(work).ask(lambda answer=answer, questions=questions: questions.append(answer) or answer)  # type: ignore[misc]
        asked.append(bool(questions))
    return asked


@pytest.mark.usefixtures("clock")
def test_after_some_failures_in_a_row_it_is_left_alone(tmp_path: Path) -> None:
    assert answers(tmp_path, DOWN, DOWN, DOWN, DOWN, "fine") == [True, True, True, False, False]
    failure = Breaker(tmp_path).ask(lambda: "fine")
    assert isinstance(failure, uv.Failure)
    assert (failure.kind, failure.unreachable) == ("error", True)
    assert "did not answer 3 times in a row" in failure.message
    assert failure.message.endswith("error sending request")


@pytest.mark.usefixtures("clock")
def test_what_needs_no_index_is_done_while_it_is_down_and_says_nothing_of_it(tmp_path: Path) -> None:
    assert Breaker(tmp_path).ask(lambda: DOWN, instead=lambda: "cached") == DOWN
    answers(tmp_path, DOWN)
    assert Breaker(tmp_path).ask(lambda: "cached anyway", instead=lambda: "cached") == "cached anyway"
    answers(tmp_path, DOWN)
    assert Breaker(tmp_path).ask(lambda: "not asked", instead=lambda: "cached") == "cached"
    found = Breaker(tmp_path).ask(lambda: "not asked", instead=lambda: OTHER)
    assert found.unreachable
    assert 299 < Breaker(tmp_path).seconds_left() <= 300


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("between", [OTHER, "fine", Lock("")])
def test_any_answer_in_between_counts(tmp_path: Path, between: object) -> None:
    assert answers(tmp_path, DOWN, DOWN, between, DOWN, DOWN, "fine") == [True] * 6


def test_a_while_later_it_is_asked_again_and_one_failure_is_enough_for_another_rest(
    tmp_path: Path, clock: Clock
) -> None:
    answers(tmp_path, DOWN, DOWN, DOWN)
    clock.now += 301
    assert answers(tmp_path, DOWN, "fine") == [True, False]
    clock.now += 301
    assert answers(tmp_path, "fine", DOWN, "fine") == [True, True, True]


def test_a_clock_that_goes_backwards_keeps_nobody_waiting(tmp_path: Path, clock: Clock) -> None:
    answers(tmp_path, DOWN, DOWN, DOWN)
    clock.now -= 86_400
    assert answers(tmp_path, "fine") == [True]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"failures": "many"}', "null"])
def test_a_torn_file_is_no_reason_not_to_ask(tmp_path: Path, content: str) -> None:
    (tmp_path / "index-down.json").write_text(content, encoding="utf-8")
    assert answers(tmp_path, "fine") == [True]


def test_of_several_that_fail_at_once_each_counts(tmp_path: Path) -> None:
    all_ask = threading.Barrier(3)

    def fails_with_the_others() -> uv.Failure:
        all_ask.wait(30)
        return DOWN

    with ThreadPoolExecutor(3) as threads:
        for one in [threads.submit(Breaker(tmp_path).ask, fails_with_the_others) for _ in range(3)]:
            assert one.result(30) == DOWN
    assert answers(tmp_path, "fine") == [False]


def test_what_was_answered_while_another_asked_is_between_its_failure_and_those_before(tmp_path: Path) -> None:
    answers(tmp_path, DOWN, DOWN)

    def fails_late() -> uv.Failure:
        answers(tmp_path, "fine")
        return DOWN

    Breaker(tmp_path).ask(fails_late)
    assert answers(tmp_path, DOWN, DOWN, "fine") == [True, True, False]


def test_an_answer_lies_between_what_failed_while_it_was_awaited_and_what_fails_later(tmp_path: Path) -> None:
    def answers_late() -> str:
        answers(tmp_path, DOWN, DOWN)
        return "fine"

    Breaker(tmp_path).ask(answers_late)
    assert answers(tmp_path, DOWN, "fine") == [True, True]


def resolver_of(work: Path, index: Index, python: Interpreter) -> Resolver:
    return Resolver(interpreter=python, index=index, torch_index=None, work=work, seconds=60)


@pytest.mark.parametrize("trouble", ["500", "gone"])
def test_resolving_many_environments_asks_an_index_in_trouble_a_few_times(
    tmp_path: Path, spec: Spec, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    with serving(("torch", "1.0", ())) as index:
        index.pages_trouble = trouble
        resolver = resolver_of(tmp_path, replace(spec.index, url=index.url), this_python)
        found = [resolver.lock([f"torch=={number}"]) for number in range(10)]
        asked = len(index.asked)
        assert all(isinstance(one, uv.Failure) and one.kind == "error" for one in found)
        resolver.lock(["torch==11"])
        assert len(index.asked) == asked
        index.pages_trouble = "none"
        monkeypatch.setattr(breaker, "_REST_SECONDS", 0.0)
        assert isinstance(resolver.lock(["torch==1.0"]), Lock)


@pytest.mark.parametrize("trouble", ["500", "gone", "cut"])
def test_installing_does_too(
    tmp_path: Path, spec: Spec, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    with serving(("torch", "1.0", ())) as index:
        resolver = resolver_of(tmp_path, replace(spec.index, url=index.url), this_python)
        lock = resolver.lock(["torch==1.0"])
        assert isinstance(lock, Lock)
        index.files_trouble = trouble
        asked = []
        for number in range(6):
            built = build(
                f"environment{number}",
                lock,
                interpreter=this_python,
                arguments=("--default-index", index.url),
                work=tmp_path,
                seconds=60,
            )
            assert isinstance(built, uv.Failure)
            assert built.kind == "error"
            asked.append(len(index.asked))
        assert asked[2] == asked[5] > asked[1]


@pytest.mark.parametrize(
    ("text", "unreachable"),
    [
        ("error: Failed to fetch: `http://127.0.0.1/simple/torch/`\n  Caused by: HTTP status server error (500)", True),
        ("error: Request failed after 3 retries\n  Caused by: Connection refused (os error 111)", True),
        ("error: Failed to fetch: `https://x/y.whl`\n  Caused by: HTTP status client error (404 Not Found)", False),
        ("error: Failed to fetch: `https://x/y.whl`\n  Caused by: HTTP status client error (429 Too Many)", True),
        ("× Failed to build `x`\n curl: (7) Failed to connect to github.com port 443", False),
        ("error: Failed to download `x`\n  Caused by: No space left on device (os error 28)", False),
        ("No solution found when resolving dependencies", False),
    ],
)
def test_only_the_index_itself_counts(text: str, unreachable: bool) -> None:
    failure = uv.failure(Finished(code=1, output=text, timed_out=False, seconds=1))
    assert failure is not None
    assert failure.unreachable is unreachable
