"""A failure is recognised by the most specific entry, through what wraps it, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrcompat.errors import UsageError
from asrcompat.explain.seen import Subject, alike
from asrcompat.explain.signatures.classify import classify
from asrcompat.explain.signatures.conflicts import clash_of, conflict_of
from asrcompat.explain.signatures.entry import Match, Signature, load_catalogue
from asrcompat.explain.signatures.facts import Facts, facts_of_check
from asrcompat.explain.signatures.fingerprint import draft_entry, fingerprint
from asrcompat.model import Check, CheckOutcome, Device, Stage

TRACEBACK = """Traceback (most recent call last):
  File "<checkout>/asrcompat/probe/paths/s3prl_hf.py", line 16, in load
    upstream = S3PRLUpstream()
  File "site-packages/requests/models.py", line 1167, in raise_for_status
    raise HTTPError("404")
requests.exceptions.HTTPError: 404 for url: http://127.0.0.1:40009/some/model

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "site-packages/s3prl/upstream/hf_wav2vec2/expert.py", line 15, in __init__
    self.extracter = Wav2Vec2FeatureExtractor.from_pretrained(ckpt)
OSError: some/model does not have 12 files
"""
CAUSES = ["OSError: some/model does not have 12 files", "requests.exceptions.HTTPError: 404 for url: http://x:1/a"]


def failed(traceback: str = TRACEBACK, causes: list[str] | None = None) -> Facts:
    data = {"traceback": traceback, "causes": CAUSES if causes is None else causes, "exception": "OSError"}
    message = "some/model does not have 12 files"
    check = Check(id="load", stage=Stage.LOAD, required=True, outcome=CheckOutcome.FAILED, message=message, data=data)
    return facts_of_check(check)


def unmade(exception: str, text: str) -> Facts:
    """Of an environment that has no lock, or did not build."""
    stage = Stage.RESOLVE if exception == "ResolutionConflict" else Stage.INSTALL
    data = {"traceback": text, "exception": exception}
    outcome = CheckOutcome.FAILED
    return facts_of_check(Check(id="x", stage=stage, required=True, outcome=outcome, message=text, data=data))


def entry(name: str, **match: object) -> Signature:
    return Signature(
        id=name,
        title="t",
        cause="c",
        status="reproduced",
        source=("s",),
        match=Match(**match),  # type: ignore[arg-type]
    )


def test_the_facts_of_a_chain() -> None:
    facts = failed()
    assert [one.exception for one in facts.chain] == ["OSError", "requests.exceptions.HTTPError"]
    assert facts.raised_in is not None
    assert (facts.raised_in.file, facts.raised_in.package) == ("requests/models.py", "requests")
    assert "s3prl/upstream/hf_wav2vec2/expert.py" in [frame.file for frame in facts.frames]
    outer = facts.chain[0]
    assert [frame.package for frame in outer.frames] == ["s3prl"]  # each has the frames of its own traceback


def test_a_bare_assertion_has_no_message() -> None:
    facts = failed(causes=["AssertionError: "])
    assert (facts.innermost.exception, facts.innermost.message) == ("AssertionError", "")


def test_an_entry_sees_through_what_wraps_the_cause() -> None:
    known = entry("wrapped", exception=r"requests\.exceptions\.HTTPError", message="^404")
    assert classify(failed(), [known]) is known


def test_exception_and_message_must_be_of_one_exception() -> None:
    assert classify(failed(), [entry("mixed", exception="OSError", message="^404")]) is None


@pytest.mark.parametrize(
    "match",
    [
        {"exception": "IOError"},
        {"exception": "Error"},
        {"message": "13 files"},
        {"message": "files", "stages": (Stage.IMPORT,)},
        {"message": "files", "raised_in": "espnet2/"},
        {"message": "files", "raised_in": "requests/"},  # which raised the other one
        {"message": "^404", "through": "s3prl/"},
        {"message": "files", "raised_in": "upstream/hf_wav2vec2/"},  # no package is called so
        {"message": "files", "package": "s3prl"},
        {"message": "files", "asked_by": ("s3prl",)},
    ],
)
def test_what_does_not_match_is_unrecognised(match: dict[str, object]) -> None:
    assert classify(failed(), [entry("other", **match)]) is None


def test_the_most_specific_entry_wins_whatever_the_order() -> None:
    general, special = entry("general", message="files"), entry("special", message="files", raised_in="s3prl/")
    assert classify(failed(), [general, special]) is special
    assert classify(failed(), [special, general]) is special


def test_two_equally_specific_entries_say_nothing() -> None:
    assert classify(failed(), [entry("one", message="files"), entry("two", message="12 fi")]) is None


def test_a_fingerprint_leaves_out_what_changes_from_run_to_run() -> None:
    one = failed(causes=["OSError: /a/b/c.json of http://127.0.0.1:1/x at 0x7f, 12, 13"])
    two = failed(causes=["OSError: /d/e.json of http://127.0.0.1:29/x at 0xff, 10, 13"])
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one).package == "s3prl"
    assert fingerprint(failed()).package == "requests"
    assert fingerprint(one) != fingerprint(failed(causes=["OSError: /a/b.json is missing"]))


HANDLING = "\nDuring handling of the above exception, another exception occurred:\n\n"


def optional(outer: str) -> Facts:
    """An optional import failed, its handler went on, and something else broke there."""
    first = 'Traceback (most recent call last):\n  File "site-packages/apex/x.py", line 1, in <module>\n'
    last = 'Traceback (most recent call last):\n  File "site-packages/s3prl/x.py", line 7, in go\n'
    apex = "ModuleNotFoundError: No module named 'apex'"
    return failed(f"{first}{apex}\n{HANDLING}{last}{outer}\n", [outer, apex])


def test_what_was_merely_being_handled_makes_no_fingerprint() -> None:
    one, two = optional("TypeError: 'NoneType' object is not callable"), optional("MemoryError: ")
    assert fingerprint(one) != fingerprint(two)
    assert (fingerprint(one).exception, fingerprint(one).package) == ("TypeError", "s3prl")
    assert "apex" not in draft_entry(one)


def drafted(folder: Path, facts: Facts) -> Signature:
    text = draft_entry(facts).replace('title = ""', 'title = "t"').replace('cause = ""', 'cause = "c"')
    (folder / "drafted.toml").write_text(text, encoding="utf-8")
    assert not text.startswith("#")
    return load_catalogue(folder)["drafted"]


CHECKOUT = """Traceback (most recent call last):
  File "site-packages/s3prl/x.py", line 7, in go
  File "~/code/mine.py", line 7, in go
