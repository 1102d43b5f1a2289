"""Two stacks, as in transformers' BartModel.forward: the decoder looks at what the encoder gave last."""

from __future__ import annotations

import dataclasses

from torch import Tensor

from ..blueprint import HeldPart
from ..run.one_pass import Pass
from ..run.sequence import Sequence
from ..weights import Store
from .part_module import PartModule, carried_to


@dataclasses.dataclass(frozen=True)
class EncoderDecoder:
    NAME = "encoder_decoder"

    encoder: HeldPart
    decoder: HeldPart


class EncoderDecoderModule(PartModule):
    """The encoder's input in, what the decoder makes of decoder_input_ids out."""

    takes_no_input = True
    has_decoder = True

    def __init__(self, name: str, part: str | None, both: EncoderDecoder, store: Store) -> None:
        super().__init__(name, part)
        self.encoder_name = store.add_part(self, both.encoder)
        self.decoder_name = store.add_part(self, both.decoder)

    def compute(self, given: Tensor | None, run: Pass) -> Tensor:
        ids = run.said.decoder_input_ids
        if ids is None:
            raise ValueError(f"{self.name}: needs decoder_input_ids, (batch, seq) int64")
        run.look_at(*self._encoded(given, run))
        decoder = getattr(self, self.decoder_name)
        return decoder(carried_to(decoder, ids), run)

    def _encoded(self, given: Tensor | None, run: Pass) -> tuple[Tensor, Tensor | None]:
        """What the encoder gave, and which of its tokens count: what is padding for it is padding for who looks at it.
        With a state the encoder runs once."""
        mask = run.said.attention_mask
        if run.said.encoder_hidden_states is not None:
            told = run.said.encoder_attention_mask
            return run.said.encoder_hidden_states, mask if told is None else told
        if run.said.encoder_attention_mask is not None:
            raise ValueError(f"{self.name}: encoder_attention_mask is of encoder_hidden_states, which are not given")
        memory = run.memory(self.name)
        if memory:
            return memory["encoder_hidden_states"], memory.get("padding")
        encoder = getattr(self, self.encoder_name)
        alone = Pass(encoder.name, given, Sequence())  # whose positions are counted with padding
        alone.hide(mask)
        output = encoder(carried_to(encoder, given), alone)
        if memory is not None:
            memory.update({"encoder_hidden_states": output}, **({} if mask is None else {"padding": mask}))
        return output, mask
