"""The command: bad usage is told and exits with 2; what it says can be acted on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from conftest import ROOT
from factories import make_cell, make_environment, make_environment_result

from asrcompat import cli, tasks
from asrcompat.arguments import parser
from asrcompat.cli import main
from asrcompat.model import Outcome
from asrcompat.options import Options, parse
from asrcompat.run.session import NotBuilt


def test_plan_lists_every_environment_with_its_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--matrix", str(ROOT / "matrix.toml")]) == 0
    said = capsys.readouterr().out
    assert said.count("Python 3.") == 9
    assert "Python 3.10, torch 2.3.1, torchaudio 2.3.1, s3prl 0.4.14, espnet 202402, transformers 4.41.2" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["matrix", "--profile", "cor"], "did you mean 'core'"),
        (["matrix", "--environments", "py2*"], "no environment of profile 'core' matches 'py2*'"),
        (["matrix", "--paths", "fairseq"], "unknown path 'fairseq'"),
        (["matrix", "--devices", "tpu"], "unknown device 'tpu'"),
        (["session", "py2.7"], "no environment 'py2.7'"),
    ],
)
def test_wrong_choices_are_named_and_exit_with_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*arguments, "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["matrix", "--jobs", "0"], ["matrix", "--weights", "x"], ["matrix", "-x"], ["matrix", "--profil", "smoke"]],
)
def test_wrong_options_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2


def test_every_fault_of_a_bad_matrix_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "matrix.toml").read_text(encoding="utf-8")
    for old, new in (("trials = 10", "trials = 0"), ("seed = 23", "sed = 23")):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "matrix.toml").write_text(text)
    assert main(["plan", "--matrix", str(tmp_path / "matrix.toml")]) == 2
    said = capsys.readouterr().err
    for part in ("matrix.toml", "probe.trials", "probe.sed", "probe.seed"):
        assert part in said


def test_a_report_without_results_says_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path)]
    assert main([*arguments, "--reports", str(tmp_path / "reports")]) == 3
    assert "nox -s matrix -- --profile core --weights synthetic-base" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()


def test_a_fault_of_ours_never_ends_in_the_code_for_a_regression(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tasks, "report", full)
    assert main(["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "nothing is said of packages" in said


@pytest.mark.parametrize(
    ("command", "place", "said"),
    [
        (["matrix"], "running.command.matrix", "what was finished is kept, and `report` shows it"),
        (["session", "some-id"], "tasks.session", "the cells that were finished are kept"),
        (["report"], "tasks.report", "no result is touched"),
        (["plan"], "planning.command.plan", "what was resolved is kept"),
        (["doctor"], "tasks.doctor", "nothing of this run was kept"),
        (["remedy"], "remedying.command.remedy", "run it again, and it goes on"),
        (["bisect", "--axis", "s3prl"], "bisecting.command.bisect", "run it again, and it goes on"),
        (["rules"], "settling.command.rules", "run it again, and it goes on"),
    ],
)
def test_an_interrupted_command_says_what_there_is_now(
    command: list[str], place: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(f"asrcompat.{place}", Mock(side_effect=KeyboardInterrupt))
    assert main([*command, "--matrix", str(ROOT / "matrix.toml")]) == 3
    told = capsys.readouterr().err
    assert told.startswith("asrcompat: stopped; ")
    assert said in told
    assert ("`report` shows" in told) == (command[0] in ("matrix", "remedy", "rules"))


def test_every_command_has_something_to_say_when_it_is_interrupted() -> None:
    (commands,) = [action.choices for action in parser()._actions if action.dest == "command"]
    assert set(cli._STOPPED) == set(commands or ())
    assert all(callable(cli.task_of(command)) for command in commands or ())


def test_a_session_judges_what_the_report_would_admit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells whose probe read other versions than the lock's are refused there, and so here."""
    environment = make_environment("py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2")
    cell = make_cell(environment)
    assert cell.evidence is not None
    foreign = replace(cell, evidence=replace(cell.evidence, versions={"torch": "1.0"}))
    source = NotBuilt(outcome=Outcome.ERROR, stage=None, message="not asked for")
    monkeypatch.setattr("asrcompat.standing.prepare", lambda *_: (environment, source))
    monkeypatch.setattr("asrcompat.settings.reachable", lambda _: False)
    arguments = [
        "session",
        environment.id,
        "--work",
        str(tmp_path),
        "--paths",
        cell.path,
        "--devices",
        "cpu",
        "--quiet",
    ]
    for found, code in ((cell, 0), (foreign, 3)):
        result = make_environment_result(environment, [found])
        monkeypatch.setattr("asrcompat.standing.run_session", lambda *_, result=result, **__: result)
        assert main([*arguments, "--quiet", "--matrix", str(ROOT / "matrix.toml")]) == code


def test_only_the_default_profile_on_its_weights_goes_to_reports() -> None:
    def folder(*arguments: str) -> Path:
        _, options, _ = parse(["matrix", "--matrix", str(ROOT / "matrix.toml"), *arguments])
        return options.reports_folder

    assert folder() == ROOT / "reports"
    kept = ROOT / ".asrcompat" / "reports"
    assert folder("--profile", "smoke") == kept / "smoke-synthetic-small"
    assert folder("--weights", "synthetic-small") == kept / "core-synthetic-small"
    assert folder("--reports", "elsewhere") == Path("elsewhere")
    for part in (("--paths", "transformers"), ("--devices", "cpu"), ("--environments", "py3.10*")):
        assert folder(*part) == kept / "core-synthetic-base-part"


def test_a_session_is_given_all_choices_of_its_run() -> None:
    command = ["matrix", "--matrix", str(ROOT / "matrix.toml"), "--paths", "transformers", "--devices", "cpu"]
    _, options, _ = parse([*command, "--weights", "synthetic-small", "--fresh"])
    _, again, name = parse(["session", "some-id", *options.for_sessions(threads=3, torch_index=None)])
    assert name == "some-id"
    for key in ("chosen_paths", "chosen_devices", "weights", "work_folder", "run_again"):
        assert getattr(again, key) == getattr(options, key), key
    assert not again.fresh, "its run has just resolved"
    assert isinstance(again, Options)
    assert (again.threads, again.torch_index) == (3, "none")


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_nox_passes_exit_codes_on(code: int, tmp_path: Path) -> None:
    """nox alone turns every failure of a session into 1."""
    text = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    (tmp_path / "noxfile.py").write_text(text.replace("from asrcompat.cli import main", f"main = lambda _: {code}"))
    (tmp_path / "matrix.toml").write_bytes((ROOT / "matrix.toml").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "nox", "-s", "matrix"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr


def test_nox_lists_environments_with_their_versions_and_names_faults_of_the_matrix(tmp_path: Path) -> None:
    for name in ("noxfile.py", "matrix.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    listed = subprocess.run(
        [sys.executable, "-m", "nox", "-l"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2 -> Python 3.10, torch 2.3.1," in listed
    matrix = tmp_path / "matrix.toml"
    matrix.write_text(matrix.read_text(encoding="utf-8").replace('"cuda"]', '"tpu"]'), encoding="utf-8")
    bad = subprocess.run([sys.executable, "-m", "nox", "-l"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert bad.returncode == 2
    assert "probe.devices[1]" in bad.stdout


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    command = [sys.executable, "-m", "asrcompat", "ask", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (3, b"")
