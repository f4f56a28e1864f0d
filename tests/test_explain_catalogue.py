"""The catalogue: every entry has its form, what is said to be reproduced was captured, and no two entries collide."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from factories import make_cell, make_environment, make_environment_result

from asrcompat.errors import UsageError
from asrcompat.explain.signatures import capture
from asrcompat.explain.signatures.classify import classify, matches
from asrcompat.explain.signatures.entry import CATALOGUE, SCHEMA_FILE, Signature, load_catalogue, schema, write_schema
from asrcompat.explain.signatures.facts import Facts, Raised, facts_of_check
from asrcompat.explain.signatures.fingerprint import fingerprint
from asrcompat.model import Check, CheckOutcome, Outcome, Stage
from asrcompat.result_files import dump

CATALOGUED = load_catalogue()
FILES = sorted(Path(__file__).with_name("tracebacks").glob("*.json"))
CAPTURES = {file.stem: capture.read(file) for file in FILES}


def test_the_committed_schema_is_in_step(tmp_path: Path) -> None:
    write_schema(tmp_path / "schema.json")
    assert SCHEMA_FILE.read_text(encoding="utf-8") == (tmp_path / "schema.json").read_text(encoding="utf-8"), (
        'run: python -c "from asrcompat.explain.signatures.entry import write_schema; write_schema()"'
    )


@pytest.mark.parametrize("file", sorted(CATALOGUE.glob("*.toml")), ids=lambda file: file.stem)
def test_every_entry_names_and_keeps_the_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("#:schema ../../../signature.schema.json\n")
    jsonschema.Draft202012Validator(schema()).validate(tomllib.loads(text))


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    whole = tomllib.loads((CATALOGUE / "six-missing.toml").read_text(encoding="utf-8"))
    assert not validator.is_valid({**whole, "status": "guessed"})
    assert not validator.is_valid({**whole, "versions": [">=2"]})
    assert not validator.is_valid({**whole, "cures": [{"kind": "prayer", "value": "x", "says": "x"}]})


@pytest.mark.parametrize("entry", CATALOGUED.values(), ids=lambda entry: entry.id)
def test_no_pattern_names_a_version_or_a_line(entry: Signature) -> None:
    match = entry.match
    for pattern in (match.exception, match.message, match.raised_in, match.through):
        assert not re.search(r"\d+\\?\.\d+|line \d", pattern or ""), pattern


def test_what_is_reproduced_has_a_capture_and_nothing_else_has() -> None:
    assert sorted(CAPTURES) == sorted(entry.id for entry in CATALOGUED.values() if entry.status == "reproduced")


@pytest.mark.parametrize("identity", CAPTURES)
def test_a_capture_is_recognised_as_its_own_and_no_other_entry_is_as_near(identity: str) -> None:
    facts = CAPTURES[identity].facts
    found = classify(facts, CATALOGUED.values())
    assert found is not None  # None as well where two are equally near
    assert found.id == identity


@pytest.mark.parametrize("identity", CAPTURES)
def test_without_its_own_entry_a_capture_is_unrecognised(identity: str) -> None:
    others = [entry for entry in CATALOGUED.values() if entry.id != identity]
    assert classify(CAPTURES[identity].facts, others) is None
    assert not any(matches(entry.match, CAPTURES[identity].facts) for entry in others)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_capture_tells_where_it_is_from_and_nothing_of_this_machine(file: Path) -> None:
    kept = CAPTURES[file.stem]
    assert kept.versions["python"]
    assert re.fullmatch(r"[0-9a-f]{12}", kept.commit), "captured by changed code"
    assert re.fullmatch(r"[0-9a-f]{16}", kept.code or "0" * 16)  # those of before there were such digests have none
    assert kept.check.data["exception"]
    assert kept.check.data["traceback"]
    assert not re.search(r"(?<![\w>:/~])/(tmp|root|home|work)\b", file.read_text(encoding="utf-8"))


FOREIGN = sorted((Path(__file__).with_name("tracebacks") / "foreign").glob("*.txt"))

HANDLING = "During handling of the above exception, another exception occurred:"
RAISED_FROM = "The above exception was the direct cause of the following exception:"
LINK = re.compile(f"\n\n({HANDLING}|{RAISED_FROM})\n\n")
ERROR = re.compile(r"^(?P<exception>\w[\w.]*)(?:: (?P<message>.*))?\Z", re.MULTILINE | re.DOTALL)
PACKAGES = {"espnet", "s3prl", "fairseq", "librosa", "torch", "torchaudio", "transformers"}


def raised(text: str, stage: Stage = Stage.LOAD) -> Facts:
    """The facts of a failure with this traceback, as a probe would record them."""
    blocks = [block for block in LINK.split(text) if block not in (HANDLING, RAISED_FROM)]
    ends = [ERROR.search(block.rstrip("\n")) for block in reversed(blocks)]
    causes = [f"{end['exception']}: {end['message'] or ''}" for end in ends if end is not None]
    exception, _, message = causes[0].partition(": ")
    data = {"exception": exception, "causes": causes, "traceback": text}
    outcome = CheckOutcome.FAILED
    return facts_of_check(Check(id="x", stage=stage, required=True, outcome=outcome, message=message, data=data))


def foreign(file: Path) -> tuple[Facts, str | None]:
    """What a foreign failure looks like, and the entry that may recognise it since it blames nobody."""
    head, _, text = file.read_text(encoding="utf-8").partition("\n\n")
    told = dict(line.split(": ") for line in head.splitlines())
    stage = Stage(told["stage"])
    if stage is Stage.INSTALL:
        data = {"exception": "BuildFailed", "traceback": text}
        outcome = CheckOutcome.FAILED
        check = Check(id="x", stage=stage, required=True, outcome=outcome, message=text, data=data)
        return facts_of_check(check), told.get("recognised")
    return raised(text, stage), told.get("recognised")


def blamed(entry: Signature, facts: Facts) -> set[str]:
    """The packages that an entry names and the failure's messages do not: the entry blames them by itself."""
    text = f"{entry.title} {entry.cause}".lower()
    named = {name for name in PACKAGES if re.search(rf"\b{name}\b", text)}
    told = " ".join(one.message for one in facts.chain).lower()
    return {name for name in named if name not in told}


