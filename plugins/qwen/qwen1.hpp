// Qwen-1, whose code came with its checkpoints (modeling_qwen.py, QWenLMHeadModel): GPT-2's names, Llama's mathematics.
#pragma once

#include <garage/model.hpp>
#include <garage/spec.hpp>

bool is_qwen1(const garage::Model& model);
garage::ModelSpec decompose_qwen1(const garage::Model& model);
