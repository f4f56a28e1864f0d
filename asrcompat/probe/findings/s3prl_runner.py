"""S3PRL's own training loop: what it lacks where it cannot be imported; where it can, with the upstream frozen.

That it trains is the matter of the path ``s3prl-downstream`` itself.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, List, Optional

from ..cell import CheckFailed, Passed, not_the_packages
from ..declared import declared, requirements
from ..paths import _s3prl_runner
from ..record import describe_exception

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "step"
GROUP = "finetuning"
PATHS = ("s3prl-hf", "s3prl-downstream")

_ENTRIES = ("s3prl.run_downstream", "s3prl.downstream.%s.expert" % _s3prl_runner.DOWNSTREAM)
_DISTRIBUTIONS = ("s3prl", "espnet-s3prl")


def run(cell: Cell) -> None:
    """What its import needs, and a step without ``-f`` by the path that is S3PRL's Runner."""
    if cell.name == "s3prl-hf":
        cell.check("runner-needs", _needs)
        return
    # a checkpoint of the true size takes more than a gigabyte: none is kept
    with tempfile.TemporaryDirectory(dir=cell.context.folder) as folder:
        cell.check("runner-frozen", lambda: _frozen(cell, folder))


def _needs() -> Passed:
    """What importing the training entry asks for, one after the other, each taken out of the way to see the next."""
    absent = _Absent()
    before = set(sys.modules)
    sys.meta_path.append(absent)
    broken = None
    try:
        for entry in _ENTRIES:
            importlib.import_module(entry)
    except Exception as error:
        if not_the_packages(error):
            raise
        broken = describe_exception(error)
    finally:
        sys.meta_path.remove(absent)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in absent.asked or name.startswith(("s3prl.downstream", "s3prl.run_downstream")):
                del sys.modules[name]
    if not absent.asked and broken is None:
        return Passed("S3PRL's run_downstream and its ASR downstream import as installed")
    required = requirements(*_DISTRIBUTIONS) if absent.asked else []
    told = ["%s is not installed (by S3PRL's metadata %s)" % (name, declared(name, required)) for name in absent.asked]
    if broken is not None:
        told.append(("and then " if told else "") + "%(exception)s: %(message)s" % broken)
    message = "S3PRL's run_downstream with its ASR downstream does not import as installed: " + "; ".join(told)
    raise CheckFailed(message, absent=absent.asked)


class _Absent:
    """Finds, last of all, packages that are not installed: as empty modules whose every attribute is a name for None.

    Only what S3PRL's own training modules ask for counts; other packages probe for absent modules and go without.
    """

    def __init__(self) -> None:
        self.asked: List[str] = []

    def find_spec(self, name: str, _path: Any, _target: Optional[ModuleType] = None) -> Optional[ModuleSpec]:
        package = name.partition(".")[0]
        if package not in self.asked:
            # what an installed package lacks is no absent package: it is left to fail
            if package != name or not _asked_by_s3prl():
                return None
            self.asked.append(package)
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        module.__getattr__ = lambda _name: None  # type: ignore[method-assign]
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing more."""


def _asked_by_s3prl() -> bool:
    """Whether the nearest code on the stack that is not the import system's is S3PRL's."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module not in (__name__, "importlib", "importlib._bootstrap", "importlib._bootstrap_external"):
            return bool(module.partition(".")[0] == "s3prl")
        frame = frame.f_back
    return False


def _frozen(cell: Cell, folder: str) -> Passed:
    """Without ``-f``, which is the default: the upstream stays as it is, and so do its features."""
    import torch

    runner = _s3prl_runner.runner(cell.context, folder, trainable=False, steps=1, rate=1e-4)
    before = _s3prl_runner.values(runner)["upstream"]
    runner.train()
    upstream = runner.upstream.model
    changed = [name for name, value in upstream.state_dict().items() if not torch.equal(value, before[name])]
    touched = [name for name, parameter in upstream.named_parameters() if parameter.grad is not None]
    if changed or touched:
        message = "without -f S3PRL's Runner changed %d of the upstream's tensors and differentiated %d"
        raise CheckFailed(message % (len(changed), len(touched)), changed=changed, touched=touched)
    speech = [torch.rand(16000, device=cell.device)]
    with torch.no_grad():
        one, other = (torch.stack(list(upstream(speech)["hidden_states"])) for _ in range(2))
    same = "equal" if torch.equal(one, other) else "not equal (by up to %.2g)" % float((one - other).abs().max())
    message = (
        "without -f S3PRL's Runner leaves the upstream as it is, without gradients; its features in two passes are "
    )
    return Passed(message + same)
