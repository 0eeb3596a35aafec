// UserGuard: keeps what users wrote from becoming control tokens. Where a string of the
// conversation spells a control token, a mark is put behind each of its characters before the
// template runs; whatever the template does with the text, the marks tell afterwards which
// characters came from there. Marks are Unicode noncharacters that the conversation does not hold.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/prompt.h"

namespace whet::jinja {

/// Ranges [begin, end) of bytes in which a text spells control tokens, by ascending begin.
using ControlFinder = std::function<std::vector<std::pair<size_t, size_t>>(std::string_view text)>;

class UserGuard {
 public:
  explicit UserGuard(const ControlFinder& find_control) : find_control_(find_control) {}

  /// Marks the strings and keys of several documents that belong to one conversation. False if
  /// they already hold every possible mark.
  bool protect(const std::vector<nlohmann::ordered_json*>& documents);
  /// The string as protect() would leave it.
  std::string marked(const std::string& text) const;
  /// The text without marks, in parts.
  std::vector<PromptPart> parts(std::string_view rendered) const;

 private:
  void mark(nlohmann::ordered_json& json) const;

  const ControlFinder& find_control_;
  std::string mark_;     // UTF-8 of the mark; empty = nothing to guard
  std::string escaped_;  // the mark as JSON escapes it: templates may print strings as ASCII
};

}  // namespace whet::jinja
