"""What packages printed can be written, whatever bytes were in it."""

from __future__ import annotations

import pytest

from asrcompat.run.scrub import Scrubber, encodable


def test_a_byte_that_was_no_text_is_marked_in_messages_and_in_all_of_their_data() -> None:
    scrub = Scrubber({})
    name = b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    assert scrub.text(f"cannot open {name}") == "cannot open caf\ufffd.wav"
    assert scrub.data({name: [name, {"deep": (name,)}], "of": 6}) == {
        "caf\ufffd.wav": ["caf\ufffd.wav", {"deep": ["caf\ufffd.wav"]}],
        "of": 6,
    }


@pytest.mark.parametrize("text", ["", "naïve", "हिन्दी", "😀", "\x00\x1b[31m", "\ue000\ufffd"])
def test_what_can_be_written_stays_as_it_is(text: str) -> None:
    assert encodable(text) == text
    assert Scrubber({}).text(text) == text


def test_every_lone_surrogate_is_one() -> None:
    for lone in ("\ud800", "\udbff", "\udc00", "\udfff"):
        assert encodable(f"a{lone}b") == "a\ufffdb", ascii(lone)
