"""Reading audio files by soundfile, where torchaudio hands it to TorchCodec, which wants FFmpeg's libraries."""

from types import ModuleType
from typing import Any

MODULE = "torchaudio"


def patch(module: ModuleType) -> None:
    """Read by libsndfile (WAV, FLAC, OGG, MP3), as torchaudio's own soundfile backend did: samples as float32."""

    def load(
        uri: Any,
        frame_offset: int = 0,
        num_frames: int = -1,
        normalize: bool = True,
        channels_first: bool = True,
        **_: object,  # the file's format, the backend, and the like: libsndfile finds out by itself
    ) -> "tuple[Any, int]":
        """The samples, (channels, frames) or else (frames, channels), and their rate in Hz."""
        import soundfile  # noqa: PLC0415 - as the program reads its first file, not as it starts
        import torch  # noqa: PLC0415

        if not normalize:
            raise RuntimeError("this load gives samples from -1 to 1 only")
        samples, rate = soundfile.read(uri, start=frame_offset, frames=num_frames, dtype="float32", always_2d=True)
        found = torch.from_numpy(samples)
        return (found.t() if channels_first else found).contiguous(), rate

    vars(module)["load"] = load
