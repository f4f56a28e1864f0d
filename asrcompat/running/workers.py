"""The Dask scheduler of a run and its workers: who is there, and who may be given environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asrcompat.errors import UsageError
from asrcompat.options import Options

if TYPE_CHECKING:
    from distributed import Client

GPU = "GPU"  # the resource of a worker that has one, as Dask's documentation names it
_CONNECT_SECONDS = 30


@contextmanager
def connected(options: Options) -> Iterator[Client]:
    """A client of the run's scheduler; raises `UsageError` where Dask is not installed or no scheduler answers."""
    try:
        from distributed import Client  # noqa: PLC0415 - an extra, for who has a cluster
    except ImportError as missing:
        message = f"--scheduler needs Dask: .venv/bin/pip install -e '.[dask]' ({missing})"
        raise UsageError(message) from None
    try:
        client = Client(options.scheduler, timeout=_CONNECT_SECONDS, set_as_default=False, name="asrcompat")
    except (OSError, TimeoutError, ValueError) as error:
        message = f"--scheduler {options.scheduler}: no scheduler answers there ({error}); start one: `dask scheduler`"
        raise UsageError(message) from error
    with client:
        yield client


def wants_gpu(options: Options) -> bool:
    """Whether CUDA was asked for by name: then only workers that say they have it are any use."""
    return "cuda" in options.devices


def usable_workers(client: Client, options: Options) -> list[str]:
    """The addresses of the workers that may be given environments."""
    if not wants_gpu(options):
        return sorted(client.nthreads())
    told: Mapping[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    return sorted(address for address, facts in told.items() if facts.get("resources", {}).get(GPU))
