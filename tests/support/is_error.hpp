// is_error(code, words): matches a garage::Error of that code whose message contains the words.
#pragma once

#include <string>

#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_templated.hpp>

#include <garage/error.hpp>

namespace garage::test {

class IsError : public Catch::Matchers::MatcherGenericBase {
 public:
  IsError(Errc code, std::string says) : code_(code), says_(std::move(says)) {}

  bool match(const Error& error) const {
    return error.code() == code_ && std::string(error.what()).find(says_) != std::string::npos;
  }
  std::string describe() const override {
    return "is an Error of code " + std::string(to_string(code_)) + " that says \"" + says_ + "\"";
  }

 private:
  Errc code_;
  std::string says_;
};

inline IsError is_error(Errc code, std::string says) { return {code, std::move(says)}; }

}  // namespace garage::test

template <>
struct Catch::StringMaker<garage::Error> {
  static std::string convert(const garage::Error& error) {
    return "Error(" + std::string(to_string(error.code())) + "): " + error.what();
  }
};
