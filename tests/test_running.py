"""A run stack by stack within a disk and a time: sessions are stood in for by what they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from conftest import FreeDisk
from factories import make_cell, make_environment, make_environment_result
from matrix_text import MATRIX, write

from asrcompat.errors import ExitCode
from asrcompat.model import Outcome, Stage
from asrcompat.options import Options, parse
from asrcompat.run import ahead, footprint, schedule
from asrcompat.run.ahead import Wanted
from asrcompat.run.footprint import STACK_GB, Footprint
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked
from asrcompat.run.store import Store
from asrcompat.running import begin, command, turns
from asrcompat.running import stacks as module
from asrcompat.running.command import matrix
from asrcompat.running.stacks import PYTHON_GB, Stacks, filled_the_disk, stacks
from asrcompat.spec import Request, environment_id

GB = 10**9


class Disk:
    """Environments of so many GB each, told to the footprint in place of files."""

    def __init__(self, folder: Path, *, each: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.each = each
        self.most = 0.0
        monkeypatch.setattr(footprint, "held", lambda _: int(self.held * GB))

    @property
    def held(self) -> float:
        envs = self.folder / "envs"
        now = self.each * len(list(envs.iterdir())) if envs.is_dir() else 0.0
        self.most = max(self.most, now)
        return now

    def install(self, name: str) -> None:
        (self.folder / "envs" / name).mkdir(parents=True, exist_ok=True)
        assert self.held >= 0


class Sessions:
    """Stands in for `schedule.run_sessions`: each environment is installed, and its result is kept."""

    def __init__(self, options: Options, disk: Disk, *, full: Sequence[str] = (), build: str = "") -> None:
        self.options = options
        self.disk = disk
        self.full = list(full)
        self.build = build
        self.late: list[str] = []
        self.ran: list[list[str]] = []
        self.share: set[bool] = set()
        self.published: tuple[list[str], list[str]] = [], []

    def publish(self, _: Options, judged: Sequence[Request], *, not_begun: Sequence[Request]) -> ExitCode:
        self.published = [one.id for one in judged], [one.id for one in not_begun]
        return ExitCode.OK

    def __call__(self, names: Sequence[str], *, share: bool, **_: Any) -> list[str]:
        self.ran.append(list(names))
        self.share.add(share)
        for name in [one for one in names if one not in self.late]:
            identity = environment_id(name, self.build.removeprefix("+") or None)
            self.disk.install(identity)
            environment = make_environment(identity)
            cell = make_cell(environment)
            if name in self.full:
                self.full.remove(name)
                message = "error: No space left on device (os error 28)"
                cell = make_cell(environment, outcome=Outcome.ERROR, failed=Stage.INSTALL, message=message)
            self.options.store.write(make_environment_result(environment, [cell]), lock=None)
        return [one for one in names if one in self.late]


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Options, Sessions]]:
    """A run of the small matrix, of which nothing is resolved, made or published."""

    def make(*arguments: str, each: float = 5.0, full: Sequence[str] = (), build: str = "") -> tuple[Options, Sessions]:
        options = parse(["matrix", "--matrix", str(write(tmp_path, MATRIX)), "--quiet", *arguments])[1]
        disk = Disk(options.work_folder, each=each, monkeypatch=monkeypatch)
        sessions = Sessions(options, disk, full=full, build=build)
        monkeypatch.setattr(schedule, "run_sessions", sessions)
        monkeypatch.setattr(command, "begun_with", lambda _, chosen, __: begin.Begun(left=tuple(chosen), locked={}))
        monkeypatch.setattr(command, "load_claims", lambda _: None)
        monkeypatch.setattr(turns, "prepare_inputs", lambda **_: None)
        monkeypatch.setattr(command, "publish_report", sessions.publish)
        monkeypatch.setattr("asrcompat.settings.reachable", lambda _: False)
        return options, sessions

    return make


def test_where_all_stacks_fit_all_run_together_in_the_order_of_stacks(
    ready: Callable[..., tuple[Options, Sessions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_free", lambda *_: None)
    options, sessions = ready()
    assert matrix(options) == ExitCode.OK
    (names,) = sessions.ran
    torches = ["newest" if "torch-newest" in name else "2.3.1" for name in names]
    assert torches == sorted(torches)
    assert len(names) == 5


@pytest.mark.parametrize(("arguments", "shared"), [([], True), (["--threads", "1"], False)])
def test_threads_that_were_asked_for_stay_what_they_are(
    ready: Callable[..., tuple[Options, Sessions]],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    shared: bool,
) -> None:
    monkeypatch.setattr(module, "_free", lambda *_: None)
    options, sessions = ready(*arguments)
    matrix(options)
    assert sessions.share == {shared}


def test_a_stack_that_is_there_needs_no_room(
    ready: Callable[..., tuple[Options, Sessions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[float] = []

    def free(_: Path, need: float) -> None:
        counted.append(need)

    monkeypatch.setattr(module, "_free", free)
    options, sessions = ready()
    matrix(options)
    matrix(options)
    assert counted == [2 * STACK_GB + PYTHON_GB, 0]
    assert len(sessions.ran) == 2


def begun_locked(_: Options, chosen: Sequence[Request], __: Progress) -> begin.Begun:
    """Stands in for `begun_with`: everything is locked."""
    source = Locked(lock=Lock(""), interpreter=Interpreter(executable=Path("python"), version="3.10.1"), text="")
    return begin.Begun(left=tuple(chosen), locked={one.id: source for one in chosen})


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of what each run would fetch ahead."""
    lists: list[list[str]] = []

    def fetching(wanted: Sequence[Wanted], **_: Any) -> AbstractContextManager[None]:
        lists.append([one.name for one in wanted])
        return nullcontext()

    monkeypatch.setattr(ahead, "fetching", fetching)
    return lists


