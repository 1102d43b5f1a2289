// WalkBudget: how much a module tree may give, in proportion to the pickle that it comes from.
//
// A pickle's values may be shared: few bytes can stand for a tree in which one module is reached by exponentially many
// paths, each with names of its own, or by a name as long as the file again and again. What people share (a tied weight,
// a module used twice) stays far below.
#pragma once

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {

class WalkBudget {
 public:
  // subject: what messages open with; it must outlive this.
  WalkBudget(const std::string& subject, std::uint64_t pickle_bytes)
      : subject_(subject), names_{kNames + pickle_bytes * 8}, visits_{kVisits + pickle_bytes * 4} {}

  // A name of that many bytes is made. Throws kCorrupt when there were too many.
  void name(std::uint64_t bytes) {
    spend(names_, bytes, "the names of its modules and tensors take more than", "bytes");
  }

  // So many attributes, sizes or strides are looked at. Throws kCorrupt when there were too many.
  void visit(std::uint64_t count) { spend(visits_, count, "its modules have more than", "attributes"); }

 private:
  static constexpr std::uint64_t kNames = 1 << 20, kVisits = 100'000;  // whatever the pickle's size

  struct Account {
    std::uint64_t limit = 0, spent = 0;
  };

  void spend(Account& account, std::uint64_t amount, const char* what, const char* unit) const {
    account.spent += amount;
    if (account.spent <= account.limit) return;
    throw Error(Errc::kCorrupt, fmt::format("{}: {} {} {}, which is out of proportion to its data.pkl: one module "
                                            "stands for too many",
                                            subject_, what, account.limit, unit));
  }

  const std::string& subject_;
  Account names_, visits_;
};

}  // namespace garage
