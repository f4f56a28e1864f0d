"""Save as sitecustomize.py in a folder of its own, and put that folder on PYTHONPATH: Python runs it as it starts.

Patches modules right after they are imported; the packages' files stay as they are.
"""

import sys
from types import ModuleType
from typing import Any, Callable

PATCHES: "list[tuple[str, Callable[[ModuleType], None]]]" = []


class _AfterImport:
    """A finder that lets the others find, and patches what their loader has loaded."""

    def __init__(self) -> None:
        self.busy: "set[str]" = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        patches = [patch for module, patch in PATCHES if module == name]
        if not patches or name in self.busy:
            return None
        self.busy.add(name)
        try:
            found = (one.find_spec(name, path, target) for one in sys.meta_path if one is not self)
            spec = next((one for one in found if one is not None), None)
        finally:
            self.busy.discard(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            for patch in patches:
                patch(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _AfterImport())
