#include "engine/session_texts.h"

#include <algorithm>

namespace whet {
namespace {

// Together a few dozen megabytes at most.
constexpr size_t kMostScopes = 16;
constexpr size_t kMostTokens = size_t{1} << 16;

}  // namespace

void SessionTexts::add(const std::string& scope, std::span<const int32_t> text) {
  auto it = std::ranges::find(
      scopes_, scope, [](const auto& s) -> auto& { return s.first; });
  if (it == scopes_.end()) {
    scopes_.emplace_front(scope, TokenIndex());
    if (scopes_.size() > kMostScopes) scopes_.pop_back();
  } else {
    scopes_.splice(scopes_.begin(), scopes_, it);
  }
  TokenIndex& index = scopes_.front().second;
  index.append(text);
  index.append(TokenIndex::kBreak);
  // To half, so that this is rare.
  if (index.tokens().size() > kMostTokens) index.keep_last(kMostTokens / 2);
}

const TokenIndex* SessionTexts::find(const std::string& scope) const {
  auto it = std::ranges::find(
      scopes_, scope, [](const auto& s) -> auto& { return s.first; });
  return it == scopes_.end() ? nullptr : &it->second;
}

}  // namespace whet
