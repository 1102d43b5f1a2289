// Changes: which adapter changed which of a model's tensors, and what several of them must not do together.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "adapter.hpp"

namespace garage {

class Changes {
 public:
  // Notes what an adapter does to the tensor at a place. name: the tensor's. They keep the adapter's address.
  // Throws kUnsupported for what is not defined: a tensor that one replaces and another changes, DoRA beside another
  // adapter, a share of either. kCorrupt: the adapter does it twice.
  void replace(std::size_t place, const Adapter& adapter, const std::string& name);
  void add(std::size_t place, const Adapter& adapter, const std::string& name, bool has_dora);

  bool is_replaced(std::size_t place, const Adapter& adapter) const;  // by that one

 private:
  struct Change {
    const Adapter* by = nullptr;  // the last
    bool is_replaced = false, is_added_to = false, has_dora = false;
  };
  std::unordered_map<std::size_t, Change> changes_;
};

}  // namespace garage
