"""The checkpoint in fairseq's format: every tensor under fairseq's name, in the file that its trainer writes."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_hub import FIXTURES, MODEL, tensor, tiny_hub

from asrcompat.errors import HarnessError
from asrcompat.hub.architecture import read_architecture
from asrcompat.hub.checkpoint import read_tree
from asrcompat.hub.fairseq import fairseq_name, prepare_fairseq
from asrcompat.hub.repositories import config_path

BASE = config_path(FIXTURES / "hub", "Harveenchadha/wav2vec2-pretrained-clsril-23-10k")

# What fairseq 0.12.2 itself calls the tensors of a model with two convolutions and one layer, and Transformers' names.
NAMES = {
    "mask_emb": "masked_spec_embed",
    "feature_extractor.conv_layers.0.0.weight": "feature_extractor.conv_layers.0.conv.weight",
    "feature_extractor.conv_layers.0.2.weight": "feature_extractor.conv_layers.0.layer_norm.weight",
    "feature_extractor.conv_layers.0.2.bias": "feature_extractor.conv_layers.0.layer_norm.bias",
    "feature_extractor.conv_layers.1.0.weight": "feature_extractor.conv_layers.1.conv.weight",
    "post_extract_proj.weight": "feature_projection.projection.weight",
    "post_extract_proj.bias": "feature_projection.projection.bias",
    "layer_norm.weight": "feature_projection.layer_norm.weight",
    "layer_norm.bias": "feature_projection.layer_norm.bias",
    "encoder.pos_conv.0.bias": "encoder.pos_conv_embed.conv.bias",
    "encoder.pos_conv.0.weight_g": "encoder.pos_conv_embed.conv.weight_g",
    "encoder.pos_conv.0.weight_v": "encoder.pos_conv_embed.conv.weight_v",
    "encoder.layer_norm.weight": "encoder.layer_norm.weight",
    "encoder.layer_norm.bias": "encoder.layer_norm.bias",
    **{
        f"encoder.layers.0.{theirs}.{kind}": f"encoder.layers.0.{ours}.{kind}"
        for kind in ("weight", "bias")
        for theirs, ours in {
            "self_attn.k_proj": "attention.k_proj",
            "self_attn.v_proj": "attention.v_proj",
            "self_attn.q_proj": "attention.q_proj",
            "self_attn.out_proj": "attention.out_proj",
            "self_attn_layer_norm": "layer_norm",
            "fc1": "feed_forward.intermediate_dense",
            "fc2": "feed_forward.output_dense",
            "final_layer_norm": "final_layer_norm",
        }.items()
    },
}
PRETRAINING = {
    "quantizer.vars": (1, 640, 128),
    "quantizer.weight_proj.weight": (640, 8),
    "quantizer.weight_proj.bias": (640,),
    "project_q.weight": (256, 256),
    "project_q.bias": (256,),
    "final_proj.weight": (256, 16),
    "final_proj.bias": (256,),
}


def made(root: Path, **config: Any) -> Any:
    hub = tiny_hub(root / "hub", **config)
    return read_tree(prepare_fairseq(hub_root=hub, model=MODEL, fixtures=FIXTURES, work=root))


def test_every_tensor_has_fairseqs_name_and_the_published_values(tmp_path: Path) -> None:
    model = made(tmp_path, num_hidden_layers=1)["model"]
    assert set(model) == set(NAMES) | set(PRETRAINING)
    for name, original in NAMES.items():
        np.testing.assert_array_equal(model[name].values, tensor(original, model[name].shape), err_msg=name)
    for name, shape in PRETRAINING.items():
        assert model[name].shape == shape
        assert model[name].values.std() > 0.001, name


def test_no_two_tensors_of_the_real_size_get_one_name() -> None:
    names = [fairseq_name(name) for name in read_architecture(BASE).shapes()]
    assert len(set(names)) == len(names) == 211
    assert fairseq_name("encoder.layers.11.layer_norm.bias") == "encoder.layers.11.self_attn_layer_norm.bias"


def test_the_file_is_laid_out_as_a_trainers(tmp_path: Path) -> None:
    state = made(tmp_path, codevector_dim=64, num_codevectors_per_group=10, proj_codevector_dim=32)
    assert list(state) == [
        *("args", "cfg", "model", "criterion"),
        *("optimizer_history", "task_state", "extra_state", "last_optimizer_state"),
    ]
    assert state["args"] is None
    assert state["cfg"]["task"]["_name"] == "audio_pretraining"
    assert state["cfg"]["task"]["normalize"] is False
    told = state["cfg"]["model"]
    assert told["_name"] == "wav2vec2"
    assert ast.literal_eval(told["conv_feature_layers"]) == [(8, 10, 5), (8, 3, 2)]
    sizes = ("encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", "encoder_attention_heads")
    assert [told[key] for key in (*sizes, "conv_pos", "conv_pos_groups")] == [2, 16, 32, 4, 6, 4]
    assert [told[key] for key in ("latent_dim", "latent_groups", "latent_vars", "final_dim")] == [64, 2, 10, 32]
    assert state["model"]["quantizer.vars"].shape == (1, 20, 32)
    assert state["model"]["project_q.weight"].shape == (32, 64)
    # plain data throughout: the values are of the types that JSON has
    assert json.loads(json.dumps({key: item for key, item in state.items() if key != "model"}))["cfg"] == state["cfg"]


def test_no_path_of_a_machine_is_in_it() -> None:
    template = (FIXTURES / "fairseq" / "checkpoint.json").read_text()
    assert '"/' not in template
    assert "://" not in template.replace("ext://", "")


def test_it_is_made_once_and_again_from_another_template(tmp_path: Path) -> None:
    fixtures = tmp_path / "fixtures"
    shutil.copytree(FIXTURES / "fairseq", fixtures / "fairseq")
    hub = tiny_hub(tmp_path / "hub")

    def prepare(work: str = "work") -> Path:
        return prepare_fairseq(hub_root=hub, model=MODEL, fixtures=fixtures, work=tmp_path / work)

    first = prepare()
    before = first.stat().st_mtime_ns
    assert (prepare(), first.stat().st_mtime_ns) == (first, before)
    assert prepare("elsewhere").read_bytes() == first.read_bytes()
    template = fixtures / "fairseq" / "checkpoint.json"
    template.write_text(template.read_text().replace('"normalize": false', '"normalize": true'))
    assert read_tree(prepare())["cfg"]["task"]["normalize"] is True


def test_an_architecture_that_fairseq_cannot_hold_is_said(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no projection between convolutions and layers"):
        made(tmp_path, conv_dim=[16, 16])
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]
