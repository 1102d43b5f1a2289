// Which keys of a model's config a plugin asks for: what it never asks for may be what it computes wrong by.
//
// Threads  Of one thread: what its ConfigReaders find while this lives.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace garage::sdk {

class ReadKeys {
 public:
  ReadKeys();
  ReadKeys(const ReadKeys&) = delete;
  ReadKeys& operator=(const ReadKeys&) = delete;
  ~ReadKeys();

  // A reader of that path, "config.json: rope_scaling", found the key. Nobody may be keeping count.
  static void note(std::string_view path, std::string_view key);

  // The keys with a value that nobody found, "rope_scaling.factor" of a nested one, less those that change no number
  // that a model computes. In the config's order.
  boost::json::array unread(const boost::json::object& config) const;

 private:
  void add_unread(const boost::json::object& object, const std::string& path, const std::string& above,
                  boost::json::array& keys) const;

  std::set<std::string, std::less<>> found_;  // "config.json: rope_scaling: factor"
  ReadKeys* before_;
};

}  // namespace garage::sdk
