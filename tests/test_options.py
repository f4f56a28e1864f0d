"""What follows from a command line together with matrix.toml: an environment's paths, and where the matrix is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT

from asrcompat import tasks
from asrcompat.options import Options, parse
from asrcompat.run.progress import Progress
from asrcompat.spec import Request


def options(*arguments: str) -> Options:
    return parse(["matrix", "--matrix", str(ROOT / "matrix.toml"), *arguments])[1]


@pytest.fixture
def request_() -> Request:
    return options().spec.environments("core")[0]


def test_an_environment_without_paths_of_its_own_gets_those_asked_for(request_: Request) -> None:
    request = replace(request_, paths=())
    assert options().paths_for(request) == options().spec.probe.paths
    assert options("--paths", "s3prl-hf").paths_for(request) == ("s3prl-hf",)


def test_paths_of_its_own_stand_in_place_of_the_matrixs_and_only_those_asked_for_of_them(request_: Request) -> None:
    request = replace(request_, paths=("espnet-fairseq", "transformers"))
    assert options().paths_for(request) == ("espnet-fairseq", "transformers")
    assert options("--paths", "transformers,s3prl-hf").paths_for(request) == ("transformers",)
    assert options("--paths", "s3prl-hf").paths_for(request) == ()


def test_a_profiles_paths_give_way_to_an_environments_own_and_to_those_asked_for(request_: Request) -> None:
    own, plain = replace(request_, paths=("espnet-fairseq",)), replace(request_, paths=())
    smoke = options("--profile", "smoke")
    assert smoke.paths_for(plain) == ("transformers", "s3prl-hf", "espnet-s3prl")
    assert smoke.paths_for(own) == ("espnet-fairseq",)
    assert options("--profile", "smoke", "--paths", "torchaudio-hf").paths_for(plain) == ("torchaudio-hf",)


def test_a_profilewith_paths_of_its_own_replaces_nothing_of_others() -> None:
    assert options().whole_cells
    assert not options("--profile", "smoke").whole_cells
    assert not options("--paths", "s3prl-hf").whole_cells
    assert not options("--devices", "cpu").whole_cells
    assert options("--paths", ",".join(options().spec.probe.paths)).whole_cells


def test_an_environment_of_which_nothing_is_left_is_left_out_with_a_word(
    request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    own = replace(request_, paths=("espnet-fairseq",))
    general = replace(request_, paths=())
    assert tasks.with_paths(options("--paths", "s3prl-hf"), [own, general], Progress()) == (general,)
    assert f"{own.id}: left out: it is for espnet-fairseq only" in capsys.readouterr().out


def test_a_session_gets_no_paths_where_none_were_asked_for() -> None:
    """It would take the matrix's general ones for a choice of the person's, over those of its environment."""
    for arguments in ((), ("--paths", "s3prl-hf")):
        run = options(*arguments)
        again = parse(["session", "some-id", *run.for_sessions(threads=1, torch_index=None)])[1]
        assert again.paths == run.paths
        assert again.chosen_paths == run.chosen_paths


def test_outside_of_a_checkout_the_matrix_is_the_one_that_this_is_installed_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse(["doctor"])[1].root == ROOT
    (tmp_path / "matrix.toml").touch()
    assert parse(["doctor"])[1].root == tmp_path


def test_doctor_knows_its_options() -> None:
    given = ["--python", "env/bin/python", "--config", "a.yaml", "--model", "x/y", "--out", "o.json", "--json"]
    found = parse(["doctor", *given, "--host", "box", "--findings"])[1]
    assert (found.python, found.config, found.model) == (Path("env/bin/python"), Path("a.yaml"), "x/y")
    assert (found.out, found.json, found.host, found.findings) == (Path("o.json"), True, "box", True)
    assert parse(["report", "--with", "a.json", "b.json", "--with", "c.json"])[1].guests == tuple(
        map(Path, ("a.json", "b.json", "c.json"))
    )
