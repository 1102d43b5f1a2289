// Pickles, as data. Nothing in them is ever called or looked up: a class is its name, an object its class's name and
// what it was given.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace garage {

struct Pickled;
using PickledPtr = Pickled*;

struct Pickled {
  struct None {};
  struct Class {
    std::string name;  // "torch._utils._rebuild_tensor_v2"
  };
  struct Sequence {  // a list or a tuple
    std::vector<PickledPtr> items;
  };
  struct Dict {
    std::vector<std::pair<PickledPtr, PickledPtr>> items;
  };
  struct Object {  // what calling a class with arguments gave, the state that was set on it, and what was put in it
    PickledPtr of = nullptr, arguments = nullptr, state = nullptr;
    Dict items = {};
  };
  struct Persistent {  // kept outside of the pickle, under this
    PickledPtr id = nullptr;
  };
  std::variant<None, bool, std::int64_t, double, std::string, Class, Sequence, Dict, Object, Persistent> value;
};

// Its values, which may point at each other in circles and nest as deep as they like.
struct Pickle {
  std::deque<Pickled> values;
  const Pickled* root = nullptr;
  std::size_t size = 0;  // bytes that it took: others may come after it
};

// Throws kCorrupt, opening with subject: cut off, an opcode that no pickle has or that this reader does not know, more
// than some million values.
Pickle read_pickle(std::string_view bytes, const std::string& subject);

}  // namespace garage
