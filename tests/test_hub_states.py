"""The checkpoint in other states: local folders, the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_hub import FIXTURES, MODEL, TINY, tensor, tiny_hub

from asrcompat.errors import HarnessError
from asrcompat.hub.checkpoint import CheckpointError, StoredTensor, read_tree
from asrcompat.hub.fairseq import prepare_fairseq
from asrcompat.hub.states import CONVERTED_FILE, prepare_states
from asrcompat.probe.paths import _s3prl
from asrcompat.spec import PUBLISHED, STATES

POSITION = "encoder.pos_conv_embed.conv"
NEW = {
    f"{POSITION}.parametrizations.weight.original0": "weight_g",
    f"{POSITION}.parametrizations.weight.original1": "weight_v",
}


def states(root: Path, **hub: Any) -> dict[str, Path]:
    return prepare_states(hub_root=tiny_hub(root / "hub", **hub), model=MODEL, fixtures=FIXTURES, work=root / "work")


def header(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    told: dict[str, Any] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return told


def values(file: Path, name: str) -> Any:
    content, told = file.read_bytes(), header(file)[name]
    start = 8 + int.from_bytes(content[:8], "little")
    first, last = told["data_offsets"]
    return np.frombuffer(content[start + first : start + last], "<f4").reshape(told["shape"])


def test_the_preprocessor_is_all_that_is_added(tmp_path: Path) -> None:
    folder = states(tmp_path)["preprocessor"]
    main = tmp_path / "hub" / MODEL / "main"
    assert {path.name for path in folder.iterdir()} == {path.name for path in main.iterdir()} | {
        "preprocessor_config.json"
    }
    assert (folder / "pytorch_model.bin").samefile(main / "pytorch_model.bin")
    assert (folder / "config.json").read_bytes() == (main / "config.json").read_bytes()
    assert json.loads((folder / "preprocessor_config.json").read_text()) == {"do_normalize": True}


def test_names_are_new_with_transformers_4_and_as_read_with_5(tmp_path: Path) -> None:
    made = states(tmp_path)
    fourth, fifth = (header(made[state] / "model.safetensors") for state in ("resaved", "resaved-5"))
    assert fourth.pop("__metadata__") == fifth.pop("__metadata__") == {"format": "pt"}
    assert set(fourth) - set(fifth) == set(NEW)
    assert set(fifth) - set(fourth) == {f"{POSITION}.{old}" for old in NEW.values()}
    for state, names in (("resaved", fourth), ("resaved-5", fifth)):
        assert list(names) == sorted(names)
        assert {path.name for path in made[state].iterdir()} == {"config.json", "model.safetensors"}
        for name, told in names.items():
            old = f"{POSITION}.{NEW[name]}" if name in NEW else name
            expected = tensor(old, tuple(told["shape"]))
            np.testing.assert_array_equal(values(made[state] / "model.safetensors", name), expected, err_msg=name)


def test_the_configuration_is_the_published_one_over_defaults(tmp_path: Path) -> None:
    made = states(tmp_path, architectures=["Wav2Vec2ForPreTraining"], torch_dtype="float16", own_key=7, layerdrop=0.5)
    defaults = json.loads((FIXTURES / "hub-states" / "resaved" / "config.json").read_text())
    for state, version in (("resaved", "4."), ("resaved-5", "5.")):
        config = json.loads((made[state] / "config.json").read_text())
        assert list(config) == sorted(config)
        assert config.pop("transformers_version").startswith(version)
        assert config.pop("architectures") == ["Wav2Vec2Model"]
        assert config.pop("output_hidden_size") == 16
        assert config.pop("dtype") == "float32"
        assert config.pop("own_key") == 7
        assert config.pop("layerdrop") == 0.5
        others = set(defaults) - {"transformers_version", "architectures", "output_hidden_size", "dtype", "layerdrop"}
        assert set(config) == others
        assert config == {key: TINY.get(key, defaults[key]) for key in others}


def test_the_converted_file_is_a_part_of_fairseqs(tmp_path: Path) -> None:
    folder = states(tmp_path)["converted"]
    assert {path.name for path in folder.iterdir()} == {"config.json", CONVERTED_FILE}
    assert (folder / "config.json").samefile(tmp_path / "hub" / MODEL / "main" / "config.json")
    raw = prepare_fairseq(hub_root=tmp_path / "hub", model=MODEL, fixtures=FIXTURES, work=tmp_path / "work")
    trained, converted = read_tree(raw), read_tree(folder / CONVERTED_FILE)
    assert list(converted) == ["task_cfg", "model_cfg", "model_weight"]
    for section in ("task", "model"):
        assert list(converted[f"{section}_cfg"].items()) == list(trained["cfg"][section].items())
    assert converted["model_cfg"]["encoder_embed_dim"] == 16  # the model's own size, not the template's
    assert list(converted["model_weight"]) == list(trained["model"])
    for name, value in converted["model_weight"].items():
        assert isinstance(value, StoredTensor)
        np.testing.assert_array_equal(value.values, trained["model"][name].values, err_msg=name)


def test_every_state_that_a_path_may_name_is_laid_out(tmp_path: Path) -> None:
    made = states(tmp_path)
    assert set(made) == set(STATES) - {PUBLISHED}
    assert all((folder / "config.json").is_file() for folder in made.values())
    # the probe imports nothing of this
    assert _s3prl.CONVERTED_FILE == CONVERTED_FILE


@pytest.mark.parametrize(("offered", "linked"), [(1.0, True), (0.5, False), (None, False)])
def test_weights_that_are_there_already_are_linked(tmp_path: Path, offered: float | None, linked: bool) -> None:
    made = states(tmp_path, offered=offered)["resaved-5"] / "model.safetensors"
    request = tmp_path / "hub" / MODEL / "refs%2Fpr%2F1" / "model.safetensors"
    assert (request.is_file() and made.samefile(request)) is linked
    np.testing.assert_array_equal(values(made, "encoder.layer_norm.bias"), tensor("encoder.layer_norm.bias", (16,)))


@pytest.mark.parametrize("prefix", ["", "wav2vec2."])
def test_real_checkpoints_may_have_other_names(tmp_path: Path, prefix: str) -> None:
    new = {f"{POSITION}.{old}": name for name, old in NEW.items()}
    plain = states(tmp_path / "plain")
    other = states(tmp_path / "other", named=lambda name: f"{prefix}{new.get(name, name)}")
    for state in ("resaved", "resaved-5"):
        assert (other[state] / "model.safetensors").read_bytes() == (plain[state] / "model.safetensors").read_bytes()


def test_a_checkpoint_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tensors missing.*encoder\.layer_norm\.bias"):
        states(tmp_path, without=frozenset({"encoder.layer_norm.bias"}))


def test_a_hub_without_a_preprocessor_to_copy_is_refused(tmp_path: Path) -> None:
    hub = tiny_hub(tmp_path / "hub")
    (hub / "facebook" / "wav2vec2-base" / "main" / "preprocessor_config.json").unlink()
    with pytest.raises(HarnessError, match=r"preprocessor_config\.json: missing"):
        prepare_states(hub_root=hub, model=MODEL, fixtures=FIXTURES, work=tmp_path)


def test_states_are_made_once_for_each_content(tmp_path: Path) -> None:
    first = states(tmp_path)
    before = (first["resaved"] / "model.safetensors").stat().st_mtime_ns
    hub = tmp_path / "hub"
    again = prepare_states(hub_root=hub, model=MODEL, fixtures=FIXTURES, work=tmp_path / "work")
    assert (again, (first["resaved"] / "model.safetensors").stat().st_mtime_ns) == (first, before)
    config = hub / MODEL / "main" / "config.json"
    config.write_text(json.dumps(TINY | {"layerdrop": 0.3}))
    other = prepare_states(hub_root=hub, model=MODEL, fixtures=FIXTURES, work=tmp_path / "work")
    assert other["resaved"] != first["resaved"]
