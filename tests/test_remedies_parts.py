"""What a search for remedies is made of: groups of failures, releases to try, the order of candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cures import (
    missing_file,
    signature,
)
from factories import make_cell, make_environment, make_environment_result, make_remedy, make_results
from hypothesis import given
from hypothesis import strategies as st

from asrcompat.explain.remedies import record, told
from asrcompat.explain.remedies.attach import attached
from asrcompat.explain.remedies.candidates import ORDER, Candidate, cures_of, intrusiveness
from asrcompat.explain.remedies.groups import groups, miss, trials_for
from asrcompat.explain.remedies.moves import blamed, nearest
from asrcompat.explain.remedies.search import Search
from asrcompat.explain.signatures.facts import facts_of
from asrcompat.lab.change import Change, all_in_words, in_order
from asrcompat.model import Cell, EnvironmentResult, Outcome, Remedy, RemedyCell, Stage, Trials


def test_an_unstable_cell_is_cured_by_enough_steps_and_the_chance_of_a_miss_is_told() -> None:
    unstable = make_cell(outcome=Outcome.UNSTABLE, trials=Trials(passed=8, of=10))
    trials = trials_for([unstable, make_cell(outcome=Outcome.BROKEN)], 10)
    chance = miss([unstable, replace(unstable, trials=Trials(passed=1, of=10))], trials)
    assert chance is not None
    assert chance <= 0.01 < 0.8 ** (trials - 1)
    assert trials_for([make_cell(outcome=Outcome.BROKEN)], 10) == 10
    assert miss([make_cell(outcome=Outcome.BROKEN)], 10) is None


def test_cells_that_failed_alike_are_one_group() -> None:
    cell = make_cell(path="c", outcome=Outcome.BROKEN)
    another = replace(cell.checks[-1], data={"causes": ["ValueError: another"]})
    other = replace(cell, checks=(*cell.checks[:-1], another))
    cells = [make_cell(path=path, outcome=Outcome.BROKEN) for path in ("a", "b")]
    found = groups([*cells, other, make_cell(path="d")], {})
    assert [[cell.path for cell in group.cells] for group in found] == [["a", "b"], ["c"]]


def test_a_bound_on_an_axis_is_its_nearest_release_on_each_side() -> None:
    known = missing_file(("pin", "s3prl>=0.4.15,!=0.4.16"), ("pin", "torchaudio<2.9"))
    releases = {"s3prl": ["0.4.14", "0.4.15", "0.4.17"], "torchaudio": ["2.7.0", "2.8.0", "2.9.1"]}
    packages = {"s3prl": "0.4.14", "torchaudio": "2.9.1", "torch": "2.9.1"}
    found = cures_of(known, packages, lambda name: releases[name], tell=lambda _: None)
    assert [str(one.changes[0]) for one in found] == ["s3prl=0.4.15", "torch=2.8.0"]
    within = {"s3prl": "0.4.17", "torchaudio": "2.8.0+cpu", "torch": "2.8.0"}
    assert cures_of(known, within, lambda name: releases[name], tell=lambda _: None) == ()


def test_the_order_counts_the_most_intrusive_part_then_the_parts() -> None:
    one = [Change(kind="variable", value=f"N{number}=1") for number in range(3)]
    pin = Change(kind="pin", value="a<1")
    assert intrusiveness(one[:1]) < intrusiveness(one) < intrusiveness([pin]) < intrusiveness([pin, *one])
    assert len(ORDER) == 9


@st.composite
def lines(draw: st.DrawFn) -> tuple[list[bool], int]:
    """Which releases work, and which one, that does not, is installed."""
    good = draw(st.lists(st.booleans(), min_size=1, max_size=40))
    return good, draw(st.integers(0, len(good) - 1))


@given(lines())
def test_a_release_that_is_found_works_and_the_one_towards_the_installed_does_not(case: tuple[list[bool], int]) -> None:
    good, start = case
    good[start] = False
    line = [f"1.{number}" for number in range(len(good))]
    asked: list[str] = []

    def works(version: str) -> bool:
        asked.append(version)
        return good[line.index(version)]

    found = nearest(line, f"{line[start]}+cpu", works, asks=len(good))
    assert len(asked) == len(set(asked))
    if found is None:
        ends = {at for at in (0, len(good) - 1) if at != start}
        assert not any(good[at] for at in ends)
        return
    at = line.index(found)
    assert good[at]
    assert not good[at + 1 if at < start else at - 1]


def test_no_more_releases_are_asked_than_allowed() -> None:
    asked: list[str] = []

    def works(version: str) -> bool:
        asked.append(version)
        return False

    assert nearest([f"1.{number}" for number in range(100)], "1.50", works, asks=3) is None
    assert asked == ["1.51", "1.49", "1.52"]


def test_who_may_be_to_blame_is_who_raised_then_the_axes_that_the_failure_names_and_torch_last() -> None:
    traceback = (
        'Traceback (most recent call last):\n  File "x/site-packages/espnet2/asr.py", line 1, in a\n'
        '  File "x/site-packages/librosa/b.py", line 2, in b\nE: no\n'
    )
    cell = make_cell(outcome=Outcome.BROKEN)
    data = {"traceback": traceback, "causes": ["AttributeError: module 'torchaudio' has no attribute 'x'"]}
    facts = facts_of(replace(cell, checks=(*cell.checks[:-1], replace(cell.checks[-1], data=data))))
    assert facts is not None
    versions = {"librosa": "0.9", "espnet": "1", "torch": "2", "torchaudio": "2", "numpy": "1"}
    assert blamed(facts, versions) == ("librosa", "espnet", "torch")


def test_of_two_cures_for_one_target_the_later_holds() -> None:
    newer, older = (
        Candidate(changes=(Change(kind="axis", value=f"transformers={version}"),), says=version)
        for version in ("4.57.6", "4.41.2")
    )
    assert newer.with_more(older).changes == older.changes
    assert newer.with_more(older).built_on == newer.changes


def test_how_many_steps_an_unstable_cell_passes_is_no_other_failure() -> None:
    cell, again = (
        make_cell(outcome=Outcome.UNSTABLE, stage=Stage.TRAIN, trials=Trials(passed=passed, of=10)) for passed in (5, 6)
    )
    assert record.failed(cell) == record.failed(again)
    environment = make_environment(cell.environment)
    works = RemedyCell(path=cell.path, device=cell.device, before=told.standing(cell), outcome=Outcome.WORKS)
    remedy = Remedy(id="r", environment=cell.environment, changes=(), says="s", verified=True, cells=(works,))
    kept = record.Record(
        environment=environment.id,
        lock_sha256=None,
        code=None,
        failures=record.failures_of([cell]),
        remedies=(remedy,),
    )
    assert kept.standing([again]) == (remedy,)
    assert [one.remedy for one in attached(make_results([again], [environment]), [remedy]).cells] == ["r"]


def test_what_a_known_failures_cause_and_cures_name_is_moved_first() -> None:
    cell = make_cell(outcome=Outcome.BROKEN)
    data = {"traceback": 'T\n  File "x/site-packages/s3prl/nn/upstream.py", line 1, in a\nE: no\n', "causes": ["E: no"]}
    facts = facts_of(replace(cell, checks=(*cell.checks[:-1], replace(cell.checks[-1], data=data))))
    assert facts is not None
    versions = {"s3prl": "0.4", "torch": "2", "transformers": "4", "numpy": "1", "espnet": "1"}
    known = replace(
        signature("s", "no", ("pin", "numpy<1.24"), ("axis", "torch=1.0")),
        cause="Newer Transformers drop it; s3prl counts.",
    )
    assert blamed(facts, versions) == ("s3prl",)
    assert blamed(facts, versions, known) == ("numpy", "transformers", "s3prl", "torch")


def searching(outcome: Callable[[tuple[Change, ...], Cell], Outcome], said: list[str]) -> Search:
    """A search whose laboratory answers with these outcomes."""

    def attempt(changes: tuple[Change, ...], cells: Sequence[Cell], trials: int) -> EnvironmentResult:
        return replace(
            make_environment_result(),
            cells=tuple(make_cell(outcome=outcome(changes, cell), path=cell.path) for cell in cells),
        )

    environment = make_environment()
    return Search(
        environment=environment,
        versions={},
        catalogue={},
        releases=lambda _: (),
        attempt=attempt,
        usual_trials=10,
        tell=said.append,
    )


def candidate(*names: str) -> Candidate:
    return Candidate(changes=in_order([Change(kind="variable", value=f"{name}=1") for name in names]), says="s")


def test_more_steps_than_are_made_at_most_are_no_proof() -> None:
    """What fails once in two hundred steps passes as many by luck in a third of all runs."""
    cell = make_cell(outcome=Outcome.UNSTABLE, stage=Stage.TRAIN, trials=Trials(passed=199, of=200))
    said: list[str] = []
    search = searching(lambda *_: Outcome.WORKS, said)
    search.found.saw(cell)
    search.trying.apply(candidate("ONE"), [cell])
    assert search.found.cured == {}
    assert "it may be luck, by 37%" in said[-1]


def test_a_part_without_which_it_failed_once_is_not_dropped_for_one_lucky_run() -> None:
    first, second = (make_cell(path=path, outcome=Outcome.BROKEN) for path in ("a", "b"))
    asked: list[str] = []

    def outcome(changes: tuple[Change, ...], cell: Cell) -> Outcome:
        """ONE alone fails, and works when it is run again."""
        names = "+".join(change.parts[0] for change in changes)
        asked.append(names)
        return Outcome.BROKEN if names == "TWO" or asked == ["ONE"] else Outcome.WORKS

    search = searching(outcome, [])
    search.trying.apply(candidate("ONE"), [first])
    search.trying.apply(candidate("ONE", "TWO"), [first, second])
    found = {
        path: all_in_words(told._as_data(cured.trial.candidate.changes))
        for (path, _), cured in search.found.cured.items()
    }
    assert found == {"a": "variable ONE=1 and variable TWO=1", "b": "variable ONE=1"}


def test_what_may_be_luck_by_what_was_seen_later_is_no_cure_where_the_search_ended_before_more_steps() -> None:
    cell = make_cell(path="a", outcome=Outcome.BROKEN)
    said: list[str] = []
    search = searching(lambda *_: Outcome.WORKS, said)
    search.trying.apply(candidate("ONE"), [cell])
    assert set(search.found.cured) == {("a", "cpu")}
    search.found.saw(replace(cell, outcome=Outcome.UNSTABLE, trials=Trials(passed=9, of=10)))
    search.run([])  # ends as one that is stopped does
    assert search.found.cured == {}
    assert "it may be luck, by 35%" in said[-1]


def test_cells_that_a_remedy_made_work_with_other_packages_are_not_told_beside_it() -> None:
    """`newest` was another release then: the lock that is published was never run for them."""
    environment = make_environment()
    one = make_remedy("r", environment.id, verified=True, lock_sha256="friday")
    (cell,) = one.cells
    failures = {f"{path} on cpu": "x" for path in ("a", "b")}
    new, old = (
        record.Record(environment="e", lock_sha256=None, code=None, failures=failures, remedies=(remedy,))
        for remedy in (
            replace(one, cells=(replace(cell, path="b"),)),
            replace(one, cells=(replace(cell, path="a"),), lock_sha256="monday"),
        )
    )
    assert [each.path for each in record.merged(new, old, [("b", "cpu")]).remedies[0].cells] == ["b"]
    again = replace(old, remedies=(replace(old.remedies[0], lock_sha256="friday"),))
    assert [each.path for each in record.merged(new, again, [("b", "cpu")]).remedies[0].cells] == ["b", "a"]