@pytest.mark.parametrize("file", FOREIGN, ids=lambda file: file.stem)
def test_failures_of_other_code_are_not_blamed_on_what_the_catalogue_knows(file: Path) -> None:
    """Written after the tracebacks of other projects that say what an entry looks for, or go through its code."""
    facts, recognised = foreign(file)
    assert len(facts.frames) > 1
    found = classify(facts, CATALOGUED.values())
    assert (None if found is None else found.id) == recognised
    assert found is None or not blamed(found, facts)


@pytest.mark.parametrize("identity", CAPTURES)
def test_raised_by_other_code_a_capture_blames_no_package_that_it_does_not_name(identity: str) -> None:
    check = CAPTURES[identity].check
    text = re.sub(r'File "[^"]+"', 'File "site-packages/foreign/x.py"', str(check.data["traceback"]))
    facts = facts_of_check(dataclasses.replace(check, data={**check.data, "traceback": text}))
    found = classify(facts, CATALOGUED.values())
    ours = any(one.exception.endswith("CheckFailed") for one in facts.chain)  # which nothing but our probe raises
    assert found is None or ours or not blamed(found, facts)


@pytest.mark.parametrize("entry", CATALOGUED.values(), ids=lambda entry: entry.id)
def test_an_entry_that_blames_a_package_names_it_or_its_place(entry: Signature) -> None:
    match = entry.match
    place = match.raised_in or match.through or match.package
    ours = "CheckFailed" in (match.exception or "")
    named = Facts(stage=Stage.LOAD, chain=(Raised(exception="", message=match.message or ""),))
    # what stands in no pattern, though every such message has it
    told = {"weights-only": {"torch"}}.get(entry.id, set())
    assert place or ours or not blamed(entry, named) - told


