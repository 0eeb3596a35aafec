// A token of a template's source.
#pragma once

#include <string>

#include "jinja/position.h"

namespace whet::jinja {

enum class TokenKind {
  kText,         // outside of tags, after whitespace control; never empty
  kOutputBegin,  // {{
  kOutputEnd,    // }}
  kTagBegin,     // {%
  kTagEnd,       // %}
  kName,
  kString,    // text: the unescaped value
  kInteger,   // text: without underscores, with its base prefix
  kFloat,     // text: without underscores
  kOperator,  // text: as spelled
  kEnd,
};

struct Token {
  TokenKind kind;
  Position at;
  std::string text;

  bool is_operator(std::string_view spelling) const {
    return kind == TokenKind::kOperator && text == spelling;
  }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

/// What an error message calls the token: "name 'foo'", "'%}'", "end of template".
std::string describe(const Token& token);

}  // namespace whet::jinja
