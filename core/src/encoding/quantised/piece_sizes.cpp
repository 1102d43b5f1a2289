#include "piece_sizes.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {

void require_sizes(std::string_view encoding, std::span<const Encoding::Piece> pieces,
                   std::span<const std::int64_t> bytes) {
  if (pieces.size() != bytes.size())
    throw Error(Errc::kCorrupt, fmt::format("{}: {} pieces, should be {}", encoding, pieces.size(), bytes.size()));
  std::size_t i = 0;
  for (const auto expected : bytes) {
    const auto found = pieces[i++].size();
    if (found != static_cast<std::uint64_t>(expected))
      throw Error(Errc::kCorrupt,
                  fmt::format("{}: piece {} has {} bytes, should have {}", encoding, i, found, expected));
  }
}

}  // namespace garage
