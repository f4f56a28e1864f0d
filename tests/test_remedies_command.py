"""What `remedy` says, keeps and exits by. Real installations of tiny wheels throughout."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import FreeDisk
from cures import (
    LAYERED,
    REST,
    WORKS,
    catalogue,
    missing_file,
    remedy_index,
    search,
    signature,
    words,
)
from factories import make_cell
from matrix_text import MATRIX
from miniature import MiniatureIndex
from tiny_lab import Surroundings, package

from asrcompat import cli
from asrcompat.errors import HarnessError
from asrcompat.explain.remedies import record
from asrcompat.explain.remedies.moves import asks_of
from asrcompat.lab.change import Change, Kind
from asrcompat.model import Outcome, Stage
from asrcompat.options import Options
from asrcompat.remedying import command as command_module
from asrcompat.remedying.bench import Bench, Task
from asrcompat.run.interpreters import Interpreter, NoInterpreter
from asrcompat.run.store import Store
from asrcompat.spec import load_spec


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    with remedy_index() as served:
        yield served


def test_what_does_not_resolve_is_cured_by_a_release_that_does(
    bench: Surroundings, command: list[str], index: MiniatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    package(index, "s3prl", "0.1", WORKS, requires=("helper>=3",))
    package(index, "s3prl", "0.2", WORKS)
    bench.sources = replace(bench.sources, fresh=True)
    base = bench.base()
    assert (base.cells[0].failed, base.environment.lock) == (Stage.RESOLVE, None)
    Store(bench.settings.work, "synthetic-base").write(base, lock=None)
    bench.__dict__["known"] = {}
    assert cli.main(command) == 0
    assert "broken at resolve; with s3prl=0.2: works (verified)" in capsys.readouterr().out


@pytest.fixture
def command(bench: Surroundings, index: MiniatureIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command's arguments, over a matrix of one environment whose one cell is on record as broken."""
    axes = {"python": "3.11", **REST}
    head, _, tail = MATRIX.partition("[axes]")
    text = head.replace("someone/some-model", "owner/model") + "[axes]\n"
    text += "".join(f'{name} = ["{value}"]\n' for name, value in axes.items())
    text += '[axes.torchaudio]\nfollows = "torch"\nreason = "r"\n'
    text += '[profiles.core]\ndescription = "d"\ndefault = true\n[[profiles.core.grid]]\ntorchaudio = "0.0"\n'
    text += "".join(f'{name} = "{value}"\n' for name, value in axes.items())
    text += "[probe]" + tail.partition("[probe]")[2].replace('["transformers", "s3prl-hf"]', '["s3prl-hf"]')
    text = text.replace('torch_cpu = "https://example.org/cpu"', f'url = "{index.url}"')
    text = text.replace('"cpu", "cuda"', '"cpu"')
    (tmp_path / "matrix.toml").write_text(text, encoding="utf-8")
    (tmp_path / "fixtures" / "hub").mkdir()
    bench.request = replace(bench.request, python="3.11")
    own = load_spec(tmp_path / "matrix.toml")
    settings = replace(bench.settings, weights="synthetic-base", model="owner/model")
    bench.settings = replace(settings, probe=own.probe, limits=own.limits)
    base = bench.base()
    Store(bench.settings.work, "synthetic-base").write(base, lock=bench.laboratory().lock(base))
    monkeypatch.setattr("asrcompat.remedying.command.load_catalogue", lambda _: bench.__dict__["known"])
    return ["remedy", "--matrix", str(tmp_path / "matrix.toml"), "--work", str(bench.settings.work)]


@pytest.mark.parametrize(
    ("cures", "code", "said"),
    [
        (
            [("file", "preprocessor_config.json")],
            0,
            "broken at load; with file preprocessor_config.json: works",
        ),
        ([("variable", "WORD=x")], 1, "no remedy: 1 tried, none works"),
        ([], 1, "no remedy: there is nothing to try"),
    ],
)
def test_the_command_says_what_it_found_and_exits_by_it(
    bench: Surroundings,
    command: list[str],
    cures: list[tuple[Kind, str]],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(*cures))
    assert cli.main(command) == code
    out = capsys.readouterr().out
    assert said in out
    assert f"1 cell to cure, {len(cures)} known cure" in out
    kept = (bench.settings.work / "remedies" / "synthetic-base" / f"{bench.request.id}.json").read_text()
    assert ('"verified": true' in kept) is (code == 0)
    assert len(list((bench.settings.work / "remedies" / "synthetic-base").glob("locks/*.txt"))) == (code == 0)


def test_the_command_ends_with_3_where_an_error_left_it_open(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("variable", "WORD=x")))
    bench.trouble.add(f"{bench.request.id}+variable-WORD-x")
    assert cli.main(command) == 3
    assert "1 tried, of which 1 ended in an error of the harness or could not be run here" in capsys.readouterr().out


