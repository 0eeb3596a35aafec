// TokenTrie: the tokens of a vocabulary by their bytes, so that an automaton reads a common
// beginning of many tokens once. One per model, shared by all constraints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "token/tokenizer.h"

namespace whet {

/// Immutable and safe to share between threads.
class TokenTrie {
 public:
  /// `text_controls`: control tokens that count as the bytes of their piece, such as <tool_call>
  /// where a grammar spells it. Other control tokens have no bytes. Ids must be in the vocabulary.
  explicit TokenTrie(const Tokenizer& tokenizer, const std::vector<TokenId>& text_controls = {});

  size_t vocab_size() const { return bytes_of_token_.size(); }
  /// Bytes that the token writes; empty for control tokens and tokens that end the text.
  const std::string& bytes(TokenId id) const { return bytes_of_token_[static_cast<size_t>(id)]; }
  bool is_end(TokenId id) const { return is_end_[static_cast<size_t>(id)]; }
  const std::vector<TokenId>& ends() const { return ends_; }
  /// Tokens without bytes that end nothing.
  const std::vector<TokenId>& silent() const { return silent_; }

  /// Nodes in depth-first order, without the root.
  struct Node {
    uint32_t end;          // the node after this one's subtree
    uint32_t first_token;  // into tokens(); the next node's first_token ends it
    uint16_t depth;        // 1 = first byte
    uint8_t byte;
  };
  /// One more than there are nodes; the last only ends the tokens of the one before.
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<TokenId>& tokens() const { return tokens_; }
  size_t max_depth() const { return max_depth_; }

 private:
  void build_nodes();

  std::vector<std::string> bytes_of_token_;
  std::vector<bool> is_end_;
  std::vector<TokenId> ends_, silent_;
  std::vector<Node> nodes_;
  std::vector<TokenId> tokens_;
  size_t max_depth_ = 0;
};

}  // namespace whet
