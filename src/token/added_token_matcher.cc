#include "token/added_token_matcher.h"

#include "token/unicode_class.h"

namespace whet {

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), nodes_(1) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].text.empty()) continue;
    int32_t node = 0;
    for (char c : tokens_[i].text) {
      const auto byte = static_cast<unsigned char>(c);
      int32_t next = child(node, byte);
      if (next < 0) {
        next = static_cast<int32_t>(nodes_.size());
        nodes_.emplace_back();
        nodes_[static_cast<size_t>(node)].children.emplace_back(byte, next);
      }
      node = next;
    }
    if (nodes_[static_cast<size_t>(node)].token < 0) {
      nodes_[static_cast<size_t>(node)].token = static_cast<int32_t>(i);
    }
    starts_token_[static_cast<unsigned char>(tokens_[i].text[0])] = true;
  }
}

int32_t AddedTokenMatcher::child(int32_t node, unsigned char byte) const {
  for (const auto& [edge, next] : nodes_[static_cast<size_t>(node)].children) {
    if (edge == byte) return next;
  }
  return -1;
}

const AddedToken* AddedTokenMatcher::longest_at_start(std::string_view text,
                                                      size_t control_limit) const {
  const AddedToken* longest = nullptr;
  int32_t node = 0;
  for (char c : text) {
    node = child(node, static_cast<unsigned char>(c));
    if (node < 0) break;
    const int32_t found = nodes_[static_cast<size_t>(node)].token;
    if (found < 0) continue;
    const AddedToken& token = tokens_[static_cast<size_t>(found)];
    if (!token.control || token.text.size() <= control_limit) longest = &token;
  }
  return longest;
}

std::vector<Fragment> AddedTokenMatcher::split(std::string_view text,
                                               std::span<const TextRange> user_ranges) const {
  // Bytes from `pos` on that no user wrote.
  auto control_limit = [&, range = user_ranges.begin()](size_t pos) mutable -> size_t {
    while (range != user_ranges.end() && range->end <= pos) ++range;
    if (range == user_ranges.end()) return text.size() - pos;
    return range->begin > pos ? range->begin - pos : 0;
  };
  std::vector<Fragment> fragments;
  size_t text_start = 0;  // of the ordinary text not yet emitted
  size_t pos = 0;
  while (pos < text.size()) {
    const AddedToken* token = nullptr;
    if (starts_token_[static_cast<unsigned char>(text[pos])]) {
      token = longest_at_start(text.substr(pos), control_limit(pos));
    }
    if (token == nullptr) {
      ++pos;
      continue;
    }
    size_t begin = pos;
    size_t end = pos + token->text.size();
    pos = end;
    if (token->whole_word &&
        (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) {
      continue;
    }
    if (token->strips_left) {
      begin -= trailing_white_space(text.substr(text_start, begin - text_start));
    }
    if (token->strips_right) end += leading_white_space(text.substr(end));
    if (begin > text_start) {
      fragments.push_back({text.substr(text_start, begin - text_start), std::nullopt});
    }
    fragments.push_back({text.substr(begin, end - begin), token->id});
    text_start = pos = end;
  }
  if (text_start < text.size()) fragments.push_back({text.substr(text_start), std::nullopt});
  return fragments;
}

std::vector<TextRange> AddedTokenMatcher::control_spellings(std::string_view text) const {
  std::vector<TextRange> found;
  for (size_t pos = 0; pos < text.size(); ++pos) {
    if (!starts_token_[static_cast<unsigned char>(text[pos])]) continue;
    int32_t node = 0;
    size_t end = pos;
    for (size_t i = pos; i < text.size(); ++i) {
      node = child(node, static_cast<unsigned char>(text[i]));
      if (node < 0) break;
      const int32_t token = nodes_[static_cast<size_t>(node)].token;
      if (token >= 0 && tokens_[static_cast<size_t>(token)].control) end = i + 1;
    }
    if (end > pos) found.push_back({pos, end});
  }
  return found;
}

}  // namespace whet
