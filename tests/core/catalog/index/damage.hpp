// Damage: what can happen to the bytes of a file, at random.
#pragma once

#include <cstddef>
#include <random>
#include <string>

namespace garage::test {

class Damage {
 public:
  explicit Damage(unsigned seed) : random_(seed) {}

  std::size_t upto(std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random_); }

  std::string of(std::string& bytes);  // what was done

 private:
  std::string flip(std::string& bytes, std::size_t count);
  std::string overwrite(std::string& bytes);
  std::string zero(std::string& bytes);
  std::string exchange(std::string& bytes);
  std::string cut(std::string& bytes);
  std::string append(std::string& bytes);
  std::size_t block() { return std::size_t{512} << upto(5); }  // of a disk, or a page of the database

  std::mt19937 random_;
};

}  // namespace garage::test