HANDLED = [identity for identity, kept in CAPTURES.items() if kept.check.stage is not Stage.RESOLVE]


@pytest.mark.parametrize("identity", HANDLED)
def test_what_was_merely_being_handled_is_no_cause(identity: str) -> None:
    """A failure that is known was handled, and something else broke there; what is raised from it is another thing."""
    check = CAPTURES[identity].check
    outer = "TypeError: 'NoneType' object is not callable"
    end = f'Traceback (most recent call last):\n  File "site-packages/speechbrain/x.py", line 7, in go\n{outer}\n'

    def below(link: str) -> Facts:
        text = f"{check.data['traceback']}\n{link}\n\n{end}"
        data = {"exception": "TypeError", "causes": [outer, *check.data["causes"]], "traceback": text}
        return facts_of_check(dataclasses.replace(check, message=outer, data=data))

    assert classify(below(HANDLING), CATALOGUED.values()) is None
    assert fingerprint(below(HANDLING)).package == "speechbrain"
    found = classify(below(RAISED_FROM), CATALOGUED.values())
    assert found is not None
    assert found.id == identity


def test_only_an_entry_that_says_so_looks_behind_a_handler() -> None:
    facts = foreign(FOREIGN[0].with_name("cuda-memory-after-soxr.txt"))[0]
    known = CATALOGUED["soxr-missing"].match
    assert not matches(known, facts)
    assert matches(dataclasses.replace(known, hidden=True), facts)


def shown(*frames: str, error: str) -> str:
    return (
        "Traceback (most recent call last):\n" + "".join(f'  File "{one}", line 7, in go\n' for one in frames) + error
    )


def recognised(text: str, stage: Stage = Stage.LOAD) -> str | None:
    found = classify(raised(text, stage), CATALOGUED.values())
    return None if found is None else found.id


ESPNET = "site-packages/espnet2/asr/frontend/s3prl.py"


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ((ESPNET,), "upstream-unknown-to-espnet"),
        ((ESPNET, "site-packages/torch/nn/modules/module.py"), None),
        ((ESPNET, "site-packages/s3prl/nn/upstream.py", "site-packages/s3prl/upstream/wav2vec2/convert.py"), None),
        ((ESPNET, "site-packages/s3prl/upstream/wav2vec2/hubconf.py"), "hub-name-as-file"),
        # a person's checkout is as good as what is installed, and Python's own code raises for its caller
        (("~/espnet/espnet2/asr/frontend/s3prl.py", "python3.10/contextlib.py"), "upstream-unknown-to-espnet"),
        ((ESPNET, "~/s3prl/s3prl/upstream/wav2vec2/convert.py"), None),
        (("site-packages/mine/espnet2/asr/frontend/s3prl.py",), None),
    ],
)
def test_a_bare_assert_is_told_by_the_file_that_raised_it(frames: tuple[str, ...], told: str | None) -> None:
    assert recognised(shown(*frames, error="AssertionError\n")) == told


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("'encoder.pos_conv_embed.conv.parametrizations.weight.original0'", "new-weights-reported"),
        (
            "'wav2vec2.encoder.pos_conv_embed.conv.weight_g', 'encoder.pos_conv_embed.conv.weight_v'",
            "new-weights-reported",
        ),
        ("'encoder.pos_conv_embed.conv.parametrizations.weight.original0', 'encoder.layers.0.k_proj.weight'", None),
        ("'encoder.layers.0.k_proj.weight', 'encoder.pos_conv_embed.conv.parametrizations.weight.original1'", None),
    ],
)
def test_weights_are_said_to_be_no_loss_only_where_all_that_are_named_are_none(listed: str, told: str | None) -> None:
    message = f"the loader says: Some weights were not initialized and are newly initialized: [{listed}]\nYou should"
    assert (
        recognised(shown("<checkout>/asrcompat/probe/x.py", error=f"_asrcompat_probe.cell.CheckFailed: {message}"))
        == told
    )


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("gradients of first convolution are not finite", True),
        ("the step changed nothing in: first convolution", True),
        ("the gradient of 0.upstream.model.feature_extractor.conv_layers.0.conv.weight is not finite", True),
        ("the gradient of upstream.model.feature_extractor.conv_layers.0.0.weight is not finite", True),
        ("gradients of rest of encoder are not finite", False),
        ("the gradient of 1.weight is not finite", False),
        ("the step changed nothing in: layer 3", False),
        ("no gradient arrives at: first convolution", False),
    ],
)
def test_wrong_gradients_are_known_by_the_first_convolution(message: str, *, told: bool) -> None:
    found = recognised(shown("<checkout>/asrcompat/probe/x.py", error=f"_asrcompat_probe.cell.CheckFailed: {message}"))
    assert found == ("gelu-gradient-unwritten" if told else None)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (
            "espnet==202308 depends on protobuf<=3.20.1",
            "s3prl==0.4.15 depends on protobuf==3.20.3",
            "protobuf-conflict",
        ),
        ("espnet-s3prl==2026.5.14 depends on protobuf>=4", "wandb==0.12 depends on protobuf<4", None),
        ("espnet==202308 depends on protobuf<=3.20.1", "espnet-s3prl==2026.5.14 depends on protobuf>=4", None),
        (
            "torchaudio==2.8.0 depends on torch==2.8.0",
            "environment depends on torch==2.3.1",
            "torchaudio-asks-for-its-torch",
        ),
        ("torchaudio-contrib==1 depends on torch==2.8.0", "environment depends on torch==2.3.1", None),
        ("torchvision==0.20 depends on torch==2.5.0", "environment depends on torch==2.3.1", None),
    ],
)
def test_a_conflict_is_told_by_the_distributions_that_ask(first: str, second: str, told: str | None) -> None:
    text = f"error: No solution found\n  cause: Because {first} and {second}, we can conclude that x."
    check = Check(
        id="resolve",
        stage=Stage.RESOLVE,
        required=True,
        outcome=CheckOutcome.FAILED,
        message=text,
        data={"exception": "ResolutionConflict", "traceback": text},
    )
    found = classify(facts_of_check(check), CATALOGUED.values())
    assert (None if found is None else found.id) == told


