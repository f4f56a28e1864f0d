"""An installer that is killed leaves nothing that passes for an environment: on real packages, of several gigabytes."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import RealEnvironment

from asrcompat.run.environment import Built, build, is_complete
from asrcompat.run.install import damage

# build the environment of a lock that lies in a file, as a session does
_BUILD = """
import sys
from pathlib import Path
from asrcompat.run.environment import build
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
work, lock, executable, version = sys.argv[1:]
interpreter = Interpreter(executable=Path(executable), version=version)
print(build("one", Lock(Path(lock).read_text()), interpreter=interpreter, arguments=(), work=Path(work), seconds=600))
"""


def installers(work: Path) -> list[psutil.Process]:
    """The uv processes that install into a work folder."""
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if "sync" in (line := one.info["cmdline"] or []) and any(str(work) in word for word in line)
    ]


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("whole", [False, True], ids=["the installer", "all of it"])
def test_an_installer_that_is_killed_ten_times_leaves_a_whole_environment_in_the_end(
    with_0415: RealEnvironment, tmp_path: Path, whole: bool
) -> None:
    lock, interpreter = with_0415.lock, with_0415.interpreter
    file = tmp_path / "pylock.toml"
    file.write_text(lock.text, encoding="utf-8")
    words = [sys.executable, "-c", _BUILD, str(tmp_path), str(file), str(interpreter.executable), interpreter.version]
    target = tmp_path / "envs" / "one" / lock.sha256[:16]
    undisturbed = build("one", lock, interpreter=interpreter, arguments=(), work=tmp_path, seconds=600)
    assert isinstance(undisturbed, Built)
    shutil.rmtree(tmp_path / "envs")
    chance = random.Random(5)
    killed = 0
    for _ in range(10):
        shutil.rmtree(tmp_path / "installed", ignore_errors=True)  # with the index: as long as the undisturbed one
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            until = time.monotonic() + 30
            while not (found := installers(tmp_path)) and process.poll() is None and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, undisturbed.seconds / 2))  # the rest is checking what was installed
            for one in [psutil.Process(process.pid)] if whole else found:
                if one.is_running():
                    killed += 1
                    one.kill()
            process.wait(60)
        time.sleep(0.2)
        assert not installers(tmp_path), "nothing goes on without whoever asked for it"
        if is_complete(target, lock, interpreter):  # it was done before: from the start again
            (target / "asrcompat-complete.json").unlink()
    assert killed >= 5
    made = build("one", lock, interpreter=interpreter, arguments=(), work=tmp_path, seconds=600)
    assert isinstance(made, Built)
    assert not made.reused
    assert list(damage(target)) == []
    assert [one.name for one in target.parent.iterdir() if one.is_dir()] == [target.name]
    asked = "import torch, s3prl, espnet2, transformers; print(torch.zeros(2).sum().item())"
    done = subprocess.run([made.python, "-c", asked], capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("0.0"), done.stderr
