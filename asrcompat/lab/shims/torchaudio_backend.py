"""What torchaudio had for reading files with sox and chose by functions: S3PRL imports both, and needs neither here."""

import importlib.util
import sys
from types import ModuleType

MODULE = "torchaudio"


def patch(module: ModuleType) -> None:
    """Put them back where they are missing: choosing a backend does nothing, and an effect says that it is gone."""

    def set_audio_backend(backend: object = None) -> None:
        """Take any choice."""

    def get_audio_backend() -> None:
        """None is chosen."""

    def list_audio_backends() -> "list[str]":
        """There are none."""
        return []

    def apply_effects_tensor(*_: object, **__: object) -> None:
        """Refuse: a model that really wants it must not get untreated sound."""
        raise RuntimeError("this torchaudio has no sox effects: the sound would be left as it is")

    for function in (set_audio_backend, get_audio_backend, list_audio_backends):
        if not hasattr(module, function.__name__):
            setattr(module, function.__name__, function)
    name = module.__name__ + ".sox_effects"
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # not even a package
        found = None
    if found is None:
        effects = ModuleType(name)
        for other in ("apply_effects_tensor", "apply_effects_file"):
            setattr(effects, other, apply_effects_tensor)
        sys.modules[name] = effects
        vars(module)["sox_effects"] = effects
