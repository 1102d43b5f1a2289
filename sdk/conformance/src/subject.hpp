// Subject: the plugin that is checked, through its C table, and what to ask it about.
#pragma once

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <garage/abi.h>
#include <garage/model.hpp>

namespace garage::conformance {

// Thrown by a check: what the plugin does wrong, what there is to say though it passes, why the check does not apply.
struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Passed : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Skipped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A model as the C structs of abi.h, to be bent.
class RawModel {
 public:
  RawModel(std::string config, std::vector<TensorInfo> tensors, std::string id = "checked");
  explicit RawModel(const Model& model);
  RawModel(const RawModel&) = delete;
  RawModel& operator=(const RawModel&) = delete;

  garage_model view{};
  std::vector<garage_tensor> rows;
  void point_at_rows();  // after rows changed

 private:
  std::string config_, metadata_, id_;
  std::vector<TensorInfo> tensors_;
};

struct Answer {
  std::int32_t status = 0;
  std::int32_t score = 0;
  std::string family, reason;  // of detect
  std::string spec;            // of decompose
  std::string message;         // of either, when it failed

  friend bool operator==(const Answer&, const Answer&) = default;
};

struct Subject {
  std::filesystem::path file;
  std::vector<std::filesystem::path> models;

  const garage_plugin* table() const;  // opens it. Throws Failed
  std::string name() const;            // as its file says
  std::vector<std::string> families() const;
  std::vector<std::string> model_types() const;  // that its info lists; empty: none, and it is asked about every model

  Answer detect(const garage_model& model) const;
  Answer decompose(const garage_model& model) const;

  // Its own models, and with them the known ones, for checks of what any model shows.
  void each_own(const std::function<void(const std::string& name, const Model& model)>& visit) const;  // or Skipped
  void each(const std::function<void(const std::string& name, const Model& model)>& visit) const;
};

}  // namespace garage::conformance