@pytest.mark.parametrize("broken", [True, False])
def test_environments_without_a_result_are_told_and_leave_it_open(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, *, broken: bool
) -> None:
    grid = '[[profiles.core.grid]]\ntorchaudio = "0.0"\npython = "3.12"\n'
    grid += "".join(f'{name} = "{value}"\n' for name, value in REST.items())
    file = tmp_path / "matrix.toml"
    text = file.read_text(encoding="utf-8").replace('python = ["3.11"]', 'python = ["3.11", "3.12"]')
    file.write_text(text.replace("[probe]", grid + "[probe]", 1), encoding="utf-8")
    if not broken:
        store = Store(bench.settings.work, "synthetic-base")
        base = bench.base()
        store.write(replace(base, cells=tuple(make_cell(base.environment, "s3prl-hf") for _ in base.cells)), lock="x")
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    assert cli.main(command) == 3
    said = capsys.readouterr()
    assert "no results of py3.12-torch1.0" in said.out + said.err
    assert ("works (verified)" in said.out) is broken


def test_what_is_no_remedy_is_removed_and_what_others_made_is_left(
    bench: Surroundings, command: list[str], index: MiniatureIndex
) -> None:
    package(index, "six", "1.0")
    package(index, "seven", "1.0")
    others = bench.laboratory().run(bench.request, (Change(kind="extra", value="seven==1.0"),)).environment.id
    before = bench.laboratory().users()
    bench.__dict__["known"] = catalogue(missing_file(("extra", "six==1.0")))
    assert cli.main(command) == 1
    assert f"{bench.request.id}+six-1.0" in {identity for identity, _ in bench.probed}
    assert bench.laboratory().users() == before
    assert others in before


def kept_record(bench: Surroundings) -> record.Record:
    at = record.folder(bench.settings.work, "synthetic-base")
    said: list[str] = []
    found = record.read(bench.base().environment, at, warn=said.append)
    assert found is not None, said
    return found


@pytest.mark.parametrize("ended", ["the time was up", "the harness failed"])
def test_what_could_not_be_looked_at_again_keeps_its_remedy(
    bench: Surroundings, command: list[str], ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    assert cli.main(command) == 0
    shutil.rmtree(bench.settings.work / "lab" / "results")
    if ended == "the time was up":
        command += ["--budget", "1"]
        monkeypatch.setattr("asrcompat.remedying.bench.time", Clock())
    else:
        bench.trouble.add(f"{bench.request.id}+file-preprocessor_config.json")
    assert cli.main(command) == 3
    bench.trouble.clear()
    (remedy,) = kept_record(bench).remedies
    assert (remedy.verified, [cell.outcome for cell in remedy.cells]) == (True, [Outcome.WORKS])
    assert remedy.lock is not None


class Clock:
    """A clock that is past every deadline."""

    def monotonic(self) -> float:
        return float("inf")


def test_what_could_not_be_run_here_is_no_verdict(
    bench: Surroundings,
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    this_python: Interpreter,
) -> None:
    """No interpreter for the Python that the cure moves to."""
    bench.__dict__["known"] = catalogue(missing_file(("axis", "python=3.12")))
    found = {"3.12": NoInterpreter(wanted="3.12", reason="none")}
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda wanted: found.get(wanted, this_python))
    assert cli.main(command) == 3
    assert "1 tried, of which 1 ended in an error of the harness or could not be run here" in capsys.readouterr().out
    assert kept_record(bench).remedies == ()


