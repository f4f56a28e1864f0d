"""Plain data as pickles: what the standard library reads is what was written."""

from __future__ import annotations

import pickle
import pickletools
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrcompat.hub.pickles import Tensor, state_dict, tree_pickle

LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4).map(OrderedDict)
    ),
    max_leaves=12,
)


def typed(tree: Any) -> Any:
    """The tree with the type of every part: 1 is not True, and an ordered dictionary no other."""
    match tree:
        case dict():
            return type(tree), [(key, typed(item)) for key, item in tree.items()]
        case list():
            return list, [typed(item) for item in tree]
        case _:
            return type(tree), tree


@given(TREES)
def test_plain_data_survive(tree: Any) -> None:
    content, tensors = tree_pickle(tree)
    assert typed(pickle.loads(content)) == typed(tree)  # noqa: S301 - written a line above
    assert tensors == []


@pytest.mark.parametrize("number", [2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, 255, 256, -1, 0])
def test_numbers_at_the_edges(number: int) -> None:
    assert pickle.loads(tree_pickle([number])[0]) == [number]  # noqa: S301


def test_storages_are_numbered_in_the_order_of_the_tree() -> None:
    tree = {"late": 1, "model": state_dict({"b": (2,), "a": (3, 4)}), "more": [Tensor(name="c", shape=())]}
    content, tensors = tree_pickle(tree)
    assert [tensor.name for tensor in tensors] == ["b", "a", "c"]
    asked = {argument for opcode, argument, _ in pickletools.genops(content) if opcode.name == "GLOBAL"}
    assert asked == {"collections OrderedDict", "torch FloatStorage", "torch._utils _rebuild_tensor_v2"}


@pytest.mark.parametrize("foreign", [object(), (1, 2), {1}, b"bytes", {"deep": [complex(1)]}])
def test_what_no_checkpoint_holds_is_refused(foreign: object) -> None:
    with pytest.raises(TypeError, match="a checkpoint holds no"):
        tree_pickle(foreign)
