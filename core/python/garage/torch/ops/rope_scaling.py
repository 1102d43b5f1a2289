"""How fast the pairs of a rope turn: transformers' modeling_rope_utils.py, whose functions are named at each."""

from __future__ import annotations

import dataclasses
import math
from typing import Iterator, Literal

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class RopeScaling:
    """The constants of modeling_rope_utils, resolved: what a config leaves out is filled in."""

    kind: Literal["none", "linear", "dynamic", "llama3", "yarn", "longrope", "proportional"]
    factor: float | None = None  # linear, dynamic, llama3, yarn, proportional
    attention_factor: float | None = None  # yarn, longrope: cos and sin are multiplied by it
    original_max_position_embeddings: int | None = None  # dynamic, llama3, yarn, longrope: positions
    low_freq_factor: float | None = None  # llama3
    high_freq_factor: float | None = None
    beta_fast: float | None = None  # yarn
    beta_slow: float | None = None
    truncate: bool | None = None  # yarn: whether the ramp's ends are whole; None: yes
    short_factor: tuple[float, ...] = ()  # longrope: dims / 2 numbers each
    long_factor: tuple[float, ...] = ()
    short_mscale: float | None = None  # longrope of PhiMoE: in place of attention_factor
    long_mscale: float | None = None
    turning_pairs: int | None = None  # proportional: of dims / 2; the others stand still

    NEEDS = {
        "none": (), "linear": ("factor",), "dynamic": ("factor", "original_max_position_embeddings"),
        "llama3": ("factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"),
        "yarn": ("factor", "original_max_position_embeddings", "beta_fast", "beta_slow"),
        "longrope": ("original_max_position_embeddings", "short_factor", "long_factor"),
        "proportional": ("turning_pairs",),
    }

    def faults(self) -> Iterator[str]:
        for member in self.NEEDS[self.kind]:
            if not getattr(self, member):
                yield f"has no '{member}', which {self.kind} needs"

    def turns_by_length(self) -> bool:
        """How long a sequence is says how fast its pairs turn."""
        return self.kind in ("dynamic", "longrope")

    def factor_of_table(self, length: int) -> float:
        if self.short_mscale is not None and self.long_mscale is not None:
            return self.long_mscale if length > self.original_max_position_embeddings else self.short_mscale
        return 1.0 if self.attention_factor is None else self.attention_factor


def frequencies(theta: float, dims: int, scaling: RopeScaling, length: int) -> Tensor:
    """(dims / 2), float32 on the CPU, of a sequence of so many positions."""
    if scaling.kind == "none":
        return _plain(theta, dims)
    if scaling.kind == "linear":
        return _plain(theta, dims) / scaling.factor
    return _SCALED[scaling.kind](theta, dims, scaling, length)


def _exponents(dims: int) -> Tensor:
    return torch.arange(0, dims, 2, dtype=torch.int64).float() / dims


def _plain(theta: float, dims: int) -> Tensor:
    return 1.0 / torch.pow(theta, _exponents(dims))


def _dynamic(theta: float, dims: int, scaling: RopeScaling, length: int) -> Tensor:
    """_compute_dynamic_ntk_parameters"""
    original = scaling.original_max_position_embeddings
    stretched = max(length, original) / original
    grown = (scaling.factor * stretched - (scaling.factor - 1)) ** (dims / (dims - 2))
    return _plain(theta * grown, dims)


def _llama3(theta: float, dims: int, scaling: RopeScaling, length: int) -> Tensor:
    """_compute_llama3_parameters"""
    speeds = _plain(theta, dims)
    original = float(scaling.original_max_position_embeddings)
    low, high = original / scaling.low_freq_factor, original / scaling.high_freq_factor
    wavelength = 2 * math.pi / speeds
    scaled = torch.where(wavelength > low, speeds / scaling.factor, speeds)
    smooth = (original / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    smoothed = (1 - smooth) * scaled / scaling.factor + smooth * scaled
    return torch.where((wavelength >= high) & (wavelength <= low), smoothed, scaled)


def _yarn(theta: float, dims: int, scaling: RopeScaling, length: int) -> Tensor:
    """_compute_yarn_parameters (arXiv:2309.00071)"""

    def correction(rotations: float) -> float:
        span = scaling.original_max_position_embeddings / (rotations * 2 * math.pi)
        return dims * math.log(span) / (2 * math.log(theta))

    low, high = correction(scaling.beta_fast), correction(scaling.beta_slow)
    if scaling.truncate is not False:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0.0), min(high, dims - 1)
    if low == high:
        high += 0.001
    ramp = ((torch.arange(dims // 2, dtype=torch.float32) - low) / (high - low)).clamp(0, 1)
    extrapolated = _plain(theta, dims)
    return extrapolated / scaling.factor * ramp + extrapolated * (1 - ramp)


def _longrope(theta: float, dims: int, scaling: RopeScaling, length: int) -> Tensor:
    """_compute_longrope_parameters (arXiv:2402.13753)"""
    is_long = length > scaling.original_max_position_embeddings
    factors = scaling.long_factor if is_long else scaling.short_factor
    return 1.0 / (torch.tensor(factors, dtype=torch.float32) * torch.pow(theta, _exponents(dims)))


def _proportional(theta: float, dims: int, scaling: RopeScaling, length: int) -> Tensor:
    """_compute_proportional_rope_parameters: of all pairs of a head the first turn."""
    speeds = torch.zeros(dims // 2)
    speeds[: scaling.turning_pairs] = _plain(theta, dims)[: scaling.turning_pairs]
    return speeds / (1.0 if scaling.factor is None else scaling.factor)


_SCALED = {
    "dynamic": _dynamic, "llama3": _llama3, "yarn": _yarn, "longrope": _longrope, "proportional": _proportional
}
