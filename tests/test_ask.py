"""``ask``: what a person gives it, and what it says."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from asrcompat.ask.have import from_environment, from_file
from asrcompat.cli import main
from asrcompat.errors import UsageError
from asrcompat.result_files import parse_results


def have(folder: Path, text: str) -> dict[str, str]:
    file = folder / "requirements.txt"
    file.write_text(text, encoding="utf-8")
    return {name: one.text for name, one in from_file(file)[0].items()}


def test_a_file_of_requirements_is_read_as_installers_do(tmp_path: Path) -> None:
    text = """\
# what we use
-r other.txt
--index-url https://example.org/simple
torch==2.8.0  # pinned
Transformers>=4.40,<5 ; python_version >= "3"
espnet_s3prl==2026.5.14
numpy==1.26.4 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
only-on-windows==1 ; sys_platform == "win32"
-e ./own
./wheels/own.whl
git+https://example.org/x.git
named @ https://example.org/named.whl
"""
    assert have(tmp_path, text) == {
        "torch": "torch 2.8.0",
        "transformers": "transformers <5,>=4.40",
        "s3prl": "espnet-s3prl 2026.5.14",
        "numpy": "numpy 1.26.4",
    }


def test_what_is_passed_over_is_told(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(
        "torch==2.8.0+cu128\n-r other.txt\n--index-url https://x\n./own\na @ https://x/a.whl\n"
        "b==1 ; sys_platform == 'win32'\n"
    )
    found, passed_over = from_file(file)
    assert passed_over == [
        "line 2: -r other.txt",
        "line 4: ./own",
        "line 5: a @ https://x/a.whl",
        "line 6: b==1 ; sys_platform == 'win32'",
    ]
    assert found["torch"].holds("2.8.0"), "a build is no other release"


def test_a_line_that_is_no_requirement_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--have .*requirements.txt, line 2: 'torch=2.8' is no requirement"):
        have(tmp_path, "numpy\ntorch=2.8\n")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00torch"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "mine.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"--have .*mine.txt: cannot be read: .*; name a file of requirements"):
        from_file(file)


def test_an_environment_tells_what_it_has() -> None:
    found = from_environment(Path(sys.executable))
    assert found["python"].text == f"python {sys.version_info.major}.{sys.version_info.minor}"
    assert found["pytest"].text == f"pytest {pytest.__version__}"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the repository's own core report."""
    shutil.copy(ROOT / "matrix.toml", tmp_path)
    (tmp_path / "reports").mkdir()
    shutil.copy(ROOT / "reports" / "results.json", tmp_path / "reports")
    shutil.copytree(ROOT / "reports" / "locks", tmp_path / "reports" / "locks")
    return tmp_path


def said(checkout: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["ask", "--matrix", str(checkout / "matrix.toml"), *arguments])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_the_published_report_answers(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(checkout, capsys, "--json", "--paths", "s3prl-hf")
    told = json.loads(text)
    results = parse_results((checkout / "reports" / "results.json").read_bytes(), source="results.json")
    works = {
        cell.environment
        for cell in results.cells
        if (cell.path, cell.device, cell.outcome) == ("s3prl-hf", "cpu", "works")
    }
    assert code == (0 if works else 1)
    assert {one["environment"] for one in told["fits"]} == works
    for one in told["fits"]:
        assert (checkout / one["lock"]).is_file()


def test_the_command_that_is_told_names_a_lock_that_is_there(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, text = said(checkout, capsys, "--paths", "transformers", "--count", "1")
    [command] = [line.strip() for line in text.splitlines() if line.strip().startswith("uv venv")]
    assert (checkout / command.rpartition(" ")[2]).is_file()


def test_what_has_to_change_of_ones_own_is_told(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = checkout / "requirements.txt"
    own.write_text("torch==2.3.1\nnumpy==0.1\nnowhere==1\n")
    code, text = said(checkout, capsys, "--have", str(own), "--paths", "transformers", "--count", "1")
    assert code == 0
    assert "changes of what you have: numpy 0.1 -> " in text
    assert "of what you have it is without: nowhere" in text


def test_where_nothing_fits_the_reason_and_the_nearest_are_told(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(checkout, capsys, "--s3prl", "0.4.14", "--paths", "s3prl-hf")
    assert code == 1
    assert "s3prl-hf on cpu: broken at load: The checkpoint has no preprocessor_config.json" in text
    place = re.search(r"tested cure: .* \(text to paste: (\S+)#(remedy-\d+); lock: ([^;)]+)", text)
    assert place is not None, text
    assert f'<a id="{place[2]}">' in (ROOT / place[1]).read_text(encoding="utf-8")
    assert (checkout / place[3]).is_file()
    assert "not what you asked for: s3prl 0.4.14 -> " in text


def test_what_nobody_tested_is_said_to_be_that(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(checkout, capsys, "--torch", "1.0")
    assert code == 1
    assert "No environment of these versions was run here: that says nothing of whether they work." in text


def test_cuda_is_not_recommended_where_no_device_was_there(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = parse_results((checkout / "reports" / "results.json").read_bytes(), source="results.json")
    works = any(cell.device == "cuda" and cell.outcome == "works" for cell in results.cells)
    code, _ = said(checkout, capsys, "--devices", "cuda", "--paths", "transformers")
    assert code == (0 if works else 1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--torch", "new"], "--torch 'new': give a version such as 2.6"),
        (["--paths", "nothing"], "unknown path 'nothing'"),
        (["--devices", "tpu"], "unknown device 'tpu'"),
        (["--have", "nowhere.txt"], "--have nowhere.txt: cannot be read"),
        (["--have-env", "/nowhere"], "--have-env /nowhere: no such file"),
    ],
)
def test_what_is_no_question_ends_with_2(
    checkout: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    code, text = said(checkout, capsys, *arguments)
    assert code == 2
    assert told in text


def test_a_torn_report_is_told_and_the_others_answer(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torn = checkout / "reports" / "nightly"
    torn.mkdir()
    (torn / "results.json").write_text('{"schema": 1')
    code, text = said(checkout, capsys, "--paths", "transformers")
    assert code == 0
    assert "left out: reports/nightly/results.json" in text
    shutil.rmtree(checkout / "reports")
    code, text = said(checkout, capsys)
    assert code == 3
    assert "no report lies in" in text
