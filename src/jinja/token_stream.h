// A cursor over tokens, with the parser's expectations and its bound on nesting.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/token.h"

namespace whet::jinja {

/// Of brackets and blocks in the source. Deeper nesting would need an unbounded stack.
inline constexpr int kMaxNesting = 200;

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[next_]; }
  const Token& following() const { return tokens_[std::min(next_ + 1, tokens_.size() - 1)]; }
  /// Returns the current token and moves on; stays at kEnd.
  const Token& take() {
    const Token& token = tokens_[next_];
    if (next_ + 1 < tokens_.size()) ++next_;
    return token;
  }

  bool skip_operator(std::string_view spelling) { return skip_if(current().is_operator(spelling)); }
  bool skip_name(std::string_view name) { return skip_if(current().is_name(name)); }

  Status expect_operator(std::string_view spelling) {
    return skip_operator(spelling) ? ok_status()
                                   : Status(unexpected(fmt::format("'{}'", spelling)));
  }
  Status expect_name(std::string_view name) {
    return skip_name(name) ? ok_status() : Status(unexpected(fmt::format("'{}'", name)));
  }
  Result<std::string> expect_any_name(std::string_view what) {
    if (current().kind != TokenKind::kName) return unexpected(what);
    return take().text;
  }
  Status expect(TokenKind kind, std::string_view what) {
    return skip_if(current().kind == kind) ? ok_status() : Status(unexpected(what));
  }

  /// "expected WHAT, found 'x'" at the current token.
  Error unexpected(std::string_view what) const {
    return error_at(current().at, fmt::format("expected {}, found {}", what, describe(current())));
  }

  int nesting = 0;

 private:
  bool skip_if(bool condition) {
    if (condition) take();
    return condition;
  }

  std::vector<Token> tokens_;
  size_t next_ = 0;
};

/// Counts one level of nesting while it lives.
class NestingLevel {
 public:
  explicit NestingLevel(TokenStream& tokens) : tokens_(tokens) { ++tokens_.nesting; }
  ~NestingLevel() { --tokens_.nesting; }
  NestingLevel(const NestingLevel&) = delete;
  NestingLevel& operator=(const NestingLevel&) = delete;

  Status check() const {
    if (tokens_.nesting <= kMaxNesting) return ok_status();
    return error_at(tokens_.current().at, fmt::format("nested deeper than {} levels", kMaxNesting));
  }

 private:
  TokenStream& tokens_;
};

}  // namespace whet::jinja
