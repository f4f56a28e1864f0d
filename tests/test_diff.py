"""``diff``: which cells fare otherwise, which packages moved, and what is only suspected."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import ROOT
from factories import make_cell, make_environment, make_evidence, make_results

from asrcompat.cli import main
from asrcompat.explain.changed import Changed, Edition, Kind, changed
from asrcompat.history.show import lines
from asrcompat.model import Cell, Device, Environment, Outcome, Stage
from asrcompat.report.publish import results_json

BASE = make_environment()


def moved(**versions: str) -> Environment:
    return make_environment(packages={**BASE.packages, **versions})


def lock(environment: Environment, **others: str) -> str:
    versions = {**environment.packages, "numpy": "1.26.4", **others}
    return "".join(f"{name}=={version}\n" for name, version in versions.items())


def edition(cells: list[Cell], environment: Environment = BASE, text: str | None = None, **facts: object) -> Edition:
    results = dataclasses.replace(make_results(cells, [environment]), **facts)  # type: ignore[arg-type]
    return Edition(name="one", results=results, locks={} if text is None else {environment.lock or "": text})


def cell(outcome: Outcome, environment: Environment = BASE, failed: Stage | None = None, **facts: object) -> Cell:
    return make_cell(environment, "s3prl-hf", outcome, failed, **facts)


def only(before: Edition, after: Edition) -> Changed:
    (one,) = changed(before, after)
    return one


WORKS, BROKEN, UNSTABLE, ERROR = Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE, Outcome.ERROR


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (cell(WORKS), cell(WORKS), None),
        (cell(WORKS), cell(BROKEN), Kind.REGRESSED),
        (cell(UNSTABLE), cell(BROKEN), Kind.REGRESSED),
        (cell(WORKS), cell(UNSTABLE), Kind.UNSTABLE),
        (cell(BROKEN), cell(UNSTABLE), Kind.OTHERWISE),
        (cell(BROKEN), cell(WORKS), Kind.FIXED),
        (cell(UNSTABLE), cell(WORKS), Kind.FIXED),
        (cell(BROKEN), cell(BROKEN), None),
        (cell(BROKEN), cell(BROKEN, failed=Stage.IMPORT), Kind.OTHERWISE),
        (cell(BROKEN, signature="a"), cell(BROKEN, signature="b"), Kind.OTHERWISE),
        (cell(BROKEN), cell(BROKEN, signature="b"), None),
        (cell(BROKEN), cell(BROKEN, exception="TypeError", signature="b"), Kind.OTHERWISE),
        (None, cell(BROKEN), Kind.NEW),
        (cell(WORKS), None, Kind.GONE),
        (None, cell(Outcome.UNAVAILABLE), None),
        (cell(Outcome.UNAVAILABLE), None, None),
        (cell(WORKS), cell(ERROR), Kind.UNDECIDED),
        (cell(ERROR), cell(BROKEN), Kind.UNDECIDED),
        (cell(ERROR), cell(ERROR), None),
    ],
)
def test_what_became_of_a_cell(before: Cell | None, after: Cell | None, kind: Kind | None) -> None:
    sides = [edition([] if one is None else [one]) for one in (before, after)]
    assert [one.kind for one in changed(*sides)] == ([] if kind is None else [kind])


def test_one_package_that_alone_moved_did_it() -> None:
    new = moved(transformers="5.24.0")
    one = only(edition([cell(WORKS)], BASE, lock(BASE)), edition([cell(BROKEN, new)], new, lock(new)))
    assert one.moved == {"transformers": ("4.41.2", "5.24.0")}
    assert one.culprit == "transformers"


def test_of_several_that_moved_none_is_blamed() -> None:
    new = moved(transformers="5.24.0")
    one = only(edition([cell(WORKS)], BASE, lock(BASE)), edition([cell(BROKEN, new)], new, lock(new, numpy="2.0.0")))
    assert list(one.moved) == ["transformers", "numpy"], "the axes' first"
    assert one.culprit is None


def test_what_a_failure_is_known_by_is_suspected() -> None:
    new = moved(transformers="5.24.0")
    rule = {
        "signature": "odd",
        "verdict": "found",
        "title": "odd",
        "subjects": [{"path": "s3prl-hf", "device": "cpu"}],
        "alternatives": [[[{"package": "Transformers", "text": "transformers >= 5"}]]],
    }
    signature = {"id": "odd", "title": "odd", "package": "numpy"}
    after = edition(
        [cell(BROKEN, new, signature="odd")],
        new,
        lock(new, numpy="2.0.0", pandas="2"),
        rules=(rule,),
        signatures=(signature,),
    )
    assert only(edition([cell(WORKS)], BASE, lock(BASE)), after).suspects == ("transformers", "numpy")


def test_another_version_that_cures_a_failure_is_suspected_and_a_file_that_does_is_not() -> None:
    new = moved(transformers="5.24.0")
    cures = [
        {"kind": "file", "value": "numpy"},
        {"kind": "axis", "value": "transformers=4.57.6"},
        {"kind": "pin", "value": "huggingface-hub<1"},
    ]
    signature = {"id": "odd", "title": "odd", "package": "s3prl", "cures": cures}
    text = lock(new, **{"numpy": "2.0.0", "huggingface-hub": "2.4.0"})
    after = edition([cell(UNSTABLE, new, signature="odd")], new, text, signatures=(signature,))
    one = only(edition([cell(WORKS)], BASE, lock(BASE, **{"huggingface-hub": "0.36.2"})), after)
    assert one.suspects == ("transformers", "huggingface-hub")


@pytest.mark.parametrize("facts", [{"code": "other"}, {}])
def test_with_other_code_or_without_a_lock_nobody_is_blamed(facts: Mapping[str, str]) -> None:
    new = dataclasses.replace(moved(transformers="5.24.0"), **facts)  # type: ignore[arg-type]
    text = lock(new) if facts else None
    one = only(edition([cell(WORKS)], BASE, lock(BASE)), edition([cell(BROKEN, new)], new, text))
    assert one.moved == {"transformers": ("4.41.2", "5.24.0")}
    assert one.culprit is None
    assert (one.code, one.whole) == (bool(facts), bool(facts))


def test_the_build_of_torch_makes_no_other_environment_and_a_guest_is_none() -> None:
    cpu = dataclasses.replace(BASE, id=BASE.id + "+cpu")
    assert changed(edition([cell(WORKS)]), edition([cell(WORKS, cpu)], cpu)) == ()
    guest = dataclasses.replace(BASE, host="box")
    assert changed(edition([]), edition([cell(BROKEN, guest)], guest)) == ()


def test_what_is_told_says_what_is_sure_and_what_is_not() -> None:
    new = moved(transformers="5.24.0")
    before = edition([cell(WORKS), make_cell(BASE, "transformers", device=Device.CUDA)], BASE, lock(BASE))
    after = edition([cell(BROKEN, new)], new, lock(new))
    text = "\n".join(lines(before, after, changed(before, after)))
    assert "regressed (1 cell)" in text
    assert (
        f"{BASE.id}: s3prl-hf: works -> broken at load\n     transformers 4.41.2 -> 5.24.0, which alone moved" in text
    )
    assert f"gone (1 cell): is in the earlier one alone\n  {BASE.id}: transformers (cuda): works" in text
    same = edition([cell(BROKEN)], BASE, lock(BASE))
    assert "no package moved: the run itself, the machine, or chance" in "\n".join(
        lines(before, same, changed(before, same))
    )


def test_what_a_comparison_rests_on_is_told_where_nothing_came_of_it() -> None:
    cells = [cell(WORKS), make_cell(BASE, "transformers")]
    again = [dataclasses.replace(one, evidence=make_evidence(BASE, pid=1)) for one in cells]
    never = [cell(ERROR, failed=Stage.RESOLVE)]
    other = dataclasses.replace(BASE, id="py3.12-torch2.8.0")
    for one, two, told in (
        (
            cells,
            cells,
            "the same runs: both have 2 cells in common, and none of them was run anew from one to the other",
        ),
        (cells, cells[:1], "the same runs: both have 1 cell in common, "),
        (never, never, "the same runs: both have 1 cell in common, "),
        (cells, again, "nothing fares otherwise: both have 2 cells in common"),
    ):
        before, after = edition(one), edition(two)
        assert list(lines(before, after, changed(before, after)))[2].startswith(told)
    before, after = edition(cells), edition([cell(WORKS, other)], other)
    text = list(lines(before, after, changed(before, after)))
    assert text[2] == "no cell is in both: there is nothing to compare"
    assert "gone (2 cells): is in the earlier one alone" in text
    elsewhere = edition([cell(WORKS, other)], other, profile="smoke")
    assert list(lines(before, elsewhere, changed(before, elsewhere)))[3:] == [text[2]]
    moved_on = edition([cell(BROKEN), again[1]])
    assert not any("in common" in line for line in lines(before, moved_on, changed(before, moved_on)))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of two revisions: transformers moved, and with it a cell."""
    new = moved(transformers="5.24.0")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    (tmp_path / "matrix.toml").write_bytes((ROOT / "matrix.toml").read_bytes())
    subprocess.run([*git, "init", "--quiet"], check=True)
    for environment, outcome in ((BASE, WORKS), (new, BROKEN)):
        folder = tmp_path / "reports"
        (folder / "locks").mkdir(parents=True, exist_ok=True)
        results = make_results([cell(outcome, environment)], [environment])
        (folder / "results.json").write_text(results_json(results), encoding="utf-8")
        (folder / str(environment.lock)).write_text(lock(environment), encoding="utf-8")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", "x"], check=True)
    return tmp_path


