// The commands, one file each. Each prints its answer, and nothing else, to stdout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <garage/find.hpp>
#include <garage/nn/commands.hpp>

#include "session.hpp"

namespace garage::cli {

// What `batch` was asked.
struct BatchRequest {
  bool force = false, dry_run = false, prune = false, yes = false;
  std::optional<std::string> shard;
  std::optional<std::filesystem::path> report;
  std::vector<std::filesystem::path> merge;
};

int run_batch_command(Session& session, const BatchRequest& request);  // the exit code
void run_register(Session& session, const std::string& id, const std::filesystem::path& path);
void run_detect(Session& session, const std::filesystem::path& path, bool explain);
void run_list(const Session& session);
void run_show(const Session& session, const std::string& id, const std::optional<std::filesystem::path>& html);
void run_parts(const Session& session, const std::string& id, const std::optional<std::string>& type,
               const std::optional<std::int64_t>& layer);
void run_part(const Session& session, const std::string& id, const std::string& part);
void run_extract(const Session& session, const std::string& id, const std::string& part,
                 const std::filesystem::path& folder);
void run_run(const Session& session, const nn::RunRequest& request);
void run_plugin_list(const Session& session);
void run_plugin_allow(const Session& session, const std::filesystem::path& folder);
void run_plugin_check(const Session& session, const std::filesystem::path& file,
                      const std::vector<std::filesystem::path>& models, const std::optional<std::string>& only);
void list_plugin_checks(const Session& session);
void run_plugin_new(const Session& session, const std::string& name, const std::string& family,
                    const std::optional<std::filesystem::path>& model);
void run_diff_weights(const Session& session, const std::string& a, const std::string& b);
void run_find(const Session& session, const PartQuery& query);
PartQuery::Like parse_like(const std::string& text, const std::string& level);  // "me/llama:attention_5", "weights"
void run_compare(const Session& session, const std::vector<std::string>& ids, bool all,
                 const std::optional<std::filesystem::path>& html);
void run_remove(Session& session, const std::string& id);

}  // namespace garage::cli
