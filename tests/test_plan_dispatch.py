"""Which machine is given which environment: each keeps to its torch stacks, and what a lost one had comes back."""

from __future__ import annotations

from asrcompat.plan.dispatch import Dispatch
from asrcompat.plan.shard import Job


def job(name: str, stack: str, seconds: float = 1.0) -> Job:
    return Job(id=name, stack=stack, seconds=seconds)


def given_to(dispatch: Dispatch, machine: str) -> str | None:
    found = dispatch.next_for(machine)
    return None if found is None else found.id


def test_a_machine_keeps_to_its_stack_while_there_is_work_on_it() -> None:
    dispatch = Dispatch([job("a1", "a", 3), job("a2", "a", 2), job("b1", "b", 4), job("b2", "b", 2)])
    assert [given_to(dispatch, one) for one in ("x", "y", "x", "y", "x")] == ["b1", "a1", "b2", "a2", None]


def test_a_lost_machines_environment_is_given_out_again_and_its_stacks_are_forgotten() -> None:
    dispatch = Dispatch([job("a1", "a"), job("b1", "b")])
    lost = dispatch.next_for("x")
    assert lost is not None
    dispatch.gone("x")
    dispatch.give_back(lost)
    assert len(dispatch) == 2
    assert {given_to(dispatch, "y"), given_to(dispatch, "z")} == {"a1", "b1"}
    assert len(dispatch) == 0


def test_what_is_dropped_is_told_and_not_given_out() -> None:
    dispatch = Dispatch([job("a1", "a"), job("b1", "b")])
    late = Dispatch([job("a1", "a")])
    given = late.next_for("x")
    assert given is not None
    late.drop()
    late.give_back(given)
    assert len(late) == 1, "whoever drops decides what becomes of it"
    assert {one.id for one in dispatch.drop()} == {"a1", "b1"}
    assert given_to(dispatch, "x") is None


def test_every_environment_is_given_out_once() -> None:
    dispatch = Dispatch([job(str(n), f"stack{n % 3}", n) for n in range(50)])
    found = [given_to(dispatch, f"machine{n % 4}") for n in range(50)]
    assert sorted(map(str, found), key=int) == [str(n) for n in range(50)]