def said(checkout: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["diff", *arguments, "--matrix", str(checkout / "matrix.toml")])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_revisions_and_folders_are_compared(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(checkout, capsys, "HEAD~1", str(checkout / "reports"))
    assert code == 1
    assert "transformers 4.41.2 -> 5.24.0, which alone moved" in text
    code, text = said(checkout, capsys, str(checkout / "reports" / "results.json"), "HEAD~1", "--json")
    assert code == 0
    (one,) = json.loads(text)["changed"]
    assert (one["kind"], one["culprit"], one["after"]) == ("fixed", "transformers", "works")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere", "it is no file or folder here, and no revision of this checkout; `git log --oneline -- reports`"),
        ("HEAD~9", "it is no file or folder here, and no revision of this checkout"),
        ("{checkout}/matrix.toml", "no report can be read ("),
        ("{checkout}/empty", "this folder holds no results.json; name a report's folder, such as reports"),
    ],
)
def test_what_is_no_report_is_named_with_what_to_do(
    checkout: Path, capsys: pytest.CaptureFixture[str], name: str, why: str
) -> None:
    (checkout / "empty").mkdir()
    name = name.format(checkout=checkout)
    code, text = said(checkout, capsys, "HEAD", name)
    assert code == 2
    assert f"{name}: {why}" in text
    assert len(text.splitlines()) == 1


def test_a_revision_without_such_a_report_is_told_as_such(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(checkout, capsys, "HEAD", "HEAD", "--profile", "smoke")
    assert code == 2
    assert "HEAD: this revision has no reports/smoke/results.json; name a later one, or another profile" in text


def test_where_there_is_no_checkout_that_is_said(
    checkout: Path, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "matrix.toml").write_bytes((checkout / "matrix.toml").read_bytes())
    code, text = said(elsewhere, capsys, "HEAD~1", "HEAD")
    assert code == 2
    assert f"HEAD~1: it is no file or folder here, and {elsewhere} is no git checkout" in text
    assert "--matrix" in text
