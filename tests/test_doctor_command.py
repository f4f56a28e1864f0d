"""The command around the probe: what is refused before anything runs, what is shown, and the exit codes."""

from __future__ import annotations

import errno
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from conftest import ROOT
from factories import MODEL, make_cell, make_environment, make_environment_result
from rich.console import Console
from test_doctor_look import answer
from test_offered import make_missing_cell

from asrcompat.cli import main
from asrcompat.doctor.command import verdict
from asrcompat.doctor.given import Given, lay_out
from asrcompat.doctor.show import show
from asrcompat.errors import ExitCode
from asrcompat.model import Cell, Check, CheckOutcome, Device, EnvironmentResult, Outcome, Stage
from asrcompat.options import parse
from asrcompat.result_files import parse_environment_result
from asrcompat.run.store import write_text
from asrcompat.settings import settings_as_found, settings_for

KEY = Check(
    id="key preencoder_conf.input_size",
    stage=Stage.LOAD,
    required=False,
    outcome=CheckOutcome.FAILED,
    message="1024: the features are 768 wide",
    data={"key": "preencoder_conf.input_size", "value": 1024},
)


def result(*cells: Cell) -> EnvironmentResult:
    return make_environment_result(make_environment(host="box"), cells)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--python", "/nowhere/python"], "/nowhere/python: no such file"),
        (["--config", "/nowhere/train.yaml"], "/nowhere/train.yaml: no such file"),
        (["--model", "owner/name"], "give --config train.yaml as well"),
        (["--config", str(ROOT / "matrix.toml"), "--paths", "s3prl-hf"], "give one of the two"),
        (["--config", str(ROOT / "matrix.toml"), "--findings"], "leave them out with --config"),
        (["--config", str(ROOT / "matrix.toml"), "--recipe"], "leave them out with --config"),
        (["--config", str(ROOT / "matrix.toml"), "--model", "./nowhere"], "no such folder"),
        (["--config", str(ROOT / "matrix.toml"), "--model", str(ROOT)], "no config.json in this folder"),
        (["--paths", "fairseq"], "unknown path 'fairseq'"),
        (["--devices", "tpu"], "unknown device 'tpu'"),
    ],
)
def test_wrong_choices_exit_with_2_and_leave_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *arguments, "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "some", "recipe"),
    [
        ([], False, False),
        (["--findings"], True, False),
        (["--recipe"], False, True),
        (["--findings", "--recipe"], True, True),
    ],
)
def test_a_session_without_installing_and_with_the_findings_asked_for(
    arguments: list[str], some: bool, recipe: bool
) -> None:
    _, options, _ = parse(["doctor", "--matrix", str(ROOT / "matrix.toml"), "--recipe", "--threads", "3"])
    session = settings_for(options, None, request=None, threads=3)
    _, options, _ = parse(["doctor", "--matrix", str(ROOT / "matrix.toml"), "--threads", "3", *arguments])
    settings = settings_as_found(options)
    assert replace(settings, findings=session.findings) == session
    assert settings.install_arguments == ()
    assert settings.findings == {
        group: seconds for group, seconds in session.findings.items() if (recipe if group == "recipe" else some)
    }


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([Outcome.WORKS, Outcome.WORKS], ExitCode.OK),
        ([Outcome.WORKS, Outcome.UNAVAILABLE], ExitCode.OK),
        ([Outcome.WORKS, Outcome.BROKEN], ExitCode.WORSE),
        ([Outcome.UNSTABLE], ExitCode.WORSE),
        ([Outcome.BROKEN, Outcome.ERROR], ExitCode.WORSE),
        ([Outcome.WORKS, Outcome.ERROR], ExitCode.UNFINISHED),
    ],
)
def test_the_exit_code_says_whether_all_that_was_asked_for_works(outcomes: list[Outcome], code: ExitCode) -> None:
    assert verdict(result(*(make_cell(path=f"p{n}", outcome=one) for n, one in enumerate(outcomes)))) is code


def test_a_key_to_blame_is_a_fault_even_where_the_model_trains() -> None:
    cell = make_cell(path="espnet-config")
    assert verdict(result(cell)) is ExitCode.OK
    assert verdict(result(make_cell(path="espnet-config", checks=(*cell.checks, KEY)))) is ExitCode.WORSE