def test_without_results_it_says_what_to_run_first(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main([*command[:-1], str(tmp_path / "elsewhere")]) == 3
    assert "nox -s matrix -- --profile core --weights synthetic-base" in capsys.readouterr().err


@pytest.mark.parametrize("other", ["packages", "code"])
def test_nothing_is_tried_where_it_would_be_on_something_else_than_the_result_was_made_of(
    bench: Surroundings,
    command: list[str],
    index: MiniatureIndex,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    other: str,
) -> None:
    """helper is no axis: a newer release of it comes in with the next lock."""
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    assert cli.main(command) == 0
    kept = record.folder(bench.settings.work, "synthetic-base") / f"{bench.request.id}.json"
    before, probed = kept.read_text(encoding="utf-8"), list(bench.probed)
    if other == "packages":
        package(index, "helper", "3.0")
        command.append("--fresh")
    else:
        monkeypatch.setattr("asrcompat.remedying.bench.code.digest", lambda _: "another")
    assert cli.main(command) == 3
    said = capsys.readouterr()
    why = {"packages": "its packages are others today", "code": "its result was found by other code of this project"}
    assert f"{why[other]}; run `matrix` again" in said.out
    assert "no remedy: 0 tried so far" in said.out
    assert (kept.read_text(encoding="utf-8"), bench.probed) == (before, probed)


def test_a_lock_that_comes_of_age_on_the_way_ends_the_search_there(
    bench: Surroundings, command: list[str], index: MiniatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    known = missing_file(("variable", "WORD=x"), ("file", "preprocessor_config.json"))
    one = search(bench, catalogue(known))
    package(index, "helper", "3.0")
    one._means = replace(
        one._means, sources=replace(one._means.sources, index=replace(bench.sources.index, lock_hours=0))
    )
    with pytest.raises(HarnessError, match="others today"):
        one.search.run(one.task.cells)
    assert one.search.found.cured == {}


def test_a_part_that_could_not_be_dropped_for_want_of_a_verdict_is_told(
    bench: Surroundings, command: list[str], index: MiniatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run of the file alone, which would do, ends in an error of the harness."""
    package(index, "s3prl", "0.1", LAYERED.format(enough=True))
    again(bench, index)
    word = signature("no-word", "the word is missing", ("variable", "WORD=x"))
    bench.__dict__["known"] = catalogue(word, missing_file(("file", "preprocessor_config.json")))
    bench.trouble.add(f"{bench.request.id}+file-preprocessor_config.json")
    assert cli.main(command) == 3
    out = capsys.readouterr().out
    assert "not made smaller: a run without variable WORD=x gave no verdict" in out
    both, *_ = kept_record(bench).remedies
    assert (both.verified, both.needless) == (True, ())
    assert "It may be more than is needed: a run without variable WORD=x gave no verdict." in both.says
    bench.trouble.clear()
    assert cli.main(command) == 0
    assert words(kept_record(bench).remedies)[0] == ("file preprocessor_config.json", True)


def again(bench: Surroundings, index: MiniatureIndex) -> None:
    """The environment as installed from the index as it is by now, on record as the command reads it."""
    for folder in ("locks", "uv-cache"):
        shutil.rmtree(bench.settings.root / folder, ignore_errors=True)
    shutil.rmtree(bench.settings.work)
    base = bench.base()
    Store(bench.settings.work, "synthetic-base").write(base, lock=bench.laboratory().lock(base))


def test_an_index_that_is_out_of_reach_leaves_it_open_and_is_asked_again(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.__dict__["known"] = {}
    asked: list[str] = []

    def gone(_: object, name: str) -> None:
        asked.append(name)
        message = f"the index gave no list of '{name}'"
        raise HarnessError(message)

    monkeypatch.setattr("asrcompat.plan.releases.PackageIndex.releases", gone)
    assert cli.main(command) == 3
    assert "gave no list of 's3prl'" in capsys.readouterr().out
    assert asked == ["s3prl"]
    one = search(bench, {})
    assert (one.search._releases("a"), one.search._releases("a")) == ((), ())
    assert asked[1:] == ["a", "a"]


def test_an_interrupt_leaves_what_was_verified_on_record(
    bench: Surroundings, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("asrcompat.explain.remedies.search.Search._climb_on", interrupted)
    assert cli.main(command) not in (0, 1)
    (remedy,) = kept_record(bench).remedies
    assert remedy.verified
    assert (record.folder(bench.settings.work, "synthetic-base") / str(remedy.lock)).is_file()


def test_a_fault_in_one_environment_leaves_the_others_their_search(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    tasks = command_module._tasks

    def twice(options: Options) -> tuple[list[Task], list[str]]:
        (task,), missing = tasks(options)
        return [task, task], missing

    monkeypatch.setattr(command_module, "_tasks", twice)
    outdated, seen = Bench.outdated, list[Bench]()

    def faulty(one: Bench) -> str | None:
        seen.append(one)
        if len(seen) == 1:
            message = "the disk is full"
            raise HarnessError(message)
        return outdated(one)

    monkeypatch.setattr(Bench, "outdated", faulty)
    assert cli.main(command) == 3
    said = capsys.readouterr()
    assert "nothing more is tried here: the disk is full" in said.out
    assert "works (verified)" in said.out


def test_another_torch_is_not_tried_on_a_full_disk_and_that_is_told(
    bench: Surroundings,
    command: list[str],
    index: MiniatureIndex,
    capsys: pytest.CaptureFixture[str],
    free_disk: FreeDisk,
) -> None:
    package(index, "torch", "2.0")
    package(index, "torchaudio", "2.0")
    bench.__dict__["known"] = catalogue(missing_file(("axis", "torch=2.0"), ("variable", "WORD=x")))
    free_disk.gb = 3
    assert cli.main(command) == 3
    said = capsys.readouterr()
    assert "torch=2.0: not tried: that installs another torch, and 3 GB of disk are free, not 12" in said.out
    assert [identity for identity, _ in bench.probed if "torch-2.0" in identity] == []
    free_disk.gb = 30
    assert cli.main(command) == 1
    assert [identity for identity, _ in bench.probed if "torch-2.0" in identity] != []


def test_few_releases_of_torch_are_tried_and_the_estimate_counts_them(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert (asks_of("torch"), asks_of("transformers")) == (6, 10)
    bench.__dict__["known"] = {}
    cli.main(command)
    assert "where none helps, at most 10 releases of packages that may be to blame" in capsys.readouterr().out
