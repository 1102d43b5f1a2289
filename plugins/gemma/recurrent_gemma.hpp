// RecurrentGemma (Griffin, arXiv:2402.19427): two layers of a gated linear recurrence to one of attention to a window.
#pragma once

#include <garage/model.hpp>
#include <garage/sdk/config_reader.hpp>
#include <garage/spec.hpp>

garage::ModelSpec decompose_recurrent_gemma(const garage::Model& model, const garage::sdk::ConfigReader& config);