def test_what_is_shown_is_plain_where_no_terminal_is_and_tells_what_is_wrong() -> None:
    broken = make_cell(path="s3prl-hf", outcome=Outcome.BROKEN)
    cuda = make_cell(path="s3prl-hf", outcome=Outcome.UNAVAILABLE, device=Device.CUDA)
    own = make_cell(path="espnet-config", checks=(*make_cell().checks, KEY))
    out = io.StringIO()
    absent = {"espnet-fairseq": "fairseq", "torchaudio-fairseq": "fairseq"}
    show(result(make_cell(), broken, own, cuda), Console(file=out, width=100), model=MODEL, absent=absent)
    said = out.getvalue()
    assert "\x1b" not in said
    for part in (
        "on box: torch 2.3.1",
        f"checkpoint: {MODEL} (synthetic-base)\n",
        "not offered here: espnet-fairseq (no module fairseq), torchaudio-fairseq (no module fairseq)\n",
        "✓ transformers on cpu: works (train)",
        "✗ s3prl-hf on cpu: broken at load",
        "OSError: Harveenchadha/wav2vec2-pretrained-clsril-23-10k does not appear to have a file named",
        'at "probe.py", line 7',
        "✗ key preencoder_conf.input_size: 1024: the features are 768 wide",
        "– s3prl-hf on cuda: unavailable",
        "2 of 3 paths work; s3prl-hf on cpu broken at load; keys to change: preencoder_conf.input_size",
    ):
        assert part in said, part


def test_a_checkpoint_of_ones_own_is_not_said_to_have_the_matrixs_weights() -> None:
    out = io.StringIO()
    own = replace(result(make_cell(path="espnet-config")), model="/home/me/checkpoint")
    show(own, Console(file=out, width=100), model=MODEL, absent={})
    assert "checkpoint: /home/me/checkpoint\n" in out.getvalue()
    assert "not offered" not in out.getvalue()