def test_the_first_environment_of_each_later_stack_is_fetched_ahead(
    ready: Callable[..., tuple[Options, Sessions]], fetched: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_free", lambda *_: None)
    options, _ = ready()
    monkeypatch.setattr(command, "begun_with", begun_locked)
    matrix(options)
    matrix(options)
    (first, again) = fetched
    assert [name.partition("-s3prl")[0] for name in first] == ["py3.12-torch2.3.1", "py3.12-torch-newest"]
    assert again == [], "what is there need not be fetched"


def test_on_a_tight_disk_nothing_is_fetched_before_there_is_room(
    ready: Callable[..., tuple[Options, Sessions]], fetched: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    options, sessions = ready("--disk", "22GB")
    monkeypatch.setattr(command, "begun_with", begun_locked)
    matrix(options)
    assert len(sessions.ran) == 3
    assert fetched == []


def test_a_disk_budget_is_kept_by_giving_finished_stacks_back(
    ready: Callable[..., tuple[Options, Sessions]],
) -> None:
    options, sessions = ready("--disk", "22GB", each=5.0)
    assert matrix(options) == ExitCode.OK
    *first, last = sessions.ran
    assert [["torch2.3.1" in name for name in group] for group in first] == [[True, True], [True, True]]
    assert all("torch-newest" in name for name in last)
    assert sessions.disk.most <= 22
    left = {one.name for one in (options.work_folder / "envs").iterdir()}
    assert left == set(last)  # what came last stays for the next run


def test_an_environment_that_found_the_disk_full_runs_once_more_after_room_was_made(
    ready: Callable[..., tuple[Options, Sessions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_free", lambda *_: None)
    full = "py3.12-torch-newest-s3prl0.4.15-espnet202611-transformers-newest"
    options, sessions = ready(full=[full])
    assert matrix(options) == ExitCode.OK
    assert sessions.ran[1] == [full]
    assert not filled_the_disk(options.store.read(full, warn=print))
    assert [one.name for one in (options.work_folder / "envs").iterdir()] == [full]


def test_environments_of_the_cpu_index_have_its_builds_in_their_names(
    ready: Callable[..., tuple[Options, Sessions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the request's own name neither a full disk would be seen nor room be made."""
    monkeypatch.setattr(module, "_free", lambda *_: None)
    full = "py3.12-torch-newest-s3prl0.4.15-espnet202611-transformers-newest"
    options, sessions = ready(full=[full], build="+cpu")
    assert matrix(options) == ExitCode.OK
    assert sessions.ran[1] == [full]
    assert [one.name for one in (options.work_folder / "envs").iterdir()] == [full.replace("newest", "newest+cpu", 1)]


def test_environments_of_earlier_runs_make_room_as_well(ready: Callable[..., tuple[Options, Sessions]]) -> None:
    options, sessions = ready("--disk", "22GB", each=5.0)
    for name in ("old", "older", "oldest", "ancient"):
        sessions.disk.install(name)
    assert matrix(options) == ExitCode.OK
    assert sessions.disk.most <= 22


def test_one_that_finds_it_full_again_stays_an_error(
    ready: Callable[..., tuple[Options, Sessions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_free", lambda *_: None)
    full = "py3.12-torch-newest-s3prl0.4.15-espnet202611-transformers-newest"
    options, sessions = ready(full=[full, full])
    matrix(options)
    assert len(sessions.ran) == 2
    assert filled_the_disk(options.store.read(full, warn=print))


def test_what_was_not_begun_in_time_is_told_and_not_judged(
    ready: Callable[..., tuple[Options, Sessions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_free", lambda *_: None)
    options, sessions = ready("--budget", "1h")
    late = options.chosen_environments[-1].id
    sessions.late = [late]
    assert matrix(options) == ExitCode.OK
    judged, not_begun = sessions.published
    assert not_begun == [late]
    assert sorted([*judged, *not_begun]) == sorted(one.id for one in options.chosen_environments)


def test_only_errors_for_want_of_room_count_as_a_full_disk(tmp_path: Path) -> None:
    store = Store(tmp_path, "synthetic-base")
    environment = make_environment("one")
    assert not filled_the_disk(store.read("one", warn=print))
    for outcome, message, told in (
        (Outcome.ERROR, "No space left on device", True),
        (Outcome.ERROR, "Failed to fetch", False),
        (Outcome.BROKEN, "OSError: No space left on device", False),
    ):
        cell = make_cell(environment, outcome=outcome, failed=Stage.INSTALL, message=message)
        store.write(make_environment_result(environment, [cell]), lock=None)
        assert filled_the_disk(store.read("one", warn=print)) is told


def test_without_a_budget_what_is_free_decides(tmp_path: Path, free_disk: FreeDisk) -> None:
    with stacks(tmp_path, asked=None, need=3 * STACK_GB, tell=lambda _: None) as disk:
        assert not disk.tight
    free_disk.gb = 3 * STACK_GB - 1
    told: list[str] = []
    with stacks(tmp_path, asked=None, need=3 * STACK_GB, tell=told.append) as disk:
        assert disk.tight
    assert told[0].startswith(
        f"disk: {3 * STACK_GB - 4:.0f} GB, and new torch stacks would take about {3 * STACK_GB:.0f} GB"
    )


def test_a_stack_that_does_not_fit_is_told_and_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "held", lambda _: 5 * GB)
    told: list[str] = []
    with Footprint(tmp_path) as taken:
        Stacks(tmp_path, 8.0, taken, told.append).begin(["one"], [Lock("")])
    (line,) = told
    assert line.startswith(
        f"disk: the next stack takes about {STACK_GB} GB, and 5.0 of 8 GB are held by what this run cannot"
    )
    assert line.endswith("it is tried all the same")
