"""Which paths share a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrcompat.errors import UsageError
from asrcompat.run import paths


def test_every_path_of_the_probe_can_be_read() -> None:
    for name, file in paths.path_files(["transformers", "s3prl-hf", "espnet-s3prl"]).items():
        assert paths.modules(file), name


def test_paths_with_a_common_beginning_share_a_process_and_others_do_not() -> None:
    files = paths.path_files(["transformers", "espnet-s3prl", "s3prl-hf"])
    assert [list(group) for group in paths.groups(files)] == [["transformers"], ["s3prl-hf", "espnet-s3prl"]]


def test_an_unknown_path_and_a_file_without_modules_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no-such-path.*transformers"):
        paths.path_files(["no-such-path"])
    (tmp_path / "bare.py").write_text("x = 1\n")
    with pytest.raises(UsageError, match=r"bare\.py.*MODULES"):
        paths.modules(tmp_path / "bare.py")


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.lists(st.sampled_from("xyz"), max_size=3), max_size=6)
)
def test_every_path_is_in_one_group_and_finds_only_its_own_modules(
    tmp_path_factory: pytest.TempPathFactory, wanted: dict[str, list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("paths")
    files = {}
    for name, modules in wanted.items():
        files[name] = folder / f"{name}.py"
        files[name].write_text(f"MODULES = {tuple(modules)!r}\n")
    groups = paths.groups(files)
    assert sorted(name for group in groups for name in group) == sorted(files)
    for group in groups:
        imported: tuple[str, ...] = ()
        for name in group:
            needed = paths.modules(files[name])
            assert needed[: len(imported)] == imported
            imported = needed
