// SessionTexts: what was generated before, to propose from; apart for each scope, because how fast
// an answer comes tells what others were answered.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <utility>

#include "draft/token_index.h"

namespace whet {

class SessionTexts {
 public:
  void add(const std::string& scope, std::span<const int32_t> text);
  /// Null where nothing was generated in this scope, or long ago. Valid until the next add().
  const TokenIndex* find(const std::string& scope) const;

 private:
  std::list<std::pair<std::string, TokenIndex>> scopes_;  // the last one that got a text first
};

}  // namespace whet
