"""Entry: ``python <this file> settings.json``, run by an interpreter of the environment under test."""

import importlib.util
import os
import sys

_PRIVATE_NAME = "_asrcompat_probe"


def _load_package() -> None:
    """Load this folder as a package under a private name, and leave no trace of it on the module search path."""
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != folder]
    spec = importlib.util.spec_from_file_location(
        _PRIVATE_NAME, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(folder)
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PRIVATE_NAME] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    _load_package()
    importlib.import_module(_PRIVATE_NAME + ".group").main(sys.argv[1])
