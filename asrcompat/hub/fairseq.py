"""The checkpoint in fairseq's own format, as its trainer leaves it after pretraining: the same weights, mapped by name.

All but the weights is data, ``fixtures/fairseq/checkpoint.json``: what fairseq 0.12.2 itself wrote. The README beside
it says what was seen and what is inferred; the original ``CLSRIL-23.pt`` has not been seen.

``write_converted`` writes what S3PRL's converter makes of that file: a part of it, and nothing else.

fairseq loads a state dict strictly, so the parts that only pretraining uses (the quantizer and the projections into
its space) are there too, with random values: the published checkpoint has lost them.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from asrcompat.errors import HarnessError
from asrcompat.hub import checkpoint, pickles, published
from asrcompat.hub.folders import building
from asrcompat.hub.published import Published, content_hash, read_published
from asrcompat.hub.weights import synthetic_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from asrcompat.hub.architecture import Architecture
    from asrcompat.hub.pickles import Shape

    Values = Callable[[str], NDArray[np.float32]]

# The name that fairseq's trainer gives.
FILE = "checkpoint_best.pt"

# Everything in the file but the weights, in the folder of fixtures.
TEMPLATE = "fairseq/checkpoint.json"

# Transformers' names and fairseq's, to be applied one after the other.
_RENAMED = (
    (r"^masked_spec_embed$", "mask_emb"),
    (r"^(feature_extractor\.conv_layers\.\d+)\.conv\.", r"\1.0."),
    (r"^(feature_extractor\.conv_layers\.\d+)\.layer_norm\.", r"\1.2."),
    (r"^feature_projection\.projection\.", "post_extract_proj."),
    (r"^feature_projection\.layer_norm\.", "layer_norm."),
    (r"\.pos_conv_embed\.conv\.", ".pos_conv.0."),
    (r"^(encoder\.layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
    (r"\.attention\.", ".self_attn."),
    (r"\.feed_forward\.intermediate_dense\.", ".fc1."),
    (r"\.feed_forward\.output_dense\.", ".fc2."),
)

# Transformers' defaults, which a ``config.json`` need not name.
_QUANTIZER = {
    "num_codevector_groups": 2,
    "num_codevectors_per_group": 320,
    "codevector_dim": 256,
    "proj_codevector_dim": 256,
}


def fairseq_name(name: str) -> str:
    """What fairseq calls the tensor that Transformers' checkpoints of 2021 call `name`."""
    for pattern, replacement in _RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def prepare_fairseq(*, hub_root: Path, model: str, fixtures: Path, work: Path) -> Path:
    """The file for the model in a hub's root folder; made once, then found again.

    Others may be reading it: what writes beside the checkpoint that it is given (S3PRL's converter does, and
    ESPnet's lock) needs a link to it elsewhere.
    """
    source, template = read_published(hub_root, model), fixtures / TEMPLATE
    generator = (checkpoint, pickles, published, sys.modules[__name__])
    folder = work / f"fairseq-{content_hash(source.config, source.checkpoint, template, *generator)}"
    if not folder.is_dir():
        with building(folder) as partial:
            write_fairseq(partial / FILE, source, json.loads(template.read_text(encoding="utf-8")))
    return folder / FILE


def write_fairseq(path: Path, source: Published, template: Mapping[str, Any]) -> None:
    """Write `source` as a pretraining checkpoint: the template with the model's sizes and tensors filled in."""
    checkpoint.write_tree(path, *_filled(source, template))


def write_converted(path: Path, source: Published, template: Mapping[str, Any]) -> None:
    """Write what S3PRL's converter makes of that checkpoint: two sections of its configuration, and every tensor."""
    tree, values = _filled(source, template)
    sections = {f"{section}_cfg": tree["cfg"][section] for section in ("task", "model")}
    checkpoint.write_tree(path, {**sections, "model_weight": tree["model"]}, values)


def _filled(source: Published, template: Mapping[str, Any]) -> tuple[dict[str, Any], Values]:
    quantizer = _QUANTIZER | {
        key: value
        for key, value in json.loads(source.config.read_text(encoding="utf-8")).items()
        if key in _QUANTIZER and value is not None
    }
    originals = {fairseq_name(name): name for name in source.tensors}
    shapes = {name: source.tensors[original].shape for name, original in originals.items()}
    shapes |= _pretraining_shapes(source.architecture, quantizer)

    def values(name: str) -> NDArray[np.float32]:
        if name in originals:
            return source.values(originals[name])
        # Nothing that is compared depends on these; a codebook's entries are spread as a linear layer's weights are.
        return synthetic_tensor(name if name != "quantizer.vars" else f"{name}.weight", shapes[name])

    cfg = template["cfg"]
    sizes = _model_section(source.architecture, quantizer)
    tree = {**template, "cfg": {**cfg, "model": {**cfg["model"], **sizes}}, "model": pickles.state_dict(shapes)}
    return tree, values


def _pretraining_shapes(architecture: Architecture, quantizer: Mapping[str, int]) -> dict[str, Shape]:
    groups, final = quantizer["num_codevector_groups"], quantizer["proj_codevector_dim"]
    codes, channels = groups * quantizer["num_codevectors_per_group"], architecture.convolutions[-1].channels
    return {
        "quantizer.vars": (1, codes, quantizer["codevector_dim"] // groups),
        "quantizer.weight_proj.weight": (codes, channels),
        "quantizer.weight_proj.bias": (codes,),
        "project_q.weight": (final, quantizer["codevector_dim"]),
        "project_q.bias": (final,),
        "final_proj.weight": (final, architecture.width),
        "final_proj.bias": (final,),
    }


def _model_section(architecture: Architecture, quantizer: Mapping[str, int]) -> dict[str, Any]:
    if architecture.convolutions[-1].channels == architecture.width:
        message = f"fairseq has no projection between convolutions and layers of one width ({architecture.width})"
        raise HarnessError(message)
    layers = ((layer.channels, layer.kernel, layer.stride) for layer in architecture.convolutions)
    return {
        "conv_feature_layers": f"[{', '.join(str(layer) for layer in layers)}]",
        "encoder_layers": architecture.layers,
        "encoder_embed_dim": architecture.width,
        "encoder_ffn_embed_dim": architecture.intermediate,
        "encoder_attention_heads": architecture.heads,
        "conv_pos": architecture.position_kernel,
        "conv_pos_groups": architecture.position_groups,
        "latent_groups": quantizer["num_codevector_groups"],
        "latent_vars": quantizer["num_codevectors_per_group"],
        "latent_dim": quantizer["codevector_dim"],
        "final_dim": quantizer["proj_codevector_dim"],
    }
