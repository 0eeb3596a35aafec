// Constraint: holds a completion to a grammar, token by token. The state is a value, so samples of
// one prompt share a Constraint and speculation goes back by keeping an old state.
#pragma once

#include <memory>
#include <mutex>

#include "base/result.h"
#include "decode/mask.h"
#include "decode/token_trie.h"
#include "grammar/grammar.h"
#include "token/tokenizer.h"

namespace whet {

struct ConstraintStates;

/// Safe to use from several threads.
class Constraint {
 public:
  /// What a sequence of tokens has left open. Copying costs a reference count.
  class State {
   private:
    friend class Constraint;
    std::shared_ptr<ConstraintStates> states;  // that `id` is one of
    int32_t id = 0;
    bool ended = false;  // by an end-of-generation token
  };

  Constraint(std::shared_ptr<const grammar::Grammar> grammar,
             std::shared_ptr<const TokenTrie> tokens);
  ~Constraint();

  /// Before the first token.
  State start() const;

  /// The tokens that keep the text a beginning of one that the grammar matches; tokens that end
  /// generation where the grammar can end. Empty where no token of the vocabulary goes on. Masks of
  /// recurring states are kept.
  /// Errors (kResourceExhausted): a grammar so ambiguous that following it costs too much.
  Result<std::shared_ptr<const Mask>> allowed(const State& state) const;

  /// Moves `state` past a token; returns false, and leaves it, if allowed() would not allow that.
  bool accept(State& state, TokenId token) const;

  /// Whether the text is complete as it is.
  bool can_end(const State& state) const;
  /// Whether the text is complete and nothing can follow: generation ends without another token.
  bool is_finished(const State& state) const;

 private:
  std::shared_ptr<ConstraintStates> roomy(const State& state, int32_t& id) const;

  std::shared_ptr<const grammar::Grammar> grammar_;
  std::shared_ptr<const TokenTrie> tokens_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<ConstraintStates> states_;
};

/// For one-off use; a server keeps one TokenTrie per model.
std::shared_ptr<const Constraint> make_constraint(std::shared_ptr<const grammar::Grammar> grammar,
                                                  const Tokenizer& tokenizer);

}  // namespace whet
