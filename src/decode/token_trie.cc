#include "decode/token_trie.h"

#include <algorithm>
#include <limits>

namespace whet {

TokenTrie::TokenTrie(const Tokenizer& tokenizer, const std::vector<TokenId>& text_controls)
    : bytes_of_token_(static_cast<size_t>(tokenizer.vocab_size())),
      is_end_(bytes_of_token_.size(), false),
      ends_(tokenizer.end_of_generation()) {
  for (TokenId id : ends_) is_end_[static_cast<size_t>(id)] = true;
  std::vector<bool> is_text(bytes_of_token_.size(), false);
  for (TokenId id : text_controls) is_text[static_cast<size_t>(id)] = true;
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    const auto i = static_cast<size_t>(id);
    const TokenType type = tokenizer.type(id);
    if (is_end_[i] || type == TokenType::kUnused) continue;
    std::string bytes = tokenizer.token_bytes(id, is_text[i]);
    if (bytes.size() > std::numeric_limits<uint16_t>::max()) continue;  // no constraint allows it
    bytes_of_token_[i] = std::move(bytes);
    if (bytes_of_token_[i].empty()) {
      silent_.push_back(id);
    } else {
      tokens_.push_back(id);
    }
  }
  build_nodes();
}

void TokenTrie::build_nodes() {
  std::sort(tokens_.begin(), tokens_.end(), [&](TokenId a, TokenId b) {
    return bytes(a) != bytes(b) ? bytes(a) < bytes(b) : a < b;
  });
  std::vector<uint32_t> path;  // nodes of the token before, by depth
  auto close_down_to = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back()) {
      nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
    }
  };
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    const std::string& text = bytes(tokens_[i]);
    size_t common = 0;
    while (common < std::min(path.size(), text.size()) &&
           nodes_[path[common]].byte == static_cast<uint8_t>(text[common])) {
      ++common;
    }
    close_down_to(common);
    for (size_t depth = common; depth < text.size(); ++depth) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, i, static_cast<uint16_t>(depth + 1), static_cast<uint8_t>(text[depth])});
    }
    max_depth_ = std::max(max_depth_, text.size());
  }
  close_down_to(0);
  const auto n_nodes = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({n_nodes, static_cast<uint32_t>(tokens_.size()), 0, 0});
}

}  // namespace whet
