#include <fmt/format.h>

#include <garage/convert.hpp>
#include <garage/error.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "require.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::string id;
  std::filesystem::path folder;
  std::string dtype = "keep";
  double shard_gigabytes = 5;
};

std::optional<DType> dtype_named(const std::string& name) {
  if (name == "keep") return std::nullopt;
  if (name == "float32") return DType::kF32;
  if (name == "bfloat16") return DType::kBF16;
  if (name == "float16") return DType::kF16;
  throw Error(Errc::kInvalidArgument, fmt::format("dtype '{}' should be keep, float32, bfloat16 or float16", name));
}

void run(const Session& session, const Options& options) {
  const auto& [id, folder, dtype, gigabytes] = options;
  require_spec(session, id);
  if (!(gigabytes > 0 && gigabytes < 1e9))
    throw Error(Errc::kInvalidArgument,
                fmt::format("--shard-size {}: should be a number of gigabytes above 0", gigabytes));
  ByteProgress progress;
  ConvertOptions how{dtype_named(dtype), static_cast<std::uint64_t>(gigabytes * 1e9), {}};
  how.progress = [&](std::uint64_t done, std::uint64_t of) { progress.show(done, of); };
  const auto converted = convert_model(session.registry, id, folder, how);
  progress.clear();
  for (const auto& oddity : converted.notes) note(oddity);
  if (session.json) return print_json(json_text(converted));
  print(fmt::format("converted {} to {}: {} tensors, {} bytes in {}", id, folder.string(), converted.tensors,
                    grouped(static_cast<std::int64_t>(converted.bytes)),
                    converted.files.size() == 1 ? converted.files.front().filename().string()
                                                : fmt::format("{} files", converted.files.size())));
}

}  // namespace

void add_convert(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& convert = commands.add({"convert", "Write a model as plain safetensors, whatever form it had",
                                [options](Session& session) { run(session, *options); }});
  convert.add_option("ID", options->id, "A registered model")->required();
  convert.add_option("-o,--output", options->folder, "The folder to write")->required();
  convert.add_option("--dtype", options->dtype,
                     "keep, float32, bfloat16 or float16; keep: as stored, and what is decoded in float32");
  convert.add_option("--shard-size", options->shard_gigabytes, "Gigabytes of one file, at most (5)");
}

}  // namespace garage::cli
