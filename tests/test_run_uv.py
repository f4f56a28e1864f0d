"""What uv's failures mean: only words that speak of the packages count against them."""

from __future__ import annotations

import pytest

from asrcompat.run import uv
from asrcompat.run.process import Finished

NO_SOLUTION = (
    "  × No solution found when resolving dependencies:\n  ╰─▶ Because espnet==202511 depends on setuptools<74"
)

# What builds said here that fetch from GitHub or an index in their setup.py, shortened.
S3PRL_WITHOUT_NETWORK = """error: Failed to build `s3prl==0.3.4`
  cause: The build backend returned an error
         [stderr]
           Running command git clone --filter=blob:none --quiet https://github.com//pytorch/fairseq.git fairseq
           fatal: unable to access 'https://github.com//pytorch/fairseq.git/': Could not resolve host: github.com
           error: subprocess-exited-with-error
         subprocess.CalledProcessError: Command '['pip', 'install', 'fairseq@git+https://github.com//pytorch/fairseq']'
hint: Build failures usually indicate a problem with the package or the build environment"""
SENTENCEPIECE_WITHOUT_NETWORK = """error: Failed to build `sentencepiece==0.1.97`
         Cloning into 'sentencepiece'...
         fatal: unable to access 'https://github.com/google/sentencepiece.git/': Could not resolve host: github.com
         CMake Error: The source directory "src/sentencepiece" does not exist.
         subprocess.CalledProcessError: Command '['./build_bundled.sh', '0.1.97']' returned non-zero exit status 1."""
PIP_WITHOUT_NETWORK = """error: Failed to build `x==1`
         WARNING: Retrying after connection broken by 'ProxyError('Cannot connect to proxy.', OSError('no'))'
         ERROR: Could not find a version that satisfies the requirement cython (from versions: none)"""

# Said when the cache was removed under a build.
BUILD_FOLDER_GONE = """error: Failed to build `pyworld==0.3.5`
  cause: The build backend returned an error
         Assembler messages:
         Fatal error: can't create build/temp.linux-x86_64-cpython-312/codec.o: No such file or directory"""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (NO_SOLUTION, "conflict"),
        (NO_SOLUTION + "\n hint: Packages were unavailable because the network was disabled.", "error"),
        ("error: Failed to fetch: `https://pypi.org/simple/torch/`", "error"),
        ("error: Request failed after 3 retries\n  Caused by: dns error", "error"),
        ("  × Failed to build `s3prl==0.3.4`\n  ModuleNotFoundError: No module named 'pip'", "build"),
        ("  × Failed to build `sentencepiece==0.1.97`\n fatal: unable to access 'https://…'", "error"),
        (
            "  × Failed to build `x`\n urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>",
            "error",
        ),
        (S3PRL_WITHOUT_NETWORK, "error"),
        (SENTENCEPIECE_WITHOUT_NETWORK, "error"),
        (PIP_WITHOUT_NETWORK, "error"),
        ("  × Failed to build `x`\n curl: (7) Failed to connect to github.com port 443", "error"),
        ("error: failed to write: No space left on device (os error 28)", "error"),
        (BUILD_FOLDER_GONE, "error"),
        ("error: words of a uv that is not written yet", "error"),
        ("", "error"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    failure = uv.failure(Finished(code=1, output=text, timed_out=False, seconds=1))
    assert failure is not None
    assert failure.kind == kind
    assert failure.message


def test_success_is_no_failure_and_a_deadline_is_an_error() -> None:
    assert uv.failure(Finished(code=0, output="No solution found", timed_out=False, seconds=1)) is None
    late = uv.failure(Finished(code=-15, output=NO_SOLUTION, timed_out=True, seconds=300))
    assert late is not None
    assert late.kind == "error"
