#include "yaml_documents.hpp"

#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/parser.h>

namespace garage {
namespace {

// Keeps where the first node is that says something.
class FirstNode : public YAML::EventHandler {
 public:
  std::optional<YAML::Mark> mark;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& at, YAML::anchor_t) override { keep(at); }
  void OnScalar(const YAML::Mark& at, const std::string&, YAML::anchor_t, const std::string&) override { keep(at); }
  void OnSequenceStart(const YAML::Mark& at, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    keep(at);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& at, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    keep(at);
  }
  void OnMapEnd() override {}

 private:
  void keep(const YAML::Mark& at) {
    if (!mark) mark = at;
  }
};

}  // namespace

// Not YAML::LoadAll: where the parser stops without having read on, as before a comma, that never ends.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  FirstNode first, second;
  parser.HandleNextDocument(first);
  if (parser) parser.HandleNextDocument(second);
  return second.mark || !parser ? second.mark : YAML::Mark::null_mark();
}

}  // namespace garage