OSError: x
"""
BUILD = (
    "  × Failed to build `My_Package==1.0`\n  ╰─▶ Call to `build_wheel` failed (exit status: 1)\n"
    "      KeyError: '__version__'\n"
)


@pytest.mark.parametrize(
    "facts",
    [
        failed(),
        failed(causes=["KeyError: 12"]),
        failed(causes=["AssertionError: "]),
        failed(causes=["AssertionError"]),
        failed(causes=['OSError: of /a/b, 12 (at 0x7fff) "and" http://x:1/y?z\n\tname <path> \\ ünd {x}*']),
        failed(causes=["OSError: " + "long 12 (text) " * 90]),
        failed(CHECKOUT, ["OSError: x"]),
        optional("MemoryError: "),
        unmade("BuildFailed", BUILD),
        unmade(
            "ResolutionConflict", "Because all versions of A depend on c<2 and b==1 depends on c>=3, we can conclude"
        ),
        unmade(
            "ResolutionConflict", "Because a==1 depends on c<2 and environment depends on c>=3, we can conclude that"
        ),
        unmade("ResolutionConflict", "Because there is no version of a==9 and environment depends on a==9, we can"),
        unmade("ResolutionConflict", "nothing that is known"),
    ],
)
def test_a_drafted_entry_matches_what_it_was_drafted_from(tmp_path: Path, facts: Facts) -> None:
    assert classify(facts, [drafted(tmp_path, facts)]) is not None


def test_a_drafted_entry_matches_no_more(tmp_path: Path) -> None:
    bare = drafted(tmp_path, failed(causes=["AssertionError: "]))
    assert classify(failed(causes=["AssertionError: quite another"]), [bare]) is None
    numbered = drafted(tmp_path, failed(causes=["KeyError: 12"]))
    assert classify(failed(causes=["KeyError: 7"]), [numbered]) is numbered
    assert classify(failed(causes=["KeyError: 'name 12'"]), [numbered]) is None


def test_a_draft_that_does_not_match_says_so() -> None:
    assert draft_entry(failed(causes=["OSError:  \n begins with blanks"])).startswith(
        "# drafted, but this does not match"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = 3", "title"),
        ('[match]\nmessage = "("', "regular expression"),
        ('[match]\nmessage = ".*"', "matches everything"),
        ("[match]\nstages = ['load']", "says nothing about the exception"),
        ("[match]\nmesage = 'x'", "mesage"),
    ],
)
def test_a_faulty_entry_is_named_with_key_and_remedy(tmp_path: Path, text: str, told: str) -> None:
    whole = 'cause = "c"\nstatus = "told"\nexcerpt = "e"\nsource = ["s"]\n'
    whole += text if text.startswith("title") else f'title = "t"\n{text}'
    whole += "" if "[match]" in whole else '\n[match]\nmessage = "x"\n'
    (tmp_path / "wrong.toml").write_text(whole, encoding="utf-8")
    with pytest.raises(UsageError, match=r"wrong\.toml") as caught:
        load_catalogue(tmp_path)
    assert told in str(caught.value)
    assert "->" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            (
                "Because espnet==202511 depends on setuptools>=38.5.1,<74.0.0 and torch==2.13.0 depends on\n"
                " setuptools>=77.0.3, we can conclude that espnet==202511 and torch==2.13.0 are incompatible."
            ),
            "espnet==202511 asks for setuptools>=38.5.1,<74.0.0, torch==2.13.0 for setuptools>=77.0.3",
        ),
        (
            "Because s3prl==0.4.15 depends on omegaconf>=2.1.1 and fairseq>=0.12.2 depends on omegaconf<2.1, we can",
            "s3prl==0.4.15 asks for omegaconf>=2.1.1, fairseq>=0.12.2 for omegaconf<2.1",
        ),
        (
            (
                "Because the current Python version (3.10.13) does not satisfy Python>=3.12,<3.14 and espnet==202611 "
                "depends on Python>=3.12,<3.14, we can conclude that espnet==202611 cannot be used."
            ),
            "espnet==202611 asks for Python>=3.12,<3.14, this environment for Python 3.10.13",
        ),
    ],
)
def test_a_conflict_is_told_by_the_two_requirements_that_clash(text: str, told: str) -> None:
    assert told in str(clash_of(text))


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("torch>=1.11.0", "torch>=1.8.0", False),
        ("torch", "torch==2.*", False),
        ("torch==2.3.1", "torch==2.3.1+cpu", False),
        ("torch>1.8,<2", "torch!=1.9,<2.0.1", False),
        ("torch~=2.1", "torch<3,>2.9", False),
        ("torch<2.0.0", "torch!=1.8.0", False),
        ("torch>=2.1,!=2.1.*", "torch<3", False),
        ("torch==2.1.*", "torch>=2.2", True),
        ("torch<=2.1", "torch>2.1", True),
        ("torch>=2.1", "torch<2.1", True),
        ("torch~=1.8", "torch>=2", True),
        ("torch==2.3.1", "torch==2.3.0", True),
    ],
)
def test_demands_clash_where_no_version_meets_both(first: str, second: str, clash: bool) -> None:
    for one, other in ((first, second), (second, first)):
        text = f"Because espnet==1 depends on {one} and s3prl==2 depends on {other}, we can conclude that"
        assert (clash_of(text) is not None) is clash


def test_demands_that_can_be_met_together_do_not_hide_those_that_clash() -> None:
    text = (
        "Because espnet==202308 depends on torch>=1.11.0 and s3prl==0.4.15 depends on torch>=1.8.0, we can conclude "
        "that x. And because espnet==202308 depends on protobuf<=3.20.1 and s3prl==0.4.15 depends on protobuf==3.20.3,"
    )
    told = "espnet==202308 asks for protobuf<=3.20.1, s3prl==0.4.15 for protobuf==3.20.3: no protobuf fulfils both"
    assert str(clash_of(text)) == told


def test_two_ranges_of_one_distribution_do_not_clash_with_each_other() -> None:
    text = (
        "Because s3prl>=0.4.15 depends on omegaconf>=2.1.1 and s3prl<=0.4.14 depends on omegaconf<2.1, we can conclude "
        "that x. And because fairseq==0.12.2 depends on omegaconf<2.1, we can conclude that"
    )
    assert str(clash_of(text)).startswith("s3prl>=0.4.15 asks for omegaconf>=2.1.1, fairseq==0.12.2 for omegaconf<2.1")


def test_a_text_without_two_demands_names_no_clash() -> None:
    assert clash_of("Because only six<=1.17 is available and you require six==9, we can conclude") is None


UV = {  # what uv says of small indexes made for it (0.13.9)
    "all versions of both": (
        """Because all versions of s3prl depend on protobuf>=3.20.3 and all versions of espnet depend on
             protobuf<=3.20.1, we can conclude that all versions of espnet and all versions of s3prl are incompatible.
         And because environment depends on espnet and s3prl, we can conclude that your requirements are unsatisfiable.
        """,
        "every s3prl asks for protobuf>=3.20.3, every espnet for protobuf<=3.20.1: no protobuf fulfils both",
    ),
    "one of several": (
        """Because torch>=2.13.0 depends on setuptools>=77 and all versions of espnet depend on one of:
             setuptools<60
             setuptools>60,<74
         we can conclude that all versions of espnet and torch>=2.13.0 are incompatible.
         And because environment depends on espnet and torch>2.12, we can conclude that your requirements are
         unsatisfiable.""",
        "torch>=2.13.0 asks for setuptools>=77, every espnet for setuptools<60 or setuptools>60,<74",
    ),
    "a conclusion of several": (
        """Because s3prl<=0.4.15 depends on protobuf==3.20.3 and s3prl>=0.4.16 depends on protobuf>=4.21.1, we can
         conclude that all versions of s3prl depend on one of:
             protobuf==3.20.3
             protobuf>=4.21.1

         And because all versions of espnet depend on one of:
             protobuf<3.20.0
             protobuf>3.20.0,<=3.20.1
         we can conclude that all versions of espnet and all versions of s3prl are incompatible.
         And because environment depends on espnet==202301 and s3prl, we can conclude that your requirements are
         unsatisfiable.""",
        "s3prl<=0.4.15 asks for protobuf==3.20.3, every espnet for protobuf<3.20.0 or protobuf>3.20.0,<=3.20.1",
    ),
    "two in one breath": (
        """Because torchaudio==2.8.0 depends on torch==2.8.0 and because environment depends on torchaudio==2.8.0 and
         torch==2.3.1, we can conclude that your requirements are unsatisfiable.""",
        "torchaudio==2.8.0 asks for torch==2.8.0, environment for torch==2.3.1",
    ),
    "only older ones": (
        """Because only torchaudio<=2.11.0 is available and environment depends on torchaudio>2.11, we can conclude
         that your requirements are unsatisfiable.""",
        "torchaudio>2.11 is asked for: there is no such release of torchaudio",
    ),
    "only some": (
        """Because only the following versions of torchaudio are available:
             torchaudio<=2.8
             torchaudio==2.11
         and all versions of espnet depend on one of:
             torchaudio>2.8,<2.11
             torchaudio>2.11
         we can conclude that all versions of espnet cannot be used.""",
        "torchaudio>2.8,<2.11 or torchaudio>2.11 is asked for: there is no such release of torchaudio",
    ),
    "none": (
        """Because torchaudio was not found in the package registry and all versions of espnet depend on
         torchaudio>=2.12,<3, we can conclude that all versions of espnet cannot be used.""",
        "torchaudio>=2.12,<3 is asked for: there is no such release of torchaudio",
    ),
    "no wheel for this Python": (
        """Because torch==2.0.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and environment depends on
         torch==2.0.0, we can conclude that your requirements are unsatisfiable.

