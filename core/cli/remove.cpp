#include <fmt/format.h>

#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "require.hpp"

namespace garage::cli {

void run_remove(Session& session, const std::string& id) {
  if (!session.registry.remove(id)) require_spec(session, id);  // says that it is not there
  if (!session.json) return print(fmt::format("removed {}", id));
  JsonWriter out(1);
  out.begin_object();
  write_member(out, "removed", id);
  out.end_object();
  print_json(out.take());
}

}  // namespace garage::cli
