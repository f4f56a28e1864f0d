"""What is said of an option's wrong text."""

from __future__ import annotations

import pytest

from asrcompat.options import parse


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["remedy", "--budget", "soon"], "argument --budget: 'soon' is no whole number from 1 on"),
        (["remedy", "--budget", "0"], "argument --budget: '0' is no whole number from 1 on"),
        (["matrix", "--shard", "3/2"], "argument --shard: '3/2' is no share such as 2/3, the second of three"),
        (["matrix", "--shard", "two"], "argument --shard: 'two' is no share such as 2/3, the second of three"),
        (["matrix", "--as-of", "2199-01-01"], "argument --as-of: '2199-01-01' is no day that is over, as YYYY-MM-DD"),
        (
            ["plan", "--budget", "9x"],
            "--budget: '9x' is no number of environments, or a time such as 90m or 2h",
        ),
        (["bisect", "--disk", "much"], "argument --disk: 'much' is no whole number of gigabytes, such as 30GB"),
    ],
)
def test_it_names_the_option_the_text_and_what_it_should_have_been(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(words)
    assert end.value.code == 2
    assert said in capsys.readouterr().err
