// The program in a home of its own, as a user types it.
#pragma once

#include <boost/json/parse.hpp>
#include <catch2/catch_test_macros.hpp>

#include "places.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"

namespace garage::test {

struct Shell {
  TemporaryFolder folder;

  ProgramResult operator()(std::vector<std::string> arguments, ProgramLimits limits = {}) const {
    return run_program(garage_binary(), arguments,
                       {{"GARAGE_CATALOG", (folder / "catalog").string()}, {"GARAGE_CONFIG", ""}, {"GARAGE_PLUGIN_PATH", ""},
                        {"HOME", folder.path().string()}, {"XDG_CONFIG_HOME", ""}, {"XDG_DATA_HOME", ""}}, limits);
  }
  ProgramResult with(const std::string& variant, std::vector<std::string> arguments) const {
    REQUIRE((*this)({"register", variant, reference(variant).string()}).code == 0);
    return (*this)(std::move(arguments));
  }
};

inline boost::json::value json(const ProgramResult& result) {
  INFO(result.err);
  REQUIRE(result.code == 0);
  return boost::json::parse(result.out);
}

}  // namespace garage::test
