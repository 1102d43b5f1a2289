"""The one list of ops, and the making of a part's module by it."""

from __future__ import annotations

from ..blueprint import read
from ..errors import BlueprintError, Unsupported
from ..source import part_document
from ..weights import Store
from .attention import AttentionModule
from .attention_blueprint import Attention
from .channel_state_space import ChannelStateSpace, ChannelStateSpaceModule
from .delta_net import DeltaNet, DeltaNetModule
from .dense import Dense, DenseModule
from .embedding import Embedding, EmbeddingModule
from .encoder_decoder import EncoderDecoder, EncoderDecoderModule
from .feed_forward import FeedForward, FeedForwardModule
from .head_state_space import HeadStateSpace, HeadStateSpaceModule
from .layer import Layer, LayerModule
from .linear import Linear, LinearModule
from .mixture import Mixture, MixtureModule
from .norm import Norm, NormModule
from .output_head import OutputHead, OutputHeadModule
from .part_module import PartModule
from .pooling import Pooling, PoolingModule
from .rope import Rope, RopeModule
from .router import Router, RouterModule
from .short_convolution import ShortConvolution, ShortConvolutionModule
from .sinusoidal_embedding import SinusoidalEmbedding, SinusoidalEmbeddingModule
from .stack import Stack, StackModule

OPS = {
    blueprint.NAME: (blueprint, module)
    for blueprint, module in (
        (Linear, LinearModule),
        (Dense, DenseModule),
        (Norm, NormModule),
        (Rope, RopeModule),
        (Attention, AttentionModule),
        (DeltaNet, DeltaNetModule),
        (ChannelStateSpace, ChannelStateSpaceModule),
        (HeadStateSpace, HeadStateSpaceModule),
        (ShortConvolution, ShortConvolutionModule),
        (FeedForward, FeedForwardModule),
        (Router, RouterModule),
        (Mixture, MixtureModule),
        (Embedding, EmbeddingModule),
        (SinusoidalEmbedding, SinusoidalEmbeddingModule),
        (Pooling, PoolingModule),
        (OutputHead, OutputHeadModule),
        (Layer, LayerModule),
        (Stack, StackModule),
        (EncoderDecoder, EncoderDecoderModule),
    )
}


def blueprint_of(document: dict, part: str) -> object:
    """The struct that a part's blueprint says, of the spec document."""
    said = dict(part_document(document, part)["blueprint"])
    op = said.pop("op", None)
    if op == "custom":
        builder = said.get("builder")
        plugins = f"the code '{builder}' of the model's plugin computes it, which is C++"
        why = plugins if builder else "nothing computes it"
        raise Unsupported(f"part '{part}' is custom: {why}; garage.torch runs what Model Garage's own ops say")
    if op not in OPS:
        raise BlueprintError(f"part '{part}' is of an op '{op}', which this version of garage.torch does not know")
    return read(OPS[op][0], said, f"{part}: blueprint")


def make_module(store: Store, part: str) -> PartModule:
    blueprint = blueprint_of(store.source.document, part)
    store.part = part
    return OPS[blueprint.NAME][1](part, part, blueprint, store)