def test_espnets_own_frontend_goes_through_numpy_too() -> None:
    for file in ("s3prl/upstream/hf_wav2vec2/expert.py", "espnet2/asr/frontend/huggingface.py"):
        text = shown(f"site-packages/{file}", error="TypeError: Got unsupported ScalarType BFloat16\n")
        assert recognised(text, Stage.FORWARD) == "numpy-has-no-bfloat16"


def test_a_chain_whose_links_are_not_told_is_not_looked_through() -> None:
    data = {"exception": "TypeError", "causes": ["TypeError: x", "ModuleNotFoundError: No module named 'fairseq'"]}
    check = Check(id="x", stage=Stage.LOAD, required=True, outcome=CheckOutcome.FAILED, message="x", data=data)
    assert classify(facts_of_check(check), CATALOGUED.values()) is None


def test_a_first_cause_is_seen_through_what_transformers_wraps_it_in() -> None:
    facts = CAPTURES["soxr-missing"].facts
    assert "Could not import module" in facts.chain[0].message
    found = classify(facts, CATALOGUED.values())
    assert found is not None
    assert "soxr" in found.cause


def test_a_first_cause_is_seen_through_s3prls_bare_except() -> None:
    """Both ask for a preprocessor; what the user has to mend is told by the nearer one, even if handled in its turn."""
    fallback = "We couldn't connect to 'http://127.0.0.1:9' to load this file, and facebook/wav2vec2-base is not cached"
    expert, hub = "site-packages/s3prl/upstream/hf_wav2vec2/expert.py", "site-packages/transformers/utils/hub.py"
    first = f"{CAPTURES['preprocessor-missing'].check.data['traceback']!s}\n{HANDLING}\n\n"
    text = first + shown(expert, hub, error=f"OSError: {fallback}\n")
    assert recognised(text) == "preprocessor-fallback-unreachable"
    text += f"\n{HANDLING}\n\n" + shown("site-packages/s3prl/nn/upstream.py", error="ValueError: no upstream\n")
    assert recognised(text) == "preprocessor-fallback-unreachable"


