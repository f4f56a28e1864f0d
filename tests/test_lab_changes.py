"""Changes in the laboratory: which can be made, what they make of a request, and of what a probe is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_lab import change

from asrcompat.errors import UsageError
from asrcompat.explain.signatures.entry import CATALOGUE, load_catalogue
from asrcompat.lab.change import Change, Kind, in_order, variant_id
from asrcompat.lab.configuration import edited_configurations, with_key
from asrcompat.lab.given import changes_nothing, lay_out
from asrcompat.lab.variant import variant
from asrcompat.run.inputs import Inputs
from asrcompat.run.session import Given
from asrcompat.spec import Pin, PinRule, Request, Spec

FILE = change("file", "preprocessor_config.json")
REQUEST = Request(python="3.11", torch="1.13.1", torchaudio="0.13.1", transformers="4.0", s3prl="0.4.15", espnet="1")


def test_torchaudio_goes_along_where_it_followed_and_nothing_names_it() -> None:
    assert variant(REQUEST, [change("axis", "torch=2.1.0")]).torchaudio == "2.1.0"
    apart = replace(REQUEST, torchaudio="2.0.0")
    assert variant(apart, [change("axis", "torch=2.1.0")]).torchaudio == "2.0.0"
    both = variant(REQUEST, [change("axis", "torch=2.1.0"), change("axis", "torchaudio=2.0.9")])
    assert both.torchaudio == "2.0.9"


def test_the_matrixs_pins_follow_an_axis_and_an_environments_own_stay() -> None:
    old = PinRule(when={"s3prl": ("<0.5",)}, requirements=("a<1",), reason="old")
    new = PinRule(when={"s3prl": (">=0.5",)}, requirements=("b<1",), reason="new")
    own = Pin(requirements=("c<1",), reason="own")
    request = replace(REQUEST, pins=(Pin(requirements=("a<1",), reason="old"), own))
    moved = variant(request, [change("axis", "s3prl=0.6")], [old, new])
    assert [pin.reason for pin in moved.pins] == ["new", "own"]
    assert variant(request, [change("pin", "d<1")], [old, new]).pins[:2] == request.pins


def test_a_pin_stands_in_place_of_what_was_said_of_the_package() -> None:
    request = replace(
        REQUEST,
        extras=("fairseq==0.12.2",),
        pins=(Pin(requirements=("Setuptools<81", "six"), reason="r"),),
        overrides=(Pin(requirements=("numpy<1.24",), reason="r"),),
    )
    assert variant(request, [change("pin", "setuptools<70")]).pinned_requirements[-2:] == ("six", "setuptools<70")
    overridden = variant(request, [change("pin", "numpy==1.22.0")])
    assert overridden.override_requirements == ("numpy==1.22.0",)  # a package's own bound would else hold
    assert variant(request, [change("extra", "fairseq==0.12.1")]).extras == ("fairseq==0.12.1",)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("pin", "torch<2", "make it a change of kind 'axis'"),
        ("pin", "a b", "no requirement"),
        ("extra", "six", "write it like six==1.17.0"),
        ("extra", "torch==2.0", "kind 'axis'"),
        ("override", "torch>=2", "make it a change of kind 'axis'"),
        ("axis", "numpy=1.0", "transformers=4.50.0"),
        ("axis", "torch=two", "no version of torch"),
        ("replace", "torch -> jax newest", "espnet-s3prl"),
        ("config", "multilayer_feature", "frontend_conf.multilayer_feature=false"),
        ("file", "../x", "preprocessor_config.json"),
        ("variable", "HF_ENDPOINT=x", "the harness sets this variable itself"),
        ("shim", "torchaudio", "there are torch_without_onednn, torchaudio_backend, torchaudio_soundfile"),
    ],
)
def test_a_change_that_is_none_is_named_with_the_remedy(kind: Kind, value: str, said: str) -> None:
    with pytest.raises(UsageError, match="cannot be") as caught:
        change(kind, value)
    assert said in str(caught.value)


def test_ids_tell_changes_apart_and_do_not_depend_on_their_order() -> None:
    pins = [change("pin", text) for text in ("a<1", "a>1", "a<=1", "a==1", "a~=1.0", "a[x]<1", "a[y]<1", "a!=1")]
    ids = {variant_id("base", [one]) for one in pins}
    assert len(ids) == len(pins)
    assert (
        variant_id("base", [FILE, pins[0]])
        == variant_id("base", [pins[0], FILE])
        == "base+a-lt-1+file-preprocessor_config.json"
    )
    assert in_order([FILE, pins[0], FILE]) == (pins[0], FILE)
    assert len(variant_id("base", [change("variable", f"N{number}={'x' * 40}") for number in range(20)])) <= 160


def test_a_key_is_set_where_it_is_and_else_where_its_table_is(tmp_path: Path) -> None:
    (tmp_path / "asr_a.yaml").write_text("frontend_conf:\n    x: 1\nspecaug: null\n")
    (tmp_path / "asr_b.yaml").write_text("frontend_conf:\n    y: 2\n")
    (tmp_path / "recipe.yaml").write_text("frontend_conf:\n    x: 1\n")
    there = edited_configurations(["frontend_conf.x=[1, 2]"], tmp_path)
    assert there["asr_a.yaml"].startswith("frontend_conf:\n    x: [1, 2]\nspecaug:")
    assert there["asr_b.yaml"] == "frontend_conf:\n    y: 2\n"
    assert there["recipe.yaml"] == "frontend_conf:\n    x: 1\n"
    new = edited_configurations(["frontend_conf.z=null", "recipe.yaml:max_epoch=2"], tmp_path)
    assert all("z:" in new[name] for name in ("asr_a.yaml", "asr_b.yaml"))
    assert new["recipe.yaml"] == "frontend_conf:\n    x: 1\nmax_epoch: 2\n"
    with pytest.raises(UsageError, match=r"has a place for nowhere_conf\.x"):
        edited_configurations(["nowhere_conf.x=1"], tmp_path)


def test_the_projects_own_configurations_keep_their_words_and_comments(spec: Spec) -> None:
    folder = Path(__file__).parent.parent / "fixtures" / "espnet"
    texts = edited_configurations(["asr_s3prl.yaml:frontend_conf.multilayer_feature=false"], folder)
    before = (folder / "asr_s3prl.yaml").read_text()
    assert texts["asr_s3prl.yaml"] == before.replace("multilayer_feature: true", "multilayer_feature: false")


FIXTURES = Path(__file__).parent.parent / "fixtures"


CATALOGUED = [
    (entry.id, Change(kind=cure.kind, value=cure.value))
    for entry in load_catalogue(CATALOGUE).values()
    for cure in entry.cures
    if cure.kind in ("config", "file", "variable", "shim")
]


@pytest.mark.parametrize(("entry", "cure"), CATALOGUED, ids=str)
def test_every_catalogued_cure_of_what_a_probe_is_given_can_be_made(entry: str, cure: Change, tmp_path: Path) -> None:
    """Over the fixtures that are probed with: none of them has no place, and none of a file leaves all as it is."""
    model = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
    inputs = Inputs(hub_root=FIXTURES / "hub", symbols=(), probe={}, expected={}, states={}, fairseq=tmp_path)
    given = lay_out([cure], inputs, model=model, fixtures=FIXTURES, work=tmp_path)
    seen, before = content(given), content(Given(inputs=inputs, fixtures=FIXTURES))
    # the published checkpoint is given as a folder in place of a name: its content is what a file is to change
    before |= {f"published/{file.name}": file.read_bytes() for file in (FIXTURES / "hub" / model / "main").iterdir()}
    assert changes_nothing([cure], fixtures=FIXTURES) is (cure.kind == "config" and seen.items() <= before.items())
    if cure.kind == "config":
        return  # one that says so already is told, and not tried
    assert not seen.items() <= before.items()


def content(given: Given) -> dict[str, object]:
    """What a probe finds in the configurations, in each state's folder and in its variables."""
    found: dict[str, object] = dict(given.variables)
    found |= {file.name: file.read_bytes() for file in (given.fixtures / "espnet").glob("*.yaml")}
    for state, folder in given.inputs.states.items():
        found |= {f"{state}/{file.name}": file.read_bytes() for file in Path(folder).iterdir() if file.is_file()}
    return found