hint: You require CPython 3.11 (`cp311`), but we only found wheels for `torch` (v2.0.0) with the following Python ABI
tag: `cp310`""",
        "torch==2.0.0 is asked for: it has no wheel of a matching Python ABI tag (such as cp311)",
    ),
    "no wheel for this platform": (
        """Because all versions of torch have no wheels with a matching platform tag (e.g., `manylinux_2_36_x86_64`) and
         environment depends on torch, we can conclude that your requirements are unsatisfiable.""",
        "torch is asked for: it has no wheel of a matching platform tag (such as manylinux_2_36_x86_64)",
    ),
}


@pytest.mark.parametrize("name", UV)
def test_uvs_words_are_read_down_to_what_clashes_or_is_not_there(name: str) -> None:
    text, told = UV[name]
    assert told in str(conflict_of(f"error: No solution found when resolving dependencies\n  cause: {text}"))


def test_an_available_range_that_meets_the_demand_is_nothing_amiss() -> None:
    text = "Because only torch<=2.14 is available and s3prl==0.4.15 depends on torch>=1.8.0, we can conclude that x"
    assert conflict_of(text) is None


def test_who_asks_is_known_by_the_canonical_name() -> None:
    clash = clash_of("Because espnet-S3PRL>=1 depends on protobuf>=4 and wandb[media]==1 depends on protobuf<4, we can")
    assert clash is not None
    assert (clash.package, sorted(clash.askers)) == ("protobuf", ["espnet-s3prl", "wandb"])


def test_paths_that_fare_otherwise_are_not_taken_together() -> None:
    """One whose failures have a cause of their own would make the others' versions say nothing."""
    one, two = Subject(path="s3prl-hf", device=Device.CPU), Subject(path="espnet-s3prl", device=Device.CPU)
    own = Subject(path="espnet-huggingface", device=Device.CPU)
    told = {one: {"a": True, "b": False}, two: {"a": True, "c": False}, own: {"a": True, "b": True}}
    assert alike(told) == [([one, two], {"a": True, "b": False, "c": False}), ([own], {"a": True, "b": True})]
