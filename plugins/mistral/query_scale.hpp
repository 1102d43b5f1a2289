// How Ministral 3's and Mistral 4's queries grow with their position, which their configs say beside the rope.
#pragma once

#include <garage/sdk/family.hpp>

// The YaRN that Ministral 3's and Mistral 4's config classes have where the config has no rope.
garage::Rope default_yarn(double theta, std::int64_t dims, double factor, std::int64_t original_positions);

// The rope's object, under either name; empty where there is none.
garage::sdk::ConfigReader rope_section(const garage::sdk::ConfigReader& config);

// given is that object, rope what was read of it. Throws kCorrupt when it does not say.
garage::QueryScale read_query_scale(const garage::sdk::ConfigReader& given, const garage::Rope& rope);
