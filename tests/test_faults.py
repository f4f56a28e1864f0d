"""A disk that is full or cannot be written to says nothing of packages, and costs what did not fit and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from miniature import MiniatureIndex
from small_checkout import command, make_checkout, published, run
from small_run import NEW, index
from test_kill import SLOW_S3PRL, forget, undisturbed
from tiny_lab import package

__all__ = ["index"]  # a fixture

Mount = Callable[[Path, str], None]


def as_root() -> list[str]:
    """What lets a command mount: nothing where we may, else `sudo`, which must not ask for a password."""
    return [] if os.geteuid() == 0 else ["sudo", "-n"]


def cannot_be_tested(why: str) -> NoReturn:
    """Skip a test on a person's machine. In CI it fails: nobody would see that the promise is tested nowhere."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mounts a disk of some size in memory at a folder, or changes it; unmounted in the end."""
    mounted: list[Path] = []

    def one(folder: Path, options: str) -> None:
        folder.mkdir(exist_ok=True)
        again = ["remount"] if folder in mounted else []
        every = ",".join([*again, options, f"uid={os.getuid()}", f"gid={os.getgid()}"])
        try:
            words = [*as_root(), "mount", "-t", "tmpfs", "-o", every, "tmpfs", str(folder)]
            subprocess.run(words, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            cannot_be_tested(f"this machine mounts nothing for us: {getattr(error, 'stderr', None) or error}")
        mounted.append(folder)

    yield one
    for folder in dict.fromkeys(mounted):
        subprocess.run([*as_root(), "umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def checkout(tmp_path: Path, index: MiniatureIndex) -> Path:
    package(index, "s3prl", "0.4.15", SLOW_S3PRL.replace("0.2", "0"))
    return make_checkout(tmp_path, index)


@pytest.mark.parametrize(("ci", "raised"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_where_nothing_can_be_mounted_ci_fails_and_a_person_is_told(
    ci: str, raised: type[BaseException], tmp_path: Path, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("test_faults.as_root", lambda: ["/bin/false"])
    with pytest.raises(raised, match="mounts nothing for us"):
        mount(tmp_path / "disk", "size=1m")


def taken(disk: Path) -> int:
    """The bytes that a disk has taken."""
    status = os.statvfs(disk)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def outcomes(checkout: Path) -> dict[str, set[str]]:
    """What is kept of each environment."""
    found: dict[str, set[str]] = {}
    for file in (checkout / ".asrcompat" / "results" / "synthetic-base").glob("[!.]*.json"):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        found[file.stem] = {cell["outcome"] for cell in cells}
    return found


@pytest.mark.parametrize("share", [0.04, 0.6, 0.85])  # a run needs a tenth more, or less, than another
def test_a_full_disk_is_no_verdict_and_the_run_goes_on_when_there_is_room(
    checkout: Path, mount: Mount, share: float
) -> None:
    """The disk has that share of what a run leaves there."""
    work = checkout / ".asrcompat"
    mount(work, "size=100m")
    code, said = run(checkout, command(checkout), free_gb=None)
    assert code == 0, said
    expected, needed = published(checkout), taken(work)
    forget(checkout)
    mount(work, f"size={int(needed * share)}")
    code, said = run(checkout, command(checkout), free_gb=None)
    assert "No space left on device" in said or "disk: full for" in said, said
    if code == 0:  # the run itself made room, by what it had installed for another environment
        assert published(checkout) == expected
        return
    assert code == 3, said
    for name, found in outcomes(checkout).items():
        assert found <= {"works", "error"} or name == NEW, (name, found)
        assert found <= {"works", "broken", "error"}
    mount(work, "size=100m")
    code, said = run(checkout, command(checkout), free_gb=None)
    assert code == 0, said
    assert published(checkout) == expected


def test_a_cache_that_cannot_be_written_is_no_verdict(checkout: Path, mount: Mount) -> None:
    expected, _ = undisturbed(checkout)
    cache = checkout / "uv-cache"
    shutil.rmtree(cache)
    mount(cache, "size=100m,ro")
    code, said = run(checkout, command(checkout))
    assert code == 3, said
    assert all(found == {"error"} for found in outcomes(checkout).values()), outcomes(checkout)
    mount(cache, "size=100m,rw")
    code, said = run(checkout, command(checkout))
    assert code == 0, said
    assert published(checkout) == expected


def test_on_a_small_disk_a_cache_that_cannot_be_written_is_not_needed(checkout: Path, mount: Mount) -> None:
    """Where stacks make room for one another, a run has a cache of its own."""
    expected, _ = undisturbed(checkout)
    shutil.rmtree(checkout / "uv-cache")
    mount(checkout / "uv-cache", "size=100m,ro")
    code, said = run(checkout, command(checkout), free_gb=8)
    assert code == 0, said
    assert "one after the other" in said
    assert published(checkout) == expected


def test_a_clock_that_went_back_costs_nothing(checkout: Path) -> None:
    """What was kept seems to be of tomorrow then."""
    code, said = run(checkout, command(checkout))
    assert code == 0, said
    expected = published(checkout)
    work = checkout / ".asrcompat"
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for file in (work / "results").rglob("[!.]*.json"):
        kept = json.loads(file.read_text(encoding="utf-8"))
        kept["generated_at"] = kept["environment"]["ran_at"] = tomorrow.isoformat(timespec="seconds")
        file.write_text(json.dumps(kept), encoding="utf-8")
    for file in work.rglob("*"):
        if file.is_file() and not file.is_symlink():
            os.utime(file, (tomorrow.timestamp(), tomorrow.timestamp()))
    code, said = run(checkout, command(checkout))
    assert code == 0, said
    assert "known already" in said
    assert published(checkout) == expected
    code, said = run(checkout, command(checkout, "matrix", "--fresh"))
    assert code == 0, said
    assert published(checkout) == expected
    kept_at = [json.loads(file.read_text())["generated_at"] for file in (work / "results").glob("*/[!.]*.json")]
    assert kept_at
    assert max(kept_at) < tomorrow.isoformat(), "what was found anew stands, whatever the old one's date"


def test_a_work_folder_that_cannot_be_written_says_so(checkout: Path, mount: Mount) -> None:
    mount(checkout / ".asrcompat", "size=1m,ro")
    code, said = run(checkout, command(checkout))
    assert code == 3, said
    assert "Read-only file system" in said
