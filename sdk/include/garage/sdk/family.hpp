// Everything that a family's decomposer is written with.
#pragma once

#include <garage/decomposer.hpp>
#include <garage/sdk/attention.hpp>
#include <garage/sdk/claim.hpp>
#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/custom_tensors.hpp>
#include <garage/sdk/delta_net.hpp>
#include <garage/sdk/encoder_decoder.hpp>
#include <garage/sdk/encoder_heads.hpp>
#include <garage/sdk/latent_attention.hpp>
#include <garage/sdk/layer_builder.hpp>
#include <garage/sdk/layer_types.hpp>
#include <garage/sdk/mixture_config.hpp>
#include <garage/sdk/mlp.hpp>
#include <garage/sdk/moe.hpp>
#include <garage/sdk/norm_style.hpp>
#include <garage/sdk/plugin.hpp>
#include <garage/sdk/rope_config.hpp>
#include <garage/sdk/short_convolution.hpp>
#include <garage/sdk/stack_builder.hpp>
#include <garage/sdk/stack_config.hpp>
#include <garage/sdk/state_space.hpp>
#include <garage/sdk/undecided.hpp>
#include <garage/sdk/vision_tower.hpp>
#include <garage/sdk/window_config.hpp>