def faulty(folder: Path, edit: Callable[[str], str]) -> str:
    """What is said of the catalogue's entry on six, edited."""
    text = (CATALOGUE / "six-missing.toml").read_text(encoding="utf-8")
    (folder / "wrong.toml").write_text(edit(text), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_catalogue(folder)
    return str(caught.value)


def test_cures_out_of_order_are_refused(tmp_path: Path) -> None:
    more = '\n[[cures]]\nkind = "variable"\nvalue = "A=b"\nsays = "x"\n'
    assert "put the least intrusive first: variable, config" in faulty(tmp_path, lambda text: text + more)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("axis", "pytorch=2.8.0"), ("pin", "numpy below 2"), ("extra", "six"), ("shim", "no-such-shim")],
)
@pytest.mark.parametrize("also", [False, True])
def test_a_cure_that_cannot_be_made_is_refused(tmp_path: Path, kind: str, value: str, *, also: bool) -> None:
    change = f'kind = "{kind}"\nvalue = "{value}"\n'
    first = '\n[[cures]]\nkind = "shim"\nvalue = "torchaudio_backend"\nsays = "x"\n'
    more = f"{first}[[cures.also]]\n{change}" if also else f'\n[[cures]]\n{change}says = "x"\n'
    assert f"cannot be '{value}'" in faulty(tmp_path, lambda text: text.partition("[[cures]]")[0] + more)


def test_an_id_in_the_file_is_refused(tmp_path: Path) -> None:
    assert "the file's name is the id" in faulty(tmp_path, lambda text: 'id = "other"\n' + text)


def test_looking_behind_handlers_of_any_code_is_refused(tmp_path: Path) -> None:
    told = faulty(tmp_path, lambda text: text.replace("raised_in = 'espnet2?/'", "hidden = true"))
    assert "match.hidden: looks behind handlers in any code" in told


def test_a_distribution_by_another_than_its_canonical_name_is_refused(tmp_path: Path) -> None:
    told = faulty(tmp_path, lambda text: text.replace("raised_in = 'espnet2?/'", 'package = "My_Package"'))
    assert "names My_Package" in told
    assert "write my-package" in told


def test_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "another.toml").write_text("title = 3\n", encoding="utf-8")
    told = faulty(tmp_path, lambda text: text.replace('status = "reproduced"', 'status = "guessed"'))
    assert "another.toml" in told
    assert "wrong.toml: status" in told


def test_a_capture_is_written_once_without_this_machines_folders(tmp_path: Path) -> None:
    told = "site-packages/x.py and /home/somebody/.cache/y"
    message = f"does not appear to have a file named preprocessor_config.json in {told}"
    cell = make_cell(None, "s3prl-hf", Outcome.BROKEN, message=message)
    file = tmp_path / "result.json"
    environment = make_environment(code="0123456789abcdef", ran_at="2026-11-24T01:02:03+00:00")
    file.write_text(dump(make_environment_result(environment, [cell])), encoding="utf-8")
    capture.main([str(file), "--into", str(tmp_path / "kept")])
    (kept,) = (tmp_path / "kept").iterdir()
    assert kept.name == "preprocessor-missing.json"
    read = capture.read(kept)
    assert read.check.message.endswith("site-packages/x.py and <path>")
    assert read.versions["s3prl"] == "0.4.15"
    assert (read.code, read.ran_at) == ("0123456789abcdef", "2026-11-24T01:02:03+00:00")
    kept.write_text("mine", encoding="utf-8")
    capture.main([str(file), "--into", str(tmp_path / "kept")])
    assert kept.read_text(encoding="utf-8") == "mine"
    capture.main([str(file), "--into", str(tmp_path / "kept"), "--again"])
    assert json.loads(kept.read_text(encoding="utf-8"))["path"] == "s3prl-hf"
