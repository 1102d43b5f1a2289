#include <algorithm>
#include <deque>
#include <unordered_set>

#include <boost/unordered/unordered_flat_map.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/printable.hpp>

#include "own_tokens.hpp"

namespace garage {
namespace {

constexpr std::size_t kMostQuoted = 80;  // bytes

class Settling {
 public:
  explicit Settling(OwnTokens& tokens)
      : vocabulary_(tokens.vocabulary), own_(static_cast<std::int64_t>(vocabulary_.tokens.size())) {
    require_single_ids();
    ids_.reserve(vocabulary_.tokens.size());
    for (const auto& token : vocabulary_.tokens)
      if (!ids_.emplace(token.text, token.id).second)
        wrong(fmt::format("{}: token {} stands twice", vocabulary_.file.string(), in_quotes(token.text)));
  }

  void add(StatedToken& stated) {
    if (stated.token.text.empty()) wrong(stated.stated_by + ": a token has no text");
    const auto id = id_of(stated.token.text);
    if (stated.id && *stated.id != id)
      wrong(fmt::format("{}: token {} has id {} there, and is loaded with id {}", stated.stated_by,
                        in_quotes(stated.token.text), *stated.id, id));
    if (!added_.emplace(stated.token.text).second) return;  // a further file says it again
    largest_ = std::max(largest_, id);
    if (!ids_.contains(stated.token.text)) ids_.emplace(new_.emplace_back(Token{id, stated.token.text}).text, id);
    tokens_.emplace_back(id, std::move(stated.token));
  }

  void finish() {
    for (auto& token : new_) vocabulary_.tokens.push_back(std::move(token));
    require_single_ids();
    std::sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [id, token] : tokens_) vocabulary_.added.push_back(std::move(token));
  }

 private:
  [[noreturn]] static void wrong(const std::string& message) { throw Error(Errc::kCorrupt, message); }

  std::int64_t id_of(const std::string& text) const {
    const auto known = ids_.find(text);
    return known != ids_.end() ? known->second : std::max(largest_ + 1, own_);
  }

  void require_single_ids() {
    auto& tokens = vocabulary_.tokens;
    const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
    if (!std::is_sorted(tokens.begin(), tokens.end(), by_id)) std::stable_sort(tokens.begin(), tokens.end(), by_id);
    const auto same =
        std::adjacent_find(tokens.begin(), tokens.end(), [](const auto& a, const auto& b) { return a.id == b.id; });
    if (same != tokens.end())
      wrong(fmt::format("{}: tokens {} and {} both have id {}", vocabulary_.file.string(), in_quotes(same->text),
                        in_quotes((same + 1)->text), same->id));
  }

  Vocabulary& vocabulary_;
  std::int64_t own_;           // how many tokens the model has itself
  std::int64_t largest_ = -1;  // id of an added token
  std::deque<Token> new_;      // stays where it is
  boost::unordered_flat_map<std::string_view, std::int64_t, std::hash<std::string_view>>
      ids_;  // views into the vocabulary and new_
  std::unordered_set<std::string> added_;
  std::vector<std::pair<std::int64_t, AddedToken>> tokens_;
};

}  // namespace

std::string in_quotes(std::string_view token) { return fmt::format("'{}'", printable(token, kMostQuoted)); }

std::int64_t checked_id(std::int64_t id, std::string_view token, std::string_view stated_by) {
  if (id >= 0 && id < kMostTokens) return id;
  throw Error(Errc::kCorrupt, fmt::format("{}: token {} has id {}, ids are from 0 to {}", stated_by, in_quotes(token),
                                          id, kMostTokens - 1));
}

Vocabulary settle(OwnTokens tokens) {
  Settling settling(tokens);
  for (auto& stated : tokens.added) settling.add(stated);
  settling.finish();
  return std::move(tokens.vocabulary);
}

}  // namespace garage
