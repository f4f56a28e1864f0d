"""The catalogue: every entry has its form, what is said to be reproduced was captured, and no two entries collide."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from factories import make_cell, make_environment_result

from asrcompat.errors import UsageError
from asrcompat.explain.signatures import capture
from asrcompat.explain.signatures.classify import classify, matches
from asrcompat.explain.signatures.entry import CATALOGUE, SCHEMA_FILE, load_catalogue, schema, write_schema
from asrcompat.explain.signatures.facts import Facts, facts_of_check
from asrcompat.model import Check, CheckOutcome, Outcome, Stage, dump

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
def test_no_pattern_names_a_version_or_a_line(entry: object) -> None:
    match = CATALOGUED[entry.id].match  # type: ignore[attr-defined]
    for pattern in (match.exception, match.message, match.raised_in):
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
    assert kept.check.data["exception"]
    assert kept.check.data["traceback"]
    assert not re.search(r"(?<![\w>:/~])/(tmp|root|home|work)\b", file.read_text(encoding="utf-8"))


FOREIGN = {
    "numba": (
        Stage.IMPORT,
        ["ImportError: Numba needs NumPy 2.2 or less. Got NumPy 2.4."],
        "numba/__init__.py",
    ),
    "cuda": (
        Stage.FORWARD,
        [
            (
                "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total "
                "capacity of 7.79 GiB"
            )
        ],
        "torch/nn/functional.py",
    ),
    "vision": (
        Stage.IMPORT,
        ["RuntimeError: operator torchvision::nms does not exist"],
        "torchvision/_meta_registrations.py",
    ),
    "keras": (
        Stage.IMPORT,
        [
            (
                "RuntimeError: Failed to import transformers.modeling_tf_utils because of the following error: "
                "Your currently installed version of Keras is Keras 3"
            ),
            "ValueError: Your currently installed version of Keras is Keras 3, but this is not yet supported",
        ],
        "transformers/activations_tf.py",
    ),
    "state": (
        Stage.LOAD,
        [
            (
                "RuntimeError: Error(s) in loading state_dict for Wav2Vec2ForCTC:\n\tsize mismatch for lm_head.weight: "
                "copying a param with shape torch.Size([32, 768]) from checkpoint"
            )
        ],
        "torch/nn/modules/module.py",
    ),
    "tokenizers": (
        Stage.LOAD,
        ["OSError: Can't load tokenizer for 'bert-base-uncased'. If you were trying to load it from the hub"],
        "transformers/tokenization_utils_base.py",
    ),
    "mat1": (
        Stage.FORWARD,
        ["RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x3072 and 4096x10)"],
        "timm/models/vision_transformer.py",
    ),
    "bare": (Stage.LOAD, ["AssertionError: "], "detectron2/checkpoint/c2_model_loading.py"),
    "counted": (Stage.TRAIN, ["AssertionError: 12, 13"], "pyannote/audio/core/task.py"),
    "sqlite": (
        Stage.IMPORT,
        ["ModuleNotFoundError: No module named '_sqlite3'", "KeyError: 'sqlite'"],
        "nltk/corpus/reader/panlex_lite.py",
    ),
    "symbol": (
        Stage.IMPORT,
        ["ImportError: flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so: undefined symbol: _ZN3c104cuda9SetDeviceEi"],
        "flash_attn/flash_attn_interface.py",
    ),
    "boto": (
        Stage.LOAD,
        [
            (
                "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='s3.amazonaws.com', port=443): "
                "Max retries exceeded with url: /models/x"
            )
        ],
        "requests/adapters.py",
    ),
}


HANDLING = "During handling of the above exception, another exception occurred:"
RAISED_FROM = "The above exception was the direct cause of the following exception:"


def foreign(stage: Stage, causes: list[str], file: str, link: str = HANDLING) -> Facts:
    """A failure of another project, as a probe would record it; the first cause is raised in `file`."""
    first, others = causes[-1], causes[:-1]
    text = f'Traceback (most recent call last):\n  File "site-packages/{file}", line 7, in go\n    raise\n{first}\n'
    for cause in reversed(others):
        text += f"\n{link}\n\n{cause}\n"
    exception, _, message = causes[0].partition(": ")
    data = {"exception": exception, "causes": causes, "traceback": text}
    outcome = CheckOutcome.FAILED
    return facts_of_check(Check(id="x", stage=stage, required=True, outcome=outcome, message=message, data=data))


@pytest.mark.parametrize("name", FOREIGN)
def test_failures_of_other_projects_stay_unrecognised(name: str) -> None:
    facts = foreign(*FOREIGN[name])
    assert facts.raised_in is not None
    assert classify(facts, CATALOGUED.values()) is None


@pytest.mark.parametrize("identity", ["fairseq-missing", "six-missing", "torchaudio-backend-removed"])
def test_what_was_merely_being_handled_is_no_cause(identity: str) -> None:
    """An optional import fails, its handler goes on, and something else breaks there."""
    known = CAPTURES[identity].facts.innermost
    causes = ["TypeError: 'NoneType' object is not callable", f"{known.exception}: {known.message}"]
    facts = foreign(Stage.LOAD, causes, "speechbrain/utils/importutils.py")
    assert classify(facts, CATALOGUED.values()) is None
    facts = foreign(Stage.LOAD, causes, "speechbrain/utils/importutils.py", RAISED_FROM)
    found = classify(facts, CATALOGUED.values())
    assert found is not None
    assert found.id == identity


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
    """Both ask for a preprocessor; what the user has to mend is told by the nearer one."""
    first = CAPTURES["preprocessor-missing"].facts
    causes = [
        (
            "OSError: We couldn't connect to 'http://127.0.0.1:9' to load this file, couldn't find it in the cached "
            "files and it looks like facebook/wav2vec2-base is not the path to a directory"
        ),
        *(f"{one.exception}: {one.message}" for one in first.chain),
    ]
    facts = foreign(Stage.LOAD, causes, "s3prl/upstream/hf_wav2vec2/expert.py")
    found = classify(facts, CATALOGUED.values())
    assert found is not None
    assert found.id == "preprocessor-fallback-unreachable"


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


def test_an_id_in_the_file_is_refused(tmp_path: Path) -> None:
    assert "the file's name is the id" in faulty(tmp_path, lambda text: 'id = "other"\n' + text)


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
    file.write_text(dump(make_environment_result(cells=[cell])), encoding="utf-8")
    capture.main([str(file), "--into", str(tmp_path / "kept")])
    (kept,) = (tmp_path / "kept").iterdir()
    assert kept.name == "preprocessor-missing.json"
    read = capture.read(kept)
    assert read.check.message.endswith("site-packages/x.py and <path>")
    assert read.versions["s3prl"] == "0.4.15"
    kept.write_text("mine", encoding="utf-8")
    capture.main([str(file), "--into", str(tmp_path / "kept")])
    assert kept.read_text(encoding="utf-8") == "mine"
    capture.main([str(file), "--into", str(tmp_path / "kept"), "--again"])
    assert json.loads(kept.read_text(encoding="utf-8"))["path"] == "s3prl-hf"