@pytest.mark.parametrize(
    ("text", "value", "same"),
    [("a: true   # b\n", "true", True), ("a: 1\n", "true", False), ('a: "x"\n', "x", True), ("b: 1\n", "null", False)],
)
def test_a_configuration_that_says_so_already_keeps_every_byte(text: str, value: str, *, same: bool) -> None:
    assert (with_key(text, ["a"], value) == text) is same


def test_of_two_changes_with_one_target_the_last_one_is_made() -> None:
    for kind, first, last in (
        ("axis", "transformers=4.57.6", "transformers=4.41.2"),
        ("axis", "transformers=4.41.2", "transformers=4.57.6"),
        ("pin", "numpy<1.24", "NumPy<2"),
        ("file", "config.json:layerdrop=0.1", "config.json:layerdrop=0.0"),
    ):
        both = [Change(kind=kind, value=value) for value in (first, last)]  # type: ignore[arg-type]  # they are kinds
        assert in_order(both) == (both[1],)
    replaced = in_order([change("axis", "s3prl=0.4.18"), change("replace", "s3prl -> espnet-s3prl newest")])
    assert variant(REQUEST, replaced).s3prl == "espnet-s3prl newest"
    kept = [change("file", "config.json:a=1"), change("file", "config.json:b=1"), change("variable", "A=1")]
    assert len(in_order(kept)) == 3


def test_an_override_stands_in_place_of_whatever_is_asked_of_its_package() -> None:
    request = replace(
        REQUEST,
        extras=("omegaconf==2.0",),
        pins=(Pin(requirements=("omegaconf<2.1", "six"), reason="r"),),
        overrides=(Pin(requirements=("omegaconf>=2.0", "numpy<1.24"), reason="r"),),
    )
    moved = variant(request, [change("override", "omegaconf>=2.1.1")])
    assert moved.override_requirements == ("numpy<1.24", "omegaconf>=2.1.1")
    assert (moved.extras, moved.pinned_requirements[-1]) == ((), "six")
    assert str(change("override", "omegaconf>=2.1.1")) == "override omegaconf>=2.1.1"
    pinned, overridden = (variant_id("e", [change(kind, "a>=1")]) for kind in ("pin", "override"))
    assert pinned != overridden
