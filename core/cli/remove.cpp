#include <fmt/format.h>

#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "require.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::string id;
};

void run(Session& session, const Options& options) {
  const auto& id = options.id;
  if (!session.registry.remove(id)) require_spec(session, id);  // says that it is not there
  if (!session.json) return print(fmt::format("removed {}", id));
  JsonWriter out(1);
  out.begin_object();
  write_member(out, "removed", id);
  out.end_object();
  print_json(out.take());
}

}  // namespace

void add_remove(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& remove = commands.add({"remove", "Forget a model; its checkpoint is left alone",
                               [options](Session& session) { run(session, *options); }});
  remove.add_option("ID", options->id, "A registered model")->required();
}

}  // namespace garage::cli