def doctored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *cells: Cell, arguments: Sequence[str] = (), user_site: str = ""
) -> int:
    """Run the command with these cells in place of a probe's; `user_site` is what is there of the axes."""
    python = tmp_path / "python"
    alone = answer({"torch": "2.3.1"}, user_site=bool(user_site))
    used = answer({"torch": "2.3.1", user_site: "1.0"})
    script = f"""if test "$1" = -I; then echo '{alone}'; else echo '{used}'; fi"""
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)
    environment = make_environment("doctor-box-py3.10-torch2.3.1", host="box", installed=("torch==2.3.1",))
    made = make_environment_result(environment, [replace(cell, environment=environment.id) for cell in cells])
    probed = Mock(return_value=made)
    monkeypatch.setattr("asrcompat.doctor.command.examine", probed)
    fixed = ["doctor", "--python", str(python), "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path / "work")]
    code = main([*fixed, *arguments])
    assert probed.called == (code != ExitCode.USAGE)
    return code


def without(module: str, path: str = "espnet-fairseq") -> Cell:
    """Make the cell of a path that begins with fairseq, where `module` is missing."""
    return make_missing_cell(path, module, wanted="fairseq.checkpoint_utils")


def test_what_the_environment_does_not_offer_counts_only_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = (make_cell(), without("fairseq"))
    assert doctored(monkeypatch, tmp_path, *cells) == ExitCode.OK
    said = capsys.readouterr().out
    assert "not offered here: espnet-fairseq (no module fairseq)\n1 of 1 path works\n" in said
    assert "✗" not in said
    named = ["--paths", "transformers,espnet-fairseq"]
    assert doctored(monkeypatch, tmp_path, *cells, arguments=named) == ExitCode.WORSE
    said = capsys.readouterr().out
    assert "not offered" not in said
    assert "1 of 2 paths works; espnet-fairseq on cpu broken at import" in said
    # what fairseq itself imports and does not find is another matter
    assert doctored(monkeypatch, tmp_path, make_cell(), without("hydra")) == ExitCode.WORSE


def test_an_environment_that_offers_nothing_is_not_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cuda = make_cell(outcome=Outcome.UNAVAILABLE, device=Device.CUDA)
    assert doctored(monkeypatch, tmp_path, without("fairseq"), cuda) == ExitCode.WORSE
    assert "0 of 1 path work; espnet-fairseq on cpu broken at import" in capsys.readouterr().out


def test_packages_of_pip_install_user_are_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "what `pip install --user` put beside it is not looked at"
    assert doctored(monkeypatch, tmp_path, make_cell(), user_site="numpy") == ExitCode.OK
    assert told in capsys.readouterr().out
    assert doctored(monkeypatch, tmp_path, make_cell()) == ExitCode.OK
    assert "pip install --user" not in capsys.readouterr().out


@pytest.mark.parametrize("cell", [make_cell(), make_cell(outcome=Outcome.BROKEN)])
def test_where_other_packages_are_used_than_are_probed_nothing_is_found_out(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctored(monkeypatch, tmp_path, cell, user_site="s3prl") == ExitCode.UNFINISHED
    assert "not found out: this interpreter uses s3prl 1.0 from elsewhere" in capsys.readouterr().out
    assert doctored(monkeypatch, tmp_path, cell, user_site="s3prl", arguments=["--json"]) == ExitCode.UNFINISHED
    parse_environment_result(capsys.readouterr().out, source="nothing but the result")


def test_a_file_that_cannot_be_written_is_refused_before_the_probe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    wrong = {tmp_path: "this is a folder", tmp_path / "file" / "box.json": "nothing can be written into"}
    for out, said in wrong.items():
        assert doctored(monkeypatch, tmp_path, make_cell(), arguments=["--out", str(out)]) == ExitCode.USAGE
        assert f"--out {out}: {said}" in capsys.readouterr().err
    out = tmp_path / "new" / "box.json"
    assert doctored(monkeypatch, tmp_path, make_cell(), arguments=["--out", str(out)]) == ExitCode.OK
    assert [one.name for one in out.parent.iterdir()] == ["box.json"]


def test_a_file_that_cannot_be_written_at_the_end_does_not_lose_the_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = Mock(side_effect=OSError(errno.ENOSPC, "No space left on device"))
    monkeypatch.setattr("asrcompat.doctor.command.write_text", full)
    code = doctored(monkeypatch, tmp_path, make_cell(), arguments=["--out", str(tmp_path / "box.json")])
    assert code == ExitCode.UNFINISHED
    said = capsys.readouterr().err
    assert "box.json: cannot be written: No space left on device; the result is kept in " in said
    kept = Path(said.rpartition(" kept in ")[2].strip())
    assert parse_environment_result(kept.read_bytes(), source="kept").cells[0].outcome is Outcome.WORKS


@pytest.mark.parametrize("arguments", [["--quiet"], ["--json"]])
def test_a_message_that_no_file_can_hold_costs_neither_the_file_nor_what_is_printed(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "box.json"
    odd = make_cell(outcome=Outcome.BROKEN, message="cannot open caf\udce9.wav")
    assert doctored(monkeypatch, tmp_path, odd, arguments=["--out", str(out), *arguments]) == ExitCode.WORSE
    said = capfd.readouterr().out
    texts = [out.read_text(encoding="utf-8"), *([said] if "--json" in arguments else [])]
    for text in texts:
        assert parse_environment_result(text, source="x").cells[0].message == "cannot open caf\ufffd.wav"


def test_a_write_that_fails_leaves_no_part_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path / "folder", "text")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_configuration_is_of_the_checkpoint_that_it_or_the_command_line_names(tmp_path: Path) -> None:
    config = tmp_path / "conf" / "train.yaml"
    config.parent.mkdir()
    config.write_text("# path_or_url: a/b\nfrontend_conf:\n  path_or_url: 'owner/name'  # here\n", encoding="utf-8")
    assert Given(config=config).is_of("owner/name")
    assert not Given(config=config).is_of("a/b")
    flow = tmp_path / "flow.yaml"
    flow.write_text('{"frontend_conf": {"frontend_conf": {"path_or_url": "owner/name"}}}', encoding="utf-8")
    assert Given(config=flow).is_of("owner/name")
    assert not Given(config=config, model="/some/folder").is_of("owner/name")
    assert Given(config=config, model="a/b").is_of("a/b")
    folder = lay_out(Given(config=config), tmp_path / "given", model="owner/name", fixtures=ROOT / "fixtures")
    assert (folder / "train.yaml").read_bytes() == config.read_bytes()
    assert "Harveenchadha/wav2vec2-pretrained-clsril-23-10k" in (folder / "given.json").read_text(encoding="utf-8")
